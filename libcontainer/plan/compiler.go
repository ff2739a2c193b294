package plan

import (
	"golang.org/x/sys/unix"

	"rt/internal/sys"
	"rt/nsenter"
)

// The registers of a plan. Most are reused: a mount's target is of no use once the mount is there.
const (
	regRoot   nsenter.Reg = iota + 1 // the root file system
	regTarget                        // the mount point of the present mount
	regTree                          // the present mount
	regFS                            // its file system context: fsopen(2)
	regDir                           // a directory in which something is made or looked up
	regDev                           // the container's /dev
	regFile                          // a file that is written to
	regProc                          // a procfs of our own, detached
	regNull                          // the host's /dev/null
	regEmpty                         // an empty read-only tmpfs
	regChild                         // the pid of the container's process, as the first process sees it
	regSocket                        // the loopback socket, the connection of `rt start`
	regMaster                        // the two ends of the terminal
	regSlave
	regCwd
	regLayer // the staging directory of a layer over the root file system
	regKeyring
	regTrace  // the results of the steps that a trace adds
	regResult // the result of a traced step that no other step uses
	regFree   // the first of the registers for mounts that are needed again: see reserveRegister
)

var registerNames = [regFree]string{
	"", "root", "target", "tree", "fs", "dir", "dev", "file", "proc", "null", "empty", "child", "socket", "master",
	"slave", "cwd", "layer",
	"keyring", "trace", "result",
}

// compiler is what all parts of a plan share: what the plan is compiled from, the steps so far, and what later parts
// have to know about earlier ones.
//
// A part of a plan, such as devices or rights, is a type that embeds the compiler and appends steps to it. Parts that
// mount something embed a mounter.
type compiler struct {
	input
	builder

	opened    openMounts
	trees     treeBatches
	mounted   sys.Latest // the destinations of the entries of mounts that are compiled: see isMountPoint
	procOpen  bool       // regProc is open
	masksMade bool       // regNull and regEmpty are open
	extraCaps uint64     // capabilities that a cloned process has until it executes the program: see execRights
}

// newCompiler returns the compiler of a plan with no steps yet.
func newCompiler(in input) *compiler {
	c := &compiler{input: in, opened: openMounts{dev: -1}}
	c.plan.Regs = registerNames[:]
	return c
}

// openMounts are the mounts to which registers refer until later steps have changed them. A name may lead elsewhere by
// then.
type openMounts struct {
	restricted []openMount      // paths in them are masked or become read-only: see restrictions
	readonly   []openMount      // they become read-only when everything in them is made
	remounted  []remountedMount // a later entry of mounts changes them: see remounts
	dev        int              // the index of the mount that regDev refers to, or -1
	free       nsenter.Reg      // the next free register
	reserved   int              // the number of registers that restricted mounts still need
}

// openMount is a mount that a register refers to.
type openMount struct {
	index       int // in spec.Mounts
	destination string
	origin      string
	reg         nsenter.Reg
	flags       uintptr // MS_*
}

// makeRoom makes room for more steps and jumps than a plan like this has. Memory that nobody touches costs nothing, but
// a slice that is too short costs a copy of all steps, and the page faults of a second one.
func (c *compiler) makeRoom() {
	const few = 138 // namespaces, root, process, rights
	perMount, perPath, perDevice, perHierarchy := 13, 7, 8, 5
	if c.closesEarly() {
		perMount, perPath = 18, 8
	}
	if c.inUserNamespace() {
		perDevice = 24 // a device is bound
	}
	n := few + perMount*len(c.spec.Mounts) + perPath*(len(c.spec.MaskedPaths)+len(c.spec.ReadonlyPaths)) +
		perDevice*len(c.spec.Devices) + perHierarchy*len(c.host.Hierarchies)
	c.plan.Steps = make([]nsenter.Step, 0, n)
	c.jumps, c.labels = make([]jump, 0, n/3), make([]int, 0, n/3)
	c.plan.Parts = make([]string, 0, 24)
}

// close closes a descriptor if the plan closes each as soon as possible. Otherwise closeDescriptors closes all.
func (c *compiler) close(r nsenter.Reg) {
	if c.closesEarly() {
		c.call("", "", nsenter.Close, nsenter.Val(r)).ignore(unix.EBADF)
	}
}

// closesEarly reports whether the plan opens so many descriptors that they might run out.
func (c *compiler) closesEarly() bool {
	const many, few = 80, 256
	return len(c.spec.Mounts)+len(c.spec.Devices)+len(c.spec.MaskedPaths)+len(c.spec.Sysctl) > many ||
		c.opt.OpenFiles > 0 && c.opt.OpenFiles < few
}

// finish turns the steps into a plan, and checks it.
func (c *compiler) finish() (*Plan, error) {
	c.resolve()
	if err := c.checkFilter(); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.opt.Trace {
		c.trace()
	}
	return &c.plan, nil
}
