package nsenter

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	regA Reg = iota + 1
	regB
)

const fdCtl FD = 0

// point is a sync point of a test.
type point string

func (p point) String() string { return string(p) }

// program wraps steps in what every test needs: names, and the control channel at 3.
func program(steps ...Step) *Program {
	return &Program{Steps: steps, Regs: []string{"", "a", "b"}, FDs: []string{"ctl"}, FirstFD: 3, Ctl: fdCtl}
}

// exit is the last step of most test programs.
func exit(code int) Step { return Step{Call: ExitGroup, Args: []Arg{Imm(code)}} }

// result is what became of a program.
type result struct {
	records []Record
	fds     []int
	exit    int
	stdout  string
}

// run executes p in a real boot process, answers its sync points, and returns its story.
func run(t *testing.T, p *Program) result {
	t.Helper()
	image, err := Assemble(p)
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	boot := spawn(t, image, out)
	defer boot.Close()
	var r result
	for {
		record, fd, err := boot.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		r.records, r.fds = append(r.records, record), append(r.fds, fd)
		if record.Kind == Sync {
			if err := boot.Release(); err != nil {
				t.Fatal(err)
			}
		}
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(boot.Pid, &status, 0, nil); err != nil {
		t.Fatal(err)
	}
	if status.Signaled() {
		t.Fatalf("the boot process died of %v; records %+v", status.Signal(), r.records)
	}
	r.exit = status.ExitStatus()
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	r.stdout = string(text)
	return r
}

// spawn starts the image with out as its standard output.
func spawn(t *testing.T, image Image, out *os.File) *Boot {
	t.Helper()
	return start(t, image, &SpawnOptions{
		Argv: []string{"boot"}, Files: []uintptr{0, out.Fd(), 2}, CgroupFD: -1, Dir: t.TempDir(),
	})
}

// start starts the image, by an emulator if the environment names one in RT_EMULATOR: this is how the stub of another
// architecture is tested.
func start(t *testing.T, image Image, o *SpawnOptions) *Boot {
	t.Helper()
	emulator := os.Getenv("RT_EMULATOR")
	if emulator == "" {
		boot, err := Spawn(image, o)
		if err != nil {
			t.Fatal(err)
		}
		return boot
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[1])
	path := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(path, image, 0o700); err != nil {
		t.Fatal(err)
	}
	pid, err := syscall.ForkExec(emulator, []string{emulator, path},
		&syscall.ProcAttr{Files: append(o.Files, uintptr(pair[1]))})
	if err != nil {
		t.Fatal(err)
	}
	return NewBoot(pair[0], pid)
}

func TestOutcomes(t *testing.T) {
	missing := Step{Call: Openat, Args: []Arg{Cwd, Str("/nonexistent"), Flags(&OpenFlags, unix.O_PATH)}}
	with := func(s Step, edit func(*Step)) Step { edit(&s); return s }
	getpid := Step{Call: Getpid, To: regA}
	tests := []struct {
		name    string
		steps   []Step
		exit    int
		records []Record
	}{
		{"the end", []Step{exit(7)}, 7, nil},
		{
			"a failure is reported",
			[]Step{getpid, missing, exit(7)},
			1,
			[]Record{{Kind: Failed, Step: 1, Value: -int64(unix.ENOENT)}},
		},
		{"an errno is ignored", []Step{with(missing,
			func(s *Step) { s.Errnos = ErrnosOf(unix.EPERM, unix.ENOENT) }), exit(7)}, 7, nil},
		{
			"another errno is not",
			[]Step{with(missing, func(s *Step) { s.Errnos = ErrnosOf(unix.EPERM, unix.ENOTDIR) }), exit(7)},
			1,
			[]Record{{Kind: Failed, Step: 0, Value: -int64(unix.ENOENT)}},
		},
		{"the fourth errno counts", []Step{with(missing, func(s *Step) {
			s.Errnos = ErrnosOf(unix.EPERM, unix.ENOTDIR, unix.EACCES, unix.ENOENT)
			s.Else = 2
		}), exit(7), exit(8)}, 8, nil},
		{"success jumps too", []Step{with(getpid, func(s *Step) { s.Then = 2 }), exit(7), exit(8)}, 8, nil},
		{
			"too small a result fails",
			[]Step{with(getpid, func(s *Step) { s.Call, s.Args, s.Min = Umask, []Arg{Imm(0)}, 4096 }), exit(7)},
			1,
			[]Record{{Kind: Failed, Step: 0, Value: 0o22}},
		},
		{"too small a result jumps", []Step{with(getpid, func(s *Step) {
			s.Call, s.Args, s.Min, s.Errnos, s.Else = Umask, []Arg{Imm(0)}, 4096, ErrnosOf(Short), 2
		}), exit(7), exit(8)}, 8, nil},
		{
			"a fault makes no call",
			[]Step{with(exit(7), func(s *Step) { s.Fault = unix.EROFS }), exit(8)},
			1,
			[]Record{{Kind: Failed, Step: 0, Value: -int64(unix.EROFS)}},
		},
		{
			"again, then failure",
			[]Step{with(getpid, func(s *Step) { s.Fault, s.Again = unix.EAGAIN, 200 }), exit(8)},
			1,
			[]Record{{Kind: Failed, Step: 0, Value: -int64(unix.EAGAIN)}},
		},
		{"again, then another way", []Step{with(getpid, func(s *Step) {
			s.Fault, s.Again, s.Errnos, s.Else = unix.EAGAIN, 255, ErrnosOf(unix.EAGAIN), 2
		}), exit(7), exit(8)}, 8, nil},
	}
	old := unix.Umask(0o22) // what the boot process inherits
	defer unix.Umask(old)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := run(t, program(test.steps...))
			if r.exit != test.exit {
				t.Errorf("exit status %d, want %d", r.exit, test.exit)
			}
			if len(r.records) != len(test.records) || len(r.records) == 1 && r.records[0] != test.records[0] {
				t.Errorf("records %+v, want %+v", r.records, test.records)
			}
		})
	}
}

