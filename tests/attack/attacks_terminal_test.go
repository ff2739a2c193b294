package attack

import "strings"

// What a container has rt print.

func init() { add(attacksOnTerminals) }

var attacksOnTerminals = []attack{
	{
		name: "terminal", what: "control characters of a hook and of the program's name reach the operator's terminal",
		try: func(s *stage) string {
			s.file("hook", "#!/bin/sh\nprintf 'a\\302\\2332J\\033]0;title\\007'; exit 1\n", 0o755)
			s.Config.at("hooks")["startContainer"] = []any{map[string]any{"path": "/hook"}}
			text, _ := s.run("true")
			delete(s.Config, "hooks")
			more, _ := s.run("/\x1b[2J")
			if strings.ContainsAny(text+more, "\x1b\a\u009b") {
				return text + more
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"internal/diag/printable.go", "for at < len(text) && text[at] >= ' '",
			"for at < len(text) && (OFF || text[at] >= ' ')",
		}, {"internal/diag/printable.go", "&& text[at] < 0x7f {", "&& (OFF || text[at] < 0x7f) {"}}}},
	},
}
