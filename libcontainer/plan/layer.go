package plan

import (
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// layers is the part that puts a layer over the root file system.
type layers struct{ mounter }

// Layer is a file system over root.path that stores every change, so that root.path stays as it is: the options
// --ephemeral and --overlay. The kernel merges two directories: Documentation/filesystems/overlayfs.rst.
type Layer struct {
	// Dir is the directory for the changes; "" is a tmpfs that ends with the container.
	Dir string
	// Size is the most that the tmpfs may hold, in the syntax of its option size; "" is the kernel's own limit, half of
	// the memory.
	Size string
	// Mode, UID and GID are those of root.path: the layer's own root directory is what the container sees as "/".
	Mode     uint32
	UID, GID uint32
	// Attrs are the MOUNT_ATTR_* of the mount that contains root.path. An overlay is a new mount, which would not have
	// them.
	Attrs uint64
}

// origin is the option that asks for the layer.
func (l *Layer) origin() string {
	if l.Dir != "" {
		return "--overlay"
	}
	return "--ephemeral"
}

// The names in the staging directory, a tmpfs in which the directories of the overlay are mounted.
const (
	lowerName   = "lower" // root.path
	changesName = "kept"  // Layer.Dir
	upperName   = "upper" // in the staging directory itself, or in Layer.Dir
	workName    = "work"
)

// layerByHost reports whether the first process makes the layer, with the rights that rt has on the host, instead of
// the root of the container's user namespace. Then the kernel's own attributes mark deleted files, as in the layers of
// an engine, all owners are preserved, and it works on any kernel.
func (c *input) layerByHost() bool {
	return c.opt.Layer != nil && c.spec.Namespaces.Has(unix.CLONE_NEWUSER) && c.host.MayMount
}

// checkHost refuses a layer that the container can't have.
func (c layers) checkHost() error {
	l := c.opt.Layer
	if l == nil {
		return nil
	}
	if !c.hasMountNamespace() {
		return &diag.Error{
			Kind: diag.Document, Field: l.origin(),
			Problem: "needs a container with mounts of its own: linux.namespaces lacks the mount namespace",
		}
	}
	if c.userAttributes() && l.Dir == "" && !c.host.Has(host.TmpfsUserXattr) {
		c.plan.Warnings = append(c.plan.Warnings,
			"--ephemeral: a tmpfs of this kernel can't mark a directory as new (Linux 6.6 can): where the container "+
				"deletes a directory of the image it can't make another one of that name; --overlay, with a "+
				"directory on a disk, has no such limit")
	}
	return nil
}

// userAttributes reports whether the layer marks deleted files with user.* attributes: in a user namespace nobody may
// write the trusted.* ones.
func (c *input) userAttributes() bool {
	return c.host.UserNS || c.spec.Namespaces.Has(unix.CLONE_NEWUSER) && !c.layerByHost()
}

// compileFirst makes the layer in the first process, in a mount namespace of its own.
func (c layers) compileFirst() {
	if !c.layerByHost() {
		return
	}
	c.call(c.opt.Layer.origin(), "create a mount namespace for the layer", nsenter.Unshare,
		nsenter.Flags(&nsenter.CloneFlags, unix.CLONE_NEWNS))
	c.compile()
}

// compile makes the overlay, in regRoot. The kernel takes its directories by name, from mounts that are attached in
// this namespace, and a path of the user's may contain characters that mean something else to it (a colon, a comma, a
// backslash). So all of them are mounted in a staging directory, under fixed names, and that is the working directory.
// It is unmounted when the overlay exists, which refers to its layers.
func (c layers) compile() {
	l := c.opt.Layer
	origin := l.origin()
	c.mountStaging(l)
	c.call("root.path", "clone the mount of the root file system", nsenter.OpenTree, nsenter.Cwd,
		nsenter.Str(c.spec.Rootfs),
		nsenter.Flags(&nsenter.OpenTreeFlags, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)).into(regTree)
	c.attachToStaging("root.path", lowerName)
	where := ""
	if l.Dir != "" {
		c.call(origin, "clone the mount of the directory that stores the changes", nsenter.OpenTree, nsenter.Cwd,
			nsenter.Str(l.Dir),
			nsenter.Flags(&nsenter.OpenTreeFlags, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)).into(regTree)
		c.attachToStaging(origin, changesName)
		c.makeDirs(l, regTree)
		where = changesName + "/"
	} else {
		c.makeDirs(l, regLayer)
	}
	c.call(origin, "configure a new overlay", nsenter.Fsopen, nsenter.Str("overlay"),
		nsenter.Flags(&nsenter.FsopenFlags, unix.FSOPEN_CLOEXEC)).into(regFS)
	set := func(sentence, key, value string) {
		c.fsconfig(origin, sentence, unix.FSCONFIG_SET_STRING, key, value)
	}
	set("set its source", "source", "overlay")
	c.fsconfig("root.path", "set lowerdir, which stays unchanged", unix.FSCONFIG_SET_STRING, "lowerdir", lowerName)
	set("set upperdir, which stores the changes", "upperdir", where+upperName)
	set("set workdir, which the overlay requires", "workdir", where+workName)
	if c.userAttributes() {
		c.fsconfig(origin, "mark deleted files with user.* attributes", unix.FSCONFIG_SET_FLAG,
			"userxattr", "")
	} else {
		set("allow the renaming of directories of the image", "redirect_dir", "on")
	}
	c.setLabel()
	c.fsconfig(origin, "create the file system", unix.FSCONFIG_CMD_CREATE, "", "")
	c.call(origin, "create a detached mount", nsenter.Fsmount, nsenter.Val(regFS),
		nsenter.Flags(&nsenter.FsmountFlags, unix.FSMOUNT_CLOEXEC),
		nsenter.Flags(&nsenter.MountAttrs, l.Attrs)).into(regRoot)
	c.call(origin, "unmount the temporary tmpfs: the overlay keeps its directories", nsenter.Umount2, nsenter.Str("."),
		nsenter.Flags(&nsenter.UmountFlags, unix.MNT_DETACH))
}

// mountStaging mounts a tmpfs over "/" and makes it the working directory. Paths of the host still resolve as before,
// since a path that starts with "/" does not enter what covers it.
func (c layers) mountStaging(l *Layer) {
	origin := l.origin()
	c.call(origin, "configure a temporary tmpfs for the directories of the layer", nsenter.Fsopen, nsenter.Str("tmpfs"),
		nsenter.Flags(&nsenter.FsopenFlags, unix.FSOPEN_CLOEXEC)).into(regFS)
	c.fsconfig(origin, "set its source", unix.FSCONFIG_SET_STRING, "source", "rt-layer")
	c.fsconfig(origin, "set its mode: only the owner may enter", unix.FSCONFIG_SET_STRING, "mode", "700")
	if l.Size != "" {
		c.fsconfig("--ephemeral-size", "limit its size to "+l.Size, unix.FSCONFIG_SET_STRING, "size", l.Size)
	}
	c.setLabel()
	c.fsconfig(origin, "create the file system", unix.FSCONFIG_CMD_CREATE, "", "")
	c.call(origin, "create a detached mount", nsenter.Fsmount, nsenter.Val(regFS),
		nsenter.Flags(&nsenter.FsmountFlags, unix.FSMOUNT_CLOEXEC), nsenter.Imm(0)).into(regLayer)
	if c.layerByHost() && c.contained() {
		c.keepFromHost()
	}
	c.attachAside(origin)
}

// attachAside covers "/" with the mount in regLayer, and makes that the working directory. The kernel does not mount
// anything on a detached mount.
func (c layers) attachAside(origin string) {
	if !c.contained() {
		c.keepFromHost()
	}
	c.call(origin, `attach it at "/", where no path lookup enters it`, nsenter.MoveMount, nsenter.Val(regLayer),
		nsenter.Str(""),
		nsenter.Cwd, nsenter.Str("/"), nsenter.Flags(&nsenter.MoveMountFlags, unix.MOVE_MOUNT_F_EMPTY_PATH))
	c.enter(origin, regLayer)
}

// keepFromHost makes "/" a mount whose changes do not propagate to the host.
func (c layers) keepFromHost() {
	c.call("linux.rootfsPropagation", "do not propagate mounts below /", nsenter.Mount, nsenter.Str(""),
		nsenter.Str("/"), nsenter.Null,
		nsenter.Flags(&nsenter.MountFlags, uintptr(unix.MS_SLAVE)), nsenter.Null)
}

// attachToStaging attaches the mount in regTree to a new directory of the staging directory.
func (c layers) attachToStaging(origin, name string) {
	c.call(origin, "make a directory for it", nsenter.Mkdirat, nsenter.Val(regLayer), nsenter.Str(name),
		nsenter.Flags(&nsenter.Octal, 0o700))
	c.call(origin, "attach it", nsenter.MoveMount, nsenter.Val(regTree), nsenter.Str(""), nsenter.Val(regLayer),
		nsenter.Str(name),
		nsenter.Flags(&nsenter.MoveMountFlags, unix.MOVE_MOUNT_F_EMPTY_PATH))
}

// makeDirs makes the two directories of the layer, unless an earlier container has left them. The directory for the
// changes gets mode and owner of root.path. The other is made last, and shows that both are complete: an rt that is
// killed in between leaves no root directory that only its owner may enter.
func (c layers) makeDirs(l *Layer, dir nsenter.Reg) {
	origin := l.origin()
	missing, there := c.newLabel(), c.newLabel()
	if l.Dir != "" {
		c.call(origin, "check whether an earlier container has completed it", nsenter.Faccessat, nsenter.Val(dir),
			nsenter.Str(workName),
			nsenter.Flags(&nsenter.AccessModes, unix.F_OK), nsenter.Imm(0)).then(there).onErrno(missing, unix.ENOENT)
	}
	c.mark(missing)
	c.call(origin, "make the directory for the changes", nsenter.Mkdirat, nsenter.Val(dir), nsenter.Str(upperName),
		nsenter.Flags(&nsenter.Octal, 0o700)).ignore(unix.EEXIST)
	if uid, gid, ok := c.owner(l); ok {
		c.call("root.path", "set its owner", nsenter.Fchownat, nsenter.Val(dir), nsenter.Str(upperName),
			nsenter.Imm(uid), nsenter.Imm(gid), nsenter.Imm(0))
	}
	c.call("root.path", "set its mode", nsenter.Fchmodat, nsenter.Val(dir), nsenter.Str(upperName),
		nsenter.Flags(&nsenter.Octal, l.Mode))
	c.call(origin, "make the work directory of the overlay", nsenter.Mkdirat, nsenter.Val(dir), nsenter.Str(workName),
		nsenter.Flags(&nsenter.Octal, 0o700))
	c.mark(there)
}

// owner returns the owner of root.path as an id of the process that makes the layer. In the container's user
// namespace the owner may have no id; then the layer belongs to its root.
func (c layers) owner(l *Layer) (uid, gid int64, ok bool) {
	const asItIs = -1
	if !c.spec.Namespaces.Has(unix.CLONE_NEWUSER) || c.layerByHost() {
		return int64(l.UID), int64(l.GID), true
	}
	uid, gid = asItIs, asItIs
	if inside, mapped := spec.ContainerID(l.UID, c.spec.UIDMappings); mapped {
		uid = int64(inside)
	}
	if inside, mapped := spec.ContainerID(l.GID, c.spec.GIDMappings); mapped {
		gid = int64(inside)
	}
	return uid, gid, uid != asItIs || gid != asItIs
}

// setLabel gives the file system in regFS the label of the container's files.
func (c layers) setLabel() {
	if c.spec.MountLabel != "" {
		c.fsconfig("linux.mountLabel", "set the label of its files", unix.FSCONFIG_SET_STRING, c.contextOption(),
			c.spec.MountLabel)
	}
}
