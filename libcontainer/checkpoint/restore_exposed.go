package checkpoint

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/mounttable"
	"rt/spec"
)

// CRIU looks up the paths of the images in the host's file systems, before it changes the root. A user who can change
// the root file system after the checkpoint can redirect these paths: for example the container itself, which continues
// after --leave-running, can replace a directory by a symbolic link. rt therefore compares the restored mounts with the
// config while all processes are stopped.

// share is a directory or file of the host that the config gives to the container.
type share struct {
	major, minor int    // of the file system
	root         string // its path in the file system, as in mountinfo
	attrs        uint64 // MOUNT_ATTR_* that the config sets
	field        string
}

// checkExposed returns an error if the restored processes see more of the host's file systems than the config gives, or
// without its restrictions.
func (v *verifier) checkExposed(pids []int) error {
	if v.Spec.Namespaces.New&unix.CLONE_NEWNS == 0 {
		return nil
	}
	host, err := mounttable.Read(unix.Getpid())
	if err != nil {
		return err
	}
	shares := v.listShares(host)
	var seen []uint64
	for _, pid := range pids {
		proc := "/proc/" + strconv.Itoa(pid)
		st, err := mounttable.StatNoSync(unix.AT_FDCWD, proc+"/ns/mnt", 0)
		if err != nil {
			return diag.Sys("the mount namespace of a restored process can't be read", "statx", err)
		}
		if slices.Contains(seen, st.Ino) {
			continue
		}
		seen = append(seen, st.Ino)
		table, err := namespaceMounts(pid)
		if err != nil {
			return err
		}
		for _, e := range table {
			if err := v.checkMount(e, host, shares); err != nil {
				return err
			}
		}
	}
	return v.checkCovered(pids[0], host)
}

// checkCovered warns of masked paths that the restored container can read, and of readonly paths that it can write to:
// this machine may have files in /proc and /sys that the machine of the checkpoint lacked.
func (v *verifier) checkCovered(pid int, host []*mountinfo.Info) error {
	table, err := mounttable.Read(pid)
	if err != nil {
		return err
	}
	root, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return diag.Sys("the root file system of the container can't be opened", "open", err)
	}
	defer func() { _ = unix.Close(root) }()
	m := mounttable.Table{Mounts: table, Host: host}
	for _, p := range v.Spec.MaskedPaths {
		if at, err := m.Lookup(root, p); err == nil && at != nil && !at.Root {
			v.Log.Warn("linux.maskedPaths: the restored container can read " + p + ", which the images do not mask")
		}
	}
	for _, p := range v.Spec.ReadonlyPaths {
		if at, err := m.Lookup(root, p); err == nil && at != nil && missing(unix.MOUNT_ATTR_RDONLY, at.Options) != "" {
			v.Log.Warn("linux.readonlyPaths: the restored container can write to " + p)
		}
	}
	return nil
}

// checkMount checks one mount of the container.
func (v *verifier) checkMount(e *mountinfo.Info, host []*mountinfo.Info, shares []share) error {
	if !mounttable.OnHost(host, e) || v.mountsType(e.FSType) {
		return nil
	}
	var laxer *share
	for i := range shares {
		s := &shares[i]
		if s.major != e.Major || s.minor != e.Minor || !sys.IsBelow(strings.TrimSuffix(e.Root, "//deleted"), s.root) {
			continue
		}
		if missing(s.attrs, e.Options) == "" {
			return nil
		}
		laxer = s
	}
	if laxer != nil {
		return imagesError(laxer.field, "the restored mount "+e.Mountpoint+" is not "+missing(laxer.attrs, e.Options))
	}
	return imagesError("mounts", "the restored mount "+e.Mountpoint+" shows "+e.Root+" of the host's "+e.FSType+" "+
		strconv.Itoa(e.Major)+":"+strconv.Itoa(e.Minor))
}

// singleInstances are the types of file systems of which the kernel has one instance, or one for each namespace.
var singleInstances = []string{
	"binfmt_misc", "cgroup", "cgroup2", "configfs", "debugfs", "devtmpfs", "efivarfs", "fusectl", "mqueue", "proc",
	"pstore", "securityfs", "selinuxfs", "sysfs", "tracefs",
}

