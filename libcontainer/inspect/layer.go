package inspect

import (
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/plan"
)

// LayerRequest asks for a layer over the root file system that takes all changes. The zero value asks for none.
type LayerRequest struct {
	Ephemeral bool
	Size      string // the most that an ephemeral layer may hold, as the tmpfs option size takes it; "" for no limit
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
			Problem: "keeps the changes and --ephemeral forgets them: choose one",
		}
	}
	if r.Size != "" && !isTmpfsSize(r.Size) {
		return nil, &diag.Error{
			Kind: diag.Usage, Field: "--ephemeral-size", Value: r.Size,
			Problem: "is no size: give bytes, or a number with k, m or g, or a part of the memory as 10%",
		}
	}
	var st unix.Stat_t
	var fs unix.Statfs_t
	err := unix.Stat(rootfs, &st)
	if err == nil {
		err = unix.Statfs(rootfs, &fs)
	}
	if err != nil {
		return nil, diag.Sys("the root file system can't be used", "statfs", err).At("root.path", rootfs)
	}
	l := &plan.Layer{
		Size: r.Size, Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid,
		Attrs: sys.MountAttrs(fs.Flags) &^ unix.MOUNT_ATTR_RDONLY, // the layer takes the changes
	}
	if r.Overlay != "" {
		if l.Dir, err = resolveOverlay(r.Overlay, rootfs); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// isTmpfsSize reports whether a tmpfs takes a size: tmpfs(5).
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
	var st unix.Stat_t
	switch err := unix.Stat(path, &st); {
	case err == unix.ENOENT:
		// rt makes it, but not its parent: a missing parent is more likely a mistake.
		parent, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			return wrong("its parent directory can't be used", err)
		}
		path = filepath.Join(parent, filepath.Base(path))
	case err != nil:
		return "", diag.Sys("can't be used", "stat", err).At("--overlay", dir)
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return wrong("is not a directory: name one for the changes, which rt makes if it is not there", nil)
	default:
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return wrong("", err)
		}
	}
	root, err := filepath.EvalSymlinks(rootfs)
	if err != nil {
		return "", &diag.Error{Kind: diag.Host, Field: "root.path", Value: rootfs, Err: err}
	}
	switch {
	case sys.IsBelow(path, root):
		return wrong("is in root.path, "+root+
			", which the changes are to be kept out of: choose a directory elsewhere", nil)
	case sys.IsBelow(root, path):
		return wrong("has root.path, "+root+", in it: the two must be apart, so choose another directory", nil)
	}
	return path, nil
}
