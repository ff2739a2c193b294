package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func contains(values []string, value string) bool { return slices.Contains(values, value) }

var qemuPackages = map[string]string{"amd64": "qemu-system-x86", "arm64": "qemu-system-arm"}

// needs installs the programs that building and running take.
func needs(arch string) error {
	programs := map[string]string{
		"mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs", "depmod": "kmod", "xz": "xz-utils",
		keyring: "debian-archive-keyring", qemu(arch): qemuPackages[arch],
	}
	var missing []string
	for program, name := range programs {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if _, err := os.Stat(program); err == nil {
			continue
		}
		missing = append(missing, name)
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	say("installing %s", strings.Join(missing, " "))
	if err := command("apt-get", "-qq", "update"); err != nil {
		return err
	}
	return command("apt-get", append([]string{"-qq", "-y", "install", "--no-install-recommends"}, missing...)...)
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "machine: "+format+"\n", args...) }

// command runs a program of the build, and shows its output if it fails. It ends with this process, and what it mounts,
// as mmdebstrap does, nobody else sees.
func command(name string, args ...string) error {
	var out bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w:\n%s", name, err, tail(out.Bytes(), 4000))
	}
	return nil
}

func tail(text []byte, most int) []byte {
	return bytes.TrimSpace(text[max(0, len(text)-most):])
}

// once calls build with an empty directory, and keeps that as the directory of the cache when build has succeeded. It
// does nothing if the cache has it. One process at a time builds a directory; others may build others meanwhile.
func once(dir string, build func(scratch string) error) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("%s is not built yet, and building takes root", dir)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	scratch := dir + ".new"
	if err := os.RemoveAll(scratch); err != nil { // of a build that was killed
		return err
	}
	if err := os.MkdirAll(scratch, 0o755); err != nil {
		return err
	}
	say("building %s", dir)
	if err := build(scratch); err != nil {
		return err
	}
	return os.Rename(scratch, dir)
}

// mirror is where Debian's packages come from: DEBIAN_MIRROR, or Debian's own.
func mirror() string {
	if m := os.Getenv("DEBIAN_MIRROR"); m != "" {
		return m
	}
	return "http://deb.debian.org/debian"
}

// bootstrap unpacks packages of a suite with what they depend on into a directory: configured with variant minbase,
// as they are with variant extract.
func bootstrap(variant, suite, arch, dir string, packages []string, more ...string) error {
	args := []string{
		"--mode=root", "--variant=" + variant, "--architectures=" + arch, "--keyring=" + keyring,
		"--include=" + strings.Join(packages, ","),
		"--aptopt=Acquire::Languages \"none\"", "--aptopt=APT::Sandbox::User \"root\"",
		// A mirror of sid that is some days behind is as good a test; who has signed it is checked all the same.
		"--aptopt=Acquire::Check-Valid-Until \"false\"",
	}
	if suite != "bullseye" { // the last whose packages don't ask for it
		args = append(args, "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr")
	}
	return command("mmdebstrap", append(append(args, more...), suite, dir, mirror())...)
}

// makeImage makes an ext4 image of a directory.
func makeImage(dir, image, size string) error {
	file, err := os.Create(image)
	if err != nil {
		return err
	}
	file.Close()
	return command("mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-E", "root_owner=0:0", "-d", dir,
		image, size)
}

// guest is the program that is the first process of a machine; tests/vm/vm builds it into the same directory.
func guest(arch string) (string, error) {
	self, err := os.Executable()
	return filepath.Join(filepath.Dir(self), "guest-"+arch), err
}

// native says whether this machine can run programs of an architecture.
func native(arch string) bool { return arch == runtime.GOARCH }

// copyFile copies a regular file.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}

// list prints the kernels and images, and which of them are built.
func list(out io.Writer) error {
	for _, name := range keys(kernels) {
		for _, arch := range []string{"amd64", "arm64"} {
			release, err := os.ReadFile(cache("kernels", name+"-"+arch, "release"))
			if err != nil {
				release = []byte("not built")
			}
			fmt.Fprintf(out, "kernel %-7s %-6s %-9s %s\n", name, arch, kernels[name], bytes.TrimSpace(release))
		}
	}
	images, err := filepath.Glob(cache("roots", "*", "root.img"))
	for _, image := range images {
		fmt.Fprintln(out, "root  ", filepath.Base(filepath.Dir(image)))
	}
	return err
}
