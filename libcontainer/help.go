package libcontainer

import "rt/libcontainer/rootfs"

// Help is for the first line of a main function: it reports whether this process is a helper that a call of this
// library has started, and has done its work; then the program is to end. args is os.Args.
//
// A helper is the program once more, in /proc/self/exe. It works where the file system of a container may never
// answer, which a process can be given up for and a thread can't. Without a call of Help such work is done by a
// thread of the program, which stays behind if it gets no answer.
func Help(args []string) bool { return rootfs.Help(args) }
