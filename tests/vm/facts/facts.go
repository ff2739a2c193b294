// Package facts is what a test machine tells its host: versions and ways of the system under test.
package facts

import (
	"bufio"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// CommandFile is the file of the shared directory that holds the command, a JSON array of its arguments.
const CommandFile = ".machine-command"

// Control is the port through which the host asks what the machine's processes do: a byte is the question. The machine
// tells it on standard error, and ends.
const Control = "control"

// Facts describe a machine.
type Facts struct {
	Arch    string `json:"arch"`    // as Go names it
	Debian  string `json:"debian"`  // PRETTY_NAME of os-release
	Kernel  string `json:"kernel"`  // as uname -r prints it
	Systemd string `json:"systemd"` // the version, as a number
	Cgroup  string `json:"cgroup"`  // v1, hybrid or v2
	LSM     string `json:"lsm"`     // the active security modules, by commas
}

// Gather examines the machine that it is called on. What can't be read stays empty.
func Gather() Facts {
	var name unix.Utsname
	_ = unix.Uname(&name)
	modules, _ := os.ReadFile("/sys/kernel/security/lsm")
	return Facts{
		Arch:    runtime.GOARCH,
		Debian:  osRelease("PRETTY_NAME"),
		Kernel:  unix.ByteSliceToString(name.Release[:]),
		Systemd: systemdVersion(),
		Cgroup:  cgroupMode(),
		LSM:     strings.TrimSpace(string(modules)),
	}
}

func osRelease(key string) string {
	file, err := os.Open("/etc/os-release")
	if err != nil {
		return ""
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if value, found := strings.CutPrefix(lines.Text(), key+"="); found {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}

// systemdVersion reads "systemd 257 (257.9-1)".
func systemdVersion() string {
	out, _ := exec.Command("systemctl", "--version").Output()
	_, rest, _ := strings.Cut(string(out), "(")
	version, _, _ := strings.Cut(rest, ")")
	return version
}

// cgroupMode tells v2 by its mount, and hybrid by a v2 hierarchy among those of v1, as systemd mounts them.
func cgroupMode() string {
	var at unix.Statfs_t
	if unix.Statfs("/sys/fs/cgroup", &at) == nil && at.Type == unix.CGROUP2_SUPER_MAGIC {
		return "v2"
	}
	if unix.Statfs("/sys/fs/cgroup/unified", &at) == nil && at.Type == unix.CGROUP2_SUPER_MAGIC {
		return "hybrid"
	}
	return "v1"
}
