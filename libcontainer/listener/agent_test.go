package listener

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestAgentThatTakesNoConnections has an agent whose queue is full, and one that reads nothing.
func TestAgentThatTakesNoConnections(t *testing.T) {
	before := agentLimit
	agentLimit = 200 * time.Millisecond
	defer func() { agentLimit = before }()
	path := filepath.Join(t.TempDir(), "agent.sock")
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(socket)
	must(t, unix.Bind(socket, &unix.SockaddrUnix{Name: path}))
	must(t, unix.Listen(socket, 0))
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(null)
	for _, text := range [][]byte{make([]byte, 8<<20), []byte("{}")} {
		begin := time.Now()
		var e *diag.Error
		if err := send(null, path, text); !errors.As(err, &e) || e.Errno != unix.EAGAIN {
			t.Errorf("%d bytes: %v", len(text), err)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%d bytes: took %s", len(text), took)
		}
	}
}
