package libcontainer

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/libcontainer/diag"
	"rt/libcontainer/host"
	"rt/libcontainer/plan"
	"rt/libcontainer/state"
	"rt/nsenter"
	"rt/spec"
)

// saveSteps keeps what `rt start` needs to name a step that fails: a line for each step that is still to come, with its index, number, call, sync
// point, origin and sentence.
func (m *maker) saveSteps() error {
	var text []byte
	late := false
	for i := range m.plan.Steps {
		s := &m.plan.Steps[i]
		if late {
			text = append(strconv.AppendInt(text, int64(i), 10), '\t')
			text = append(strconv.AppendInt(text, int64(s.Number), 10), '\t')
			for _, word := range [...]string{s.Call.String(), s.Sync, s.Origin} {
				text = append(append(text, word...), '\t')
			}
			text = append(append(text, s.Sentence...), '\n')
		}
		late = late || s.Sync == plan.SyncReady
	}
	return m.container.SaveSteps(text)
}

// lateStep finds step index in what saveSteps wrote.
func lateStep(text []byte, index int) (*failedStep, string) {
	const fields = 6
	want := strconv.Itoa(index)
	for line := range bytes.Lines(text) {
		f := bytes.SplitN(bytes.TrimSuffix(line, []byte("\n")), []byte("\t"), fields)
		if len(f) == fields && string(f[0]) == want {
			number, _ := strconv.Atoi(string(f[1]))
			return &failedStep{Number: number, Call: string(f[2]), Origin: string(f[4]), Sentence: string(f[5])}, string(f[3])
		}
	}
	return &failedStep{Number: index + 1}, ""
}

// Start lets a created container become the user's program, and returns when it has: a program that can't be executed is an error here.
func (r *Runtime) Start(id string) error {
	o, err := r.openFor(state.Start, id, true)
	if err != nil {
		return err
	}
	defer o.close()
	config, err := loadCopy(o.container, o.state)
	if err != nil {
		return err
	}
	if config.Process == nil {
		return &diag.Error{Kind: diag.Document, Field: "process", Problem: "is absent from config.json: the container can't be started, only deleted"}
	}
	steps, err := o.container.Steps()
	if err != nil {
		return err
	}
	m := &maker{r: r, id: id, o: &CreateOptions{}, spec: config, state: *o.state, pid: o.state.Pid, container: o.container, root: o.root, console: -1}
	if m.relay, err = r.newRelay(o.container); err != nil {
		return err
	}
	defer m.relay.close()
	if m.boot, err = connect(o.container, o.state.Pid); err != nil {
		return err
	}
	defer m.boot.Close()
	if err := m.serveLate(steps); err != nil {
		m.ended()
		return err
	}
	if err := m.afterStart(); err != nil {
		m.ended()
		return err
	}
	return m.waitReady()
}

// ended waits until the process of a container that could not be started is gone: it reports its failing step, or is killed, a moment before it
// ends, and engines delete the container as soon as they know. Docker, told that it runs, leaves it behind for good.
func (m *maker) ended() {
	m.boot.Close()
	if pidfd := openProcess(&m.state); pidfd >= 0 {
		waitEnd(pidfd, patience)
		_ = unix.Close(pidfd)
	}
}

// connect connects to the boot process that waits for the start. The socket's name goes first: if this rt is killed now, the container is not
// taken for one that can still be started.
func connect(c *state.Container, pid int) (*nsenter.Boot, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, diag.Sys("reach the boot process", "socket", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: c.SocketPath(state.StartSocket)}); err != nil {
		_ = unix.Close(fd)
		return nil, diag.Sys("reach the boot process on its start socket", "connect", err)
	}
	if err := c.Started(); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return nsenter.Attach(fd, pid), nil
}

// serveLate releases the boot process and serves the rest of its plan, as steps tells it.
func (m *maker) serveLate(steps []byte) error {
	if err := m.boot.Release(); err != nil {
		return err
	}
	for {
		record, fd, err := m.boot.Next()
		if err != nil {
			return m.executed()
		}
		switch record.Kind {
		case nsenter.Failed:
			return m.lateFailure(steps, record)
		case nsenter.Sync:
			_, sync := lateStep(steps, record.Step)
			if err := m.answer(sync, record, fd); err != nil {
				if record, ok := m.failedMeanwhile(); ok {
					return m.lateFailure(steps, record)
				}
				return err
			}
		case nsenter.Trace:
		}
	}
}

// lateFailure makes an error of the report of a step that has failed.
func (m *maker) lateFailure(steps []byte, record nsenter.Record) error {
	step, _ := lateStep(steps, record.Step)
	first, _, _ := bytes.Cut(steps, []byte("\t"))
	if begin, err := strconv.Atoi(string(first)); err == nil {
		step.Text = m.lateText(step, record.Step-begin)
	}
	return stepFailure(step, record.Value, m.spec)
}

// lateText is the call of a step as `rt plan` shows it, the one at place after the point where the container was created. To keep such texts with the
// container would cost every create what only a failing start needs. So the plan is made once more, which is good enough for words: what comes so late hardly
// depends on what may have changed since, and where it does the step is another one and has no text.
func (m *maker) lateText(step *failedStep, place int) string {
	quiet := *m.r
	quiet.Warnings, quiet.Debug, quiet.edit = nil, nil, nil
	again := maker{r: &quiet, id: m.id, o: &CreateOptions{NoNewKeyring: m.state.NoNewKeyring}, wait: true, spec: m.spec, facts: host.Probe()}
	if again.place() != nil || again.look() != nil {
		return ""
	}
	p, err := again.compile()
	if err != nil {
		return ""
	}
	for i := range p.Steps {
		if at := i + 1 + place; p.Steps[i].Sync == plan.SyncReady && place >= 0 && at < len(p.Steps) {
			if s := &p.Steps[at]; s.Call.String() == step.Call && s.Origin == step.Origin && s.Sentence == step.Sentence {
				return p.Text(at)
			}
		}
	}
	return ""
}

// afterStart runs the poststart hooks; if one fails the container ends, and the error is the hook's.
func (m *maker) afterStart() error {
	err := m.runPoststart()
	if err != nil {
		// Not by the number, which may be another process's by now: its parent is not this rt.
		if pidfd := openProcess(&m.state); pidfd >= 0 {
			_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
			_ = unix.Close(pidfd)
		}
	}
	return err
}

// loadCopy reads the config that was saved with the container: config.json in the bundle may have changed since.
func loadCopy(c *state.Container, s *state.State) (*spec.Spec, error) {
	raw, err := c.Config()
	if err != nil {
		return nil, err
	}
	return spec.Parse(raw, s.Bundle, spec.LoadOptions{})
}
