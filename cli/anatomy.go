package cli

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"rt/internal/diag"
	"rt/libcontainer"
)

func treeCommand() *Command {
	format, colour := "text", "auto"
	return &Command{
		Name: "tree", Args: "[container-id...]", Min: 0, Max: anyNumber, Complete: []Candidates{containers},
		Summary: "show containers with their processes, cgroups and namespaces",
		Description: []string{
			"Shows all containers, or the given ones: the processes as a tree, with their pids on the host, the " +
				"cgroups, and for each namespace whether it is the container's own, the host's, or shared with other " +
				"containers. All of it is read from the kernel, not from the config.",
		},
		Flags: []Flag{formatFlag(&format, "text"), colourFlag(&colour)},
		Action: func(c *Call) error {
			if err := checkFormat(format, "text"); err != nil {
				return err
			}
			if err := c.chooseColour(colour); err != nil {
				return err
			}
			return printTree(c, format)
		},
		Examples: []Row{
			{"rt tree", "Show all containers"},
			{"rt tree --format json web1 | jq '.[0].namespaces'", "Print the namespaces of web1"},
		},
	}
}

func printTree(c *Call, format string) error {
	all, result, err := c.Runtime.List(context.Background())
	if err := c.take(result, err); err != nil {
		return err
	}
	var list []*libcontainer.Anatomy // of all, since any may share a namespace
	for _, state := range all {
		if a, err := c.Runtime.Container(state.ID).Anatomy(context.Background()); err == nil {
			list = append(list, a)
		} else if slices.Contains(c.Args, state.ID) {
			return err
		}
	}
	var shown []*libcontainer.Anatomy
	for _, a := range list {
		if len(c.Args) == 0 || slices.Contains(c.Args, a.State.ID) {
			shown = append(shown, a)
		}
	}
	for _, id := range c.Args {
		if !slices.ContainsFunc(shown, func(a *libcontainer.Anatomy) bool { return a.State.ID == id }) {
			_, err := c.Runtime.Container(id).Anatomy(context.Background()) // which says why it is not there
			return err
		}
	}
	text := []byte(nil)
	if format == "json" {
		text, err = json.MarshalIndent(treeDocument(shown, list), "", "  ")
		text = append(text, '\n')
	} else {
		for i, a := range shown {
			if i > 0 {
				text = append(text, '\n')
			}
			text = c.appendAnatomy(text, a, list)
		}
	}
	if err != nil {
		return err
	}
	_, err = c.Stdout.Write(text)
	return err
}

// appendAnatomy appends a container with its cgroups, namespaces and processes.
func (c *Call) appendAnatomy(dst []byte, a *libcontainer.Anatomy, all []*libcontainer.Anatomy) []byte {
	dst = append(c.paint(dst, bold, a.State.ID), "  "+string(a.State.Status)+"\n"...)
	for i, path := range a.Cgroups {
		title := "            "
		if i == 0 {
			title = "  cgroup    "
		}
		dst = append(c.paint(dst, dim, title), diag.Printable(path)+"\n"...)
	}
	var own, host []string
	var shared []string
	for _, n := range a.Namespaces {
		switch with := sharedWith(n, a, all); {
		case !n.Own:
			host = append(host, n.Type)
		case with != nil:
			shared = append(shared, n.Type+" shared with "+strings.Join(with, ", "))
		default:
			own = append(own, n.Type)
		}
	}
	for _, line := range [][2]string{{"own", strings.Join(own, " ")}, {"host's", strings.Join(host, " ")}} {
		if line[1] != "" {
			shared = append(shared, line[1]+" "+line[0])
		}
	}
	if len(shared) > 0 {
		dst = append(c.paint(dst, dim, "  spaces    "), strings.Join(shared, "; ")+"\n"...)
	}
	return c.appendProcesses(dst, a.Processes, 0, "  ")
}

// sharedWith returns the ids of other containers that are in a namespace.
func sharedWith(n libcontainer.Namespace, a *libcontainer.Anatomy, all []*libcontainer.Anatomy) (ids []string) {
	for _, other := range all {
		if other != a && slices.ContainsFunc(other.Namespaces, func(m libcontainer.Namespace) bool {
			return m.Type == n.Type && m.Inode == n.Inode
		}) {
			ids = append(ids, other.State.ID)
		}
	}
	return ids
}

// appendProcesses appends the children of a process, each with its descendants; with parent 0, the processes whose
// parent is not in the container.
func (c *Call) appendProcesses(dst []byte, list []libcontainer.Process, parent int, indent string) []byte {
	var level []libcontainer.Process
	for _, m := range list {
		inside := slices.ContainsFunc(list, func(o libcontainer.Process) bool { return o.Pid == m.Parent })
		if m.Parent == parent && parent != 0 || parent == 0 && !inside {
			level = append(level, m)
		}
	}
	for i, m := range level {
		branch, below := "├─ ", "│  "
		if i == len(level)-1 {
			branch, below = "└─ ", "   "
		}
		dst = append(c.paint(dst, dim, indent+branch), strconv.Itoa(m.Pid)+" "...)
		dst = append(c.paint(dst, cyan, diag.Printable(m.Name)), '\n')
		if len(indent) < 200 { // the depth of a tree is the container's choice
			dst = c.appendProcesses(dst, list, m.Pid, indent+below)
		}
	}
	return dst
}

type treeNamespace struct {
	Type   string   `json:"type"`
	Inode  uint64   `json:"inode"`
	Own    bool     `json:"own"`
	Shared []string `json:"sharedWith,omitempty"`
}

type treeProcess struct {
	Pid    int    `json:"pid"`
	Parent int    `json:"parent"`
	Name   string `json:"name"`
}

type treeContainer struct {
	ID         string          `json:"id"`
	Status     string          `json:"status"`
	Cgroups    []string        `json:"cgroups"`
	Namespaces []treeNamespace `json:"namespaces"`
	Processes  []treeProcess   `json:"processes"`
}

func treeDocument(shown, all []*libcontainer.Anatomy) []treeContainer {
	list := make([]treeContainer, 0, len(shown))
	for _, a := range shown {
		t := treeContainer{ID: a.State.ID, Status: string(a.State.Status), Cgroups: a.Cgroups}
		for _, n := range a.Namespaces {
			t.Namespaces = append(t.Namespaces, treeNamespace{n.Type, n.Inode, n.Own, sharedWith(n, a, all)})
		}
		for _, m := range a.Processes {
			t.Processes = append(t.Processes, treeProcess(m))
		}
		list = append(list, t)
	}
	return list
}
