package spec

import (
	"sort"

	"golang.org/x/sys/unix"
)

// option is the meaning of a word of mounts[].options. The zero row is a word that changes nothing, or is for mount(8)
// only.
type option struct {
	word string

	set, clear uint64  // MOUNT_ATTR_* of the mount
	recursive  bool    // set and clear are for the whole tree (Linux 5.12)
	flag       uintptr // MS_* to set for mount(2)
	unflag     uintptr // MS_* to clear
	super      bool    // flag belongs to the super block, and so means nothing to a bind
	kind       kind
}

// kind is what a word of mounts[].options asks for: flags of the mount, or something else.
type kind uint8

const (
	isFlag kind = iota
	isBind
	isPropagation
	isIDMap
	isTmpCopyUp
	isCopySymlink
	isSourceNoFollow
	isDestNoFollow
)

// The atime words are values of one field, not bits, and relatime is 0: a word that sets one clears the whole field
// first (mount_setattr(2)). The words that undo one restore the default of the kernel, which is relatime. So norelatime
// undoes nothing; mount(2) has ignored it since Linux 2.6.30. For the words that are not recursive see combineAtime.
const atimeMask = unix.MOUNT_ATTR__ATIME

// userAttrs is what mount(8) makes of user and users. Who may mount does not matter to a container, but the flags that
// they imply do.
const userAttrs = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC

