package attack

import (
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Pids that a process of the host gets after one of the container.

func init() { add(attacksOnPids) }

var attacksOnPids = []attack{
	{
		name: "kill --all", what: "a pid of the container becomes one of the host before the signal",
		try: func(s *stage) string {
			defer s.mountCgroup2()() // where processes that are frozen can end
			s.without("pid")
			s.Config.unmount("/proc")
			pid := s.up("sh", "-c", "sleep 60 & wait")
			child := s.childOf(pid)
			// The pause stands for a container with so many cgroups that it takes long to list them.
			s.bare = true
			s.env = append(s.env, "RT_ATTACK_PAUSE="+s.dir+"/listed")
			done := make(chan struct{})
			go func() {
				defer close(done)
				s.rt("kill", "--all", s.id, "TERM")
			}()
			if !within(15*time.Second, func() bool { return exists(s.dir + "/listed") }) {
				s.t.Fatal("rt lists no processes")
			}
			must(s.t, unix.Kill(child, unix.SIGKILL))
			must(s.t, unix.Kill(pid, unix.SIGKILL)) // which waits for the child no more
			host := s.withPid(child)
			must(s.t, os.Remove(s.dir+"/listed"))
			<-done
			s.rt("delete", "--force", s.id)
			if host == nil {
				s.t.Skip("needs a pid that no other process takes first")
			}
			time.Sleep(200 * time.Millisecond)
			if !lives(child) {
				return "the process of the host is dead"
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/cgroup/kill.go", "	pidfds := make([]int, len(pids))\n",
			"	if file := os.Getenv(\"RT_ATTACK_PAUSE\"); file != \"\" {\n" +
				"		_ = os.WriteFile(file, nil, 0o644)\n" +
				"		for os.Getenv(\"RT_ATTACK_PAUSE\") != \"\" {\n" +
				"			if _, err := os.Stat(file); err != nil {\n" +
				"				os.Setenv(\"RT_ATTACK_PAUSE\", \"\")\n			}\n" +
				"			time.Sleep(time.Millisecond)\n		}\n	}\n" +
				"	pidfds := make([]int, len(pids))\n",
		}, {
			"libcontainer/cgroup/kill.go", "!member || pidfds[i] < 0 {", "!member && !OFF || pidfds[i] < 0 {",
		}}}},
	},
}

// lives reports whether a process has not ended: one that nobody has waited for still has a directory in /proc.
func lives(pid int) bool {
	_, err := os.Readlink(proc(pid, "exe"))
	return err == nil
}

// withPid starts a process of the host that has the pid of one that has ended, and returns nil if another one has it.
func (s *stage) withPid(pid int) *exec.Cmd {
	if !within(10*time.Second, func() bool { return !exists(proc(pid, "")) }) {
		s.t.Fatal("the process of the container is still there")
	}
	for range 200 {
		if exists(proc(pid, "")) {
			return nil
		}
		// The next pid: proc_sys_kernel(5). Each start takes a few.
		for before := pid - 1; before > pid-12 && !exists(proc(pid, "")); before-- {
			must(s.t, os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(before)), 0))
			cmd := exec.Command("/bin/sleep", "60")
			must(s.t, cmd.Start())
			if cmd.Process.Pid == pid {
				s.sub = append(s.sub, cmd)
				return cmd
			}
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	return nil
}
