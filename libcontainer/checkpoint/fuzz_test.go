package checkpoint

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/criu"
)

// FuzzDescriptors reads lists of descriptors that somebody has written into the images. What rt passes to CRIU are rt's
// own streams, for files and pipes, and /dev/null; and nothing else of rt's.
func FuzzDescriptors(f *testing.F) {
	for _, text := range []string{
		`["pipe:[1]","/dev/null","file[1f:2]","null:file[3:4]"]`, `[]`, `["null:","null:null:"]`, `["a","b","c","d"]`,
		`["a","b","c","null:file[3:4]","null:file[5:6]"]`,
		`["file[","pipe:["]`, `[["a"]]`, `["\ud800"]`, `{}`, `["a",]`,
	} {
		f.Add([]byte(text))
	}
	dir := f.TempDir()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = unix.Close(fd) })
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(dir+"/"+descriptorsFile, text, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := (&images{dir: fd}).loadDescriptors()
		if err != nil {
			if e, ok := errors.AsType[*diag.Error](err); !ok || e.Kind != diag.Usage || e.Hint == "" {
				t.Fatalf("%v is no error of the images", err)
			}
			return
		}
		const firstNull = 77
		next := firstNull
		null := func() (int, error) { next++; return next - 1, nil }
		var request criu.Options
		if err := d.addTo(&request, null); err != nil {
			if e, ok := errors.AsType[*diag.Error](err); !ok || e.Kind != diag.Usage {
				t.Fatal(err)
			}
			return
		}
		seen := make(map[int]bool)
		for _, i := range request.Inherit {
			if seen[i.FD] {
				t.Errorf("descriptor %d replaces %q, and another file", i.FD, i.Key)
			}
			seen[i.FD] = true
			stream := strings.HasPrefix(i.Key, "file[") || strings.HasPrefix(i.Key, "pipe:[")
			if i.FD < firstNull && (i.FD > 2 || !stream) {
				t.Errorf("%q is replaced by descriptor %d", i.Key, i.FD)
			}
		}
	})
}

// FuzzLog reads logs of CRIU, which have words of the images: no more than the errors asked for come out of one.
func FuzzLog(f *testing.F) {
	f.Add("(00.01) Error (criu/util.c:1533): rlimit\nError: x\n(00.03)      1: Error (criu/a.c:1): first\n", 2)
	f.Add("Error", 1)
	f.Fuzz(func(t *testing.T, log string, most int) {
		if most < 0 || most > 10 {
			return
		}
		if said := firstErrors(log, most); len(said) > len(log)+2*most {
			t.Errorf("more came out than went in: %q", said)
		}
	})
}
