package inspect

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/hostpath"
	"rt/libcontainer/plan"
)

// LayerRequest describes a layer over the root file system that stores all changes. The zero value is no layer.
type LayerRequest struct {
	Ephemeral bool
	Size      string // the maximum size of an ephemeral layer, as in the option size of tmpfs(5); "" is its default
	Overlay   string // the directory that stores the changes, instead of an ephemeral layer
}

// findLayer checks a request, and reads the properties of root.path that its layer copies. It returns nil without a
// request.
func findLayer(rootfs string, r *LayerRequest) (*plan.Layer, error) {
	if *r == (LayerRequest{}) {
		return nil, nil
	}
	if r.Overlay != "" && (r.Ephemeral || r.Size != "") {
		return nil, &diag.Error{
			Kind: diag.Usage, Field: "--overlay", Value: r.Overlay,
			Problem: "preserves the changes, and --ephemeral discards them: choose one",
		}
	}
	if r.Size != "" && !isTmpfsSize(r.Size) {
		return nil, &diag.Error{
			Kind: diag.Usage, Field: "--ephemeral-size", Value: r.Size,
			Problem: "must be a number of bytes, a number with k, m or g, or a part of the memory such as 10%",
		}
	}
	st, mount, err := mountAt(rootfs, unix.STATX_MODE|unix.STATX_UID|unix.STATX_GID)
	if err != nil {
		return nil, hostpath.LookUpError("the root file system can't be used", "statx", err).At("root.path", rootfs)
	}
	l := &plan.Layer{
		Size: r.Size, Mode: uint32(st.Mode) & 0o7777, UID: st.Uid, GID: st.Gid,
		Attrs: sys.MountAttrs(sys.StatFlags(mount.Options)) &^ unix.MOUNT_ATTR_RDONLY, // the layer is writable
	}
	if r.Overlay != "" {
		if l.Dir, err = resolveOverlay(r.Overlay, rootfs); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// isTmpfsSize reports whether text is a value of the option size: tmpfs(5).
func isTmpfsSize(text string) bool {
	digits := strings.TrimRight(text, "kKmMgG%")
	n, err := strconv.ParseUint(digits, 10, 63)
	return err == nil && n > 0 && len(text)-len(digits) <= 1
}

// resolveOverlay checks the directory of --overlay, which need not exist, and returns its path without symbolic links.
func resolveOverlay(dir, rootfs string) (string, error) {
	wrong := func(problem string, err error) (string, error) {
		return "", &diag.Error{Kind: diag.Usage, Field: "--overlay", Value: dir, Problem: problem, Err: err}
	}
	path, err := filepath.Abs(dir)
	if err != nil {
		return wrong("", err)
	}
	st, found, err := statHost(path)
	switch {
	case err == unix.ENOENT:
		// rt creates a missing directory, but not its parent: a missing parent is more likely a mistake.
		if st, found, err = statHost(filepath.Dir(path)); err != nil {
			return wrong("its parent directory can't be used", err)
		}
		path = filepath.Join(found, filepath.Base(path))
	case err != nil:
		return "", hostpath.LookUpError("can't be used", "openat2", err).At("--overlay", dir)
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return wrong("is not a directory: use one for the changes, which rt creates if it is missing", nil)
	default:
		path = found
	}
	if sys.HasServer(&st) {
		return wrong("is in a file system with a server (FUSE, or a network file system), which can't store the "+
			"changes of an overlay: choose a directory of a local file system", nil)
	}
	root, err := hostpath.Resolve(rootfs)
	if err != nil {
		return "", &diag.Error{Kind: diag.Host, Field: "root.path", Value: rootfs, Err: err}
	}
	switch {
	case sys.IsBelow(path, root):
		return wrong("is in root.path, "+root+", which must stay unchanged: choose a directory elsewhere", nil)
	case sys.IsBelow(root, path):
		return wrong("contains root.path, "+root+": choose a directory elsewhere", nil)
	}
	return path, nil
}

// statHost returns the attributes of a path of the host from the caches of the kernel, and the path without symbolic
// links.
func statHost(path string) (st unix.Statx_t, resolved string, err error) {
	fd, err := hostpath.Open(path, 0)
	if err != nil {
		return st, "", err
	}
	defer func() { _ = unix.Close(fd) }()
	if st, err = sys.StatNoSync(fd, "", unix.AT_EMPTY_PATH, unix.STATX_TYPE); err != nil {
		return st, "", err
	}
	resolved, err = os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	return st, resolved, err
}
