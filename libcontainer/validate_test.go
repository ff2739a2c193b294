package libcontainer

import "testing"

func TestSplitWarning(t *testing.T) {
	for line, want := range map[string][3]string{
		`mounts[2].options[0] "bind": has no effect`: {"mounts[2].options[0]", "bind", "has no effect"},
		`process.noNewPrivileges: is off: unsafe`:    {"process.noNewPrivileges", "", "is off: unsafe"},
		`annotations["a: \"b\" c"] "d: e": unknown`:  {`annotations["a: \"b\" c"]`, "d: e", "unknown"},
		`annotations["a\": b"] "c": unknown`:         {`annotations["a\": b"]`, "c", "unknown"},
		`hooks.create-runtime "a\nb": late`:          {"hooks.create-runtime", "a\nb", "late"},
		`--ephemeral: a tmpfs can't`:                 {"", "", "--ephemeral: a tmpfs can't"},
		`the kernel is old: upgrade it`:              {"", "", "the kernel is old: upgrade it"},
		`root`:                                       {"", "", "root"},
		``:                                           {"", "", ""},
	} {
		var got [3]string
		got[0], got[1], got[2] = splitWarning(line)
		if got != want {
			t.Errorf("%s\ngot  %q\nwant %q", line, got, want)
		}
	}
}
