package cli

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/seccomp"
)

func seccompCommand() *Command {
	var machine, callArch string
	return &Command{
		Name: "seccomp", Args: "compile|check|diff",
		Summary: "show what a seccomp profile does",
		Description: []string{
			"A profile is a file with the object linux.seccomp of a config.json, or a whole config.json. Nothing is " +
				"loaded, and no container is needed.",
			"rt seccomp compile <profile> prints the BPF program that rt would load: one line per instruction, with " +
				"its jump targets for true and false, and after # the entry of the profile that it implements. The " +
				"first lines give the length of the program, and how many instructions a call takes on average and " +
				"at most.",
			"rt seccomp check <profile> <call> [argument...] prints what the profile does to one system call, and " +
				"which entry of it decides. The call is a name or a number. Arguments are numbers, or names of " +
				"constants with | between them, such as O_RDWR|O_CREAT; missing ones are 0. A filter compares all 64 " +
				"bits, and C passes a negative int, such as AT_FDCWD, in 32: if the profile answers that " +
				"differently, both answers are printed.",
			"rt seccomp diff <profile> <other profile> prints the system calls that the two treat differently: " +
				"- is the action of the first, + that of the second.",
			"rt run --seccomp-record writes a profile for a program: see rt-run(8).",
		},
		Flags: []Flag{
			{
				Name: "arch", Value: "ARCH", To: &machine, Complete: architectures,
				Usage: "the machine, by its name in Go or the specification: arm64 or SCMP_ARCH_AARCH64 (default: " +
					"this one)",
			},
			{
				Name: "call-arch", Value: "ARCH", To: &callArch, Complete: architectures,
				Usage: "check: the architecture of the call, such as SCMP_ARCH_X86 (default: that of the machine)",
			},
		},
		Commands: seccompCommands(&machine, &callArch),
		Examples: []Row{
			{"rt seccomp compile web/config.json | less", "Print the BPF program of a bundle"},
			{"rt seccomp check web/config.json clone CLONE_NEWUSER", "Check whether the container may make a user " +
				"namespace"},
			{"rt seccomp diff old.json new.json", "Review a change of a profile"},
			{"rt seccomp check --call-arch SCMP_ARCH_X86 profile.json socketcall 1", "Check a call of a 32-bit " +
				"program"},
			{`# rt seccomp check profile.json clone CLONE_NEWUSER
clone(CLONE_NEWUSER): SCMP_ACT_ERRNO(EPERM)
  linux.seccomp.syscalls[0]: the arguments of clone match
  after 9 instructions`, ""},
		},
	}
}

// seccompCommands are the subcommands of seccomp. machine and callArch are the values of --arch and --call-arch.
func seccompCommands(machine, callArch *string) []*Command {
	return []*Command{
		{
			Name: "compile", Args: "<profile>", Min: 1, Max: 1, Complete: []Candidates{files},
			Summary: "print the BPF program of a profile",
			Action: func(c *Call) error {
				if *callArch != "" {
					return misuse(c.program+" seccomp compile", "--call-arch is for check: a program contains "+
						"all architectures of its profile")
				}
				goarch, err := machineOf(*machine)
				if err != nil {
					return err
				}
				return compileProfile(c, c.Args[0], goarch)
			},
		},
		{
			Name: "check", Args: "<profile> <call> [argument...]", Min: 2, Max: anyNumber,
			Complete: []Candidates{files},
			Summary:  "print what a profile does to a system call",
			Action: func(c *Call) error {
				goarch, err := machineOf(*machine)
				if err != nil {
					return err
				}
				return checkCall(c, c.Args[0], goarch, specs.Arch(*callArch), c.Args[1], c.Args[2:])
			},
		},
		{
			Name: "diff", Args: "<profile> <other profile>", Min: 2, Max: 2, Complete: []Candidates{files, files},
			Summary: "print the system calls that two profiles treat differently",
			Action: func(c *Call) error {
				goarch, err := machineOf(*machine)
				if err != nil {
					return err
				}
				return diffProfiles(c, goarch)
			},
		},
	}
}

// machineOf returns the architecture that --arch names, by its name in Go.
func machineOf(name string) (string, error) {
	if name == "" {
		return runtime.GOARCH, nil
	}
	goarch := seccomp.Machine(name)
	if goarch == "" {
		return "", &diag.Error{Kind: diag.Usage, Field: "--arch", Value: name, Problem: "is not an architecture for " +
			"which the kernel has seccomp"}
	}
	return goarch, nil
}

