package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// lack is something that rt needs of its environment and does not get, in amounts from nothing up to enough.
type lack struct {
	name string
	most int            // more than this is enough for every command
	says *regexp.Regexp // what an error of rt has to say of it
	// shell is what a shell does before it becomes rt; N is the amount.
	shell string
	// begin and end change the world around the command, and make it as it was.
	begin func(m *machine, n int) error
	end   func(m *machine) error
}

// died is what the runtime of Go says when it ends because it gets no thread or no memory: rt can't do it for it.
var died = regexp.MustCompile(`^(runtime: |fatal error: |failed to create new OS thread|.*pthread_create failed)`)

var lacks = []*lack{
	{
		name: "descriptors", most: 100, shell: "ulimit -n $N", // from 3 on: the shell has three itself
		says: regexp.MustCompile(`too many open files|ulimit -n`),
	},
	{
		name: "tasks", most: 16, says: regexp.MustCompile(`resource temporarily unavailable|pids`),
		shell: "echo $N >$PIDS/pids.max && echo $$ >$PIDS/cgroup.procs",
	},
	{
		name: "memory", most: 40, says: regexp.MustCompile(`memory|killed`),
		shell: `echo $((N * 256 + 256))K >"$MEMORY_LIMIT" && echo $$ >"${MEMORY_LIMIT%/*}/cgroup.procs"`,
	},
	{
		name: "blocks", most: 16, says: regexp.MustCompile(`no space left on device`),
		begin: (*machine).fillBlocks, end: (*machine).empty,
	},
	{
		name: "inodes", most: 12, says: regexp.MustCompile(`no space left on device`),
		begin: (*machine).fillInodes, end: (*machine).empty,
	},
	{
		name: "writes", most: 0, says: regexp.MustCompile(`read-only file system`),
		begin: func(m *machine, _ int) error { return m.remount(unix.MS_RDONLY) },
		end:   func(m *machine) error { return m.remount(0) },
	},
}

