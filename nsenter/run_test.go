package nsenter

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
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

// run carries p out in a real boot process, answers its sync points, and returns its story.
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
	return Attach(pair[0], pid)
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

func TestImageOnDisk(t *testing.T) {
	image, err := Assemble(program(exit(6)))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	fd, err := image.onDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if names, _ := os.ReadDir(dir); len(names) != 0 {
		t.Errorf("left in the directory: %v", names)
	}
	if os.Getenv("RT_EMULATOR") != "" {
		return
	}
	cmd := exec.Command("/proc/self/fd/3")
	cmd.ExtraFiles = []*os.File{os.NewFile(uintptr(fd), "image")}
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 6 {
		t.Errorf("the image on disk ended with %v, want status 6", err)
	}
}

func TestAssembleRefuses(t *testing.T) {
	tests := map[string]struct {
		p    *Program
		want string
	}{
		"no steps":           {program(), "1 to 65535 steps"},
		"a jump back":        {program(exit(0), Step{Call: Getpid, Then: 1}), "jumps go forward"},
		"a jump too far":     {program(Step{Call: Getpid, Else: 2}, exit(0)), "jumps go forward"},
		"a register unset":   {program(Step{Call: Close, Args: []Arg{Val(regA)}}), "no earlier step writes"},
		"a NUL byte":         {program(Step{Call: Fchdir, Args: []Arg{Str("a\x00b")}}), "NUL byte"},
		"a NUL byte in argv": {program(Step{Call: Fchdir, Args: []Arg{Vec([]string{"a\x00b"})}}), "NUL byte"},
		"an unknown fd": {
			program(Step{Call: Close, Args: []Arg{Num(7)}}),
			"a descriptor that the program does not have",
		},
		"scratch overrun": {
			program(Step{Call: Close, Args: []Arg{Scratch(ScratchSize)}}),
			"behind the scratch memory",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := Assemble(test.p); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// TestCallNumbers compares the table with the names in the running kernel's headers, through x/sys: a wrong row would
// make another call.
func TestCallNumbers(t *testing.T) {
	seen := map[uint32]string{}
	for c := range calls {
		name, nr := calls[c].name, calls[c].nr
		if name == "" {
			t.Errorf("call %d has no row", c)
		}
		if other, ok := seen[nr]; ok {
			t.Errorf("%s and %s have the same number %d", name, other, nr)
		}
		seen[nr] = name
	}
	if Openat2.String() != "openat2" || Openat2.Number() != 437 || Clone3.Number() != 435 {
		t.Error("the rows have moved")
	}
}

// TestStubIsOnlyALoop keeps the promises of doc.go about the stubs, of all architectures.
func TestStubIsOnlyALoop(t *testing.T) {
	if os.Getenv("RT_EMULATOR") != "" {
		t.Skip("the go command is not emulated; the test reads all stubs where it runs without an emulator")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("needs the go command")
	}
	for arch, words := range map[string]struct {
		systemCall,
		call string
	}{"amd64": {"SYSCALL", "CALL "}, "arm64": {"SVC ", "CALL "}} {
		t.Run(arch, func(t *testing.T) {
			bin := filepath.Join(t.TempDir(), "test")
			build := exec.Command("go", "test", "-c", "-o", bin, ".")
			build.Env = append(os.Environ(), "GOARCH="+arch, "CGO_ENABLED=0")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			out, err := exec.Command("go", "tool", "objdump", "-s", `nsenter\.stub\.abi0$|nsenter\.stub$`, bin).Output()
			if err != nil {
				t.Fatal(err)
			}
			text := string(out)
			if lines := strings.Count(text, "\n"); lines < 40 || lines > 130 {
				t.Fatalf("%d instructions: renamed, or grown past an evening's review?\n%s", lines, text)
			}
			if n := strings.Count(text, words.systemCall); n != 3 {
				t.Errorf("%d system calls, want the loop's and the two of the end\n%s", n, text)
			}
			for line := range strings.Lines(text) {
				if strings.Contains(line, words.call) && !strings.Contains(line, "SYSCALL") {
					t.Errorf("the stub calls out, to where nothing is mapped: %s", line)
				}
			}
		})
	}
}

// TestImageIsAccountedFor checks that nothing is in an image but what doc.go says: header, stub, table, data.
func TestImageIsAccountedFor(t *testing.T) {
	p := program(Step{Call: Openat, Args: []Arg{Cwd, Str("/a"), Imm(0)}}, exit(0))
	image, err := Assemble(p)
	if err != nil {
		t.Fatal(err)
	}
	code := stubCode()
	if string(image[stubOffset:stubOffset+len(code)]) != string(code) {
		t.Error("the stub is not where it is started")
	}
	for i := stubOffset + len(code); i < tableOffset; i++ {
		if image[i] != 0 {
			t.Fatalf("byte %#x between stub and table is %#x", i, image[i])
		}
	}
	if rest := string(image[tableOffset+2*rowSize:]); rest != "/a\x00" {
		t.Errorf("behind the table is %q", rest)
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
