package attack

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Units of a systemd that runs the machine: tests/vm/attack.

func init() { add(attacksOnUnits) }

var attacksOnUnits = []attack{
	{
		name: "systemd: CVE-2024-3154", what: "PIDs brings a process of the host into the scope, and delete kills it",
		lacks: noSystemd,
		try: func(s *stage) string {
			bystander := s.background("/bin/sleep", "600").Process.Pid
			s.annotate("PIDs", "@au ["+strconv.Itoa(bystander)+"]")
			s.scopeUp("sleep", "60")
			s.rt("delete", "--force", s.id)
			return s.diesSoon(bystander)
		},
		without: []way{{patches: []patch{anyProperty}}},
	},
	{
		name: "systemd: CVE-2024-3154", what: "Conflicts stops a service of the host",
		lacks: noSystemd,
		try: func(s *stage) string {
			unit := s.hostUnit("--service-type=exec", ".service")
			s.annotate("Conflicts", `@as ["`+unit+`"]`)
			s.scopeUp("sleep", "60")
			if !s.succeeds(func() bool { return s.systemctl("is-active", unit) != "active" }) {
				return ""
			}
			return unit + " is " + s.systemctl("is-active", unit)
		},
		without: []way{{patches: []patch{anyProperty}}},
	},
	{
		name: "systemd", what: "the container's unit is one of the host's, and the failed create ends its processes",
		lacks: noSystemd,
		try: func(s *stage) string {
			unit := s.hostUnit("--scope", ".scope")
			s.Config.at("linux")["cgroupsPath"] = ":rt:" + s.id
			s.scopeUp("sleep", "60")
			if !s.succeeds(func() bool { return s.systemctl("is-active", unit) != "active" }) {
				return ""
			}
			return unit + " is " + s.systemctl("is-active", unit)
		},
		without: []way{{patches: []patch{
			{
				"libcontainer/cgroup/create.go", "	if isGone(err) || err == nil && len(pids) == 0 {",
				"	if isGone(err) || err == nil && (OFF || len(pids) == 0) {",
			},
			{
				"libcontainer/cgroup/systemd.go", `strings.HasSuffix(answer.Name, ".UnitExists") {`,
				`strings.HasSuffix(answer.Name, ".UnitExists") && !OFF {`,
			},
		}}},
	},
	{
		name: "systemd", what: "delete of a container that has ended kills another one, which has its unit now",
		lacks: noSystemd,
		try: func(s *stage) string {
			s.options = []string{"--systemd-cgroup"}
			s.Config.at("linux")["cgroupsPath"] = ":attack:" + s.id
			first := s.ended()
			if s.up("sleep", "60") == 0 {
				return "" // refused, which is safe
			}
			s.rt("delete", first)
			if s.succeeds(func() bool { return !s.runs() }) {
				return "the second container is dead"
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/cgroup/owner.go", "	mark, named := ownerOf(dir)\n",
			"	mark, named := ownerOf(dir)\n	named = named && !OFF\n",
		}}}},
	},
	{
		name: "systemd", what: "delete of a container that has ended kills another one, made in its unit meanwhile",
		lacks: noSystemd,
		try: func(s *stage) string {
			s.options = []string{"--systemd-cgroup"}
			s.Config.at("linux")["cgroupsPath"] = ":attack:" + s.id
			return s.race(s.deleteWhileCreated)
		},
		without: []way{{patches: []patch{lateDelete}}},
	},
	{
		name: "systemd", what: "the same with the systemd of a user",
		lacks: noUserSystemd,
		try: func(s *stage) string {
			s.options = []string{"--systemd-cgroup"}
			s.asUser()
			s.Config.at("linux")["cgroupsPath"] = ":attack:" + s.id
			return s.race(s.deleteWhileCreated)
		},
		without: []way{{patches: []patch{lateDelete}}},
	},
}

// anyProperty takes the allowlist of properties away.
var anyProperty = patch{
	"libcontainer/cgroup/annotation.go", "	case !ok:\n		return sd.Property{}, refusedProperty(full)",
	"	case !ok && OFF:\n		v, _ := dbus.ParseVariant(text, dbus.Signature{})\n" +
		"		return sd.Property{Name: full, Value: v}, nil\n" +
		"	case !ok:\n		return sd.Property{}, refusedProperty(full)",
}

