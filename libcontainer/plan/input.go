package plan

import (
	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/spec"
)

// input is what a plan is compiled from. Its methods answer questions about it. Nothing here depends on the steps.
type input struct {
	spec  *spec.Spec
	host  *host.Facts
	opt   *Options
	joins joins
}

// joins says what the plan adds to a container that already exists.
type joins uint8

const (
	joinsNone    joins = iota // it makes the container
	joinsProcess              // a process: see exec.go
	joinsMount                // a mount: see add.go
)

// unshared reports whether the container gets a new namespace of the type flag.
func (c *input) unshared(flag uintptr) bool { return c.spec.Namespaces.New&flag != 0 }

// inUserNamespace reports whether the container runs in another user namespace than the host's first one.
func (c *input) inUserNamespace() bool {
	return c.host.UserNS || c.spec.Namespaces.Has(unix.CLONE_NEWUSER)
}

// hasMountNamespace reports whether the mounts are the container's own, so that rt may change them.
func (c *input) hasMountNamespace() bool { return c.spec.Namespaces.Has(unix.CLONE_NEWNS) }