// options has a row for each word of config.md#configLinuxMountOptions, and for those that mount(8) handles itself,
// sorted by word. A word without a row is for the file system.
var options = []option{
	{word: "_netdev"},
	{word: "async", unflag: unix.MS_SYNCHRONOUS, super: true},
	{word: "atime", clear: atimeMask, unflag: unix.MS_NOATIME},
	{word: "auto"},
	{word: "bind", kind: isBind, flag: unix.MS_BIND},
	{word: "copy-symlink", kind: isCopySymlink},
	{word: "defaults"},
	{word: "dest-nofollow", kind: isDestNoFollow},
	{word: "dev", clear: unix.MOUNT_ATTR_NODEV, unflag: unix.MS_NODEV},
	{word: "diratime", clear: unix.MOUNT_ATTR_NODIRATIME, unflag: unix.MS_NODIRATIME},
	{word: "dirsync", flag: unix.MS_DIRSYNC, super: true},
	{word: "exec", clear: unix.MOUNT_ATTR_NOEXEC, unflag: unix.MS_NOEXEC},
	{word: "group", set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV, flag: unix.MS_NOSUID | unix.MS_NODEV},
	{word: "idmap", kind: isIDMap},
	{word: "iversion", flag: unix.MS_I_VERSION, super: true},
	{word: "lazytime", flag: unix.MS_LAZYTIME, super: true},
	{word: "loud", unflag: unix.MS_SILENT, super: true},
	{word: "mand", flag: unix.MS_MANDLOCK, super: true},
	{word: "noatime", clear: atimeMask, flag: unix.MS_NOATIME},
	{word: "noauto"},
	{word: "nodev", set: unix.MOUNT_ATTR_NODEV, flag: unix.MS_NODEV},
	{word: "nodiratime", set: unix.MOUNT_ATTR_NODIRATIME, flag: unix.MS_NODIRATIME},
	{word: "noexec", set: unix.MOUNT_ATTR_NOEXEC, flag: unix.MS_NOEXEC},
	{word: "nofail"},
	{word: "noiversion", unflag: unix.MS_I_VERSION, super: true},
	{word: "nolazytime", unflag: unix.MS_LAZYTIME, super: true},
	{word: "nomand", unflag: unix.MS_MANDLOCK, super: true},
	{word: "norelatime", unflag: unix.MS_RELATIME},
	{word: "nostrictatime", clear: atimeMask, unflag: unix.MS_STRICTATIME},
	{word: "nosuid", set: unix.MOUNT_ATTR_NOSUID, flag: unix.MS_NOSUID},
	{word: "nosymfollow", set: unix.MOUNT_ATTR_NOSYMFOLLOW, flag: unix.MS_NOSYMFOLLOW},
	{word: "nouser"},
	{word: "owner", set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV, flag: unix.MS_NOSUID | unix.MS_NODEV},
	{word: "private", kind: isPropagation},
	{word: "ratime", recursive: true, clear: atimeMask},
	{word: "rbind", kind: isBind, flag: unix.MS_BIND | unix.MS_REC},
	{word: "rdev", recursive: true, clear: unix.MOUNT_ATTR_NODEV},
	{word: "rdiratime", recursive: true, clear: unix.MOUNT_ATTR_NODIRATIME},
	{word: "relatime", clear: atimeMask, flag: unix.MS_RELATIME},
	{word: "remount", flag: unix.MS_REMOUNT},
	{word: "rexec", recursive: true, clear: unix.MOUNT_ATTR_NOEXEC},
	{word: "ridmap", kind: isIDMap, recursive: true},
	{word: "rnoatime", recursive: true, clear: atimeMask, set: unix.MOUNT_ATTR_NOATIME},
	{word: "rnodev", recursive: true, set: unix.MOUNT_ATTR_NODEV},
	{word: "rnodiratime", recursive: true, set: unix.MOUNT_ATTR_NODIRATIME},
	{word: "rnoexec", recursive: true, set: unix.MOUNT_ATTR_NOEXEC},
	{word: "rnorelatime", recursive: true},
	{word: "rnostrictatime", recursive: true, clear: atimeMask},
	{word: "rnosuid", recursive: true, set: unix.MOUNT_ATTR_NOSUID},
	{word: "rnosymfollow", recursive: true, set: unix.MOUNT_ATTR_NOSYMFOLLOW},
	{word: "ro", set: unix.MOUNT_ATTR_RDONLY, flag: unix.MS_RDONLY},
	{word: "rprivate", kind: isPropagation},
	{word: "rrelatime", recursive: true, clear: atimeMask},
	{word: "rro", recursive: true, set: unix.MOUNT_ATTR_RDONLY},
	{word: "rrw", recursive: true, clear: unix.MOUNT_ATTR_RDONLY},
	{word: "rshared", kind: isPropagation},
	{word: "rslave", kind: isPropagation},
	{word: "rstrictatime", recursive: true, clear: atimeMask, set: unix.MOUNT_ATTR_STRICTATIME},
	{word: "rsuid", recursive: true, clear: unix.MOUNT_ATTR_NOSUID},
	{word: "rsymfollow", recursive: true, clear: unix.MOUNT_ATTR_NOSYMFOLLOW},
	{word: "runbindable", kind: isPropagation},
	{word: "rw", clear: unix.MOUNT_ATTR_RDONLY, unflag: unix.MS_RDONLY},
	{word: "shared", kind: isPropagation},
	{word: "silent", flag: unix.MS_SILENT, super: true},
	{word: "slave", kind: isPropagation},
	{word: "src-nofollow", kind: isSourceNoFollow},
	{word: "strictatime", clear: atimeMask, flag: unix.MS_STRICTATIME},
	{word: "suid", clear: unix.MOUNT_ATTR_NOSUID, unflag: unix.MS_NOSUID},
	{word: "symfollow", clear: unix.MOUNT_ATTR_NOSYMFOLLOW, unflag: unix.MS_NOSYMFOLLOW},
	{word: "sync", flag: unix.MS_SYNCHRONOUS, super: true},
	{word: "tmpcopyup", kind: isTmpCopyUp},
	{word: "unbindable", kind: isPropagation},
	{word: "user", set: userAttrs, flag: unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
	{word: "users", set: userAttrs, flag: unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
}

// findOption returns the row of a word, or nil.
func findOption(word string) *option {
	i := sort.Search(len(options), func(i int) bool { return options[i].word >= word })
	if i < len(options) && options[i].word == word {
		return &options[i]
	}
	return nil
}

// MountOptions returns the words that rt handles itself, sorted; all others are passed to the file system.
func MountOptions() []string {
	list := make([]string, len(options))
	for i := range options {
		list[i] = options[i].word
	}
	return list
}

// changesFlags reports whether the word sets or clears a flag of one mount or of its file system. A bind mount with
// such a word has exactly the flags that its options list (see Mount.Flagged).
func (o *option) changesFlags() bool {
	return !o.recursive && o.kind == isFlag && o.set|o.clear|uint64(o.flag)|uint64(o.unflag) != 0 &&
		o.flag&unix.MS_REMOUNT == 0
}

// combineAtime combines the words about atime. Each is a flag of its own for mount(2), which other runtimes use:
// strictatime wins over noatime, and noatime over relatime, in any order. An engine that adds noatime to the default
// /dev, which is strictatime, changes nothing.
func (m *Mount) combineAtime() {
	switch {
	case m.Flags&unix.MS_STRICTATIME != 0:
		m.AttrSet |= unix.MOUNT_ATTR_STRICTATIME
		m.Flags &^= unix.MS_NOATIME | unix.MS_RELATIME
	case m.Flags&unix.MS_NOATIME != 0:
		m.AttrSet |= unix.MOUNT_ATTR_NOATIME
		m.Flags &^= unix.MS_RELATIME
	}
}

// apply adds the meaning of a row to m. Of a word and its opposite the last one counts (mount(8), -o).
func (o *option) apply(m *Mount) {
	if o.recursive {
		m.RecSet = m.RecSet&^o.clear | o.set
		m.RecClear = m.RecClear&^o.set | o.clear
		return
	}
	m.AttrSet = m.AttrSet&^o.clear | o.set
	m.AttrClear = m.AttrClear&^o.set | o.clear
	m.Flags = m.Flags&^o.unflag | o.flag
	if o.super {
		m.SuperFlags = m.SuperFlags&^o.unflag | o.flag
	}
}
