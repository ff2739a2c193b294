package attack

import (
	"os"
	"os/exec"
	"strings"
)

// Security modules, on a machine that has one: tests/vm/attack.

func init() { add(attacksOnModules) }

var attacksOnModules = []attack{
	{
		name: "AppArmor: CVE-2019-16884", what: "the profile is written to a file of the image, and nothing is denied",
		lacks: noAppArmor,
		try: func(s *stage) string {
			s.Config.unmount("/proc")
			s.Config.at("linux")["readonlyPaths"], s.Config.at("linux")["maskedPaths"] = []string{}, []string{}
			s.confine()
			s.file("proc/thread-self/attr/apparmor/exec", "", 0o644)
			return s.reads(s.run("cat", "/secret"))
		},
		without: []way{{edit: inImage("thread-self/attr/apparmor/exec")}},
	},
	{
		name: "AppArmor", what: "the same of the program of rt exec",
		lacks: noAppArmor,
		try: func(s *stage) string {
			s.confine()
			if s.up("sleep", "600") == 0 {
				s.t.Fatal("no container")
			}
			return s.reads(s.rt("exec", s.id, "cat", "/secret"))
		},
		without: []way{{on: "exec", edit: "drop set the profile for the next execve"}},
	},
	{
		name: "AppArmor", what: "a startContainer hook, a program of the image, is not under the profile",
		lacks: noAppArmor,
		try: func(s *stage) string {
			s.confine()
			s.Config.at("hooks")["startContainer"] = []any{map[string]any{
				"path": "/bin/sh", "args": []string{"sh", "-c", "cat /secret >/tmp/said"},
			}}
			s.run("true")
			text, _ := os.ReadFile(s.path("tmp/said"))
			return s.reads(string(text), 0)
		},
		without: []way{{patches: []patch{{ // rt executes it as it executes the program of rt exec
			"libcontainer/plan/exec.go", "	return procfs{c.compiler}.setLabels()\n",
			"	if OFF {\n		return nil\n	}\n	return procfs{c.compiler}.setLabels()\n",
		}}}},
	},
	{
		name: "AppArmor", what: "images of a checkpoint have a process that nothing confines",
		lacks: noAppArmor,
		try: func(s *stage) string {
			s.images(honest)
			s.confine()
			return s.resumed()
		},
		without: []way{{patches: []patch{ignoredLabels}}},
	},
	{
		name: "SELinux", what: "images of a checkpoint have a process with another label",
		lacks: noSELinux,
		try: func(s *stage) string {
			s.images(honest)
			s.Config.at("process")["selinuxLabel"] = "system_u:system_r:container_t:s0:c1,c2"
			return s.resumed()
		},
		without: []way{{patches: []patch{ignoredLabels}}},
	},
	{
		name: "SELinux", what: "the label is written to a file of the image",
		lacks: noSELinux,
		try: func(s *stage) string {
			s.Config.unmount("/proc")
			s.Config.at("linux")["readonlyPaths"], s.Config.at("linux")["maskedPaths"] = []string{}, []string{}
			// A label that the policy has, and that is not the one of this process.
			own, err := os.ReadFile("/proc/self/attr/current")
			must(s.t, err)
			label, domain := "system_u:system_r:initrc_t:s0", ":initrc_t:"
			if strings.Contains(string(own), domain) {
				label, domain = "unconfined_u:unconfined_r:unconfined_t:s0", ":unconfined_t:"
			}
			s.Config.at("process")["selinuxLabel"] = label
			s.file("proc/thread-self/attr/exec", "", 0o644)
			s.Config.mount("/real", "proc", "proc")
			out, status := s.run("cat", "/real/self/attr/current")
			if status == 0 && !strings.Contains(out, domain) {
				return "the program has the label " + out
			}
			return ""
		},
		without: []way{{edit: inImage("thread-self/attr/exec")}},
	},
}

// ignoredLabels takes the comparison of labels after a restore away.
var ignoredLabels = patch{
	"libcontainer/checkpoint/restore_labels.go", `if want.text == "" || !v.hasModule(module) {`,
	"if OFF {\n			continue\n		}\n		" + `if want.text == "" || !v.hasModule(module) {`,
}

func noAppArmor() string {
	text, _ := os.ReadFile("/sys/module/apparmor/parameters/enabled")
	if _, err := exec.LookPath("apparmor_parser"); err != nil || !strings.HasPrefix(string(text), "Y") {
		return "AppArmor"
	}
	return ""
}

func noSELinux() string {
	if _, err := os.Stat("/sys/fs/selinux/enforce"); err != nil {
		return "SELinux"
	}
	return ""
}

// confine puts the program under a profile that allows everything but /secret.
func (s *stage) confine() {
	const profile = "abi <kernel>,\nprofile rt-attack flags=(attach_disconnected,mediate_deleted) {\n" +
		"file, capability, network, mount, umount, pivot_root, signal, ptrace, unix, dbus,\ndeny /secret rw,\n}\n"
	cmd := exec.Command("apparmor_parser", "--replace", "--skip-cache")
	cmd.Stdin = strings.NewReader(profile)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("apparmor_parser: %v: %s", err, out)
	}
	s.Config.at("process")["apparmorProfile"] = "rt-attack"
	s.file("secret", "the secret\n", 0o644)
}

// reads says that a program has read /secret.
func (s *stage) reads(output string, _ int) string {
	if strings.Contains(output, "the secret") {
		return "the program reads what the profile denies"
	}
	return ""
}
