package cli

import (
	"io"
	"os"
	"slices"
	"testing"

	"github.com/sirupsen/logrus"
)

// The warnings and errors of libraries are rt's to print, and nothing else of what they log is printed at all.
func TestLibraryLog(t *testing.T) {
	t.Cleanup(func() {
		logrus.SetOutput(os.Stderr)
		logrus.SetFormatter(new(logrus.TextFormatter))
	})
	var l libraryLog
	l.listen()
	if logrus.StandardLogger().Out != io.Discard {
		t.Error("logrus prints what is logged")
	}
	logrus.Debug("a detail")
	logrus.Info("news")
	logrus.Warnf("%d controllers are missing", 2)
	logrus.WithField("path", "/x").Error("it can't be written")
	if want := []string{"2 controllers are missing", "it can't be written"}; !slices.Equal(l.warnings(), want) {
		t.Errorf("the warnings are %q, want %q", l.warnings(), want)
	}
}
