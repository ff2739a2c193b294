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
			{`# rt tree web1
web1  running
  cgroup      /sys/fs/cgroup/web1
  namespaces  own: pid mnt net ipc uts cgroup; host: user time
  └─ 18798 sleep`, ""},
		},
	}
}

// printTree prints the containers of the arguments, or all.
func printTree(c *Call, format string) error {
	all, err := c.anatomies()
	if err != nil {
		return err
	}
	shown := all
	if len(c.Args) > 0 {
		if shown, err = chosen(c, all); err != nil {
			return err
		}
	}
	var text []byte
	if format == "json" {
		text, err = json.MarshalIndent(treeDocument(shown, all), "", "  ")
		if err != nil {
			return err
		}
		text = append(text, '\n')
	} else {
		for i, a := range shown {
			if i > 0 {
				text = append(text, '\n')
			}
			text = c.appendAnatomy(text, a, all)
		}
	}
	_, err = c.Stdout.Write(text)
	return err
}

// anatomies returns the anatomy of each container, since any of them may share a namespace. It leaves out those that
// can't be read and are no arguments.
func (c *Call) anatomies() ([]*libcontainer.Anatomy, error) {
	states, result, err := c.Runtime.List(context.Background())
	if err := c.take(result, err); err != nil {
		return nil, err
	}
	var all []*libcontainer.Anatomy
	for _, state := range states {
		if a, err := c.Runtime.Container(state.ID).Anatomy(context.Background()); err == nil {
			all = append(all, a)
		} else if slices.Contains(c.Args, state.ID) {
			return nil, err
		}
	}
	return all, nil
}

// chosen returns the anatomies of the arguments, in the order of all.
func chosen(c *Call, all []*libcontainer.Anatomy) (list []*libcontainer.Anatomy, err error) {
	for _, id := range c.Args {
		if !slices.ContainsFunc(all, func(a *libcontainer.Anatomy) bool { return a.State.ID == id }) {
			_, err := c.Runtime.Container(id).Anatomy(context.Background()) // whose error has the reason
			return nil, err
		}
	}
	for _, a := range all {
		if slices.Contains(c.Args, a.State.ID) {
			list = append(list, a)
		}
	}
	return list, nil
}

// appendAnatomy appends a container with its cgroups, namespaces and processes.
func (c *Call) appendAnatomy(dst []byte, a *libcontainer.Anatomy, all []*libcontainer.Anatomy) []byte {
	dst = append(c.paint(dst, bold, a.State.ID), "  "+string(a.State.Status)+"\n"...)
	for i, path := range a.Cgroups {
		title := "              "
		if i == 0 {
			title = "  cgroup      "
		}
		dst = append(c.paint(dst, dim, title), diag.Printable(path)+"\n"...)
	}
	if text := namespacesText(a, all); text != "" {
		dst = append(c.paint(dst, dim, "  namespaces  "), text+"\n"...)
	}
	return c.appendProcesses(dst, a.Processes, 0, "  ")
}

// namespacesText returns the types of namespaces of a container, by who else is in them: "own: mnt pid; host: net;
// shared with db: ipc".
func namespacesText(a *libcontainer.Anatomy, all []*libcontainer.Anatomy) string {
	var own, host, shared []string
	for _, n := range a.Namespaces {
		switch others := sharedWith(n, a, all); {
		case !n.Own:
			host = append(host, n.Type)
		case others != nil:
			shared = append(shared, "shared with "+strings.Join(others, ", ")+": "+n.Type)
		default:
			own = append(own, n.Type)
		}
	}
	var groups []string
	if own != nil {
		groups = append(groups, "own: "+strings.Join(own, " "))
	}
	if host != nil {
		groups = append(groups, "host: "+strings.Join(host, " "))
	}
	return strings.Join(append(groups, shared...), "; ")
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
