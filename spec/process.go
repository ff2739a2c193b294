package spec

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/sys"
)

// processChecker checks a process object (config.md, Process), of a config.json or on its own.
type processChecker struct{ *checker }

// check checks the whole object and returns the values of it that are valid.
func (c processChecker) check(at location, oci *specs.Process) *Process {
	p := &Process{
		OCI: oci, Path: at.path(),
		Args: oci.Args, Cwd: cleanDirectory(oci.Cwd), Terminal: oci.Terminal, NoNewPrivs: oci.NoNewPrivileges,
		OOMScoreAdj: oci.OOMScoreAdj, AppArmor: oci.ApparmorProfile, SELinuxLabel: c.checkLabel(at.Dot("selinuxLabel"),
			oci.SelinuxLabel),
	}
	switch {
	case len(oci.Args) == 0:
		c.refuse(at.Dot("args"), "", "is required: the program and its arguments")
	case oci.Args[0] == "":
		// The text of a missing program: for it engines exit with status 127.
		c.refuse(at.DotAt("args", 0), "", `is empty: exec: "": executable file not found in $PATH`)
	}
	switch {
	case oci.Cwd == "":
		c.refuse(at.Dot("cwd"), "", "is required: the absolute path of the working directory, as the container sees it")
	case oci.Cwd[0] != '/':
		c.refuse(at.Dot("cwd"), oci.Cwd, "must be an absolute path")
	}
	if n := oci.OOMScoreAdj; n != nil && (*n < -1000 || *n > 1000) {
		c.refuse(at.Dot("oomScoreAdj"), strconv.Itoa(*n), "must be from -1000 to 1000")
	}
	c.checkConsole(at.Dot("consoleSize"), oci, p)
	p.Env = c.checkEnv(at.Dot("env"), oci.Env)
	c.checkUser(at.Dot("user"), &oci.User, p)
	p.Capabilities = c.checkCapabilities(at.Dot("capabilities"), oci.Capabilities, oci.User.UID == 0)
	p.Rlimits = c.checkRlimits(at.Dot("rlimits"), oci.Rlimits)
	c.checkScheduler(at.Dot("scheduler"), oci.Scheduler)
	c.checkIOPriority(at.Dot("ioPriority"), oci.IOPriority)
	if a := oci.ExecCPUAffinity; a != nil {
		one := at.Dot("execCPUAffinity")
		c.checkList(one.Dot("initial"), a.Initial)
		c.checkList(one.Dot("final"), a.Final)
	}
	return p
}

// cleanDirectory removes from an absolute path what changes nothing: repeated slashes, ".", and ".." of the root. Any
// other ".." stays: after a symbolic link it is the parent of the link's target (path_resolution(7)).
func cleanDirectory(path string) string {
	names := sys.Names(path)
	for len(names) > 0 && names[0] == ".." {
		names = names[1:]
	}
	return "/" + strings.Join(names, "/")
}

// checkConsole checks the size of the console, which must be ignored without a terminal. ioctl_tty(2) has 16 bits for
// each side.
func (c processChecker) checkConsole(at location, oci *specs.Process, p *Process) {
	size := oci.ConsoleSize
	if size == nil || !oci.Terminal {
		return
	}
	const most = 1<<16 - 1
	if size.Height > most {
		c.refuse(at.Dot("height"), strconv.FormatUint(uint64(size.Height), 10), "must be at most 65535")
	}
	if size.Width > most {
		c.refuse(at.Dot("width"), strconv.FormatUint(uint64(size.Width), 10), "must be at most 65535")
	}
	p.ConsoleRows, p.ConsoleCols = uint16(size.Height), uint16(size.Width)
}

// manyEnv is the number of variables above which a map finds duplicates faster than a scan of all of them.
const manyEnv = 64

// checkEnv checks an environment. Of a variable that is given twice the last value is used, at the position of the
// first: getenv(3) would find the first, and engines append what the user asked for to what the image says.
func (c processChecker) checkEnv(at location, list []string) []string {
	var index map[string]int
	if len(list) > manyEnv {
		index = make(map[string]int, len(list))
	}
	out := make([]string, 0, len(list))
	for i, v := range list {
		eq := strings.IndexByte(v, '=')
		if eq <= 0 {
			c.refuse(at.At(i), v, "must be NAME=VALUE")
			continue
		}
		j := findEnv(out, v[:eq+1], index)
		if j < 0 {
			j = len(out)
			out = append(out, v)
			if index != nil {
				index[v[:eq+1]] = j
			}
		}
		out[j] = v
	}
	return out
}

// findEnv returns the index in list of the variable that starts with name, which ends in "=", or -1. index, unless it
// is nil, maps the names of the whole list to their indices.
func findEnv(list []string, name string, index map[string]int) int {
	if index != nil {
		if j, ok := index[name]; ok {
			return j
		}
		return -1
	}
	for j, v := range list {
		if strings.HasPrefix(v, name) {
			return j
		}
	}
	return -1
}
