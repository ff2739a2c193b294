package attack

import (
	"os"
	"strings"
)

// A volume that another container changes while rt copies it into a tmpfs, with the host's rights.

func init() { add(attacksOnCopies) }

// lookedUpAgain has tmpcopyup look up a name a second time when it knows its type, a moment later: on a busy machine
// nobody would change it between two calls.
var lookedUpAgain = patch{
	"libcontainer/copyup/copy.go", "	switch st.Mode & unix.S_IFMT {\n",
	"	if OFF && st.Mode&unix.S_IFMT != unix.S_IFLNK {\n" +
		"		_ = unix.Nanosleep(&unix.Timespec{Nsec: 5e6}, nil)\n		if again, err := " +
		"unix.Openat(from, name, unix.O_PATH|unix.O_CLOEXEC, 0); err == nil {\n" +
		"			defer func() { _ = unix.Close(again) }()\n			fd = again\n		}\n	}\n" +
		"	switch st.Mode & unix.S_IFMT {\n",
}

var attacksOnCopies = []attack{
	{
		name: "tmpcopyup", what: "a file is swapped for a link to one of the host's again and again",
		try: func(s *stage) string {
			s.copied(func(dir string) {
				must(s.t, os.WriteFile(dir+"/x", []byte("its own file\n"), 0o644))
				must(s.t, os.Symlink(s.victim+"/file", dir+"/x.link"))
			})
			return s.race(func() string {
				return s.copiedFromHost("for x in /volume/x /volume/x.link; do [ -L $x ] || cat $x; done", "intact")
			})
		},
		without: []way{{patches: []patch{lookedUpAgain}}},
	},
	{
		name: "tmpcopyup", what: "a directory is swapped for a link to one of the host's again and again",
		try: func(s *stage) string {
			s.copied(func(dir string) {
				must(s.t, os.Mkdir(dir+"/x", 0o755))
				must(s.t, os.Symlink(s.victim, dir+"/x.link"))
			})
			return s.race(func() string {
				return s.copiedFromHost("for x in /volume/x /volume/x.link; do [ -L $x ] || ls $x; done", "folder")
			})
		},
		without: []way{{patches: []patch{lookedUpAgain}}},
	},
	{
		name: "tmpcopyup", what: "a file is swapped for a FIFO again and again, and rt waits for who writes to it",
		try: func(s *stage) string {
			s.copied(func(dir string) {
				must(s.t, os.WriteFile(dir+"/x", []byte("its own file\n"), 0o644))
				must(s.t, makeFIFO(dir+"/x.link"))
			})
			return s.race(func() string { return waits(s.run("true")) })
		},
		without: []way{{patches: []patch{lookedUpAgain, {
			"libcontainer/copyup/file.go", "flags|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0)",
			"flags|unix.O_CLOEXEC|unix.O_NOCTTY|map[bool]int{false: unix.O_NONBLOCK}[OFF], 0)",
		}}}},
	},
	{
		name: "tmpcopyup", what: "a link to a file of the host's is copied as that file",
		try: func(s *stage) string {
			must(s.t, os.Mkdir(s.path("data"), 0o755))
			must(s.t, os.Symlink(s.victim+"/file", s.path("data/x")))
			s.Config.mount("/data", "tmpfs", "tmpfs", "tmpcopyup")
			return s.copiedFromHost("ls -ln /data; cat /data/x", "intact")
		},
		without: []way{{patches: []patch{{
			"libcontainer/copyup/copy.go", "Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: c.resolve,",
			"Flags: unix.O_PATH | map[bool]uint64{false: unix.O_NOFOLLOW}[OFF] | unix.O_CLOEXEC,\n" +
				"		Resolve: map[bool]uint64{false: c.resolve}[OFF],",
		}}}},
	},
}

// copied gives the container a volume in which x and x.link are exchanged again and again, and a tmpfs over it that
// gets a copy of it.
func (s *stage) copied(fill func(dir string)) {
	volume := s.dir + "/volume"
	must(s.t, os.Mkdir(volume, 0o755))
	fill(volume)
	s.background(swapper, volume+"/x", volume+"/x.link")
	s.Config.mount("/volume", "bind", volume, "rbind")
	s.Config.mount("/volume", "tmpfs", "tmpfs", "tmpcopyup")
}

// copiedFromHost runs a command in the container, and says whether it prints a word of the victim's.
func (s *stage) copiedFromHost(command, word string) string {
	if out, _ := s.run("sh", "-c", command); strings.Contains(out, word) {
		return "the container has a copy: " + out
	}
	return ""
}
