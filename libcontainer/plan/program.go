package plan

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// program is the user's program: how it is found and executed.
type program struct{ *compiler }

// find looks process.args[0] up as execute will, so that a missing program makes create fail, as callers of runc
// expect.
func (c program) find() error {
	p := c.spec.Process
	if p == nil {
		return nil
	}
	const origin = "process.args[0]"
	found := c.newLabel()
	names := c.candidates()
	for i, name := range names {
		s := c.call(origin, "look for "+name, nsenter.Faccessat, nsenter.Cwd, nsenter.Str(name),
			nsenter.Flags(&nsenter.AccessModes, unix.X_OK), nsenter.Imm(0))
		if i < len(names)-1 {
			s.then(found).ignore(unix.ENOENT, unix.EACCES, unix.ENOTDIR, unix.ELOOP)
		}
	}
	c.mark(found)
	return nil
}

// candidates returns the paths that process.args[0] may mean: itself if it has a slash, else one in each directory of
// PATH in process.env.
func (c program) candidates() []string {
	if c.opt.Program != "" {
		return []string{c.opt.Program}
	}
	p := c.spec.Process
	name := p.Args[0]
	if strings.IndexByte(name, '/') >= 0 {
		return []string{name}
	}
	search := ""
	for _, e := range p.Env {
		if value, ok := strings.CutPrefix(e, "PATH="); ok {
			search = value
		}
	}
	var names []string
	for dir := range strings.SplitSeq(search, ":") {
		if dir == "" {
			dir = "." // an empty entry is the working directory
		}
		names = append(names, path.Join("./", dir, name))
		if dir[0] == '/' {
			names[len(names)-1] = path.Join(dir, name)
		} else {
			names[len(names)-1] = "./" + path.Join(dir, name)
		}
	}
	return names
}

// execute executes the user's program. Files earlier in PATH that can't be executed are skipped, as execvpe(3) does.
func (c program) execute() error {
	if c.spec.Process == nil {
		// rt start refuses such a container; this is for a start that is attempted all the same.
		c.call("process", "there is no program to start", nsenter.ExitGroup, nsenter.Imm(1))
		return nil
	}
	const origin = "process.args[0]"
	argv, env := nsenter.Vec(c.spec.Process.Args), c.environment()
	names := c.candidates()
	for i, name := range names {
		s := c.call(origin, "execute "+name, nsenter.Execve, nsenter.Str(name), argv, env)
		if i < len(names)-1 {
			s.ignore(unix.ENOENT, unix.EACCES, unix.ENOTDIR, unix.ELOOP)
		}
	}
	return nil
}

// executeHostBinary executes a program of the host: a sealed copy without a name, so that nothing in the container can
// reach or change the original. See execveat(2), AT_EMPTY_PATH.
func (c program) executeHostBinary() error {
	binary, _ := c.findFile(func(f *File) bool { return f.Kind == FileBinary })
	c.call("--host-binary", "execute the host's program", nsenter.Execveat, nsenter.Num(binary), nsenter.Str(""),
		nsenter.Vec(c.spec.Process.Args), c.environment(), nsenter.Flags(&nsenter.AtFlags, unix.AT_EMPTY_PATH))
	return nil
}
