package cgroup

import (
	"strconv"
	"strings"

	"rt/internal/diag"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// access is a set of device operations, with the bits of the kernel's BPF_DEVCG_ACC_* (bpf.h).
type access uint8

const (
	mknod access = 1 << iota
	read
	write
	allAccess = mknod | read | write
)

// anyNumber stands for every major or minor number.
const anyNumber = -1

// rule allows or denies access to devices. Rules apply in order: the last one that matches an access decides.
type rule struct {
	allow        bool
	kind         byte // 'a' every device, 'b' block, 'c' character
	major, minor int64
	access       access
}

// defaultRules follow the rules of the config: the devices that every container has (config-linux.md#default-devices),
// terminals, the tunnel device, and mknod of every device, which is harmless without the right to open it. The list is
// runc's. The container's /dev/console is a pseudoterminal; 5:1 would be the machine's.
var defaultRules = []rule{
	{true, 'c', anyNumber, anyNumber, mknod},
	{true, 'b', anyNumber, anyNumber, mknod},
	{true, 'c', 1, 3, allAccess},           // null
	{true, 'c', 1, 8, allAccess},           // random
	{true, 'c', 1, 7, allAccess},           // full
	{true, 'c', 5, 0, allAccess},           // tty
	{true, 'c', 1, 5, allAccess},           // zero
	{true, 'c', 1, 9, allAccess},           // urandom
	{true, 'c', 136, anyNumber, allAccess}, // pts/*
	{true, 'c', 5, 2, allAccess},           // ptmx
	{true, 'c', 10, 200, allAccess},        // net/tun
}

// parseRules turns linux.resources.devices into rules, appends the default rules, and drops those that a later rule for
// all devices overrides. So the first remaining rule is the default, allow or deny; without one it is deny.
func parseRules(list []specs.LinuxDeviceCgroup) ([]rule, error) {
	rules := make([]rule, 1, len(list)+len(defaultRules)+1)
	rules[0] = rule{false, 'a', anyNumber, anyNumber, allAccess}
	for i := range list {
		r, err := parseRule(i, &list[i])
		if err != nil {
			return nil, err
		}
		if r.kind == 'a' {
			rules = rules[:0]
		}
		rules = append(rules, r)
	}
	if rules[0].allow && len(rules) == 1 {
		return rules, nil
	}
	return append(rules, defaultRules...), nil
}

// parseRule turns linux.resources.devices[i] into a rule.
func parseRule(i int, d *specs.LinuxDeviceCgroup) (rule, error) {
	r := rule{allow: d.Allow, kind: 'a', major: anyNumber, minor: anyNumber}
	field := "linux.resources.devices[" + strconv.Itoa(i) + "]"
	switch d.Type {
	case "", "a":
	case "b", "c":
		r.kind = d.Type[0]
	default:
		return r, &diag.Error{
			Kind: diag.Document, Field: field + ".type", Value: d.Type,
			Problem: `must be "a" (all), "b" (block) or "c" (character)`,
		}
	}
	if d.Major != nil {
		r.major = *d.Major
	}
	if d.Minor != nil {
		r.minor = *d.Minor
	}
	if r.major < anyNumber || r.minor < anyNumber || r.major > 1<<32-1 || r.minor > 1<<32-1 {
		return r, diag.At(field, "major and minor must be device numbers, or -1 for all")
	}
	for _, a := range d.Access {
		switch a {
		case 'r':
			r.access |= read
		case 'w':
			r.access |= write
		case 'm':
			r.access |= mknod
		default:
			return r, &diag.Error{
				Kind: diag.Document, Field: field + ".access", Value: d.Access,
				Problem: `must be made of "r" (read), "w" (write) and "m" (mknod)`,
			}
		}
	}
	if r.kind != 'a' {
		if r.access == 0 {
			return r, diag.At(field+".access", `says nothing; give "r", "w", "m" or several of them`)
		}
		return r, nil
	}
	// The kernel's devices.allow ignores all else after "a". A rule of no type that names a device would open every
	// device.
	if r.major != anyNumber || r.minor != anyNumber || (r.access != allAccess && d.Access != "") {
		return r, diag.At(
			field,
			`without a type "b" or "c" a rule is about every access to every device; give the type, or leave out `+
				`major, minor and access`,
		)
	}
	r.access = allAccess
	return r, nil
}

// String returns the rule in the form of devices.allow (cgroup-v1/devices.rst).
func (r rule) String() string {
	if r.kind == 'a' {
		return "a"
	}
	var b strings.Builder
	b.WriteByte(r.kind)
	b.WriteByte(' ')
	b.WriteString(formatNumber(r.major))
	b.WriteByte(':')
	b.WriteString(formatNumber(r.minor))
	b.WriteByte(' ')
	for i, a := range []access{read, write, mknod} {
		if r.access&a != 0 {
			b.WriteByte("rwm"[i])
		}
	}
	return b.String()
}

// formatNumber returns a device number as text, or * for all.
func formatNumber(n int64) string {
	if n == anyNumber {
		return "*"
	}
	return strconv.FormatInt(n, 10)
}

// allowsAll reports whether the rules restrict nothing, as those of a privileged container.
func allowsAll(rules []rule) bool {
	return len(rules) == 1 && rules[0].allow
}