// mountsType reports whether the config mounts a file system of a type with a single instance, which the host mounts
// too.
func (v *verifier) mountsType(kind string) bool {
	return slices.Contains(singleInstances, kind) && slices.ContainsFunc(v.Spec.Mounts, func(m spec.Mount) bool {
		return !m.Bind && !m.Remount && (m.Type == kind || m.Type == "cgroup" && kind == "cgroup2")
	})
}

// missing returns the options for those restrictions of attrs that a mount lacks: "ro,nosuid".
func missing(attrs uint64, options string) string {
	has := strings.Split(options, ",")
	var names []string
	for _, r := range [...]struct {
		attr uint64
		name string
	}{
		{unix.MOUNT_ATTR_RDONLY, "ro"},
		{unix.MOUNT_ATTR_NOSUID, "nosuid"},
		{unix.MOUNT_ATTR_NODEV, "nodev"},
		{unix.MOUNT_ATTR_NOEXEC, "noexec"},
	} {
		if attrs&r.attr != 0 && !slices.Contains(has, r.name) {
			names = append(names, r.name)
		}
	}
	return strings.Join(names, ",")
}

// listShares lists what the config gives of the host's files: the root file system, bind mounts, and those of rt.
func (v *verifier) listShares(host []*mountinfo.Info) []share {
	shares := sharesOf(host, v.Spec.Rootfs, share{field: "root.path"}, true, 0)
	for _, e := range externalMounts(v.Spec, v.Facts.Hierarchies, v.Dir) {
		s := share{field: "mounts"}
		recursive := false
		var attrs uint64
		i := slices.IndexFunc(v.Spec.Mounts, func(m spec.Mount) bool {
			return m.Bind && m.Destination == e.label && m.Source == e.source
		})
		if i >= 0 {
			m := &v.Spec.Mounts[i]
			s.field, recursive, attrs = m.Field("options"), m.Recursive, m.RecSet
			s.attrs = v.Spec.FinalAttrs(i)
		}
		shares = append(shares, sharesOf(host, e.source, s, recursive, attrs)...)
	}
	return shares
}

// sharesOf returns the shares of a bind mount of source: s with its root, and with recursive one for each mount below
// source, with the restrictions below.
func sharesOf(host []*mountinfo.Info, source string, s share, recursive bool, below uint64) []share {
	fd, err := unix.Open(source, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil // a missing source is not mounted
	}
	defer func() { _ = unix.Close(fd) }()
	st, err := mounttable.StatNoSync(fd, "", unix.AT_EMPTY_PATH)
	if err != nil {
		return nil
	}
	var name [unix.PathMax]byte
	n, err := unix.Readlink("/proc/self/fd/"+strconv.Itoa(fd), name[:])
	e := mounttable.Find(host, int(st.Mnt_id))
	if err != nil || e == nil {
		return nil
	}
	resolved := string(name[:n])
	rest, ok := sys.Below(resolved, e.Mountpoint)
	if !ok {
		return nil
	}
	s.major, s.minor, s.root = e.Major, e.Minor, path.Join(e.Root, rest)
	shares := []share{s}
	if !recursive {
		return shares
	}
	for _, e := range host {
		if e.Mountpoint != resolved && sys.IsBelow(e.Mountpoint, resolved) {
			shares = append(shares, share{e.Major, e.Minor, e.Root, below, s.field})
		}
	}
	return shares
}

// namespaceMounts reads all mounts of the mount namespace of a process. /proc/PID/mountinfo lacks those that are not
// below the root of the process.
func namespaceMounts(pid int) (table []*mountinfo.Info, err error) {
	fail := func(call string, err error) error {
		return diag.Sys("the mounts of the restored container can't be read", call, err)
	}
	proc, err := unix.Open("/proc", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fail("open", err)
	}
	defer func() { _ = unix.Close(proc) }()
	namespace, err := unix.Openat(proc, strconv.Itoa(pid)+"/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fail("open", err)
	}
	defer func() { _ = unix.Close(namespace) }()
	runOnOwnThread(func() {
		if err = unix.Unshare(unix.CLONE_FS); err != nil {
			err = fail("unshare", err)
			return
		}
		if err = unix.Setns(namespace, unix.CLONE_NEWNS); err != nil {
			err = fail("setns", err)
			return
		}
		table, err = mounttable.ReadAt(proc, strconv.Itoa(unix.Gettid()))
	})
	return table, err
}
