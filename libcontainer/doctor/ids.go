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

// examinePrivileges reports which privileges of root rt lacks.
func examinePrivileges(f *host.Facts) []Finding {
	const subject = "privileges"
	if f.EUID != 0 {
		return []Finding{{
			subject, Limited,
			"rt runs as user " + strconv.Itoa(int(f.EUID)) + ": containers need a user namespace in their config",
			"rt spec --rootless writes such a config",
		}}
	}
	if f.UserNS {
		return []Finding{{
			subject, Limited,
			"rt runs in a user namespace: devices can't be created, and are bind mounts of the host's", "",
		}}
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

// examineNamespaces reports which types of namespaces the kernel has, and tries to create a user namespace.
func examineNamespaces(f *host.Facts) []Finding {
	const subject = "namespaces"
	var list []Finding
	var missing []string
	for _, r := range host.Report() {
		if strings.HasSuffix(r.Name, " namespaces") && r.Answer == host.No {
			missing = append(missing, r.Name)
		}
	}
	if missing == nil {
		list = append(list, Finding{subject, Good, "the kernel has all types of namespaces", ""})
	} else {
		list = append(list, Finding{
			subject, Limited, "the kernel has no " + strings.Join(missing, ", "),
			"configs that name them are refused",
		})
	}
	for _, kind := range []string{"user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"} {
		file := "/proc/sys/user/max_" + kind + "_namespaces"
		if n, err := strconv.Atoi(readFile(file)); err == nil && n == 0 {
			level := Limited
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

// tryUserNamespace creates a user namespace: some restrictions of user namespaces can't be read.
func tryUserNamespace(f *host.Facts) Finding {
	const subject = "namespaces"
	bad := Limited
	if f.EUID != 0 {
		bad = Bad
	}
	cmd := exec.Command("/proc/self/exe", "--version")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS}
	if err := cmd.Run(); err != nil {
		do := "see user.max_user_namespaces, kernel.unprivileged_userns_clone, and the seccomp filter of the " +
			"container or service that rt runs in"
		return Finding{subject, bad, "a user namespace can't be created: " + err.Error(), do}
	}
	if f.EUID != 0 && readFile("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
		return Finding{
			subject, bad, "AppArmor denies ordinary users capabilities in their user namespaces",
			"give rt a profile with `userns,`, or set kernel.apparmor_restrict_unprivileged_userns=0",
		}
	}
	return Finding{subject, Good, "a user namespace can be made", ""}
}

// examineIDs reports which IDs an ordinary user can map.
func examineIDs(f *host.Facts) []Finding {
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
		n := countIDs(string(text), name, f.EUID)
		_, err := exec.LookPath(m.program)
		switch {
		case err != nil:
			list = append(
				list,
				Finding{
					subject,
					Limited,
					m.program + " is not installed: a container can have one " + m.what + " id only",
					"install it (Debian: uidmap)",
				},
			)
		case n == 0:
			list = append(list, Finding{
				subject, Limited, m.file + " gives " + name + " no range: a container can have only one " + m.what +
					" id",
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

// countIDs counts the ids that the text of a subuid(5) file gives a user, listed by name or number.
func countIDs(text, name string, uid uint32) int {
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
