package nsenter

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestImageOnDisk(t *testing.T) {
	image, err := Assemble(program(exit(6)))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	fd, err := image.writeOnDisk(dir)
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
		"no steps":           {program(), "1 to 1048576 steps"},
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
			object := filepath.Join(t.TempDir(), "stub.o")
			root, err := exec.Command("go", "env", "GOROOT").Output()
			if err != nil {
				t.Fatal(err)
			}
			assemble := exec.Command("go", "tool", "asm", "-p", "rt/nsenter", "-o", object, "-I",
				filepath.Join(strings.TrimSpace(string(root)), "pkg", "include"), "stub_"+arch+".s")
			assemble.Env = append(os.Environ(), "GOARCH="+arch)
			if out, err := assemble.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			out, err := exec.Command("go", "tool", "objdump", "-s", `nsenter\.stub$`, object).Output()
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
