package criu

import (
	"strconv"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
)

// Response is CRIU's response: criu_resp.
type Response struct {
	Kind     Kind
	Success  bool
	Pid      int    // of a Restore, or of a notification that names the first process; 0 elsewhere
	Script   string // Notify: which of the notifications this is
	Errno    int
	Message  string // CRIU's first error message, since version 3.16
	Version  Version
	Features Features
}

// Version is a version of CRIU: 3.17.1 is {3, 17, 1}.
type Version struct{ Major, Minor, Sublevel int }

func (v Version) String() string {
	s := strconv.Itoa(v.Major) + "." + strconv.Itoa(v.Minor)
	if v.Sublevel != 0 {
		s += "." + strconv.Itoa(v.Sublevel)
	}
	return s
}

// Before reports whether v is older than major.minor.
func (v Version) Before(major, minor int) bool {
	return v.Major < major || v.Major == major && v.Minor < minor
}

// decode decodes a criu_resp. It ignores unknown fields, of newer versions.
func decode(b []byte) (Response, error) {
	var m rpc.CriuResp
	if err := m.UnmarshalVT(b); err != nil {
		return Response{}, err
	}
	r := Response{
		Kind: m.GetType(), Success: m.GetSuccess(), Errno: int(m.GetCrErrno()), Message: m.GetCrErrmsg(),
		Pid:      int(m.GetRestore().GetPid()),
		Features: Features{MemoryTracking: m.GetFeatures().GetMemTrack(), LazyPages: m.GetFeatures().GetLazyPages()},
	}
	if n := m.GetNotify(); n != nil {
		r.Script, r.Pid = n.GetScript(), int(n.GetPid())
	}
	if v := m.GetVersion(); v != nil {
		r.Version = Version{int(v.GetMajorNumber()), int(v.GetMinorNumber()), int(v.GetSublevel())}
	}
	return r, nil
}
