package checkpoint

import (
	"slices"
	"strconv"
	"strings"

	"rt/internal/diag"
	"rt/libcontainer/criu"
)

// DefaultImages is the default of ImageOptions.ImagePath, relative to the working directory.
const DefaultImages = "checkpoint"

// ImageOptions are the options that checkpoint and restore have in common. criu(8) explains them.
type ImageOptions struct {
	ImagePath       string // "" is DefaultImages
	WorkPath        string // the directory of CRIU's log and statistics; "" is one in the state directory
	TCPEstablished  bool
	TCPSkipInFlight bool
	ExtUnixSockets  bool
	ShellJob        bool
	FileLocks       bool
	LinkRemap       bool
	LazyPages       bool
	AutoDedup       bool
	ManageCgroups   string   // "soft", "full", "strict", "ignore"; "" is soft
	EmptyNS         []string // namespaces that are neither dumped nor restored; only "network" is possible
}

// fill sets the options in a request. It returns an error for invalid ones.
func (o *ImageOptions) fill(r *criu.Options) error {
	r.TCPEstablished, r.TCPSkipInFlight, r.ExtUnixSockets = o.TCPEstablished, o.TCPSkipInFlight, o.ExtUnixSockets
	r.ShellJob, r.FileLocks = o.ShellJob, o.FileLocks
	r.LinkRemap, r.LazyPages, r.AutoDedup = o.LinkRemap, o.LazyPages, o.AutoDedup
	modes := []string{"", "soft", "full", "strict", "ignore"}
	i := slices.Index(modes, o.ManageCgroups)
	if i < 0 {
		return &diag.Error{
			Kind: diag.Usage, Field: "--manage-cgroups-mode", Value: o.ManageCgroups,
			Problem: "must be soft, full, strict or ignore",
		}
	}
	r.Cgroups = [...]criu.CgroupMode{
		criu.CgroupSoft, criu.CgroupSoft, criu.CgroupFull, criu.CgroupStrict,
		criu.CgroupIgnore,
	}[i]
	for _, name := range o.EmptyNS {
		if name != "network" {
			return &diag.Error{
				Kind: diag.Usage, Field: "--empty-ns", Value: name,
				Problem: "must be network: CRIU can leave no other namespace empty",
			}
		}
		r.EmptyNetwork = true
	}
	return nil
}

// parsePageServer parses --page-server. It returns nil if that is absent.
func parsePageServer(text string, lazy bool) (*criu.PageServer, error) {
	bad := func(problem string) error {
		return &diag.Error{Kind: diag.Usage, Field: "--page-server", Value: text, Problem: problem}
	}
	if text == "" {
		if lazy {
			return nil, bad("is absent, and --lazy-pages needs it: ADDRESS:PORT, on which CRIU serves the memory")
		}
		return nil, nil
	}
	i := strings.LastIndexByte(text, ':')
	if i < 0 {
		return nil, bad("must be ADDRESS:PORT")
	}
	port, err := strconv.ParseUint(text[i+1:], 10, 16)
	if err != nil || port == 0 || i == 0 {
		return nil, bad("must be ADDRESS:PORT, with a port from 1 to 65535")
	}
	return &criu.PageServer{Address: strings.Trim(text[:i], "[]"), Port: int(port)}, nil
}
