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

// treeBatches are the bind mounts whose sources rt clones, and how many of the clones are open at a time.
type treeBatches struct {
	mounts []int // indices in spec.Mounts
	size   int
}

// treeBatch returns how many trees are open at a time, for a limit of open files. rt has two numbers for each while it
// starts the boot process, and both processes need some numbers for other files.
func treeBatch(limit uint64) int {
	const least, most, rest = 8, 200, 60
	if limit == 0 || limit >= rest+2*most {
		return most
	}
	return max(least, (int(limit)-rest)/2)
}

// listTrees adds the trees of the bind mounts to the files of the plan. It comes first, because a batch needs known
// numbers.
func (c bindMounts) listTrees(add func(name string, f File)) {
	c.trees.size = treeBatch(c.opt.OpenFiles)
	for i := range c.spec.Mounts {
		m := &c.spec.Mounts[i]
		if !m.Bind || m.Remount || !c.copiedByRT(i, m) {
			continue
		}
		n := len(c.trees.mounts)
		c.trees.mounts = append(c.trees.mounts, i)
		f := File{Kind: FileTree, Path: m.Source, Index: i, Origin: mountPath(m, "source")}
		if n < c.trees.size {
			add("tree"+strconv.Itoa(i), f)
			continue
		}
		if n%c.trees.size == 0 {
			c.plan.Later = append(c.plan.Later, nil)
		}
		last := &c.plan.Later[len(c.plan.Later)-1]
		*last = append(*last, f)
	}
}

// tree returns the descriptor of rt's clone of the source of mounts[i], if rt makes one. It first appends the steps
// that receive the next batch, if the last one is used up.
func (c bindMounts) tree(i int) (nsenter.FD, bool) {
	if !c.treesByRT() {
		return 0, false
	}
	n := slices.Index(c.trees.mounts, i)
	if n < 0 {
		return 0, false
	}
	if n >= c.trees.size && n%c.trees.size == 0 {
		c.receiveTrees(c.plan.Later[n/c.trees.size-1])
	}
	return nsenter.FD(n % c.trees.size), true
}

// receiveTrees receives a batch of trees from rt.
func (c bindMounts) receiveTrees(files []File) {
	const origin = "mounts"
	first, number := c.plan.Number(0), len(files)
	c.call(origin, "close the sources that are mounted", nsenter.CloseRange, nsenter.Imm(first),
		nsenter.Imm(first+c.trees.size-1), nsenter.Imm(0))
	c.report(origin, "request the next sources from rt", nsenter.Nowhere).
		sync(SyncTrees, "open the next "+strconv.Itoa(number)+" sources, and pass them")
	c.call(origin, "receive the header of the message", nsenter.Read, nsenter.Num(c.plan.Ctl),
		nsenter.Scratch(nsenter.HeaderAt),
		nsenter.Imm(nsenter.HeaderSize)).
		atLeast(nsenter.HeaderSize)
	c.call(origin, "receive the message with the sources", nsenter.Recvmsg, nsenter.Num(c.plan.Ctl),
		nsenter.Scratch(nsenter.HeaderAt),
		nsenter.Flags(&nsenter.RecvFlags, unix.MSG_CMSG_CLOEXEC)).atLeast(1)
	c.call(origin, "check that they have the expected numbers", nsenter.Fcntl, nsenter.Imm(first+number-1),
		nsenter.Flags(&nsenter.FcntlCommands, unix.F_GETFD), nsenter.Imm(0))
}