// TestManySteps: an index of a step does not end at 65535, as the plan of 4,000 mounts has more, in a success, after an
// errno, and in a report.
func TestManySteps(t *testing.T) {
	const far = 70_000
	steps := make([]Step, far, far+4)
	for i := range steps {
		steps[i] = Step{Call: Getpid, To: regA}
	}
	steps[0].Then = far
	steps = append(steps,
		Step{Call: Close, Args: []Arg{Imm(-1)}, Errnos: ErrnosOf(unix.EBADF), Else: far + 2},
		exit(7),
		Step{Call: Close, Args: []Arg{Imm(-1)}},
		exit(8),
	)
	r := run(t, program(steps...))
	want := Record{Kind: Failed, Step: far + 2, Value: -int64(unix.EBADF)}
	if r.exit != 1 || len(r.records) != 1 || r.records[0] != want {
		t.Errorf("exit status %d, records %+v, want %+v", r.exit, r.records, want)
	}
}

func TestRegisterIsAnOperand(t *testing.T) {
	r := run(t, program(
		Step{Call: Openat, Args: []Arg{Cwd, Str("/dev/null"), Flags(&OpenFlags, unix.O_RDWR)}, To: regA},
		Step{Call: Fcntl, Args: []Arg{Val(regA), Flags(&FcntlCommands, unix.F_GETFD), Imm(0)}},
		Step{Call: ExitGroup, Args: []Arg{Val(regA)}},
	))
	if r.exit != 4 { // 0 to 2, the control channel, then the new one
		t.Errorf("exit status %d, want the descriptor 4; %+v", r.exit, r.records)
	}
}

func TestSyncReportsRegisterAndWaits(t *testing.T) {
	r := run(t, program(
		Step{Call: Dup3, Args: []Arg{Imm(1), Imm(9), Imm(0)}, To: regB},
		Step{Call: Writev, Args: []Arg{Num(fdCtl), ReportOf(regB), Imm(2)}, Sync: &SyncDetail{Point: point("ready")}},
		Step{Call: Read, Args: []Arg{Num(fdCtl), Scratch(0), Imm(1)}, Min: 1},
		exit(5),
	))
	if r.exit != 5 || len(r.records) != 1 || r.records[0] != (Record{Kind: Sync, Step: 1, Value: 9}) {
		t.Errorf("exit status %d, records %+v", r.exit, r.records)
	}
}

func TestSupervisorDeathEndsTheBoot(t *testing.T) {
	image, err := Assemble(program(Step{Call: Read, Args: []Arg{Num(fdCtl), Scratch(0), Imm(1)}, Min: 1}, exit(0)))
	if err != nil {
		t.Fatal(err)
	}
	boot := spawn(t, image, os.Stdout)
	boot.Close()
	var status unix.WaitStatus
	if _, err := unix.Wait4(boot.Pid, &status, 0, nil); err != nil {
		t.Fatal(err)
	}
	if status.Exited() && status.ExitStatus() == 0 {
		t.Error("the boot process went on without its supervisor")
	}
}

func TestExecveGetsVectors(t *testing.T) {
	r := run(t, program( // an emulator hands execve(2) on: /bin/sh is this machine's
		Step{Call: Fcntl, Args: []Arg{Num(fdCtl), Flags(&FcntlCommands, unix.F_SETFD), Imm(unix.FD_CLOEXEC)}},
		Step{Call: Execve, Args: []Arg{
			Str("/bin/sh"), Vec([]string{"sh", "-c", "echo $0 $A $B; exit 3", "x"}),
			Vec([]string{"A=1", "B=two"}),
		}},
	))
	if r.exit != 3 || r.stdout != "x 1 two\n" || len(r.records) != 0 {
		t.Errorf("exit status %d, output %q, records %+v", r.exit, r.stdout, r.records)
	}
}

