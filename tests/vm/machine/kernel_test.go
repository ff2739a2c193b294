package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFindKernel: up to trixie Debian has the kernel in /boot, and later with its modules.
func TestFindKernel(t *testing.T) {
	for _, c := range []struct {
		files []string
		want  string // a release; "" for an error
	}{
		{[]string{"boot/vmlinuz-6.12.1-amd64", "boot/System.map-6.12.1-amd64"}, "6.12.1-amd64"},
		{[]string{"lib/modules/7.2.13-amd64/vmlinuz", "lib/modules/7.2.13-amd64/config"}, "7.2.13-amd64"},
		{[]string{"boot/vmlinuz-1", "boot/vmlinuz-2"}, ""},
		{[]string{"boot/System.map-1"}, ""},
	} {
		tree := t.TempDir()
		for _, file := range c.files {
			path := filepath.Join(tree, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		path, release, err := findKernel(tree)
		if release != c.want || (err == nil) != (c.want != "") ||
			err == nil && path != filepath.Join(tree, c.files[0]) {
			t.Errorf("%q: %q, %q, %v", c.files, path, release, err)
		}
	}
}
