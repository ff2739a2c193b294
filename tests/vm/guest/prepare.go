package main

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

//go:embed as-rootless
var asRootless []byte

// guest is where this program is in the running machine.
const guest = "/run/machine/guest"

const service = `[Unit]
Description=Command of a test machine
After=basic.target dbus.socket systemd-user-sessions.service

[Service]
Type=exec
ExecStart=` + guest + `
Environment=HOME=/root
SELinuxContext=-unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023
Delegate=yes
OOMPolicy=continue
TasksMax=infinity
LimitNOFILE=1048576
`

const (
	delegation = "[Service]\nDelegate=cpu cpuset io memory pids\n"
	userPath   = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
)

// masked are units that a test machine does without. Each program that is started at boot costs a good part of a second
// where processors are emulated. Device nodes come from devtmpfs, without udev.
var masked = []string{
	"apparmor.service", "dev-hugepages.mount", "dev-mqueue.mount", "getty.target", "kmod-static-nodes.service",
	"ldconfig.service", "modprobe@.service", "proc-sys-fs-binfmt_misc.automount", "run-lock.mount",
	"selinux-autorelabel-mark.service", "sys-fs-fuse-connections.mount", "sys-kernel-config.mount",
	"sys-kernel-debug.mount", "sys-kernel-tracing.mount", "systemd-ask-password-console.path",
	"systemd-ask-password-wall.path", "systemd-binfmt.service", "systemd-firstboot.service",
	"systemd-hibernate-clear.service", "systemd-hwdb-update.service", "systemd-journal-catalog-update.service",
	"systemd-journal-flush.service", "systemd-machine-id-commit.service", "systemd-modules-load.service",
	"systemd-pcrmachine.service", "systemd-pcrphase-sysinit.service", "systemd-pcrphase.service",
	"systemd-pstore.service", "systemd-random-seed.service", "systemd-remount-fs.service", "systemd-sysusers.service",
	"systemd-timesyncd.service", "systemd-tmpfiles-clean.timer", "systemd-tmpfiles-setup-dev-early.service",
	"systemd-tmpfiles-setup-dev.service", "systemd-tpm2-setup-early.service", "systemd-tpm2-setup.service",
	"systemd-udev-trigger.service", "systemd-udevd-control.socket", "systemd-udevd-kernel.socket",
	"systemd-udevd.service", "systemd-update-done.service", "systemd-update-utmp.service", "tmp.mount",
}

// prepare makes a test machine of Debian's root file system: the service that runs the command, the user rootless, and
// nothing else that starts by itself. What goes below /run has priority over the packages' units.
func prepare(root string) error {
	units := root + "/run/systemd/system"
	for _, wants := range glob(root + "/etc/systemd/system/*.wants") {
		if err := os.RemoveAll(wants); err != nil {
			return err
		}
	}
	for _, unit := range masked {
		if err := link("/dev/null", units+"/"+unit); err != nil {
			return err
		}
	}
	const generators = "lib/systemd/system-generators/"
	const quadlets = "podman-system-generator" // tests of quadlets want it
	for _, path := range glob(root+"/usr/"+generators+"*", root+"/"+generators+"*") {
		if filepath.Base(path) == quadlets {
			continue
		}
		if err := link("/dev/null", root+"/run/systemd/system-generators/"+filepath.Base(path)); err != nil {
			return err
		}
	}
	if err := link("../machine.service", units+"/multi-user.target.wants/machine.service"); err != nil {
		return err
	}
	if err := copySelf(root + guest); err != nil {
		return err
	}
	return writeAll(root, []file{
		{"/run/systemd/system/machine.service", service, 0o644, false},
		{"/run/systemd/system/user@.service.d/delegate.conf", delegation, 0o644, false},
		{"/etc/hostname", "machine\n", 0o644, false},
		{"/etc/hosts", "127.0.0.1 localhost machine\n", 0o644, false},
		{"/etc/machine-id", "0123456789abcdef0123456789abcdef\n", 0o444, false},
		{"/etc/fstab", "", 0o644, false},
		{"/etc/passwd", "rootless:x:1000:1000::/home/rootless:/bin/bash\n", 0o644, true},
		{"/etc/group", "rootless:x:1000:\n", 0o644, true},
		{"/etc/shadow", "rootless:*:20000:0:99999:7:::\n", 0o640, true},
		{"/etc/subuid", "rootless:100000:65536\n", 0o644, false},
		{"/etc/subgid", "rootless:100000:65536\n", 0o644, false},
		{"/usr/local/bin/as-rootless", string(asRootless), 0o755, false},
		{"/home/rootless/.profile", userPath, 0o644, false},
	})
}

// file is a file of the machine. What is appended belongs to a file that Debian's packages have made.
type file struct {
	path, text string
	mode       os.FileMode
	appended   bool
}

func writeAll(root string, files []file) error {
	for _, f := range files {
		path := root + f.path
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		flags := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
		if f.appended {
			flags = os.O_CREATE | os.O_WRONLY | os.O_APPEND
		}
		out, err := os.OpenFile(path, flags, f.mode)
		if err != nil {
			return err
		}
		if _, err := out.WriteString(f.text); err != nil {
			return err
		}
		if err := out.Close(); err != nil {
			return err
		}
	}
	return chownHome(root + "/home/rootless")
}

func chownHome(home string) error {
	for _, path := range append(glob(home+"/.*"), home) {
		if err := os.Lchown(path, 1000, 1000); err != nil {
			return err
		}
	}
	return nil
}

// link makes a symbolic link, and the directory that it is in.
func link(target, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.Symlink(target, path); err != nil && !os.IsExist(err) {
		return err
	}
	return nil
}

func copySelf(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil {
		return fmt.Errorf("copy the guest to %s: %w", path, err)
	}
	return to.Close()
}

func glob(patterns ...string) []string {
	var paths []string
	for _, pattern := range patterns {
		found, _ := filepath.Glob(pattern)
		paths = append(paths, found...)
	}
	return paths
}
