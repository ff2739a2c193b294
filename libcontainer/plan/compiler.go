package plan

import (
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
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
	regTrace  // what tracing itself yields
	regResult // the result of a traced step that no other step uses
	regFree   // the first of those for mounts that are needed again: see keep
)

var registerNames = [regFree]string{
	"", "root", "target", "tree", "fs", "dir", "dev", "file", "proc", "null", "empty", "child", "socket", "master",
	"slave", "cwd", "layer",
	"keyring", "trace", "result",
}

// compiler is the state of a compilation.
type compiler struct {
	spec *spec.Spec
	host *host.Facts
	opt  *Options
	plan Plan

	part     uint8         // the part of the steps to come: see begin
	operands []nsenter.Arg // room for those of steps to come
	labels   []int         // index of the step that each label stands for
	jumps    []jump

	stayOpen []openMount // mounts that paths are restricted in: see keepBind
	readonly []openMount // mounts that become read-only once everything in them is made
	held     []heldMount // mounts that a later entry changes
	trees    []int       // the indices of the mounts whose sources rt opens: see trees.go
	batch    int         // how many of them rt passes at a time
	free     nsenter.Reg // the next free register
	reserved int         // registers that later mounts need, for their paths to be restricted
	joins    joins       // what is made in a container that exists already
	procOpen bool        // regProc is open
	nullOpen bool        // regNull is open
	mounted  int         // how many mounts of the config are made: see isMountPoint
	devMount int         // the mount of the config that regDev is, or -1

	caps      spec.Capabilities // exec: what the program gets
	extraCaps uint64            // exec: capabilities that the process needs until it executes the program
}

// joins says what the plan makes in a container that exists already.
type joins uint8

const (
	joinsNone    joins = iota // it makes the container
	joinsProcess              // a process: see exec.go
	joinsMount                // a mount: see add.go
)

// openMount is a mount that a register refers to.
type openMount struct {
	index       int // in spec.Mounts
	destination string
	origin      string
	reg         nsenter.Reg
	flags       uintptr // MS_*
}

type label int32

type jump struct {
	step int
	to   label
	then bool
}

// newLabel returns a label. A later call of mark says which step it stands for.
func (c *compiler) newLabel() label {
	c.labels = append(c.labels, -1)
	return label(len(c.labels) - 1)
}

// mark makes l stand for the next step.
func (c *compiler) mark(l label) { c.labels[l] = len(c.plan.Steps) }

// resolve turns labels into the indices of steps. A jump to the next step is no jump.
func (c *compiler) resolve() {
	for _, j := range c.jumps {
		target := c.labels[j.to]
		if target <= j.step || target >= len(c.plan.Steps) {
			panic("plan: step " + strconv.Itoa(j.step+1) + " jumps to a label that marks no later step")
		}
		s := &c.plan.Steps[j.step]
		if j.then {
			s.Then = int32(target)
		} else {
			s.Else = int32(target)
		}
	}
	c.jumps = nil
	for i := range c.plan.Steps {
		c.plan.Steps[i].Number = int32(i + 1)
	}
}

// step is a step that do has appended. Its methods say what the outcomes of the call mean.
type step struct {
	c     *compiler
	index int
}

// makeRoom makes room for the steps and jumps to come, as many as a plan like this hardly ever has: what is not used is
// memory that nobody touches, and costs nothing, where a slice that is too short costs a copy of all steps, and the
// page faults of a second one.
func (c *compiler) makeRoom() {
	const few = 138 // namespaces, root, process, rights
	const perMount, perPath, perDevice, perHierarchy = 13, 7, 24, 5
	n := few + perMount*len(c.spec.Mounts) + perPath*(len(c.spec.MaskedPaths)+len(c.spec.ReadonlyPaths)) +
		perDevice*len(c.spec.Devices) + perHierarchy*len(c.host.Hierarchies)
	c.plan.Steps = make([]nsenter.Step, 0, n)
	c.jumps, c.labels = make([]jump, 0, n/3), make([]int, 0, n/3)
	c.plan.Parts = make([]string, 0, 24)
}

// begin begins a part of the plan, with the heading under which its steps are printed.
func (c *compiler) begin(part string) {
	i := slices.Index(c.plan.Parts, part)
	if i < 0 {
		i = len(c.plan.Parts)
		c.plan.Parts = append(c.plan.Parts, part)
	}
	c.part = uint8(i)
}