func TestDescriptorIsPassed(t *testing.T) {
	const fdNull FD = 1
	cmsg := make([]byte, unix.CmsgSpace(4))
	h := (*unix.Cmsghdr)(ptr(cmsg))
	h.Level, h.Type = unix.SOL_SOCKET, unix.SCM_RIGHTS
	h.SetLen(unix.CmsgLen(4))
	control := Data(string(cmsg), "{SCM_RIGHTS, $null}", Ref{Offset: unix.CmsgLen(0), Size: 4, Arg: Num(fdNull)})
	message := Data(string(make([]byte, unix.SizeofMsghdr)), "{report, $null}",
		Ref{Offset: 16, Size: 8, Arg: ReportOf(regA)}, Ref{Offset: 24, Size: 8, Arg: Imm(2)},
		Ref{Offset: 32, Size: 8, Arg: control}, Ref{Offset: 40, Size: 8, Arg: Imm(len(cmsg))})
	p := program(
		Step{Call: Openat, Args: []Arg{Cwd, Str("/dev/null"), Flags(&OpenFlags, unix.O_RDWR)}, To: regA},
		Step{Call: Sendmsg, Args: []Arg{Num(fdCtl), message, Imm(0)}, Sync: &SyncDetail{Point: point("null")}},
		Step{Call: Read, Args: []Arg{Num(fdCtl), Scratch(0), Imm(1)}, Min: 1},
		exit(0),
	)
	p.FDs = append(p.FDs, "null")
	r := run(t, p)
	if len(r.fds) != 1 || r.fds[0] < 0 {
		t.Fatalf("no descriptor came: %+v", r)
	}
	defer unix.Close(r.fds[0])
	var st unix.Stat_t
	if err := unix.Fstat(r.fds[0], &st); err != nil || st.Rdev != unix.Mkdev(1, 3) {
		t.Errorf("what came is no /dev/null: %v, %#x", err, st.Rdev)
	}
}

func TestText(t *testing.T) {
	p := program(
		Step{
			Call: Openat2, Args: []Arg{Cwd, Str("data"), Data("x", "{O_PATH, RESOLVE_IN_ROOT}"), Imm(24)}, To: regA,
			Errnos: ErrnosOf(unix.ENOENT), Else: 3,
		},
		Step{Call: Mkdirat, Args: []Arg{Val(regA), Str("x"), Flags(&Octal, 0o755)}, Errnos: ErrnosOf(unix.EEXIST)},
		Step{Call: Read, Args: []Arg{Num(fdCtl), Scratch(0), Imm(1)}, Min: 1},
		Step{Call: Execve, Args: []Arg{Str("/bin/true"), Vec([]string{"true"}), Vec(nil)}},
	)
	want := []string{
		`openat2(AT_FDCWD, "data", {O_PATH, RESOLVE_IN_ROOT}, 24) -> $a, on ENOENT to 4`,
		`mkdirat($a, "x", 0755), ignore EEXIST`,
		`read($ctl, scratch, 1), at least 1`,
		`execve("/bin/true", ["true"], [])`,
	}
	for i, w := range want {
		if got := p.Text(i); got != w {
			t.Errorf("step %s\n got %s\nwant %s", strconv.Itoa(i+1), got, w)
		}
	}
}

// The numbers of descriptors are what was free when they were opened. Here the control channel's is lower than that of
// most files, and the image's is the first above them all: where syscall.ForkExec puts what it has to move.
func TestImageIsExecutedWhateverItsNumber(t *testing.T) {
	if os.Getenv("RT_EMULATOR") != "" {
		t.Skip("the emulator gets the image by its name")
	}
	const files = 20
	open := func() int {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	low := [2]int{open(), open()}
	o := SpawnOptions{Argv: []string{"boot"}, CgroupFD: -1, Files: []uintptr{0, 1, 2}}
	p := program(exit(9))
	p.FDs, p.Ctl = nil, files
	for range files {
		fd := open()
		defer func() { _ = unix.Close(fd) }()
		o.Files = append(o.Files, uintptr(fd))
		p.FDs = append(p.FDs, "null")
	}
	p.FDs = append(p.FDs, "ctl")
	image, err := Assemble(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range low {
		_ = unix.Close(fd)
	}
	boot, err := Spawn(image, &o)
	if err != nil {
		t.Fatal(err)
	}
	defer boot.Close()
	var status unix.WaitStatus
	if _, err := unix.Wait4(boot.Pid, &status, 0, nil); err != nil || status.ExitStatus() != 9 {
		t.Errorf("wait: %v, exit status %d", err, status.ExitStatus())
	}
}
