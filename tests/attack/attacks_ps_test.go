package attack

import (
	"fmt"
	"strings"
)

// What rt prints of a container, as far as the container chooses it.

func init() { add(attacksOnPs) }

var attacksOnPs = []attack{
	{
		name: "ps", what: "a name of a process has spaces and a pid: its row is hidden, or one of another container",
		try: func(s *stage) string {
			other := s.up("sleep", "60")
			victim := s.id
			name := fmt.Sprintf("/x %d y", other)
			s.file(name, "#!/bin/sh\nwhile sleep 1; do :; done\n", 0o755)
			s.up(name)
			hidden, status := s.rt("ps", s.id, "-eo", "comm,pid")
			forged, _ := s.rt("ps", victim, "-eo", "comm,pid")
			switch {
			case strings.Contains(forged, name[1:]):
				return "the other container has the row " + forged
			case status == 0 && !strings.Contains(hidden, name[1:]):
				return "its own has none: " + hidden
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"cli/ps.go", "if !slices.ContainsFunc(", "if OFF || !slices.ContainsFunc(",
		}}}},
	},
}
