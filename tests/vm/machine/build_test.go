package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOnce builds a directory while another one is being built: a root image takes minutes, and another machine must
// not wait for it. A build that fails leaves no directory of the cache, and one that is there is not built again.
func TestOnce(t *testing.T) {
	cache := t.TempDir()
	kernel, root := filepath.Join(cache, "kernels/k"), filepath.Join(cache, "roots/r")
	failure := errors.New("not today")
	ended := make(chan error, 1)
	go func() {
		ended <- once(root, func(string) error {
			return errors.Join(once(kernel, func(string) error { return nil }), failure)
		})
	}()
	select {
	case err := <-ended:
		if os.Geteuid() != 0 {
			if err == nil || !strings.Contains(err.Error(), "building takes root") {
				t.Errorf("as a user: %v", err)
			}
			return
		}
		if !errors.Is(err, failure) {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("a build waits for the build of another directory")
	}
	if _, err := os.Stat(root); !os.IsNotExist(err) {
		t.Errorf("the directory of a failed build: %v", err)
	}
	if err := once(kernel, func(string) error { return failure }); err != nil {
		t.Errorf("built twice: %v", err)
	}
}
