package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// configure installs the packages of /debs below root. They are unpacked already, by a machine that can't run their
// scripts; so dpkg has all programs that it needs, and may ignore the order.
func configure(root string) error {
	if err := unix.Mount("/dev", root+"/dev", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind /dev: %w", err)
	}
	if err := mount("proc", root+"/proc", "proc", 0, ""); err != nil {
		return err
	}
	if err := unix.Chroot(root); err != nil {
		return err
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	first, _ := filepath.Glob("/debs/base-passwd_*.deb") // the owners of all others' files
	all, _ := filepath.Glob("/debs/*.deb")
	if len(first) == 0 {
		return fmt.Errorf("no packages in /debs")
	}
	for _, packages := range [][]string{first, all} {
		options := []string{"--force-depends", "--force-unsafe-io", "--force-confnew", "--install"}
		cmd := exec.Command("/usr/bin/dpkg", append(options, packages...)...)
		cmd.Env = []string{systemPath, "DEBIAN_FRONTEND=noninteractive", "HOME=/root", "LC_ALL=C"}
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("dpkg: %w", err)
		}
	}
	if err := os.RemoveAll("/debs"); err != nil {
		return err
	}
	if err := os.WriteFile("/configured", nil, 0o644); err != nil {
		return err
	}
	_ = unix.Unmount("/proc", unix.MNT_DETACH)
	_ = unix.Unmount("/dev", unix.MNT_DETACH)
	if err := unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		unix.Sync()
	}
	return fmt.Errorf("all packages are configured")
}
