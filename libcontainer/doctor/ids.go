package doctor

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
)

// rights reports which rights of root rt lacks.
func rights(f *host.Facts) []Finding {
	const subject = "rights"
	if f.EUID != 0 {
		return []Finding{{subject, Less, "rt runs as user " + strconv.Itoa(int(f.EUID)) + ": containers need a user " +
			"namespace in their config", "rt spec --rootless writes such a config"}}
	}
	if f.UserNS {
		return []Finding{{subject, Less, "rt runs in a user namespace: devices can't be made and are bound from the " +
			"host", ""}}
	}
	const needed = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_SETUID |
		1<<unix.CAP_SETGID | 1<<unix.CAP_SETPCAP | 1<<unix.CAP_SYS_CHROOT
	if f.Caps&needed != needed {
		return []Finding{{
			subject, Bad, "rt is root without all of CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID, CAP_SETPCAP and " +
				"CAP_SYS_CHROOT",
			"grant them to the container or service that rt runs in, or run rt as an ordinary user",
		}}
	}
	return []Finding{{subject, Good, "rt is root and has the capabilities it needs", ""}}
}

// namespaces reports which kinds the kernel has, and tries to make a user namespace.
func namespaces(f *host.Facts) []Finding {
	const subject = "namespaces"
	var list []Finding
	var missing []string
	for _, r := range host.Report() {
		if strings.HasSuffix(r.Name, " namespaces") && r.Answer == host.No {
			missing = append(missing, r.Name)
		}
	}
	if missing == nil {
		list = append(list, Finding{subject, Good, "the kernel has all kinds of namespaces", ""})
	} else {
		list = append(list, Finding{
			subject, Less, "the kernel has no " + strings.Join(missing, ", "),
			"configs that ask for them are refused",
		})
	}
	for _, kind := range []string{"user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"} {
		file := "/proc/sys/user/max_" + kind + "_namespaces"
		if n, err := strconv.Atoi(read(file)); err == nil && n == 0 {
			level := Less
			if kind == "mnt" || kind == "user" && f.EUID != 0 {
				level = Bad
			}
			list = append(
				list,
				Finding{
					subject,
					level,
					"no " + kind + " namespace can be made: " + file + " is 0",
					"sysctl user.max_" + kind + "_namespaces=15000",
				},
			)
		}
	}
	return append(list, tryUserNamespace(f))
}

// tryUserNamespace makes a user namespace, since not every way to forbid them can be read.
func tryUserNamespace(f *host.Facts) Finding {
	const subject = "namespaces"
	bad := Less
	if f.EUID != 0 {
		bad = Bad
	}
	cmd := exec.Command("/proc/self/exe", "--version")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS}
	if err := cmd.Run(); err != nil {
		do := "see user.max_user_namespaces, kernel.unprivileged_userns_clone, and the seccomp filter of the " +
			"container or service that rt runs in"
		return Finding{subject, bad, "a user namespace can't be made: " + err.Error(), do}
	}
	if f.EUID != 0 && read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
		return Finding{
			subject, bad, "AppArmor denies ordinary users capabilities in their user namespaces",
			"give rt a profile with `userns,`, or set kernel.apparmor_restrict_unprivileged_userns=0",
		}
	}
	return Finding{subject, Good, "a user namespace can be made", ""}
}

// ids reports which ids an ordinary user can map.
func ids(f *host.Facts) []Finding {
	const subject = "ids"
	if f.EUID == 0 {
		return nil
	}
	name := ""
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	var list []Finding
	for _, m := range []struct{ program, file, what string }{
		{"newuidmap", "/etc/subuid", "user"},
		{"newgidmap", "/etc/subgid", "group"},
	} {
		text, _ := os.ReadFile(m.file)
		n := idsOf(string(text), name, f.EUID)
		_, err := exec.LookPath(m.program)
		switch {
		case err != nil:
			list = append(
				list,
				Finding{
					subject,
					Less,
					m.program + " is not installed: a container can have one " + m.what + " id only",
					"install it (Debian: uidmap)",
				},
			)
		case n == 0:
			list = append(list, Finding{
				subject, Less, m.file + " gives " + name + " no range: a container can have one " + m.what + " id only",
				"usermod --add-sub" + m.what[:1] + "ids 100000-165535 " + name,
			})
		default:
			list = append(
				list,
				Finding{subject, Good, m.file + " gives " + name + " " + strconv.Itoa(n) + " " + m.what + " ids", ""},
			)
		}
	}
	return list
}

// idsOf counts the ids that the text of a subuid(5) file gives a user, listed by name or number.
func idsOf(text, name string, uid uint32) int {
	total := 0
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 3 || f[0] != name && f[0] != strconv.Itoa(int(uid)) {
			continue
		}
		if n, err := strconv.Atoi(f[2]); err == nil && n > 0 {
			total += n
		}
	}
	return total
}
