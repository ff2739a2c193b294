package nsenter

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNoMemfdToExecute has the kernel forbid memfds that can be executed: vm.memfd_noexec=2 (Linux 6.3). The setting
// belongs to a pid namespace, so the test makes one, and this machine's stays as it is.
func TestNoMemfdToExecute(t *testing.T) {
	const setting = "/proc/sys/vm/memfd_noexec"
	if os.Getenv("RT_TEST_NOEXEC") != "" {
		testNoMemfd(t)
		return
	}
	before, err := os.ReadFile(setting)
	if err != nil || os.Geteuid() != 0 || os.Getenv("RT_EMULATOR") != "" {
		t.Skip("needs root, no emulator, and Linux 6.3")
	}
	// Private first: on most machines mounts are shared, and this /proc would cover the machine's.
	cmd := exec.Command("/bin/sh", "-c",
		`mount --make-rprivate / && mount -t proc proc /proc && echo 2 >`+setting+` && "$0" "$@"`,
		os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "RT_TEST_NOEXEC=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()+" ") {
		t.Errorf("%v\n%s", err, out)
	}
	if after, err := os.ReadFile(setting); err != nil || string(after) != string(before) {
		t.Errorf("the machine's setting was %s and is %s, %v", before, after, err)
	}
}

func testNoMemfd(t *testing.T) {
	image, err := Assemble(program(exit(7)))
	if err != nil {
		t.Fatal(err)
	}
	const mfdExec = 0x10
	if _, err := unix.MemfdCreate("x", mfdExec); err != unix.EACCES {
		t.Fatalf("the kernel does not forbid it: %v", err)
	}
	if _, err := image.write(""); err == nil || !strings.Contains(err.Error(), "memfd_create(2): permission denied") {
		t.Errorf("without a directory: %v", err)
	}
	dir := t.TempDir()
	fd, err := image.write(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil || fs.Type != unix.TMPFS_MAGIC {
		t.Errorf("root's image is on a file system of type %#x, %v", fs.Type, err)
	}
	if names, _ := os.ReadDir(dir); len(names) != 0 {
		t.Errorf("left in the directory: %v", names)
	}
	if r := run(t, program(exit(7))); r.exit != 7 || len(r.records) != 0 {
		t.Errorf("exit status %d, records %+v", r.exit, r.records)
	}
	testOnDisk(t, image)
}

// testOnDisk has the image go where an ordinary user's goes: past a directory in which nothing may be executed.
func testOnDisk(t *testing.T, image Image) {
	closed, open := t.TempDir(), t.TempDir()
	if err := unix.Mount("tmpfs", closed, "tmpfs", unix.MS_NOEXEC, ""); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Unmount(closed, 0) }()
	fd, err := image.writeOnDisk(closed, open+"/absent", open)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if what, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd)); err != nil ||
		!strings.HasPrefix(what, open+"/#") {
		t.Errorf("the image is %q, %v", what, err)
	}
	if names, _ := os.ReadDir(open); len(names) != 0 {
		t.Errorf("left in the directory: %v", names)
	}
	if _, err := image.writeOnDisk(closed); err == nil || !strings.Contains(err.Error(), closed) ||
		!strings.Contains(err.Error(), "vm.memfd_noexec") {
		t.Errorf("nowhere to go: %v", err)
	}
}