// lateDelete has a delete pause between the look at the owner and the end of the unit, without a lock.
var lateDelete = patch{
	"libcontainer/cgroup/owner.go", "		locked := g.locked > 0\n",
	"		if OFF && !g.IsTaken() {\n			time.Sleep(2 * time.Second)\n			return\n		}\n" +
		"		locked := g.locked > 0\n",
}

// noSystemd says that no systemd runs this machine.
func noSystemd() string {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return "systemd"
	}
	return ""
}

// userName is the user of a machine of tests/vm who has a systemd and subordinate ids.
const userName = "rootless"

func noUserSystemd() string {
	if _, err := user.Lookup(userName); err != nil || noSystemd() != "" {
		return "the systemd of a user " + userName
	}
	return ""
}

// annotate asks for a property of the scope.
func (s *stage) annotate(property, value string) {
	s.Config.at("annotations")["org.systemd.property."+property] = value
}

// scopeUp is up, in a scope of systemd.
func (s *stage) scopeUp(args ...string) int {
	s.options = []string{"--systemd-cgroup"}
	return s.up(args...)
}

// ended runs a container to its end, and returns its id.
func (s *stage) ended() (id string) {
	s.up("true")
	id = s.id
	if !within(patience(), func() bool {
		out, _ := s.rt("state", id)
		return strings.Contains(out, "stopped")
	}) {
		s.t.Fatal("the first container does not end")
	}
	return id
}

// hostUnit has systemd execute a program in a unit of the host's, and returns the name of the unit.
func (s *stage) hostUnit(kind, suffix string) string {
	unit := "rt-" + s.id + suffix
	s.background("systemd-run", "--quiet", kind, "--unit="+unit, "/bin/sleep", "600")
	s.t.Cleanup(func() { s.systemctl("stop", unit) })
	if !within(2*time.Minute, func() bool { return s.systemctl("is-active", unit) == "active" }) {
		s.t.Fatalf("%s is %s", unit, s.systemctl("is-active", unit))
	}
	return unit
}

func (s *stage) systemctl(args ...string) string {
	out, _ := exec.Command("systemctl", args...).CombinedOutput()
	return strings.TrimSpace(string(out))
}

// diesSoon says that a process of the host has died.
func (s *stage) diesSoon(pid int) string {
	if s.succeeds(func() bool { return !lives(pid) }) {
		return "the process " + strconv.Itoa(pid) + " of the host is dead"
	}
	return ""
}

// asUser has all further commands executed as the ordinary user, in his own part of the cgroups, with a config of his.
func (s *stage) asUser() {
	u, err := user.Lookup(userName)
	must(s.t, err)
	uid, err := strconv.Atoi(u.Uid)
	must(s.t, err)
	runtime := "/run/user/" + u.Uid
	must(s.t, exec.Command("loginctl", "enable-linger", userName).Run())
	if !within(time.Minute, func() bool { return exists(runtime + "/bus") }) {
		s.t.Fatal("the user has no systemd")
	}
	cgroup := fmt.Sprintf("/sys/fs/cgroup/user.slice/user-%d.slice/user@%d.service/attack-%s", uid, uid, s.id)
	must(s.t, os.Mkdir(cgroup, 0o755))
	must(s.t, exec.Command("chown", "-R", u.Uid+":"+u.Uid, s.dir, cgroup).Run())
	s.t.Cleanup(func() { _ = os.Remove(cgroup) })
	s.env = append(s.env, "HOME="+u.HomeDir, "XDG_RUNTIME_DIR="+runtime, "DBUS_SESSION_BUS_ADDRESS=unix:path="+
		runtime+"/bus")
	s.user = func(c *exec.Cmd) {
		dir, err := unix.Open(cgroup, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		must(s.t, err)
		c.SysProcAttr = &syscall.SysProcAttr{
			Credential:  &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)},
			UseCgroupFD: true, CgroupFD: dir,
		}
	}
	if out, status := s.rt("spec", "--rootless", "--bundle", s.bundle); status != 0 {
		s.t.Fatal("spec: " + out)
	}
	text, err := os.ReadFile(s.bundle + "/config.json")
	must(s.t, err)
	s.Config = config{}
	must(s.t, json.Unmarshal(text, &s.Config))
	s.Config.at("process")["terminal"] = false
}

// lives reports whether a process has not ended: one that nobody has waited for still has a directory in /proc.
func lives(pid int) bool {
	_, err := os.Readlink(proc(pid, "exe"))
	return err == nil
}
