package cgroup

import (
	"runtime"
	"unsafe"

	"rt/internal/diag"

	"golang.org/x/sys/unix"
)

// attrSize is the size, in bytes, of the union bpf_attr that bpf(2) reads and writes. It is larger than any kernel's,
// since Linux 6.17 to 7.1 write to fields beyond the end of a shorter one. The kernel checks that fields it doesn't
// know are zero.
const attrSize = 256

// The variants of union bpf_attr that are used here.
type (
	progLoadAttr struct {
		progType    uint32
		insnCount   uint32
		insns       uint64
		license     uint64
		logLevel    uint32
		logSize     uint32
		logBuf      uint64
		kernVersion uint32
		progFlags   uint32
	}
	progAttachAttr struct {
		target     uint32
		prog       uint32
		attachType uint32
		flags      uint32
	}
	progQueryAttr struct {
		target      uint32
		attachType  uint32
		queryFlags  uint32
		attachFlags uint32
		ids         uint64
		count       uint32
	}
	progByIDAttr struct {
		id uint32
	}
)

// bpf calls bpf(2). It retries on EAGAIN and EINTR: the verifier gives up when a signal is pending, and Go's runtime
// sends itself signals.
func bpf(command uintptr, attr *[attrSize / 8]uint64) (int, error) {
	for range 16 {
		n, _, errno := unix.Syscall(unix.SYS_BPF, command, uintptr(unsafe.Pointer(attr)), attrSize)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EAGAIN, unix.EINTR:
			continue
		}
		return -1, errno
	}
	return -1, unix.EAGAIN
}

// applyV2 attaches the device rules to the v2 cgroup as an eBPF program: v2 has no devices controller
// (cgroup-v2.rst, "Device controller"). It is added to those of the cgroups above, all of which must allow an access.
func (g deviceRules) applyV2() error {
	if allowsAll(g.limits.devices) && g.hierarchies[0].fresh {
		return nil
	}
	dir, err := g.attachPoint()
	if err != nil {
		return err
	}
	var old []uint32
	if !g.hierarchies[0].fresh {
		// An earlier container may have left its filter.
		if old, err = filtersAt(dir); err != nil {
			return err
		}
	}
	if !allowsAll(g.limits.devices) {
		if err := attachFilter(dir, deviceFilter(g.limits.devices)); err != nil {
			return err
		}
	}
	for _, id := range old {
		if err := detachFilter(dir, id); err != nil {
			return err
		}
	}
	return nil
}

// attachPoint returns a descriptor of the v2 cgroup, with either driver.
func (g *cgroupSet) attachPoint() (int, error) {
	if g.fd < 0 {
		fd, err := unix.Open(g.hierarchies[0].dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, diag.Sys("the cgroup "+g.hierarchies[0].dir+" can't be opened", "open", err)
		}
		g.fd = fd
	}
	return g.fd, nil
}

// attachFilter loads a device filter and attaches it to the cgroup. The cgroup holds a reference to it; rt closes its
// descriptor.
func attachFilter(dir int, filter []instruction) error {
	prog, err := loadFilter(filter)
	if err != nil {
		return filterError("load", err)
	}
	defer unix.Close(prog) //nolint:errcheck // nothing was written
	var attr [attrSize / 8]uint64
	*(*progAttachAttr)(unsafe.Pointer(&attr)) = progAttachAttr{
		target: uint32(dir), prog: uint32(prog), attachType: unix.BPF_CGROUP_DEVICE, flags: unix.BPF_F_ALLOW_MULTI,
	}
	if _, err := bpf(unix.BPF_PROG_ATTACH, &attr); err != nil {
		return filterError("attach", err)
	}
	return nil
}

// loadFilter gives the program to the kernel's verifier, and returns a descriptor of it. Before Linux 5.11 the program
// counts against RLIMIT_MEMLOCK (EPERM).
func loadFilter(filter []instruction) (int, error) {
	fd, err := loadLimited(filter)
	if err == unix.EPERM {
		fd, err = loadUnlimited(filter)
	}
	return fd, err
}