// starve has each command of each life meet each lack, in each amount, and says how many did. With most it is a sample.
func (m *machine) starve(most int) (count int) {
	if err := m.small(); err != nil {
		m.fail("a small state directory: %v", err)
		return 0
	}
	defer m.large()
	r := m.random(1 << 30)
	type meeting struct {
		kind    *kind
		command int
		lack    *lack
	}
	var all []meeting
	for _, k := range kinds {
		for i := range k.life {
			for _, l := range lacks {
				all = append(all, meeting{k, i, l})
			}
		}
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, e := range all {
		first, last := 0, e.lack.most
		if most >= 0 && most < len(all)*4 { // not all amounts
			first = r.IntN(last + 1)
			last = first
		}
		for n := first; n <= last; n++ {
			if count == most {
				return count
			}
			count++
			if enough := m.meet(e.kind, e.command, e.lack, n, count); enough {
				break
			}
			if n == last && first != last {
				m.fail("%s: rt %s: %s: even %d are not enough", e.kind.name, e.kind.life[e.command][0], e.lack.name, n)
			}
		}
	}
	return count
}

// meet lives a life whose command number at meets a lack. It reports whether the command has succeeded.
func (m *machine) meet(k *kind, at int, l *lack, n, number int) (enough bool) {
	id := 1<<21 + number
	where := fmt.Sprintf("%s: rt %s with %d %s", k.name, k.life[at][0], n, l.name)
	for _, words := range k.life[:at] {
		if out, err := m.run(m.words(k, id, words)...); err != nil {
			m.fail("%s: before it, rt %s: %v: %s", where, words[0], err, out)
		}
	}
	out, err := m.without(l, n, m.words(k, id, k.life[at]))
	enough = err == nil
	rest := k.life[at:]
	switch {
	case enough:
		rest = k.life[at+1:]
	case killed(err) || died.MatchString(out):
		rest = nil
	case !l.says.MatchString(out):
		m.fail("%s: %v, which does not say why: %s", where, err, out)
	case strings.Contains(out, "goroutine") || !strings.HasPrefix(out, "rt:"):
		m.fail("%s: no error of rt's: %s", where, out)
	case k.life[at][0] == "run" || k.life[at][0] == "create":
		if left := m.states(); len(left) > 0 {
			m.fail("%s: has failed, and left a state of %s: %s", where, left[0], out)
			rest = nil
		}
	case k.life[at][0] == "start":
		rest = nil // what has failed at its start can't be started again
	}
	for _, words := range rest {
		if text, err := m.run(m.words(k, id, words)...); err != nil {
			m.fail("%s: %s: after it, rt %s: %v: %s", where, strings.TrimSpace(out), words[0], err, text)
			break
		}
	}
	if text, err := m.run("delete", "--force", m.id(id)); err != nil {
		m.fail("%s: delete --force: %v: %s", where, err, text)
	}
	m.lookAfter(where)
	return enough
}

// killed reports whether a command was ended by a signal, or says that the boot process was.
func killed(err error) bool {
	e, ok := errors.AsType[*exec.ExitError](err)
	return ok && (e.ExitCode() == -1 || e.ExitCode() == 128+int(unix.SIGKILL))
}

// without runs a command that lacks something, and returns what it says.
func (m *machine) without(l *lack, n int, args []string) (text string, err error) {
	if l.begin != nil {
		if err := l.begin(m, n); err != nil {
			m.fail("%s: %v", l.name, err)
		}
	}
	cmd := m.command(args...)
	if l.shell != "" {
		said := l.shell + ` && exec "$0" "$@"`
		if l.name == "descriptors" {
			n += 3
		}
		cmd.Args = append([]string{"sh", "-c", said}, append([]string{m.rt}, cmd.Args[1:]...)...)
		cmd.Path, _ = exec.LookPath("sh")
		cmd.Env = append(os.Environ(), "N="+strconv.Itoa(n), "PIDS="+m.pids, "MEMORY_LIMIT="+m.memory)
	}
	text, err = m.wait(cmd, func(*os.Process) {})
	if l.end != nil {
		if err := l.end(m); err != nil {
			m.fail("%s: %v", l.name, err)
		}
	}
	return text, err
}

// tiny is the state directory of the containers that meet a lack: a file system of its own.
func (m *machine) tiny() string { return m.dir + "/tiny" }

// filler are the files that leave no room for others.
const filler = "/filler"

// small mounts the small state directory, and makes the cgroups with few tasks and little memory.
func (m *machine) small() error {
	if err := os.Mkdir(m.tiny(), 0o700); err != nil {
		return err
	}
	if err := unix.Mount("small", m.tiny(), "tmpfs", 0, "size=256k,nr_inodes=200,mode=700"); err != nil {
		return err
	}
	if err := os.Mkdir(m.tiny()+filler, 0o700); err != nil {
		return err
	}
	m.state = m.tiny() + "/state"
	m.mounts = mountTable()
	for _, c := range []struct {
		controller string
		to         *string
		files      []string
	}{{"pids", &m.pids, []string{""}}, {"memory", &m.memory, []string{"/memory.max", "/memory.limit_in_bytes"}}} {
		for _, parent := range []string{"/sys/fs/cgroup/" + c.controller, "/sys/fs/cgroup"} {
			dir := parent + "/soak-" + m.tag() + "-lack-" + c.controller
			if unix.Access(parent+"/cgroup.procs", unix.F_OK) != nil || os.Mkdir(dir, 0o755) != nil {
				continue
			}
			m.lacking = append(m.lacking, dir)
			for _, f := range c.files {
				if unix.Access(dir+f, unix.F_OK) == nil {
					*c.to = dir + f
				}
			}
			break
		}
		if *c.to == "" {
			return fmt.Errorf("this machine has no %s controller", c.controller)
		}
	}
	return nil
}

// large undoes small.
func (m *machine) large() {
	for _, dir := range m.lacking {
		if err := os.Remove(dir); err != nil {
			m.fail("left: %v", err)
		}
	}
	m.state = m.dir + "/state"
	if err := unix.Unmount(m.tiny(), 0); err != nil {
		m.fail("the small state directory is in use: %v", err)
	}
	m.mounts = mountTable()
}

// fillBlocks leaves n pages of the small state directory.
func (m *machine) fillBlocks(n int) error {
	f, err := os.Create(m.tiny() + filler + "/blocks")
	if err != nil {
		return err
	}
	defer f.Close()
	page := bytes.Repeat([]byte("x"), os.Getpagesize())
	size := 0
	for err == nil {
		_, err = f.Write(page)
		size += len(page)
	}
	if !errors.Is(err, unix.ENOSPC) {
		return err
	}
	return f.Truncate(int64(max(0, size-(n+1)*len(page))))
}

// fillInodes leaves n inodes of the small state directory.
func (m *machine) fillInodes(n int) error {
	made := 0
	for ; ; made++ {
		f, err := os.Create(m.tiny() + filler + "/" + strconv.Itoa(made))
		if errors.Is(err, unix.ENOSPC) {
			break
		}
		if err != nil {
			return err
		}
		_ = f.Close()
	}
	for i := range min(n, made) {
		if err := os.Remove(m.tiny() + filler + "/" + strconv.Itoa(i)); err != nil {
			return err
		}
	}
	return nil
}

// empty removes the filler.
func (m *machine) empty() error {
	files, err := os.ReadDir(m.tiny() + filler)
	for _, f := range files {
		err = errors.Join(err, os.Remove(m.tiny()+filler+"/"+f.Name()))
	}
	return err
}

func (m *machine) remount(flags uintptr) error {
	return unix.Mount("", m.tiny(), "", unix.MS_REMOUNT|flags, "")
}

// states are the containers that have a directory.
func (m *machine) states() (names []string) {
	list, _ := os.ReadDir(m.state)
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// lookAfter looks what a life has left.
func (m *machine) lookAfter(where string) {
	before := m.wrong
	m.where = where + ": "
	m.look()
	m.where = ""
	if m.wrong > before {
		m.clear()
	}
}

// clear removes what was left, so that it is not found again.
func (m *machine) clear() {
	for _, dir := range cgroups(m.tag()) {
		if !slices.Contains(m.lacking, dir) {
			_ = os.Remove(dir)
		}
	}
	for _, name := range m.states() {
		_ = os.RemoveAll(filepath.Join(m.state, name))
	}
}
