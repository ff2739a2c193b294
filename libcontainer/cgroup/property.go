package cgroup

import (
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// allowedProperty is a property of a scope that an annotation may set.
type allowedProperty struct {
	words string                // what the value must be
	take  func(any) (any, bool) // the value in the type that the property has on D-Bus
}

// allowedProperties are those that affect nothing but the container itself, whatever their value. It is an allowlist,
// since a denylist is never complete: systemd has more than 200 properties for a scope, and each version has new ones.
// Annotations come from whoever describes a container, who may not be the one who calls rt (CVE-2024-3154). Left out,
// by what they would do:
//
//   - PIDs, Slice, Delegate, DelegateSubgroup, DevicePolicy, DeviceAllow, the properties of systemd.resource-control(5)
//     that linux.resources has, and accounting: rt sets them. PIDs would move processes of the host into the scope, and
//     delete would kill them.
//   - Wants, Requires, BindsTo, Conflicts, PropagatesStopTo, OnFailure, RequiresMountsFor, JoinsNamespaceOf and
//     the like: they start and stop units of the host.
//   - SuccessAction, FailureAction, JobTimeoutAction, StartLimitAction: they shut down the machine.
//   - Exec*, and all of systemd.exec(5): a scope executes nothing, and rt starts the container's process.
//   - IPAddressAllow: it overrides an IPAddressDeny of the slice. IPIngressFilterPath, BPFProgram and SocketBind*: they
//     attach programs of others.
//   - ManagedOOMPreference: systemd-oomd would kill another unit instead.
//   - KillMode, SendSIGKILL: the container would survive its unit.
//   - CoredumpReceive: the host's systemd-coredump would talk to the container.
//
// It is a function, so that the map is built only for a config with such annotations.
func allowedProperties() map[string]allowedProperty {
	return map[string]allowedProperty{
		"Description": {"a text in one line, such as \"'web server'\"", takeText},

		// When a unit that has ended is forgotten: CRI-O sends 'inactive-or-failed' with every container.
		"CollectMode": {`"'inactive'" or "'inactive-or-failed'"`, takeOneOf("inactive", "inactive-or-failed")},

		// How systemd stops the scope: Podman and CRI-O send the container's stop signal and timeout. The machine waits
		// for it at its own shutdown only with DefaultDependencies.
		"TimeoutStopUSec": {"a number of microseconds, such as \"uint64 5000000\"", takeCount},
		"KillSignal":      {`the number of a signal, such as "15"`, takeSignal},

		// After how long systemd stops the scope.
		"RuntimeMaxUSec":             {"a number of microseconds, such as \"uint64 5000000\"", takeCount},
		"RuntimeRandomizedExtraUSec": {"a number of microseconds, such as \"uint64 5000000\"", takeCount},

		// CRI-O sends both, so that a shutdown of the machine stops the containers before the engine. The scope may be
		// ordered only after engines: with any unit of the host, a cycle with what ends the machine would have systemd
		// drop the stop jobs of others.
		"DefaultDependencies": {`"true" or "false"`, takeBool},
		"After":               {"names of engines' units, of " + strings.Join(engineUnits, ", "), takeUnits},

		// What happens to the rest of the container when the kernel kills one of its processes; and whether
		// systemd-oomd may kill the container.
		"OOMPolicy":                     {`"'continue'", "'stop'" or "'kill'"`, takeOneOf("continue", "stop", "kill")},
		"ManagedOOMSwap":                {`"'auto'" or "'kill'"`, takeOneOf("auto", "kill")},
		"ManagedOOMMemoryPressure":      {`"'auto'" or "'kill'"`, takeOneOf("auto", "kill")},
		"ManagedOOMMemoryPressureLimit": {`a share of 4294967295, such as "uint32 2147483647"`, takeCount32},

		// Counts the container's packets. It has no limit.
		"IPAccounting": {`"true" or "false"`, takeBool},
	}
}

// ownProperties maps the properties that rt sets itself to the config fields that ask for them. A property without an
// entry is refused too.
func ownProperties() map[string]string {
	return map[string]string{
		"Slice": "linux.cgroupsPath", "DevicePolicy": resources + "devices", "DeviceAllow": resources + "devices",
		"CPUWeight": resources + "cpu.shares", "CPUQuotaPerSecUSec": resources + "cpu.quota",
		"CPUQuotaPeriodUSec": resources + "cpu.period",
		"AllowedCPUs":        resources + "cpu.cpus", "AllowedMemoryNodes": resources + "cpu.mems",
		"MemoryMax": resources + "memory.limit", "MemoryLow": resources + "memory.reservation",
		"MemorySwapMax": resources + "memory.swap",
		"MemoryHigh":    resources + `unified["memory.high"]`, "MemoryMin": resources + `unified["memory.min"]`,
		"TasksMax": resources + "pids.limit", "IOWeight": resources + "blockIO.weight", "BlockIOWeight": resources +
			"blockIO.weight",
	}
}

const resources = "linux.resources."

// engineUnits are the units that a scope may be ordered after.
var engineUnits = []string{"containerd.service", "crio.service", "docker.service", "kubelet.service", "podman.service"}

// textMax is the greatest length of a Description, in bytes.
const textMax = 256

// takeText takes a printable text. systemd writes it to a unit file, so that a new line could begin another setting.
func takeText(v any) (any, bool) {
	s, ok := v.(string)
	ok = ok && len(s) <= textMax && utf8.ValidString(s)
	for _, r := range s {
		ok = ok && unicode.IsPrint(r)
	}
	return s, ok
}

// takeOneOf takes one of some words.
func takeOneOf(list ...string) func(any) (any, bool) {
	return func(v any) (any, bool) {
		s, ok := v.(string)
		return s, ok && slices.Contains(list, s)
	}
}

// takeBool takes true and false.
func takeBool(v any) (any, bool) {
	b, ok := v.(bool)
	return b, ok
}

// takeCount takes a number of any type: "5" is an int32 in GVariant, which systemd refuses for a uint64.
func takeCount(v any) (any, bool) {
	n, ok := v.(uint64)
	return n, ok
}

// takeCount32 is count for a property of 32 bits.
func takeCount32(v any) (any, bool) {
	n, ok := v.(uint64)
	return uint32(n), ok && n <= math.MaxUint32
}

// takeSignal takes the number of a signal.
func takeSignal(v any) (any, bool) {
	const signalMax = 64
	n, ok := v.(uint64)
	return int32(n), ok && n > 0 && n <= signalMax
}

// takeUnits takes a list of engineUnits.
func takeUnits(v any) (any, bool) {
	list, ok := v.([]string)
	for _, s := range list {
		ok = ok && slices.Contains(engineUnits, s)
	}
	return list, ok
}

// secondsMax keeps a number of seconds, in microseconds, within the type of the properties.
const secondsMax = 1 << 43

// toMicroseconds turns seconds into microseconds.
func toMicroseconds(v any) (any, bool) {
	s, ok := v.(float64)
	if n, isCount := v.(uint64); isCount {
		s, ok = float64(n), true
	}
	if !ok || !(s >= 0 && s < secondsMax) {
		return v, false
	}
	return uint64(s * 1e6), true
}
