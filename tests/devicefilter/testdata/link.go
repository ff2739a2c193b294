//go:build upstream

package cgroup

// Only tests/devicefilter builds with this, to see what the library's device filters would cost (decision record 0022).
import _ "github.com/opencontainers/cgroups/devices"
