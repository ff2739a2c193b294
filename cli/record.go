package cli

import (
	"encoding/json"
	"os"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/seccomp"
)

// recorded calls do and then writes the profile to path. The file is made first, under another name: an unwritable
// path is an error before the container runs, and an existing profile is replaced only by a complete one. If it is a
// recording, the new one has its calls too: several runs, or containers, make one profile. Anything else is not
// replaced.
func recorded(c *Call, path string, to **seccomp.Recorder, do func() error) error {
	if path == "" {
		return do()
	}
	fail := func(err error) error {
		return &diag.Error{
			Kind:    diag.Host,
			Field:   "--seccomp-record",
			Value:   path,
			Problem: "can't be written",
			Err:     err,
		}
	}
	if _, err := earlier(path); err != nil {
		return err
	}
	fd, temporary, err := sys.CreateTemporary(path, 0o666)
	if err != nil {
		return fail(err)
	}
	f := os.NewFile(uintptr(fd), temporary)
	defer func() { _ = os.Remove(temporary) }()
	defer func() { _ = f.Close() }()
	var r seccomp.Recorder
	*to = &r
	if err := do(); err != nil {
		return err
	}
	for _, call := range r.Unnamed {
		c.Warnings = append(c.Warnings, unnamed(&call))
	}
	if r.Omitted {
		c.Warnings = append(c.Warnings, "the container made more calls that have no name, all refused")
	}
	profile := r.Profile()
	before, err := earlier(path) // others may have recorded meanwhile
	if err != nil {
		return err
	}
	if before != nil {
		profile = seccomp.MergeRecorded(profile, before)
	}
	text, err := json.MarshalIndent(profile, "", "  ")
	if err == nil {
		_, err = f.Write(append(text, '\n'))
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return fail(err)
	}
	return nil
}

// earlier returns the recording in a file; nil if there is no file, or an empty one.
func earlier(path string) (*specs.LinuxSeccomp, error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return nil, nil //nolint:nilerr,nilnil // whether it can be written shows later
	}
	p, err := readProfile(path)
	if err != nil || !seccomp.IsRecorded(p) {
		return nil, &diag.Error{
			Kind: diag.Usage, Field: "--seccomp-record", Value: path,
			Problem: "exists and is not a recording, so it is not replaced", Hint: "name another file", Err: err,
		}
	}
	return p, nil
}

// unnamed warns of a call that no profile can allow.
func unnamed(call *seccomp.Call) string {
	arch, _ := seccomp.CallName(call.Audit, call.Number)
	if arch == "" {
		arch = "an unknown architecture"
	}
	return "--seccomp-record: the container makes call " + strconv.FormatUint(uint64(call.Number), 10) + " of " +
		string(arch) + ", which has no name in profiles"
}
