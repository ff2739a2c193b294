package checkpoint

import (
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/foreground"
	"rt/libcontainer/hostpath"
	"rt/libcontainer/plan"
	"rt/libcontainer/rootfs"
	"rt/spec"
)

// prepareMounts moves the calling thread to a new mount namespace, for CRIU, and creates missing mount points in the
// root file system, which an engine may have unpacked again since the checkpoint.
func (x *Restore) prepareMounts() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return diag.Sys("a mount namespace for criu can't be created", "unshare", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return diag.Sys("the mount namespace of criu can't be made private", "mount", err)
	}
	if !x.Spec.Namespaces.Has(unix.CLONE_NEWNS) {
		return nil
	}
	root, err := hostpath.Open(x.Spec.Rootfs, unix.O_DIRECTORY)
	if err != nil {
		return hostpath.LookUpError("the root file system can't be used", "openat2", err).At("root.path", x.Spec.Rootfs)
	}
	path := "/proc/thread-self/fd/" + strconv.Itoa(root)
	err = unix.Mount(path, path, "", unix.MS_BIND|unix.MS_REC, "")
	_ = unix.Close(root)
	if err != nil {
		return diag.Sys("the root file system can't be made a mount point", "mount", err).At("root.path", x.Spec.Rootfs)
	}
	return x.makeMountPoints()
}

// prepareImages opens the images. It runs in the thread of start: CRIU needs its working directory to be in its own
// mount namespace, because it attaches temporary mounts there.
func (x *Restore) prepareImages() (err error) {
	if x.images, err = openImages(&x.o.ImageOptions, x.Dir, false); err != nil {
		return err
	}
	x.request.ImagesDir, x.request.WorkDir = x.images.dir, x.images.work
	d, err := x.images.loadDescriptors()
	if err != nil {
		return err
	}
	if err := d.addTo(&x.request, x.passNull); err != nil {
		return err
	}
	return x.admitRoot()
}

// admitRoot gives the root of a new user namespace access to the directory of the images, which only its owner can
// search: CRIU opens some images in a process that has become this root. Until withdrawRoot is called, the directory
// has the group of this root, which can search it.
func (x *Restore) admitRoot() error {
	if x.Spec.Namespaces.New&unix.CLONE_NEWUSER == 0 {
		return nil
	}
	const others, group = 0o001, 0o010
	var st unix.Stat_t
	if err := unix.Fstat(x.images.dir, &st); err != nil || st.Mode&others != 0 {
		return nil
	}
	for _, g := range x.Spec.GIDMappings {
		if g.ContainerID != 0 {
			continue
		}
		err := unix.Fchown(x.images.dir, -1, int(g.HostID))
		if err == nil {
			err = unix.Fchmod(x.images.dir, st.Mode&0o7777&^0o070|group)
		}
		if err != nil {
			return diag.Sys("the container's root can't be given access to the images, which CRIU needs", "fchown",
				err).At("--image-path", x.o.ImagePath).WithHint("chmod o+x gives access to all users")
		}
		x.withdrawRoot = func() {
			_ = unix.Fchown(x.images.dir, -1, int(st.Gid))
			_ = unix.Fchmod(x.images.dir, st.Mode&0o7777)
		}
	}
	return nil
}

// makeMountPoints creates missing mount points of the config, as create does: below the root file system, with symbolic
// links followed inside it. A mount point in a bind mount is created in the source. One in a file system of the
// container is restored with its contents.
func (x *Restore) makeMountPoints() error {
	for i := range x.Spec.Mounts {
		m := &x.Spec.Mounts[i]
		if m.Remount {
			continue
		}
		root, path := x.Spec.Rootfs, m.Destination
		above := x.mountAbove(i)
		if above != nil && !above.Bind {
			continue
		}
		if above != nil {
			root = above.Source
			path, _ = sys.Below(m.Destination, above.Destination)
		}
		dir := !m.Bind || x.Sources[i] == plan.SourceDir
		if m.Bind && x.Sources[i] == plan.SourceLater {
			dir = isDirectory(m.Source)
		}
		if err := makeMountPoint(root, path, dir); err != nil {
			return hostpath.LookUpError("the mount point can't be made", "openat2", err).
				At(m.Field("destination"), m.Destination)
		}
	}
	return nil
}

// mountAbove returns the mount that the destination of mount i is in; nil for the root file system. If several earlier
// mounts are above it, the last one covers the others.
func (x *Restore) mountAbove(i int) (above *spec.Mount) {
	destination := x.Spec.Mounts[i].Destination
	for j := range x.Spec.Mounts[:i] {
		m := &x.Spec.Mounts[j]
		if rest, ok := sys.Below(destination, m.Destination); ok && rest != "" && !m.Remount {
			above = m
		}
	}
	return above
}

// makeMountPoint creates a directory or an empty file at path below the directory root, with its parents.
func makeMountPoint(root, path string, dir bool) error {
	fd, err := hostpath.Open(root, unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	return rootfs.MakeMountPoint(fd, path, dir, foreground.Interrupted)
}

// isDirectory reports whether a path of the host leads to a directory.
func isDirectory(path string) bool {
	fd, err := hostpath.Open(path, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	kind, err := hostpath.Type(fd)
	return err == nil && kind == unix.S_IFDIR
}

// runOnOwnThread calls f in a thread that ends afterwards: no other goroutine runs in the mount namespace that f
// enters. It is not the first thread of the process, which can't end, and whose namespaces are those in /proc/PID.
func runOnOwnThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // without an unlock the thread ends with the goroutine
		if unix.Gettid() == unix.Getpid() {
			runOnOwnThread(f) // in another thread, because this goroutine occupies the first one
			runtime.UnlockOSThread()
			return
		}
		f()
	}()
	<-done
}

// makeRootReadonly makes the root file system of the restored container read-only, if the config requires it. CRIU
// needs a writable root mount, and does not change its attributes. No process of the container runs yet.
func (x *Restore) makeRootReadonly() (err error) {
	if !x.Spec.RootReadonly || !x.Spec.Namespaces.Has(unix.CLONE_NEWNS) {
		return nil
	}
	namespace, err := unix.Open("/proc/"+strconv.Itoa(x.outcome.pid)+"/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return diag.Sys("the mounts of the container can't be opened", "open", err)
	}
	defer func() { _ = unix.Close(namespace) }()
	runOnOwnThread(func() { err = readonlyRoot(namespace) })
	if err != nil {
		return diag.Sys("the root file system can't be made read-only", "mount", err).At("root.readonly", "")
	}
	return nil
}

// readonlyRoot makes the root mount of a mount namespace read-only. It keeps the other flags of the mount.
func readonlyRoot(namespace int) error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return err
	}
	if err := unix.Setns(namespace, unix.CLONE_NEWNS); err != nil {
		return err
	}
	var fs unix.Statfs_t
	if err := unix.Statfs("/", &fs); err != nil {
		return err
	}
	flags := unix.MS_REMOUNT | unix.MS_BIND | unix.MS_RDONLY | sys.MountFlags(fs.Flags)
	return unix.Mount("", "/", "", flags, "")
}
