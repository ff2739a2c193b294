package cgroup

// The library makes device filters only if this package is linked, too. tests/devicefilter/run measures what it costs
// (decision record 0022).
import _ "github.com/opencontainers/cgroups/devices"