// compileProfile prints the program of a profile.
func compileProfile(c *Call, path, goarch string) error {
	filter, err := c.compiledProfile(path, goarch)
	if err != nil {
		return err
	}
	return filter.Fprint(c.Stdout)
}

// compiledProfile reads a profile and compiles it.
func (c *Call) compiledProfile(path, goarch string) (*seccomp.Filter, error) {
	profile, err := readProfile(path)
	if err != nil {
		return nil, err
	}
	filter, warnings, err := seccomp.Compile(profile, goarch)
	c.Warnings = append(c.Warnings, warnings...)
	return filter, err
}

// diffProfiles prints the system calls that two profiles treat differently.
func diffProfiles(c *Call, goarch string) error {
	var filters [2]*seccomp.Filter
	for i, path := range c.Args {
		filter, err := c.compiledProfile(path, goarch)
		if err != nil {
			return err
		}
		filters[i] = filter
	}
	var text []byte
	for _, d := range seccomp.Differences(filters[0], filters[1]) {
		text = append(c.paint(text, bold, d.Call), '\n')
		text = append(c.paint(text, red, "- "+d.A), '\n')
		text = append(c.paint(text, green, "+ "+d.B), '\n')
	}
	if text == nil {
		text = []byte("the profiles do the same\n")
	}
	_, err := c.Stdout.Write(text)
	return err
}

// checkCall prints what happens to a call, and why.
func checkCall(c *Call, path, goarch string, arch specs.Arch, call string, words []string) error {
	profile, err := readProfile(path)
	if err != nil {
		return err
	}
	args := make([]uint64, len(words))
	for i, word := range words {
		if args[i], err = parseArgument(word); err != nil {
			return err
		}
	}
	v, err := seccomp.Check(profile, goarch, arch, call, args...)
	if err != nil {
		return err
	}
	text := call + "(" + strings.Join(words, ", ") + "): " + seccomp.ActionText(v.Return) + "\n  " + v.Why +
		"\n  after " + strconv.Itoa(v.Steps) + " instructions\n"
	if short, ok := inThirtyTwoBits(args); ok {
		other, err := seccomp.Check(profile, goarch, arch, call, short...)
		if err == nil && other.Return != v.Return {
			text += "  of a program that passes negative numbers in 32 bits, as C does for an int: " +
				seccomp.ActionText(other.Return) + "\n  " + other.Why + "\n"
		}
	}
	_, err = c.Stdout.Write([]byte(text))
	return err
}

// inThirtyTwoBits returns arguments with their negative numbers as a register has them where only its lower half was
// written: AT_FDCWD, which is -100, is 0xffffff9c then. The kernel takes both for the same; a filter compares all 64
// bits. ok is false if there are none.
func inThirtyTwoBits(args []uint64) (short []uint64, ok bool) {
	short = slices.Clone(args)
	for i, n := range args {
		if int64(n) < 0 && int64(n) >= math.MinInt32 {
			short[i], ok = uint64(uint32(n)), true
		}
	}
	return short, ok
}

// readProfile reads a profile, alone or in a config.json; of a directory, the config.json in it.
func readProfile(path string) (*specs.LinuxSeccomp, error) {
	fail := func(problem string, err error) error {
		return &diag.Error{Kind: diag.Document, Field: "profile", Value: path, Problem: problem, Err: err}
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "config.json")
	}
	raw, err := sys.ReadInput(path)
	if err != nil {
		return nil, fail("can't be read", err)
	}
	var document struct {
		specs.LinuxSeccomp
		Version string       `json:"ociVersion"`
		Linux   *specs.Linux `json:"linux"`
		ArchMap []any        `json:"archMap"`
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		return nil, fail("is not a profile", err)
	}
	switch {
	case document.Linux != nil && document.Linux.Seccomp != nil:
		return document.Linux.Seccomp, nil
	case document.Linux != nil || document.Version != "":
		return nil, fail("is a config.json without linux.seccomp", nil)
	case len(document.ArchMap) > 0:
		return nil, fail("is a profile for an engine (it has an archMap), which converts it to linux.seccomp: use "+
			"the config.json that the engine writes", nil)
	}
	return &document.LinuxSeccomp, nil
}
