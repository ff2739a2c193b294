package cli

import (
	"context"
	"encoding/json"
	"time"

	"rt/internal/diag"
	"rt/libcontainer"
)

func eventsCommand() *Command {
	stats, interval := false, "5s"
	return &Command{
		Name: "events", Args: "<container-id>", Min: 1, Max: 1, Complete: []Candidates{containers},
		Summary: "print the resource usage and OOM kills of a container",
		Description: []string{
			"Prints a line of JSON in every interval, {\"type\":\"stats\",\"id\":...,\"data\":...}, and " +
				"{\"type\":\"oom\",\"id\":...} whenever a process of the container is OOM-killed. It ends with the " +
				"container.",
			"Times are in nanoseconds, sizes in bytes. memory.raw has the values of memory.stat; psi is the pressure " +
				"stall information of a resource, on cgroup v2 (cgroups(7)).",
		},
		Flags: []Flag{
			{Name: "stats", To: &stats, Usage: "print the usage once, and exit"},
			{Name: "interval", Value: "DURATION", To: &interval, Usage: "time between two lines, such as 500ms, 5s " +
				"or 1m (default: 5s)"},
		},
		Action: func(c *Call) error { return printEvents(c, stats, interval) },
		Examples: []Row{
			{"rt events --stats web1 | jq .data.memory.usage", "Print the memory usage of web1"},
			{"rt events --interval 1s web1", "Print it every second"},
		},
	}
}

// intervalProblem is the problem of a value of --interval that is no positive duration.
const intervalProblem = "must be a duration greater than 0, such as 500ms, 5s or 1m"

func printEvents(c *Call, once bool, interval string) error {
	id := c.Args[0]
	if once {
		s, result, err := c.container().Stats(context.Background())
		if err := c.take(result, err); err != nil {
			return err
		}
		return c.event(id, "stats", s)
	}
	d, err := time.ParseDuration(interval)
	if err != nil || d <= 0 {
		return &diag.Error{
			Kind:    diag.Usage,
			Field:   "--interval",
			Value:   interval,
			Problem: intervalProblem,
		}
	}
	return c.take(c.container().Events(context.Background(), d, func(e libcontainer.Event) error {
		if e.Stats == nil {
			return c.event(id, "oom", nil)
		}
		return c.event(id, "stats", e.Stats)
	}))
}

// event prints one line of events. encoding/json is fast enough here: neither create nor exec calls it.
func (c *Call) event(id, kind string, s *libcontainer.Stats) error {
	line := struct {
		Type string `json:"type"`
		ID   string `json:"id"`
		Data any    `json:"data,omitempty"`
	}{kind, id, nil}
	if s != nil {
		line.Data = statsData(s)
	}
	return json.NewEncoder(c.Stdout).Encode(&line)
}
