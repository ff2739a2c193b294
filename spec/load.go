package spec

import (
	"errors"
	"io/fs"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
)

// LoadOptions says what to find out in addition to what a container needs.
type LoadOptions struct {
	Unknown bool // fill Spec.Unknown
}

// Load reads and checks config.json of the bundle, a directory. Its errors are *diag.Error of kind Document: all
// problems of the document together, the first with the others in More. A config.json that can't be read is an error
// that wraps the errno.
func Load(bundle string, o LoadOptions) (*Spec, error) {
	raw, bundle, err := ReadConfig(bundle)
	if err != nil {
		return nil, err
	}
	s, err := Parse(raw, bundle, o)
	if err != nil {
		return nil, Examine(raw, bundle).err() // now that it takes a person, with all that helps one
	}
	return s, nil
}

// readFile reads a whole file.
func readFile(path string) ([]byte, error) {
	raw, err := sys.ReadInput(path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return raw, nil
}

// unreadable returns the error of a config.json that can't be read. Engines look for the text of the errno.
func unreadable(file string, err error) error {
	e := &diag.Error{Kind: diag.Document, Problem: "cannot read " + file, Err: err}
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		e.Call = at.Op
		if errno, ok := at.Err.(unix.Errno); ok { //nolint:errorlint // PathError holds a bare errno
			e.Errno, e.Err = errno, nil
		}
	}
	switch dir := filepath.Dir(file); {
	case !errors.Is(err, fs.ErrNotExist):
	case imageLayout(dir):
		e.Hint = "this is an image, not a bundle: `umoci unpack --image " + dir + ":TAG BUNDLE` unpacks it into one"
	default:
		e.Hint = "a bundle is a directory with config.json in it: `rt spec` writes one"
	}
	return e
}

// Parse does what Load does with the bytes of a config.json. bundle is an absolute path, to which paths in the document
// are relative. The Spec refers to raw, which must not be changed afterwards; the same is true of the other functions
// here that take bytes.
func Parse(raw []byte, bundle string, o LoadOptions) (*Spec, error) {
	c := checker{bundle: bundle}
	s := c.parse(raw, o.Unknown)
	if err := c.err(); err != nil {
		return nil, err
	}
	s.Warnings = c.warnings
	return s, nil
}

// parse decodes and checks a config.json. The Spec is good if the checker has no problems then.
func (c *checker) parse(raw []byte, unknown bool) *Spec {
	s := &Spec{OCI: &specs.Spec{}, Raw: raw, Bundle: c.bundle}
	decodeInto(c, raw, unknown, s.OCI, decodeSpec)
	s.Unknown = c.unknown
	if !c.broken {
		c.document(s.OCI, s)
	}
	return s
}

// LoadProcess checks the bytes of a process.json, as `exec --process` takes it.
func LoadProcess(raw []byte) (*Process, error) {
	var c checker
	p := &specs.Process{}
	decodeInto(&c, raw, false, p, decodeProcess)
	if c.broken {
		return nil, c.err()
	}
	return c.checkProcess(p, "")
}

// CheckProcess checks a process that was made, not read: `exec` with a command line. at is its path in messages,
// "process" or "".
func CheckProcess(p *specs.Process, at Path) (*Process, error) {
	var c checker
	return c.checkProcess(p, at)
}

// checkProcess checks a process without a config.json.
func (c *checker) checkProcess(p *specs.Process, at Path) (*Process, error) {
	checked := c.process(locationOf(at), p)
	if err := c.err(); err != nil {
		return nil, err
	}
	checked.Warnings = c.warnings
	return checked, nil
}

// ParseResources checks the bytes of a linux.resources object, as `update --resources` takes it. In it a 0 means that a
// limit is not given, even that of processes: its authors fill in what they change in a form of zeros.
func ParseResources(raw []byte) (*specs.LinuxResources, error) {
	var c checker
	r := &specs.LinuxResources{}
	decodeInto(&c, raw, false, r, decodeLinuxResources)
	if c.broken {
		return nil, c.err()
	}
	c.resources(locationOf(""), r)
	if err := c.err(); err != nil {
		return nil, err
	}
	if r.Pids != nil && r.Pids.Limit != nil && *r.Pids.Limit == 0 {
		r.Pids = nil
	}
	return r, nil
}
