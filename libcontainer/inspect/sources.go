package inspect

import (
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/host"
	"rt/libcontainer/hostpath"
	"rt/libcontainer/plan"
	"rt/spec"
)

// sources are the sources of mounts: plan.Options.Sources, Links and SourceFlags. links and flags are nil if no mount
// has one.
type sources struct {
	kinds []plan.Source
	links []string
	flags []uintptr
}

// readSources examines the sources of bind mounts, and the file systems of the host that may be bind-mounted instead of
// a new mount.
func readSources(s *spec.Spec, facts *host.Facts) (*sources, error) {
	found := &sources{kinds: make([]plan.Source, len(s.Mounts))}
	for i := range s.Mounts {
		m := &s.Mounts[i]
		if !m.Bind || m.Remount {
			if h := plan.StandIn(s, facts, m); h != nil && mountedOnHost(h) {
				found.kinds[i] = plan.SourceHost
			}
			continue
		}
		if text := linkText(m); text != "" {
			if found.links == nil {
				found.links = make([]string, len(s.Mounts))
			}
			found.links[i] = text
			continue
		}
		kind, err := sourceKind(s.Rootfs, m)
		if err != nil {
			return nil, err
		}
		found.kinds[i] = kind
		if kind == plan.SourceLater {
			continue
		}
		if err := checkProc(m); err != nil {
			return nil, err
		}
		if !flagsNeeded(s, facts, m) {
			continue
		}
		if found.flags == nil {
			found.flags = make([]uintptr, len(s.Mounts))
		}
		found.flags[i] = mountFlags(m.Source)
	}
	return found, nil
}

// sourceKind returns the type of the source of a bind mount. An earlier mount may create a source below root.path.
func sourceKind(rootfs string, m *spec.Mount) (plan.Source, error) {
	if sys.IsBelow(m.Source, rootfs) {
		return plan.SourceLater, nil
	}
	kind, err := hostSourceKind(m)
	if (err == unix.ENOENT || err == unix.ENOTDIR) && leadsInto(rootfs, m.Source) {
		return plan.SourceLater, nil
	}
	return kind, sourceError(m, err)
}

// hostSourceKind returns the type of the host's file at the source of a bind mount.
func hostSourceKind(m *spec.Mount) (plan.Source, error) {
	var flags uint64
	if m.SourceNoFollow {
		flags = unix.O_NOFOLLOW
	}
	fd, err := hostpath.Open(m.Source, flags)
	if err != nil {
		return plan.SourceNone, err
	}
	defer func() { _ = unix.Close(fd) }()
	kind, err := hostpath.Type(fd)
	switch {
	case err != nil:
		return plan.SourceNone, err
	case kind == unix.S_IFDIR:
		return plan.SourceDir, nil
	}
	return plan.SourceFile, nil
}

// sourceError returns the error about a source whose look-up has failed with err; nil if err is nil.
func sourceError(m *spec.Mount, err error) error {
	if err == nil {
		return nil
	}
	e := hostpath.LookUpError("the source of the bind mount can't be used", "openat2", err)
	e = e.At(m.Field("source"), m.Source).WithHint(diag.Hint("open_tree", e.Errno, "mounts"))
	if e.Errno == unix.EACCES {
		return e.WithHint(hostpath.BlockedHint(m.Source))
	}
	return e
}

// AddedSource returns the type of the source of a bind mount that is added to a running container.
func AddedSource(m *spec.Mount) (plan.Source, error) {
	kind, err := hostSourceKind(m)
	if err != nil {
		return kind, sourceError(m, err)
	}
	return kind, checkProc(m)
}

// leadsInto reports whether a path that does not exist leads below root.path, where an earlier mount may create it.
func leadsInto(rootfs, path string) bool {
	root, err := hostpath.Resolve(rootfs)
	if err != nil {
		return false
	}
	resolved, err := hostpath.Resolve(path)
	return err == nil && sys.IsBelow(resolved, root)
}

// checkProc returns an error for a bind mount at /proc whose source is no procfs. Package spec refuses other types
// there.
func checkProc(m *spec.Mount) error {
	if m.Destination != "/proc" {
		return nil
	}
	if kind, err := fileSystemAt(m.Source); err == nil && kind == "proc" {
		return nil
	}
	return &diag.Error{
		Kind: diag.Host, Field: m.Field("source"), Value: m.Source,
		Problem: "is no procfs, and can't be mounted at /proc, whose contents programs trust: bind-mount a procfs, " +
			"or mount a new proc",
	}
}

// linkText returns the text of the symbolic link that is the source of a mount with copy-symlink; "" otherwise.
func linkText(m *spec.Mount) string {
	if !m.CopySymlink {
		return ""
	}
	text, err := hostpath.Readlink(m.Source)
	if err != nil || len(text) >= unix.PathMax {
		return ""
	}
	return text
}

// flagsNeeded reports whether the plan needs the flags of the mount that a source is in: see plan.Options.SourceFlags.
func flagsNeeded(s *spec.Spec, facts *host.Facts, m *spec.Mount) bool {
	return !facts.Has(host.MountSetattr) && m.Flagged && (facts.UserNS || s.Namespaces.Has(unix.CLONE_NEWUSER))
}

// mountFlags returns those MS_* flags of the mount that path is in which a user namespace can't clear.
func mountFlags(path string) (flags uintptr) {
	_, mount, err := mountAt(path, 0)
	if err != nil {
		return 0
	}
	const locked = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	return sys.MountFlags(sys.StatFlags(mount.Options)) & locked
}

// mountedOnHost reports whether the host mounts a file system of the kernel at its usual path. A procfs there is that
// of rt's pid namespace: with another one rt would not find its children, and fail.
func mountedOnHost(h *plan.HostMount) bool {
	var st unix.Statfs_t
	return unix.Statfs(h.Path, &st) == nil && st.Type == h.Magic
}
