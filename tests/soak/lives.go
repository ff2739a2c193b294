package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// kind is a kind of container, and the commands of its life after `create` or `run`.
type kind struct {
	name   string
	change func(m *machine, c map[string]any)
	life   [][]string // ID stands for the container
}

var kinds = []*kind{
	{name: "run", change: short, life: [][]string{{"run", "--bundle", "BUNDLE", "ID"}}},
	{name: "create", life: [][]string{
		{"create", "--bundle", "BUNDLE", "ID"},
		{"state", "ID"},
		{"start", "ID"},
		{"kill", "ID", "KILL"},
		{"delete", "--force", "ID"},
	}},
	{name: "exec", life: [][]string{
		{"run", "--detach", "--bundle", "BUNDLE", "ID"},
		{"exec", "ID", "true"},
		{
			"exec", "--detach", "ID",
			"sleep", "1000",
		},
		{"ps", "ID"},
		{"delete", "--force", "ID"},
	}},
	{name: "hooks", change: hooks, life: [][]string{
		{"create", "--bundle", "BUNDLE", "ID"}, {"start", "ID"}, {"delete", "--force", "ID"},
	}},
	{name: "users", change: users, life: [][]string{
		{"run", "--detach", "--bundle", "BUNDLE", "ID"}, {"exec", "ID", "true"}, {"delete", "--force", "ID"},
	}},
	{name: "limits", change: limits, life: [][]string{
		{"run", "--detach", "--bundle", "BUNDLE", "ID"},
		{"update", "--pids-limit", "20", "ID"},
		{"pause", "ID"},
		{"resume", "ID"},
		{"delete", "--force", "ID"},
	}},
	{name: "layer", life: [][]string{
		{"run", "--detach", "--ephemeral", "--bundle", "BUNDLE", "ID"},
		{"exec", "ID", "sh", "-c", "echo >/tmp/file"},
		{"delete", "--force", "ID"},
	}},
	{name: "terminal", change: terminal, life: [][]string{
		{"create", "--console-socket", "CONSOLE", "--bundle", "BUNDLE", "ID"},
		{"start", "ID"},
		{"exec", "--tty", "--detach", "--console-socket", "CONSOLE", "ID", "sleep", "1000"},
		{"delete", "--force", "ID"},
	}},
	{name: "unstarted", life: [][]string{{"create", "--bundle", "BUNDLE", "ID"}, {"delete", "--force", "ID"}}},
}

// short ends at once.
func short(_ *machine, c map[string]any) { c["process"].(map[string]any)["args"] = []string{"true"} }

func hooks(m *machine, c map[string]any) {
	list := make(map[string]any)
	for _, when := range []string{"prestart", "createRuntime", "createContainer", "poststart", "poststop"} {
		list[when] = []any{map[string]any{"path": m.dir + "/rootfs/bin/busybox", "args": []string{"true"}}}
	}
	list["startContainer"] = []any{map[string]any{"path": "/bin/true", "args": []string{"true"}}}
	c["hooks"] = list
}

func users(_ *machine, c map[string]any) {
	linux := c["linux"].(map[string]any)
	linux["namespaces"] = append(linux["namespaces"].([]any), map[string]any{"type": "user"})
	ids := []any{map[string]any{"containerID": 0, "hostID": 100000, "size": 65536}}
	linux["uidMappings"], linux["gidMappings"] = ids, ids
}

func terminal(_ *machine, c map[string]any) { c["process"].(map[string]any)["terminal"] = true }

func limits(_ *machine, c map[string]any) {
	c["linux"].(map[string]any)["resources"] = map[string]any{"pids": map[string]any{"limit": 40}}
}