// do appends a step. sentence says what it is for, origin which field of the config asks for it.
func (c *compiler) do(origin, sentence string, call nsenter.Call, args ...nsenter.Arg) step {
	// All operands share a few large blocks: an allocation for each step would touch twice the memory, and new memory
	// is what costs.
	if cap(c.operands)-len(c.operands) < len(args) {
		c.operands = make([]nsenter.Arg, 0, 256)
	}
	first := len(c.operands)
	c.operands = append(c.operands, args...)
	// A variable of their own: args itself must not escape, or the compiler of Go would put the arguments of each call
	// on the heap.
	own := c.operands[first:len(c.operands):len(c.operands)]
	c.plan.Steps = append(c.plan.Steps, nsenter.Step{
		Call: call, Args: own, Origin: origin, Sentence: sentence, Part: c.part,
	})
	return step{c, len(c.plan.Steps) - 1}
}

func (s step) at() *nsenter.Step { return &s.c.plan.Steps[s.index] }

// to stores the result in r.
func (s step) to(r nsenter.Reg) step {
	s.at().To = r
	return s
}

// ignore makes failures with errnos successes.
func (s step) ignore(errnos ...unix.Errno) step {
	s.at().Errnos = nsenter.ErrnosOf(errnos...)
	return s
}

// on goes to l after a failure with one of errnos.
func (s step) on(l label, errnos ...unix.Errno) step {
	s.at().Errnos = nsenter.ErrnosOf(errnos...)
	s.c.jumps = append(s.c.jumps, jump{s.index, l, false})
	return s
}

// then goes to l after a success.
func (s step) then(l label) step {
	s.c.jumps = append(s.c.jumps, jump{s.index, l, true})
	return s
}

// least makes a result below n a failure.
func (s step) least(n int32) step {
	s.at().Min = n
	return s
}

// retry repeats the call while it fails with EAGAIN: openat2(2) does while others rename directories.
func (s step) retry() step {
	s.at().Again = 255
	return s
}

// sync makes the step a sync point at which the supervisor does what the sentences say.
func (s step) sync(point SyncPoint, does ...string) step {
	s.at().Sync = &nsenter.SyncDetail{Point: point, Does: does}
	return s
}

// about sets the path in the container that a sync point is about.
func (s step) about(path string) step {
	s.at().Sync.Path = path
	return s
}

// keep reserves a register of its own for a mount; false if none is left. The registers of the mounts that paths are
// restricted in are reserved: see canRestrict.
func (c *compiler) keep(reserved bool) (nsenter.Reg, bool) {
	if c.free < regFree {
		c.free = regFree
	}
	if !reserved && int(c.free)+c.reserved >= nsenter.MaxReg {
		return nsenter.Nowhere, false
	}
	if reserved {
		c.reserved--
	}
	c.free++
	// All plans share the names, so they are copied first.
	c.plan.Regs = append(slices.Clip(c.plan.Regs), "mount"+strconv.Itoa(int(c.free-regFree)))
	return c.free - 1, true
}

// close closes a descriptor of which so many are opened that they might run out; the others are closed by letGo.
func (c *compiler) close(r nsenter.Reg) {
	const few = 256
	if len(c.spec.Mounts)+len(c.spec.Devices)+len(c.spec.MaskedPaths)+len(c.spec.Sysctl) > 80 ||
		c.opt.OpenFiles > 0 && c.opt.OpenFiles < few {
		c.do("", "", nsenter.Close, nsenter.Val(r)).ignore(unix.EBADF)
	}
}

// report appends a report to the supervisor of r's value.
func (c *compiler) report(origin, sentence string, r nsenter.Reg) step {
	return c.do(origin, sentence, nsenter.Writev, nsenter.Num(c.plan.Ctl), nsenter.ReportOf(r), nsenter.Imm(2))
}

// answer is the offset of the supervisor's answer in the scratch memory: behind the times of a trace.
const answer = 32

// await appends the wait for the supervisor's answer. A read of 0 bytes means that the supervisor has ended.
func (c *compiler) await(sentence string) step {
	return c.do("", sentence, nsenter.Read, nsenter.Num(c.plan.Ctl), nsenter.Scratch(answer), nsenter.Imm(1)).least(1)
}

// file returns the descriptor of the first file of a kind for which is is true.
func (c *compiler) file(is func(*File) bool) (nsenter.FD, bool) {
	for i := range c.plan.Files {
		if is(&c.plan.Files[i]) {
			return nsenter.FD(i), true
		}
	}
	return 0, false
}
