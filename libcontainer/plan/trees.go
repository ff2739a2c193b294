package plan

import (
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// In a container with a user namespace rt opens a descriptor for each bind mount: see treesByRT. There may be more of
// them than a process may have open (RLIMIT_NOFILE in getrlimit(2)), so they are passed in batches. The first
// batch is inherited, at the lowest numbers after those of the user's program. When it is used up the boot process
// closes it, and the next batch gets the same numbers.

// treeBatch returns how many trees are open at a time, for a limit of open files. rt has two numbers for each while it
// starts the boot process, and both processes need some numbers for other files.
func treeBatch(limit uint64) int {
	const least, most, rest = 8, 200, 60
	if limit == 0 || limit >= rest+2*most {
		return most
	}
	return max(least, (int(limit)-rest)/2)
}

// treeFiles adds the trees of the bind mounts to the files of the plan. It comes first, because a batch needs known
// numbers.
func (c *compiler) treeFiles(add func(name string, f File)) {
	c.batch = treeBatch(c.opt.OpenFiles)
	for i := range c.spec.Mounts {
		m := &c.spec.Mounts[i]
		if !m.Bind || m.Remount || !c.copiedByRT(i, m) {
			continue
		}
		n := len(c.trees)
		c.trees = append(c.trees, i)
		f := File{Kind: FileTree, Path: m.Source, Index: i, Origin: mountPath(m, "source")}
		if n < c.batch {
			add("tree"+strconv.Itoa(i), f)
			continue
		}
		if n%c.batch == 0 {
			c.plan.Later = append(c.plan.Later, nil)
		}
		last := &c.plan.Later[len(c.plan.Later)-1]
		*last = append(*last, f)
	}
}

// tree returns the descriptor of rt's copy of the source of mounts[i], if rt makes one, and takes the next batch if the
// last one is used up.
func (c *compiler) tree(i int) (nsenter.FD, bool) {
	if !c.treesByRT() {
		return 0, false
	}
	n := slices.Index(c.trees, i)
	if n < 0 {
		return 0, false
	}
	if n >= c.batch && n%c.batch == 0 {
		c.takeTrees(c.plan.Later[n/c.batch-1])
	}
	return nsenter.FD(n % c.batch), true
}

// takeTrees takes a batch of trees from rt.
func (c *compiler) takeTrees(files []File) {
	const origin = "mounts"
	first, number := c.plan.Number(0), len(files)
	c.do(origin, "close the sources that are mounted", nsenter.CloseRange, nsenter.Imm(first),
		nsenter.Imm(first+c.batch-1), nsenter.Imm(0))
	c.report(origin, "request the next sources from rt", nsenter.Nowhere).
		sync(SyncTrees, "open the next "+strconv.Itoa(number)+" sources, and hand them over")
	c.do(origin, "receive the header of the message", nsenter.Read, nsenter.Num(c.plan.Ctl),
		nsenter.Scratch(nsenter.HeaderAt),
		nsenter.Imm(nsenter.HeaderSize)).
		least(nsenter.HeaderSize)
	c.do(origin, "receive the message with the sources", nsenter.Recvmsg, nsenter.Num(c.plan.Ctl),
		nsenter.Scratch(nsenter.HeaderAt),
		nsenter.Flags(&nsenter.RecvFlags, unix.MSG_CMSG_CLOEXEC)).least(1)
	c.do(origin, "check that they have the expected numbers", nsenter.Fcntl, nsenter.Imm(first+number-1),
		nsenter.Flags(&nsenter.FcntlCommands, unix.F_GETFD), nsenter.Imm(0))
}

// savedLimit is the offset in the scratch memory of the caller's limit of open files: struct rlimit, behind the
// supervisor's answer.
const savedLimit = answer + 8

// raiseOpenFiles raises the soft limit of open files to the hard one while the container is made; restoreOpenFiles
// restores the caller's. rt does not know that limit: Go's runtime has raised its own, and restores the caller's for
// the processes that it starts.
func (c *compiler) raiseOpenFiles() {
	if hard := c.opt.OpenFiles; hard != 0 {
		c.prlimit("", "raise the soft limit of open files", unix.RLIMIT_NOFILE, hard, hard, nsenter.Scratch(savedLimit))
	}
}

func (c *compiler) restoreOpenFiles() {
	if c.opt.OpenFiles == 0 {
		return
	}
	for i := range c.spec.Process.Rlimits {
		if c.spec.Process.Rlimits[i].Resource == unix.RLIMIT_NOFILE {
			return // the config sets it
		}
	}
	c.do("", "restore the caller's limit of open files", nsenter.Prlimit64, nsenter.Imm(0),
		nsenter.Flags(&nsenter.Rlimits, unix.RLIMIT_NOFILE),
		nsenter.Scratch(savedLimit), nsenter.Null)
}
