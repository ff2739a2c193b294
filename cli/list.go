package cli

import (
	"context"
	"os/user"
	"slices"
	"strconv"
	"time"

	"rt/internal/diag"
	"rt/libcontainer"
)

func listCommand() *Command {
	format, quiet := "table", false
	return &Command{
		Name: "list", Min: 0, Max: 0,
		Summary: "list the containers",
		Description: []string{
			"Lists all containers under --root, including those that have stopped.",
		},
		Flags: []Flag{
			{
				Name:     "format",
				Short:    "f",
				Value:    "FORMAT",
				To:       &format,
				Complete: oneOf("table", "json"),
				Usage:    "table or json (default: table)",
			},
			{Name: "quiet", Short: "q", To: &quiet, Usage: "print only IDs"},
		},
		Action: func(c *Call) error { return list(c, format, quiet) },
		Examples: []Row{
			{"rt list", "List the containers"},
			{"rt --root /run/containerd/runc/default list --format json", "List those of another root as JSON"},
			{`# rt list
ID          PID         STATUS      BUNDLE      CREATED                          OWNER
web1        18798       running     /srv/web    2026-11-30T04:13:24.004694418Z   root`, ""},
		},
		Files: []Row{{"/run/rt/", "the state of all containers; $XDG_RUNTIME_DIR/rt/ for an ordinary user"}},
	}
}

func list(c *Call, format string, quiet bool) error {
	if format != "table" && format != "json" {
		return &diag.Error{Kind: diag.Usage, Field: "--format", Value: format, Problem: "must be table or json"}
	}
	var text []byte
	if quiet {
		ids, result, err := c.Runtime.IDs(context.Background())
		if err := c.take(result, err); err != nil {
			return err
		}
		for _, id := range ids {
			text = append(append(text, id...), '\n')
		}
		_, err = c.Stdout.Write(text)
		return err
	}
	all, result, err := c.Runtime.List(context.Background())
	if err := c.take(result, err); err != nil {
		return err
	}
	owner := ownersOnce(owner)
	switch format {
	case "json":
		text = appendListJSON(nil, all, owner)
	default:
		text = appendListTable(nil, all, owner)
	}
	_, err = c.Stdout.Write(text)
	return err
}

// appendListJSON appends an array on one line; null if it is empty, as runc.
func appendListJSON(dst []byte, all []libcontainer.State, owner func(uint32) string) []byte {
	if len(all) == 0 {
		return append(dst, "null\n"...)
	}
	for i := range all {
		dst = append(dst, "[,"[min(i, 1)])
		dst = all[i].AppendJSON(dst, owner(all[i].Owner), true)
	}
	return append(dst, "]\n"...)
}

// appendListTable appends the columns of runc's list, which scripts split at spaces.
func appendListTable(dst []byte, all []libcontainer.State, owner func(uint32) string) []byte {
	rows := make([][6]string, 1, len(all)+1)
	rows[0] = [6]string{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}
	for i := range all {
		s := &all[i]
		rows = append(rows, [6]string{
			s.ID, strconv.Itoa(s.Pid), string(s.Status), diag.Printable(s.Bundle),
			s.Created.UTC().Format(time.RFC3339Nano),
			owner(s.Owner),
		})
	}
	width := [6]int{12 - 3, 12 - 3, 12 - 3, 12 - 3, 12 - 3}
	size := 0
	for i := range rows {
		for k := range width {
			width[k] = max(width[k], len(rows[i][k]))
		}
	}
	for _, w := range width {
		size += w + 3
	}
	dst = slices.Grow(dst, size*len(rows))
	for i := range rows {
		for k, cell := range rows[i][:5] {
			dst = append(dst, cell...)
			for range width[k] - len(cell) + 3 {
				dst = append(dst, ' ')
			}
		}
		dst = append(append(dst, rows[i][5]...), '\n')
	}
	return dst
}

// ownersOnce returns a function that asks owner once for each user: most containers of a host have the same.
func ownersOnce(owner func(uint32) string) func(uint32) string {
	names := make(map[uint32]string)
	return func(uid uint32) string {
		name, known := names[uid]
		if !known {
			name = owner(uid)
			names[uid] = name
		}
		return name
	}
}

// owner is the name of a user; "#" and the number if it has none.
func owner(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "#" + id
}
