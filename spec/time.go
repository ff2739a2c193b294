package spec

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// maxOffsetSecs is the largest offset that the kernel accepts: KTIME_SEC_MAX, 2^63 nanoseconds (include/linux/ktime.h).
const maxOffsetSecs = 9223372036

// checkTimeOffsets checks linux.timeOffsets (config-linux.md, Offset for Time Namespace; time_namespaces(7)).
func (c namespaceChecker) checkTimeOffsets(offsets map[string]specs.LinuxTimeOffset) {
	at := locationOf("linux.timeOffsets")
	if len(offsets) == 0 {
		return
	}
	if c.requireNamespace(at, unix.CLONE_NEWTIME, "the clocks are the host's") &&
		c.spec.Namespaces.Joined(unix.CLONE_NEWTIME) != nil {
		c.refuse(at, "",
			"can't be set in a time namespace that is joined: the kernel fixes them when the first process enters")
	}
	for _, clock := range sorted(offsets) {
		o, one := offsets[clock], at.Key(clock)
		if clock != "monotonic" && clock != "boottime" {
			c.refuse(one, "", "is no clock of a time namespace: must be monotonic or boottime")
		}
		if o.Secs > maxOffsetSecs || o.Secs < -maxOffsetSecs {
			c.refuse(one.Dot("secs"), strconv.FormatInt(o.Secs, 10), "must be from -9223372036 to 9223372036")
		}
		if o.Nanosecs >= 1e9 {
			c.refuse(one.Dot("nanosecs"), utoa(o.Nanosecs), "must be less than a second, 1000000000")
		}
		c.spec.TimeOffsets = append(c.spec.TimeOffsets, TimeOffset{Clock: clock, Secs: o.Secs, Nanosec: o.Nanosecs})
	}
}