// loadLimited loads the program with the limits of rt.
func loadLimited(filter []instruction) (int, error) {
	license := []byte("Apache-2.0\x00")
	var attr [attrSize / 8]uint64
	*(*progLoadAttr)(unsafe.Pointer(&attr)) = progLoadAttr{
		progType: unix.BPF_PROG_TYPE_CGROUP_DEVICE, insnCount: uint32(len(filter)),
		insns: uint64(uintptr(unsafe.Pointer(&filter[0]))), license: uint64(uintptr(unsafe.Pointer(&license[0]))),
	}
	fd, err := bpf(unix.BPF_PROG_LOAD, &attr)
	runtime.KeepAlive(filter)
	runtime.KeepAlive(license)
	return fd, err
}

// loadUnlimited loads the program with RLIMIT_MEMLOCK lifted, and restores the limit, which the container inherits.
func loadUnlimited(filter []instruction) (int, error) {
	var old unix.Rlimit
	none := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if unix.Prlimit(0, unix.RLIMIT_MEMLOCK, &none, &old) != nil {
		return -1, unix.EPERM
	}
	fd, err := loadLimited(filter)
	if restore := unix.Prlimit(0, unix.RLIMIT_MEMLOCK, &old, nil); restore != nil && err == nil {
		_ = unix.Close(fd)
		return -1, restore
	}
	return fd, err
}

// filtersAt lists the device filters that are attached to the cgroup itself.
func filtersAt(dir int) ([]uint32, error) {
	ids := make([]uint32, 64) // BPF_CGROUP_MAX_PROGS
	var attr [attrSize / 8]uint64
	query := (*progQueryAttr)(unsafe.Pointer(&attr))
	*query = progQueryAttr{
		target: uint32(dir), attachType: unix.BPF_CGROUP_DEVICE,
		ids: uint64(uintptr(unsafe.Pointer(&ids[0]))), count: uint32(len(ids)),
	}
	_, err := bpf(unix.BPF_PROG_QUERY, &attr)
	runtime.KeepAlive(ids)
	if err != nil {
		return nil, filterError("list", err)
	}
	return ids[:query.count], nil
}

// detachFilter detaches a device filter from the cgroup. A filter that is already detached is no error.
func detachFilter(dir int, id uint32) error {
	var attr [attrSize / 8]uint64
	*(*progByIDAttr)(unsafe.Pointer(&attr)) = progByIDAttr{id}
	prog, err := bpf(unix.BPF_PROG_GET_FD_BY_ID, &attr)
	if err == unix.ENOENT {
		return nil
	}
	if err != nil {
		return filterError("open", err)
	}
	defer unix.Close(prog) //nolint:errcheck // nothing was written
	attr = [attrSize / 8]uint64{}
	*(*progAttachAttr)(unsafe.Pointer(&attr)) = progAttachAttr{
		target: uint32(dir), prog: uint32(prog), attachType: unix.BPF_CGROUP_DEVICE,
	}
	if _, err := bpf(unix.BPF_PROG_DETACH, &attr); err != nil && err != unix.ENOENT {
		return filterError("detach", err)
	}
	return nil
}

// filterError returns the error of one of the bpf(2) calls.
func filterError(verb string, err error) error {
	e := diag.Sys("the device rules can't be enforced: the kernel did not "+verb+" their eBPF filter", "bpf", err).
		At("linux.resources.devices", "")
	switch e.Errno {
	case unix.EPERM:
		e.Hint = "bpf(2) requires CAP_SYS_ADMIN (or CAP_BPF and CAP_NET_ADMIN) in the initial user namespace, and a " +
			"seccomp profile that allows it"
	case unix.EINVAL, unix.ENOSYS:
		e.Hint = "the kernel must be built with CONFIG_CGROUP_BPF"
	}
	return e
}
