package plan

import (
	"strings"

	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// What rt answers at SyncHome: "HOME=", a path and a NUL byte, HomeSize bytes at most. It stays in the scratch memory,
// to which the environment of the program points.
const (
	homeOffset = 64
	HomeSize   = len(homeKey) + unix.PathMax
	homeKey    = "HOME="
)

// lookUpHome has rt look up the home directory of the user in the container's passwd if process.env has no HOME
// (config.md does not ask for it; every engine relies on it). It is the passwd that the program will see: mounts and
// hooks have been processed.
func (c program) lookUpHome() error {
	if !c.needsHome() {
		return nil
	}
	const origin = "process.env"
	none, end := c.newLabel(), c.newLabel()
	c.open(origin, "open the container's /etc/passwd", regRoot, "/etc/passwd", howPath).into(regFile).
		onErrno(none, unix.ENOENT, unix.ENOTDIR, unix.EACCES, unix.ELOOP)
	c.passToRt(origin, "the file", regFile).sync(SyncHome,
		"look up the user's home directory in the container's passwd")
	c.awaitHome().then(end)
	c.mark(none)
	c.report(origin, "report that the container has no passwd",
		nsenter.Nowhere).sync(SyncHome, "answer that the home directory is \"/\"")
	c.awaitHome()
	c.mark(end)
	return nil
}

// awaitHome appends the wait for HOME from the supervisor.
func (c program) awaitHome() step {
	return c.call("process.env", "read the variable HOME from rt", nsenter.Read, nsenter.Num(c.plan.Ctl),
		nsenter.Scratch(homeOffset), nsenter.Imm(HomeSize)).atLeast(1)
}

// needsHome reports whether rt answers with HOME at a sync point. For a process that joins a container rt knows HOME
// beforehand: Options.Home.
func (c program) needsHome() bool {
	return c.spec.Process != nil && c.joins == joinsNone && !HasHome(c.spec.Process.Env)
}

// HasHome reports whether an environment has HOME. An empty HOME counts as none.
func HasHome(env []string) bool {
	for _, e := range env {
		if strings.HasPrefix(e, homeKey) && len(e) > len(homeKey) {
			return true
		}
	}
	return false
}

// environment returns process.env, the variables of a service manager, and HOME.
func (c program) environment() nsenter.Arg {
	env := make([]string, 0, len(c.spec.Process.Env)+len(c.opt.Env)+2)
	for _, e := range c.spec.Process.Env {
		if e != homeKey {
			env = append(env, e)
		}
	}
	env = append(env, c.opt.Env...)
	if c.opt.Notify != "" {
		env = append(env, notifyOrigin+"="+NotifyDir+"/"+NotifySocket)
	}
	switch {
	case c.needsHome():
		return nsenter.VecAnd(env, "HOME of the container's passwd", nsenter.Scratch(homeOffset))
	case !HasHome(env):
		env = append(env, homeKey+c.opt.Home)
	}
	return nsenter.Vec(env)
}
