package spec

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// maxGroups is NGROUPS_MAX: setgroups(2).
const maxGroups = 65536

// checkUser checks process.user (config.md, POSIX-platform User).
func (c processChecker) checkUser(at location, u *specs.User, p *Process) {
	p.UID, p.GID, p.Groups, p.Umask = u.UID, u.GID, u.AdditionalGids, 0o022
	id := func(at location, id uint32) {
		if id == noID {
			c.refuse(at, utoa(id), "must be at most 4294967294: to the kernel this id means \"leave it as it is\"")
		}
	}
	id(at.Dot("uid"), u.UID)
	id(at.Dot("gid"), u.GID)
	if len(u.AdditionalGids) > maxGroups {
		c.refuse(at.Dot("additionalGids"), strconv.Itoa(len(u.AdditionalGids)),
			"has more groups than the kernel takes, "+strconv.Itoa(maxGroups))
	}
	for i, g := range u.AdditionalGids {
		id(at.DotAt("additionalGids", i), g)
	}
	if u.Umask == nil {
		return
	}
	if p.Umask = *u.Umask; p.Umask > 0o777 {
		c.refuse(at.Dot("umask"), utoa(p.Umask), "must be at most 511, octal 777")
	}
}
