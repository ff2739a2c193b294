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

// LoadOptions say what to find out in addition to what a container needs.
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
		return nil, Examine(raw, bundle).err() // with positions and hints, for the person who reads it
	}
	return s, nil
}

// readFile reads a whole file. Its error is a *fs.PathError that wraps the errno, as those of package os are.
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
		e.Err = at.Err
		if errno, ok := at.Err.(unix.Errno); ok { //nolint:errorlint // PathError holds a bare errno
			e.Call, e.Errno, e.Err = at.Op, errno, nil
		}
	}
	switch dir := filepath.Dir(file); {
	case !errors.Is(err, fs.ErrNotExist):
	case isImageLayout(dir):
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
	d := decoder{checker: &checker{}}
	s := d.parseConfig(raw, bundle, o.Unknown)
	if err := d.err(); err != nil {
		return nil, err
	}
	s.Warnings = d.warnings
	return s, nil
}

// parseConfig decodes and checks a config.json. The Spec is valid if there are no problems then.
func (d *decoder) parseConfig(raw []byte, bundle string, unknown bool) *Spec {
	s := &Spec{OCI: &specs.Spec{}, Raw: raw, Bundle: bundle}
	decodeInto(d, raw, unknown, s.OCI, decodeSpec)
	s.Unknown = d.unknown
	if !d.notJSON {
		c := configChecker{checker: d.checker, spec: s}
		c.check(s.OCI)
	}
	return s
}

// LoadProcess decodes and checks the bytes of a process.json, as `exec --process` reads it. Its errors are those of
// Load.
func LoadProcess(raw []byte) (*Process, error) {
	d := decoder{checker: &checker{}}
	p := &specs.Process{}
	decodeInto(&d, raw, false, p, decodeProcess)
	if d.notJSON {
		return nil, d.err()
	}
	return d.checkProcess(p, "")
}

// CheckProcess checks a process that comes from no document, such as that of `exec` with a command line. at is its path
// in messages, "process" or "". Its errors are those of Load.
func CheckProcess(p *specs.Process, at Path) (*Process, error) {
	var c checker
	return c.checkProcess(p, at)
}

// checkProcess checks a process without a config.json.
func (c *checker) checkProcess(p *specs.Process, at Path) (*Process, error) {
	checked := processChecker{c}.check(locationOf(at), p)
	if err := c.err(); err != nil {
		return nil, err
	}
	checked.Warnings = c.warnings
	return checked, nil
}

// ParseResources decodes and checks the bytes of a linux.resources object, as `update --resources` reads it. In it a 0
// means that a limit is not given, even that of processes: its authors fill in what they change in a form of zeros. Its
// errors are those of Load.
func ParseResources(raw []byte) (*specs.LinuxResources, error) {
	d := decoder{checker: &checker{}}
	r := &specs.LinuxResources{}
	decodeInto(&d, raw, false, r, decodeLinuxResources)
	if d.notJSON {
		return nil, d.err()
	}
	resourceChecker{d.checker}.check(locationOf(""), r)
	if err := d.err(); err != nil {
		return nil, err
	}
	if r.Pids != nil && r.Pids.Limit != nil && *r.Pids.Limit == 0 {
		r.Pids = nil
	}
	return r, nil
}
