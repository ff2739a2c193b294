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

// listen has logrus tell it from now on, and nobody else.
func (l *libraryLog) listen() {
	logrus.SetOutput(io.Discard)
	logrus.AddHook(l)
}

// Levels returns the levels that Fire is called for.
func (l *libraryLog) Levels() []logrus.Level {
	return []logrus.Level{logrus.ErrorLevel, logrus.WarnLevel}
}

// Fire records an entry.
func (l *libraryLog) Fire(e *logrus.Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, e.Message)
	return nil
}

func (l *libraryLog) warnings() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines
}
