package cli

import (
	"context"
	"encoding/json"
	"strconv"

	"rt/internal/diag"
	"rt/libcontainer"
)

func auditCommand() *Command {
	format, colour := "text", "auto"
	brief := false
	return &Command{
		Name: "audit", Args: "<container-id>", Min: 1, Max: 1, Complete: []Candidates{containers},
		Summary: "compare what a container has with its config",
		Description: []string{
			"Reads from the kernel what a running container has now: users, capabilities, no_new_privs, seccomp " +
				"filters, labels, resource limits, namespaces and ID maps, the limits of its cgroup, mounts with " +
				"their flags and propagation, masked and read-only paths, and devices. What differs from its " +
				"config is a finding, marked with !.",
			"A finding need not be a fault: a program may give up capabilities, a hook may have mounted " +
				"something, and rt update changes limits. Of processes other than the first one, only rights that " +
				"the config does not give are findings. Kernel parameters (linux.sysctl) and host names are not " +
				"read. On cgroup v2 rt reads only whether there is a device filter, not its rules.",
			"rt trusts nothing that the container can write, and never waits for a file system that it serves (FUSE).",
		},
		Flags: []Flag{
			formatFlag(&format, "text"),
			{Name: "findings", To: &brief, Usage: "print only the findings"},
			colourFlag(&colour),
		},
		Action: func(c *Call) error {
			if err := checkFormat(format, "text"); err != nil {
				return err
			}
			if err := c.chooseColour(colour); err != nil {
				return err
			}
			return auditContainer(c, format, brief)
		},
		Examples: []Row{
			{"rt audit web1", "Show what web1 has, and what differs from its config"},
			{"rt audit --format json web1 | jq -r '.findings[].field'", "Print the fields of the config that differ"},
			{`# rt audit web1
process
  uid                    0
  gid                    0
  additional groups      -
  no_new_privs           yes
...`, ""},
		},
		Exit: []Row{{"1", "the container differs from its config"}},
	}
}

func auditContainer(c *Call, format string, brief bool) error {
	pid, list, err := c.container().Audit(context.Background())
	if err != nil {
		return err
	}
	var findings []libcontainer.Property
	for _, p := range list {
		if p.Finding != "" {
			findings = append(findings, p)
		}
	}
	if brief {
		list = findings
	}
	var text []byte
	if format == "json" {
		if text, err = json.MarshalIndent(auditOf(c.Args[0], pid, list, findings), "", "  "); err != nil {
			return err
		}
		text = append(text, '\n')
	} else {
		text = c.appendProperties(nil, list)
	}
	if _, err := c.Stdout.Write(text); err != nil {
		return err
	}
	if len(findings) == 0 {
		return nil
	}
	return &diag.Error{
		Kind:    diag.State,
		Problem: "the container is not as its config says: findings: " + strconv.Itoa(len(findings)),
	}
}

// appendProperties appends a line for each property, and below a finding a line with the value of the config.
func (c *Call) appendProperties(dst []byte, list []libcontainer.Property) []byte {
	const nameWidth = 22
	subject := ""
	for _, p := range list {
		if p.Subject != subject {
			subject = p.Subject
			dst = append(c.paint(dst, bold, subject), '\n')
		}
		mark, colour := "  ", dim
		if p.Finding != "" {
			mark, colour = "! ", red
		}
		name := diag.Printable(p.Name)
		dst = append(c.paint(dst, colour, mark+name), ' ')
		for i := len(name); i < nameWidth; i++ {
			dst = append(dst, ' ')
		}
		now := diag.Printable(p.Actual)
		if now == "" {
			now = "-"
		}
		dst = append(append(dst, now...), '\n')
		if p.Finding == "" {
			continue
		}
		line := "    " + diag.Printable(p.Finding)
		if p.Expected != "" || p.Field != "" {
			line += "; " + p.Field + " gives " + diag.Printable(nothingIfEmpty(p.Expected))
		}
		dst = append(c.paint(dst, red, line), '\n')
	}
	return dst
}

func nothingIfEmpty(text string) string {
	if text == "" {
		return "nothing of the kind"
	}
	return text
}

// The JSON form of an audit. It is stable.
type (
	auditProperty struct {
		Subject  string `json:"subject"`
		Name     string `json:"name"`
		Actual   string `json:"now"`
		Expected string `json:"wanted,omitempty"`
		Field    string `json:"field,omitempty"`
		Finding  string `json:"finding,omitempty"`
	}
	auditDocument struct {
		ID         string          `json:"id"`
		Pid        int             `json:"pid"`
		Properties []auditProperty `json:"properties"`
		Findings   []auditProperty `json:"findings"`
	}
)

func auditOf(id string, pid int, list, findings []libcontainer.Property) auditDocument {
	d := auditDocument{ID: id, Pid: pid, Properties: []auditProperty{}, Findings: []auditProperty{}}
	for _, p := range list {
		d.Properties = append(d.Properties, auditProperty(p))
	}
	for _, p := range findings {
		d.Findings = append(d.Findings, auditProperty(p))
	}
	return d
}
