package attack

import (
	"fmt"
	"strings"
)

// Ids and capabilities, and numbers that were read wrong.

func init() { add(attacksOnRights) }

var attacksOnRights = []attack{
	{
		name: "CVE-2022-29162", what: "inheritable capabilities, which a file of the image adds to",
		try: func(s *stage) string {
			if out, status := s.run("grep", "CapInh", "/proc/self/status"); status == 0 &&
				!strings.Contains(out, "0000000000000000") {
				return out
			}
			return ""
		},
		// struct __user_cap_data_struct: effective, permitted, inheritable.
		without: []way{{edit: "data 1 4 0x2000042020000420 ^capset.*set the capabilities of the program"}},
	},
	{
		name: "CVE-2022-29162", what: "exec --cap makes them inheritable",
		try: func(s *stage) string {
			s.up("sleep", "60")
			if out, status := s.rt("exec", "--cap", "CAP_NET_ADMIN", s.id, "grep", "CapInh",
				"/proc/self/status"); status == 0 && !strings.Contains(out, "0000000000000000") {
				return out
			}
			return ""
		},
		without: []way{{on: "exec", edit: "data 1 4 0x2000142020001420 ^capset.*set the capabilities of the program"}},
	},
	{
		name: "CVE-2016-8867", what: "a user who is not root has ambient capabilities",
		try: func(s *stage) string {
			s.Config.at("process")["user"] = map[string]any{"uid": 1000, "gid": 1000}
			if out, status := s.run("grep", "CapEff", "/proc/self/status"); status == 0 &&
				!strings.Contains(out, "0000000000000000") {
				return out
			}
			return ""
		},
		// As engines did that raised what was granted: PR_CAP_AMBIENT_RAISE of CAP_NET_BIND_SERVICE.
		without: []way{{edit: "data 1 4 0x2000042020000420 ^capset.*set the capabilities of the program\nset 1 2 " +
			"clear the ambient set\nset 2 10 clear the ambient set"}},
	},
	{
		name: "CVE-2016-3697", what: "a user of the image's passwd is called 1000, and is root",
		try: func(s *stage) string {
			s.Config.at("process")["user"] = map[string]any{"uid": 1000, "gid": 1000}
			s.file("etc/passwd", "1000:x:0:0:evil:/evil:/bin/sh\nroot:x:0:0:root:/root:/bin/sh\n", 0o644)
			s.file("etc/group", "1000:x:0:\n", 0o644)
			if out, status := s.run("sh", "-c", "echo $(id -u):$(id -g):$HOME"); status != 0 ||
				strings.TrimSpace(out) != "1000:1000:/" {
				return out
			}
			return ""
		},
		// rt never looks for a name; this one does, where it looks for the home directory.
		without: []way{{patches: []patch{{
			"libcontainer/rootfs/passwd.go", "	id, err := strconv.ParseUint(string(fields[idField]), 10, 32)\n",
			"	id, err := strconv.ParseUint(string(fields[idField]), 10, 32)\n	if OFF {\n		id, err = " +
				"strconv.ParseUint(string(fields[0]), 10, 32)\n	}\n",
		}}}},
	},
	{
		name: "CVE-2026-30892", what: "exec --user with numbers that are none is root",
		try: func(s *stage) string {
			s.up("sleep", "60")
			for _, user := range []string{"1 ", "0x1", "1e3", "1:", "4294967296", "-1", "user"} {
				if out, status := s.rt("exec", "--user", user, s.id, "id", "-u"); status == 0 &&
					strings.TrimSpace(out) == "0" {
					return fmt.Sprintf("--user %q is root", user)
				}
			}
			return ""
		},
		without: []way{{patches: []patch{
			{
				"cli/exec.go", "return uint32(n), err == nil && n != 1<<32-1",
				"return uint32(n), OFF || err == nil && n != 1<<32-1",
			},
			{"cli/exec.go", "if word[i] < '0' || word[i] > '9' {", "if !OFF && (word[i] < '0' || word[i] > '9') {"},
		}}},
	},
	{
		name: "CVE-2021-43784", what: "a plan that is too long for its numbers wraps",
		try: func(s *stage) string {
			// The last path is hidden by steps beyond 65535, the greatest number of 16 bits.
			var masked []string
			for i := range 13200 {
				masked = append(masked, fmt.Sprintf("/n%d", i))
			}
			s.file("secret", "hush", 0o644)
			s.Config.at("linux")["maskedPaths"] = append(masked, "/secret")
			out, status := s.run("cat", "/secret")
			if status != 0 || out != "" {
				return fmt.Sprintf("status %d: %.100s", status, out)
			}
			return ""
		},
		without: []way{{patches: []patch{
			{
				"nsenter/image.go", "		return uint32(i + 1)",
				"		if OFF {\n			return uint32(uint16(i + 1))\n		}\n		return uint32(i + 1)",
			},
			{
				"nsenter/image.go", "	return uint32(target)",
				"	if OFF {\n		return uint32(uint16(target))\n	}\n	return uint32(target)",
			},
		}}},
	},
}
