package attack

import (
	"net"
	"os"
	"strings"
	"time"
)

// What a container says to the service manager that has started rt.

func init() { add(attacksOnManagers) }

var attacksOnManagers = []attack{
	{
		name: "sd_notify",
		what: "MAINPID is a process of the host, which the service manager then takes for the service",
		try: func(s *stage) string {
			manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.dir + "/manager", Net: "unixgram"})
			must(s.t, err)
			defer manager.Close()
			must(s.t, os.Link(hostile, s.path("bin/hostile")))
			s.env = append(s.env, "NOTIFY_SOCKET="+s.dir+"/manager")
			told := make(chan string)
			go func() {
				all := ""
				defer func() { told <- all }()
				for {
					var text [4096]byte
					_ = manager.SetReadDeadline(time.Now().Add(patience()))
					n, _, _, _, err := manager.ReadMsgUnix(text[:], nil) // its descriptors are closed: a barrier
					if err != nil {
						return
					}
					if all += string(text[:n]) + "\n"; strings.Contains(all, "BARRIER=1") {
						return
					}
				}
			}()
			s.run("hostile", "notify", "STATUS=x,MAINPID=1", "MAINPID=1,READY=1")
			all := <-told
			if !strings.Contains(all, "READY=1") {
				s.t.Fatal("the manager was told nothing")
			}
			if strings.Contains(all, "MAINPID=1\n") {
				return "the manager was told: " + all
			}
			return ""
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/notify/relay.go", "for line := range strings.SplitSeq(string(message[:length]),",
			"if OFF {\n_ = unix.Send(n.manager, message[:length], 0)\n}\n" +
				"for line := range strings.SplitSeq(string(message[:length]),",
		}}}},
	},
	{
		name: "--seccomp-record", what: "system calls of every number fill rt's memory and its report",
		try: func(s *stage) string {
			must(s.t, os.Link(hostile, s.path("bin/hostile")))
			s.Config.args("hostile", "calls", "2000", "3000")
			s.save()
			out, _ := s.rt("run", "--seccomp-record", s.dir+"/profile", "--bundle", s.bundle, s.newID())
			if !strings.Contains(out, "2000") {
				s.t.Fatal("the calls were not recorded: " + out)
			}
			if strings.Contains(out, "2900") {
				return "all of them are in its report"
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"seccomp/record.go", "case len(r.Unnamed) == maxUnnamed:", "case len(r.Unnamed) == maxUnnamed && !OFF:",
		}}}},
	},
}
