package cli

import (
	"rt/internal/diag"
	"rt/internal/jsonscan"
	"rt/libcontainer"
)

func doctorCommand() *Command {
	format := "table"
	return &Command{
		Name: "doctor", Min: 0, Max: 0,
		Summary: "check whether this machine can run containers",
		Description: []string{
			"Examines the kernel, the capabilities of the user, namespaces, id ranges, cgroups, security modules " +
				"and file systems, and prints what works, what does not, and what to do about it. The levels are " +
				"ok; limited: containers lack a feature; bad: containers can't run; and unknown: it could not be " +
				"determined.",
		},
		Flags: []Flag{
			formatFlag(&format, "table"),
		},
		Action: func(c *Call) error { return examine(c, format) },
		Examples: []Row{
			{"rt doctor", "Check this machine, for this user"},
			{"rt doctor --format json | jq '.[] | select(.level == \"bad\")'", "Print only the findings that " +
				"prevent containers from running"},
		},
		Exit: []Row{{"1", "containers can't run here: see the findings with level bad"}},
	}
}

func examine(c *Call, format string) error {
	if err := checkFormat(format, "table"); err != nil {
		return err
	}
	list := libcontainer.Examine()
	var text []byte
	if format == "json" {
		text = appendFindingsJSON(nil, list)
	} else {
		text = appendFindings(nil, list)
	}
	if _, err := c.Stdout.Write(text); err != nil {
		return err
	}
	if !libcontainer.CanRun(list) {
		return &diag.Error{Kind: diag.Host, Problem: "containers can't run on this machine"}
	}
	return nil
}

// appendFindings appends the findings, each with its advice on the next line.
func appendFindings(dst []byte, list []libcontainer.Diagnosis) []byte {
	subject := ""
	for _, f := range list {
		if f.Subject != subject {
			subject = f.Subject
			dst = append(append(dst, subject...), '\n')
		}
		dst = append(append(dst, "  "...), f.Level...)
		dst = append(dst, "        "[len(f.Level):]...)
		dst = appendWrapped(dst, f.Found, 10)
		if f.Advice != "" {
			dst = appendWrapped(append(dst, "          -> "...), f.Advice, 13)
		}
	}
	return dst
}

func appendFindingsJSON(dst []byte, list []libcontainer.Diagnosis) []byte {
	dst = append(dst, '[')
	for i, f := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = jsonscan.AppendString(append(dst, "\n{\"subject\":"...), f.Subject)
		dst = appendMember(dst, "level", string(f.Level))
		dst = appendMember(dst, "found", f.Found)
		dst = append(appendMember(dst, "advice", f.Advice), '}')
	}
	return append(dst, "\n]\n"...)
}
