package attack

import "strings"

// Ids and capabilities.

var attacksOnRights = []attack{
	{
		name: "CVE-2022-29162", what: "inheritable capabilities, which a file of the image adds to",
		try: func(s *stage) string {
			if out, status := s.run("grep", "CapInh", "/proc/self/status"); status == 0 && !strings.Contains(out, "0000000000000000") {
				return out
			}
			return ""
		},
		// struct __user_cap_data_struct: effective, permitted, inheritable.
		without: []way{{edit: "data 1 4 0x2000042020000420 ^capset"}},
	},
}
