package libcontainer

import (
	"path/filepath"

	securejoin "github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/host"
	"rt/libcontainer/plan"
	"rt/spec"
)

// lookAtSources finds out what the sources of bind mounts are.
func (m *maker) lookAtSources() error {
	m.options.Sources = make([]plan.Source, len(m.spec.Mounts))
	for i := range m.spec.Mounts {
		mount := &m.spec.Mounts[i]
		if !mount.Bind || mount.Remount {
			if h := plan.StandIn(m.spec, &m.facts, mount); h != nil && mountedOnHost(h) {
				m.options.Sources[i] = plan.SourceHost
			}
			continue
		}
		if mount.CopySymlink && m.lookAtLink(i, mount) {
			continue
		}
		var st unix.Stat_t
		stat := unix.Stat
		if mount.SourceNoFollow {
			stat = unix.Lstat
		}
		err := stat(mount.Source, &st)
		switch {
		case sys.IsBelow(mount.Source, m.spec.Rootfs), err == unix.ENOENT &&
			m.leadsIntoRootfs(mount.Source), err == unix.ENOTDIR && m.leadsIntoRootfs(mount.Source):
			m.options.Sources[i] = plan.SourceLater
			continue
		case err != nil:
			e := diag.Sys("the source of the bind mount can't be used", "stat", err)
			e.Field, e.Value = mount.Field("source"), mount.Source
			e.Hint = diag.Hint("open_tree", e.Errno, "mounts")
			return e
		case st.Mode&unix.S_IFMT == unix.S_IFDIR:
			m.options.Sources[i] = plan.SourceDir
		default:
			m.options.Sources[i] = plan.SourceFile
		}
		if err := checkProc(mount); err != nil {
			return err
		}
		m.lookAtFlags(i, mount)
	}
	return nil
}

// checkProc refuses a bind mount at /proc of what is no procfs, as package spec refuses other file systems there.
func checkProc(mount *spec.Mount) error {
	if mount.Destination != "/proc" {
		return nil
	}
	var fs unix.Statfs_t
	if unix.Statfs(mount.Source, &fs) == nil && fs.Type == unix.PROC_SUPER_MAGIC {
		return nil
	}
	return &diag.Error{
		Kind: diag.Host, Field: mount.Field("source"), Value: mount.Source,
		Problem: "is no procfs, and can't be at /proc, where programs look for processes and believe what they read: bind one, or mount a new proc",
	}
}

// leadsIntoRootfs reports whether a path that leads to nothing leads there below root.path, where an earlier mount may
// bring what is missing.
func (m *maker) leadsIntoRootfs(path string) bool {
	root, err := filepath.EvalSymlinks(m.spec.Rootfs)
	if err != nil {
		return false
	}
	where, err := securejoin.SecureJoin("/", path)
	return err == nil && sys.IsBelow(where, root)
}

// lookAtLink notes what a source says that is a symbolic link, and reports whether it is one.
func (m *maker) lookAtLink(i int, mount *spec.Mount) bool {
	var text [unix.PathMax]byte
	n, err := unix.Readlink(mount.Source, text[:])
	if err != nil || n <= 0 || n == len(text) {
		return false
	}
	if m.options.Links == nil {
		m.options.Links = make([]string, len(m.spec.Mounts))
	}
	m.options.Links[i] = string(text[:n])
	return true
}

// lookAtFlags notes the flags of the mount that a source is in, where the plan needs them: see
// plan.Options.SourceFlags.
func (m *maker) lookAtFlags(i int, mount *spec.Mount) {
	if m.facts.Has(host.MountSetattr) || !mount.Flagged ||
		!m.facts.UserNS && !m.spec.Namespaces.Has(unix.CLONE_NEWUSER) {
		return
	}
	var fs unix.Statfs_t
	if unix.Statfs(mount.Source, &fs) != nil {
		return
	}
	if m.options.SourceFlags == nil {
		m.options.SourceFlags = make([]uintptr, len(m.spec.Mounts))
	}
	for _, f := range [...]struct {
		has  int64
		flag uintptr
	}{
		{unix.ST_RDONLY, unix.MS_RDONLY},
		{unix.ST_NOSUID, unix.MS_NOSUID},
		{unix.ST_NODEV, unix.MS_NODEV},
		{unix.ST_NOEXEC, unix.MS_NOEXEC},
	} {
		if fs.Flags&f.has != 0 {
			m.options.SourceFlags[i] |= f.flag
		}
	}
}
