package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/host"
	"rt/nsenter"
)

// FuzzAdd adds mounts to containers that run, and removes them: `rt mount` and `rt umount`, with what a user may write.
// What package spec accepts compiles for every host or is refused with words, keeps the rules, and does what
// addedSafely says.
func FuzzAdd(f *testing.F) {
	written := written(f)
	addSeeds(f, 64, 200, 13)
	f.Fuzz(func(t *testing.T, b []byte) {
		g := generator{rand.New(&bytesSource{bytes: b})}
		_, s := g.document(t, written)
		if s == nil {
			return
		}
		facts := g.facts()
		facts.Features |= host.MountSetattr // else package addition refuses it
		o := AddOptions{Namespaces: unix.CLONE_NEWNS, Source: SourceDir, ModeLater: g.maybe()}
		if g.maybe() {
			o.Namespaces |= unix.CLONE_NEWUSER
		}
		if g.rarely() {
			o.Source = SourceFile
		}
		m := g.added(t)
		doc, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if at := m.Destination; strings.HasPrefix(at, "/") && !strings.Contains(at, "\x00") {
			requireAdded(t, doc, nsenter.Umount2, func() (*Plan, error) { return CompileRemove(s, &facts, at, &o) })
		}
		with, err := s.WithMount(m)
		if err != nil {
			if e, ok := errors.AsType[*diag.Error](err); !ok || e.Kind != diag.Document || e.Problem == "" {
				t.Fatalf("%v is no error of the mount\n%s", err, doc)
			}
			return
		}
		if a := &with.Mounts[0]; a.Remount || a.CopySymlink || !a.Bind && a.Type != "tmpfs" {
			return // so does it these
		}
		requireAdded(t, doc, nsenter.MoveMount, func() (*Plan, error) { return CompileAdd(with, &facts, &o) })
	})
}

// requireAdded checks a plan that adds or removes a mount with the call last.
func requireAdded(t *testing.T, doc []byte, last nsenter.Call, compile func() (*Plan, error)) {
	t.Helper()
	requireSound(t, doc, compile)
	if p, err := compile(); err == nil {
		addedSafely(t, p, last)
	}
	if t.Failed() {
		t.Fatalf("%s", doc)
	}
}

// added returns a mount as a user may write it.
func (g generator) added(t *testing.T) *specs.Mount {
	t.Helper()
	text, err := json.Marshal(g.mount())
	if err != nil {
		t.Fatal(err)
	}
	var m specs.Mount
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&m); err != nil {
		t.Fatal(err)
	}
	for range g.IntN(4) {
		g.change(reflect.ValueOf(&m).Elem(), "")
	}
	return &m
}
