package nsenter

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A program closes two descriptors and gets two others with the same numbers, twice. What it writes to says which are
// which.
func TestDescriptorsAreHandedOver(t *testing.T) {
	const first, second, ctl FD = 0, 1, 2
	take := []Step{
		{Call: CloseRange, Args: []Arg{Num(first), Num(second), Imm(0)}},
		{Call: Read, Args: []Arg{Num(ctl), Scratch(HeaderAt), Imm(HeaderSize)}, Min: HeaderSize},
		{Call: Recvmsg, Args: []Arg{Num(ctl), Scratch(HeaderAt), Flags(&RecvFlags, unix.MSG_CMSG_CLOEXEC)}, Min: 1},
		{Call: Write, Args: []Arg{Num(first), Str("a"), Imm(1)}},
		{Call: Write, Args: []Arg{Num(second), Str("b"), Imm(1)}},
	}
	p := &Program{
		Steps: append(append(append([]Step{}, take...), take...), exit(7)), Regs: []string{""},
		FDs: []string{"first", "second", "ctl"}, FirstFD: 3, Ctl: ctl,
	}
	image, err := Assemble(p)
	if err != nil {
		t.Fatal(err)
	}
	boot := start(t, image, &SpawnOptions{Argv: []string{"boot"}, Files: []uintptr{0, 1, 2, 0, 0}, CgroupFD: -1})
	defer boot.Close()
	dir := t.TempDir()
	for _, names := range [...]string{"ab", "cd"} {
		var fds []int
		for i := range names {
			f, err := os.Create(dir + "/" + names[i:i+1])
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			fds = append(fds, int(f.Fd()))
		}
		if err := boot.Pass(fds); err != nil {
			t.Fatal(err)
		}
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(boot.Pid, &status, 0, nil); err != nil || status.ExitStatus() != 7 {
		t.Fatalf("wait: %v, exit status %d", err, status.ExitStatus())
	}
	var all strings.Builder
	for _, name := range [...]string{"a", "b", "c", "d"} {
		text, err := os.ReadFile(dir + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	if all.String() != "abab" {
		t.Errorf("the files hold %q", all.String())
	}
}
