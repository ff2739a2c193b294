package checkpoint

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/host"
	"rt/libcontainer/mounttable"
	"rt/libcontainer/plan"
	"rt/libcontainer/state"
	"rt/spec"
)

// external is a mount of the container that belongs to the host. CRIU saves nothing of it but a label, and mounts at
// the restore what is then the source.
type external struct {
	label       string // the destination, as the config has it
	destination string // as the container's mount table has it; only in what attached returns
	source      string
	device      bool // only where it covers a device: see attached
}

type externals []external

// externalMounts lists the mounts that may be external, as the config tells: bind mounts, what hides masked files,
// devices that could not be made, the hierarchies of cgroup v1, and rt's own. It is the same list at the checkpoint and
// at the restore; what of it there is, the mount table of the container says.
func externalMounts(s *spec.Spec, hierarchies []host.Hierarchy, c *state.Container) (list externals) {
	for i := range s.Mounts {
		m := &s.Mounts[i]
		switch {
		case m.Remount:
		case m.Bind:
			list = append(list, external{label: m.Destination, source: m.Source})
		case m.Type == "cgroup" || m.Type == "cgroup2":
			if s.Namespaces.Has(unix.CLONE_NEWCGROUP) {
				continue
			}
			for _, h := range hierarchies {
				if h.Name != "" {
					list = append(list, external{label: m.Destination + "/" + h.Name, source: h.Path})
				} else {
					list = append(list, external{label: m.Destination, source: plan.HostCgroup2})
				}
			}
		}
	}
	for _, path := range s.MaskedPaths {
		list = append(list, external{label: path, source: "/dev/null", device: true})
	}
	for _, d := range plan.BoundDevices(s) {
		list = append(list, external{label: d.Path, source: d.Path, device: true})
	}
	return append(list, external{label: plan.NotifyDir, source: c.Path(state.NotifyDir)})
}

// attached returns those that are mounted in the container of pid, with the mount points in its mount table.
func (list externals) attached(pid int) (mounted externals, err error) {
	m, err := mounttable.Load(pid)
	if err != nil {
		return nil, err
	}
	root, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, diag.Sys("the root file system of the container can't be opened", "open", err)
	}
	defer func() { _ = unix.Close(root) }()
	for _, e := range list {
		at, err := m.Lookup(root, e.label)
		if err != nil || at == nil || !at.Root {
			continue // covered, or never made
		}
		if e.device && !at.Device {
			continue // a masked directory is behind a tmpfs, which is the container's own
		}
		e.destination = at.Mountpoint
		if !slices.ContainsFunc(mounted, func(o external) bool { return o.destination == e.destination }) {
			mounted = append(mounted, e)
		}
	}
	return mounted, nil
}

// mountIn returns the ID of the mount of an open file, or -1: the line mnt_id of its proc_pid_fdinfo(5), at path.
func mountIn(path string) int {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	defer func() { _ = unix.Close(fd) }()
	text := make([]byte, 4096)
	n, err := unix.Read(fd, text)
	if err != nil {
		return -1
	}
	_, rest, ok := strings.Cut(string(text[:n]), "mnt_id:\t")
	number, _, _ := strings.Cut(rest, "\n")
	id, err := strconv.Atoi(number)
	if !ok || err != nil {
		return -1
	}
	return id
}

// externalNamespaces are those that the config joins by path and CRIU can leave out; the labels are runc's, so that
// either can restore what the other has saved.
var externalNamespaces = [...]struct {
	flag        uintptr
	kind, label string
}{
	{unix.CLONE_NEWNET, "net", "extRootNetNS"},
	{unix.CLONE_NEWPID, "pid", "extRootPidNS"},
}

// joinedNamespaces are those that CRIU saves in any case, and joins at the restore instead of making them again.
var joinedNamespaces = [...]struct {
	flag uintptr
	kind string
}{
	{unix.CLONE_NEWIPC, "ipc"},
	{unix.CLONE_NEWUTS, "uts"},
}
