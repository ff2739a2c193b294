package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
)

// check is one thing that has to be so of a row's pod.
type check func(*trial)

// exits: the container ends with that status, for that reason.
func exits(container string, code int32, reason string) check {
	return func(t *trial) {
		if end := t.ended(container); end.ExitCode != code || end.Reason != reason {
			t.fail("%s ended with %d, %s: %s", container, end.ExitCode, end.Reason, end.Message)
		}
	}
}

// logged: the container ends, and that is what it has written.
func logged(container, want string) check {
	return func(t *trial) {
		t.ended(container)
		want := t.named(want)
		if got := t.logs(container); strings.TrimSpace(got) != want {
			t.fail("%s wrote %q, not %q", container, got, want)
		}
	}
}

// says: the container ends, and has written these lines, in whatever order: the streams are two.
func says(container string, lines ...string) check {
	return func(t *trial) {
		t.ended(container)
		got := strings.Split(strings.TrimSpace(t.logs(container)), "\n")
		slices.Sort(got)
		slices.Sort(lines)
		if !slices.Equal(got, lines) {
			t.fail("%s wrote %q, not %q", container, got, lines)
		}
	}
}

func runs(container string) check { return func(t *trial) { t.running(container) } }

// shell: a script prints that, in a container that runs.
func shell(container, script, want string) check {
	return func(t *trial) {
		t.running(container)
		t.shell(container, script, want)
	}
}

func (t *trial) shell(container, script, want string) {
	script, want = t.named(script), t.named(want)
	if got := strings.TrimSpace(t.exec(container, "sh", "-c", script)); got != want {
		t.fail("%s prints %q, not %q", script, got, want)
	}
}

// becomes: a script prints that before long.
func becomes(container, script, want string) check {
	return func(t *trial) {
		script, want := t.named(script), t.named(want)
		t.running(container)
		var got string
		var err error
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
			got, err = t.stream(stream{container: container, command: []string{"sh", "-c", script}})
			got = strings.TrimSpace(got)
			if err == nil && got == want {
				return
			}
		}
		t.fail("%s printed %q to the end (%v), not %q", script, got, err, want)
	}
}

func restarts(container string, least int32) check {
	return func(t *trial) {
		t.until(fmt.Sprintf("%s restarted %d times", container, least), func(p *core.Pod) bool {
			return status(p, container).RestartCount >= least
		})
	}
}

func ready(container string, wanted bool) check {
	return func(t *trial) {
		t.until(fmt.Sprintf("%s ready: %t", container, wanted), func(p *core.Pod) bool {
			s := status(p, container)
			return s.State.Running != nil && s.Ready == wanted
		})
	}
}

// staysUnready: a probe that fails is not taken for one that succeeds.
func staysUnready(container string, seconds int) check {
	return func(t *trial) {
		t.running(container)
		for range seconds * 2 {
			if status(t.pod(), container).Ready {
				t.fail("%s is ready, though its probe fails", container)
			}
			time.Sleep(500 * time.Millisecond)
		}
	}
}

// refused: the container does not start, and the message says why.
func refused(container string, words ...string) check {
	return func(t *trial) {
		var message string
		t.until(fmt.Sprintf("%s refused with %q", container, words), func(p *core.Pod) bool {
			s := status(p, container)
			message = ""
			if s.State.Waiting != nil {
				message = s.State.Waiting.Message
			} else if s.State.Terminated != nil {
				message = s.State.Terminated.Reason + " " + s.State.Terminated.Message
			}
			for _, w := range words {
				if !strings.Contains(message, w) {
					return false
				}
			}
			return true
		})
	}
}

// phase: the pod as a whole comes to that.
func phase(want core.PodPhase) check {
	return func(t *trial) {
		t.until("phase "+string(want), func(p *core.Pod) bool { return p.Status.Phase == want })
	}
}

// gone: deleted, it is gone after so many seconds.
func gone(least, most time.Duration) check {
	return func(t *trial) {
		if took := t.remove(nil); took < least || took > most {
			t.fail("it took %s to end", took.Round(time.Millisecond))
		}
	}
}
