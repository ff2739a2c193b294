package criu

import "strconv"

// Response is what CRIU answers: criu_resp.
type Response struct {
	Kind     Kind
	Success  bool
	Pid      int    // of a Restore, or of a notification that names the first process; 0 elsewhere
	Script   string // Notify: which of the notifications this is
	Errno    int
	Message  string // CRIU's first complaint, from version 3.16 on
	Version  Version
	Features Features
}

// Version is CRIU's: 3.17.1 is {3, 17, 1}.
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

// decode reads a criu_resp. Fields that it does not know are those of newer versions.
func decode(b []byte) (Response, error) {
	var r Response
	err := fields(b, func(field, value uint64) {
		switch field {
		case 1:
			r.Kind = Kind(value)
		case 2:
			r.Success = value != 0
		case 7:
			r.Errno = int(int32(value))
		}
	}, func(field uint64, value []byte) error {
		switch field {
		case 4: // criu_restore_resp
			return fields(value, func(field, value uint64) {
				if field == 1 {
					r.Pid = int(int32(value))
				}
			}, nil)
		case 5: // criu_notify
			return fields(value, func(field, value uint64) {
				if field == 2 {
					r.Pid = int(int32(value))
				}
			}, func(field uint64, value []byte) error {
				if field == 1 {
					r.Script = string(value)
				}
				return nil
			})
		case 8: // criu_features
			return fields(value, func(field, value uint64) {
				switch field {
				case 1:
					r.Features.MemoryTracking = value != 0
				case 2:
					r.Features.LazyPages = value != 0
				}
			}, nil)
		case 9:
			r.Message = string(value)
		case 10: // criu_version
			return fields(value, func(field, value uint64) {
				switch field {
				case 1:
					r.Version.Major = int(int32(value))
				case 2:
					r.Version.Minor = int(int32(value))
				case 4:
					r.Version.Sublevel = int(int32(value))
				}
			}, nil)
		}
		return nil
	})
	return r, err
}
