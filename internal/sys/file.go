package sys

import "golang.org/x/sys/unix"

// IsSameFile reports whether two results of stat(2) are of one file: its device and inode.
func IsSameFile(a, b *unix.Stat_t) bool { return a.Dev == b.Dev && a.Ino == b.Ino }
