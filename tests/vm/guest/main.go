// Guest is the first process of a test machine, and later the service in it that runs the command: see package machine.
//
// As the first process of the initial RAM disk it loads drivers, mounts the root image and the kernel's modules, adds
// to the root what a test machine needs, and executes systemd. Nothing of it is in the root image, which is Debian's
// alone, so that a change of this program costs no new image. All that it writes to the disk is lost with the machine.
//
// In an image for another architecture than the builder's, the packages are unpacked but not configured. With
// "machine=configure" among the kernel's parameters the first process has dpkg do that, and ends the machine.
package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const systemPath = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"

func main() {
	if os.Getpid() != 1 {
		serve()
		return
	}
	err := boot()
	fmt.Fprintln(os.Stderr, "guest:", err)
	powerOff()
}

// boot makes a root file system of the disks and executes its systemd. It returns on failure, or when all packages of a
// new image are configured.
func boot() error {
	for _, m := range []struct{ kind, target string }{{"devtmpfs", "/dev"}, {"proc", "/proc"}, {"sysfs", "/sys"}} {
		if err := mount(m.kind, m.target, m.kind, 0, ""); err != nil {
			return err
		}
	}
	if err := loadModules("/modules"); err != nil {
		return err
	}
	if err := waitFor("/dev/vda"); err != nil {
		return err
	}
	if err := mount("/dev/vda", "/root", "ext4", unix.MS_NOATIME, ""); err != nil {
		return err
	}
	parameters, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return err
	}
	if strings.Contains(string(parameters), "machine=configure") {
		return configure("/root")
	}
	if err := mount("/dev/vdb", "/root/lib/modules", "ext4", unix.MS_NOATIME|unix.MS_RDONLY, ""); err != nil {
		return err
	}
	if err := mount("tmpfs", "/root/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return err
	}
	if err := prepare("/root"); err != nil {
		return err
	}
	return switchRoot("/root", "/sbin/init")
}

// mount mounts a file system, and makes the mount point if need be.
func mount(source, target, kind string, flags uintptr, options string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(source, target, kind, flags, options); err != nil {
		return fmt.Errorf("mount %s at %s: %w", source, target, err)
	}
	return nil
}

// loadModules loads the modules of a directory in the order that the file "order" lists them in.
func loadModules(dir string) error {
	order, err := os.ReadFile(dir + "/order")
	if err != nil {
		return err
	}
	for name := range strings.FieldsSeq(string(order)) {
		file, err := os.Open(dir + "/" + name)
		if err != nil {
			return err
		}
		if err := unix.FinitModule(int(file.Fd()), "", 0); err != nil && err != unix.EEXIST {
			return fmt.Errorf("load %s: %w", name, err)
		}
		file.Close()
	}
	return nil
}

// waitFor waits until the kernel has found the disk, for half a minute.
func waitFor(node string) error {
	for range 300 {
		if _, err := os.Stat(node); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("%s does not appear", node)
}

// switchRoot makes a mounted directory the root, and executes its init. pivot_root(2) can't, in an initial RAM disk.
func switchRoot(root, init string) error {
	if err := unix.Mount("/dev", root+"/dev", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move /dev: %w", err)
	}
	for _, dir := range []string{"/proc", "/sys"} {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount %s: %w", dir, err)
		}
	}
	if err := unix.Chdir(root); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return err
	}
	return fmt.Errorf("execute %s: %w", init, unix.Exec(init, []string{init}, []string{systemPath}))
}

// powerOff ends the machine. Its disks need no care, except a new image, which configure has synced.
func powerOff() {
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	select {}
}