// live lets n containers live, some at once. Some of their commands are stopped for a while.
func (m *machine) live(n, atOnce int) {
	next := make(chan int)
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for i := range next {
				r := m.random(i)
				k := kinds[r.IntN(len(kinds))]
				for _, words := range k.life {
					run := m.run
					if r.IntN(8) == 0 {
						run = func(args ...string) (string, error) { return m.nap(r, args...) }
					}
					if out, err := run(m.words(k, i, words)...); err != nil {
						m.fail("container %d (%s): rt %s: %v: %s", i, k.name, words[0], err, out)
						_, _ = m.run("delete", "--force", m.id(i))
						break
					}
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
}

// kill runs n lives, and kills or stops one command of each at a random moment. Mostly a second command on the same
// container is under way. Then `delete --force` has to remove all.
func (m *machine) kill(n int) {
	for i := range n {
		i += 1 << 20 // other ids, other choices
		r := m.random(i)
		k := kinds[r.IntN(len(kinds))]
		victim := r.IntN(len(k.life))
		for _, words := range k.life[:victim] {
			if out, err := m.run(m.words(k, i, words)...); err != nil {
				m.fail("kill %d (%s): rt %s: %v: %s", i, k.name, words[0], err, out)
			}
		}
		m.strike(r, m.words(k, i, k.life[victim]), m.otherCommand(r, k, i))
		if out, err := m.run("delete", "--force", m.id(i)); err != nil {
			m.fail("kill %d (%s, at %s): delete --force: %v: %s", i, k.name, k.life[victim][0], err, out)
		}
	}
}

// strike starts a command, waits for less than it takes, and ends it. Meanwhile there may be another one, which may
// fail, and comes to its end.
func (m *machine) strike(r *rand.Rand, args, other []string) {
	cmd := m.command(args...)
	if err := cmd.Start(); err != nil {
		m.fail("start rt: %v", err)
		return
	}
	end := func(*os.Process) {
		time.Sleep(time.Duration(r.IntN(15000)) * time.Microsecond)
		if r.IntN(4) == 0 {
			_ = cmd.Process.Signal(unix.SIGSTOP)
			time.Sleep(time.Duration(r.IntN(10)) * time.Millisecond)
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	if other == nil {
		end(nil)
		return
	}
	_, _ = m.wait(m.command(other...), end)
}

// otherCommand is one that is under way at the same time: none, or a command of the same life, or the end of it.
func (m *machine) otherCommand(r *rand.Rand, k *kind, i int) []string {
	switch r.IntN(6) {
	case 0, 1:
		return []string{"delete", "--force", m.id(i)}
	case 2, 3:
		return m.words(k, i, k.life[r.IntN(len(k.life))])
	}
	return nil
}

// id is that of container i.
func (m *machine) id(i int) string { return fmt.Sprintf("soak-%s-%d", m.tag(), i) }

// words are a command of a life for container i.
func (m *machine) words(k *kind, i int, words []string) (list []string) {
	for _, word := range words {
		switch word {
		case "ID":
			word = m.id(i)
		case "BUNDLE":
			word = m.dir + "/" + k.name
		case "CONSOLE":
			word = m.console()
		}
		list = append(list, word)
	}
	return list
}

// run runs a command, and returns what it prints.
func (m *machine) run(args ...string) (string, error) {
	return m.wait(m.command(args...), func(*os.Process) {})
}

// nap stops a command at some moment, and continues it: it takes longer, and that is all.
func (m *machine) nap(r *rand.Rand, args ...string) (string, error) {
	return m.wait(m.command(args...), func(p *os.Process) {
		time.Sleep(time.Duration(r.IntN(15000)) * time.Microsecond)
		_ = p.Signal(unix.SIGSTOP)
		time.Sleep(time.Duration(r.IntN(20)) * time.Millisecond)
		_ = p.Signal(unix.SIGCONT)
	})
}

// wait starts a command, does something meanwhile, and waits for its end. None takes a minute. What it says goes to a
// file: the container has the descriptors, too, and a pipe would last as long as it.
func (m *machine) wait(cmd *exec.Cmd, meanwhile func(*os.Process)) (said string, err error) {
	file, err := os.CreateTemp(m.dir, "said")
	if err != nil {
		return "", err
	}
	defer func() {
		_ = file.Close()
		_ = os.Remove(file.Name())
	}()
	cmd.Stderr = file
	if err := cmd.Start(); err != nil {
		return "", err
	}
	late := time.AfterFunc(time.Minute, func() {
		m.fail("hangs: %v", cmd.Args)
		_ = cmd.Process.Kill()
	})
	meanwhile(cmd.Process)
	err = cmd.Wait()
	late.Stop()
	text, readErr := os.ReadFile(file.Name())
	return string(text), errors.Join(err, readErr)
}
