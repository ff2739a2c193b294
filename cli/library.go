package cli

import (
	"io"
	"sync"

	"github.com/sirupsen/logrus"
)

// libraryLog takes the warnings that libraries, as opencontainers/cgroups, would print to standard error on their own.
// Engines read one line of rt there, and the log of --log as one object.
type libraryLog struct {
	mu    sync.Mutex
	lines []string
}

// listen makes logrus send its lines to l, and no longer to standard error. l is a formatter, since a hook would cost
// every start of rt a map.
func (l *libraryLog) listen() {
	logrus.SetOutput(io.Discard)
	logrus.SetFormatter(l)
}

// Format records a warning or an error. It returns no text, as nothing is to be printed.
func (l *libraryLog) Format(e *logrus.Entry) ([]byte, error) {
	if e.Level <= logrus.WarnLevel {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lines = append(l.lines, e.Message)
	}
	return nil, nil
}

func (l *libraryLog) warnings() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines
}
