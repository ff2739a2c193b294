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

// external is a mount of the container that belongs to the host. CRIU dumps only its label. At the restore it mounts
// the source.
type external struct {
	label       string // the destination in the config
	destination string // the mount point in the container's mount table; only attached sets it
	source      string
	device      bool // the mount is external only if it shows a device: see attached
}

type externals []external

// externalMounts lists the mounts of a config that may be external: bind mounts, masks of files, devices that are bind
// mounts, the hierarchies of cgroup v1, and rt's own. The list is the same at the checkpoint and at the restore.
// attached selects those that exist.
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

// attached returns those that are mounted in the container with the init pid, with their mount points.
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
			continue // covered, or not mounted
		}
		if e.device && !at.Device {
			continue // the mask of a directory is a tmpfs of the container
		}
		e.destination = at.Mountpoint
		if !slices.ContainsFunc(mounted, func(o external) bool { return o.destination == e.destination }) {
			mounted = append(mounted, e)
		}
	}
	return mounted, nil
}

// mountIDOf returns the ID of the mount of an open file, or -1: the line mnt_id of its proc_pid_fdinfo(5), at path.
func mountIDOf(path string) int {
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

// externalNamespaces are the types that CRIU can leave out of a dump if the config joins one by path. The labels are
// those of runc: each runtime can restore the checkpoints of the other.
var externalNamespaces = [...]struct {
	flag        uintptr
	kind, label string
}{
	{unix.CLONE_NEWNET, "net", "extRootNetNS"},
	{unix.CLONE_NEWPID, "pid", "extRootPidNS"},
}

// joinedNamespaces are the types that CRIU always dumps. If the config names one by path, the restore joins it instead
// of creating another one.
var joinedNamespaces = [...]struct {
	flag uintptr
	kind string
}{
	{unix.CLONE_NEWIPC, "ipc"},
	{unix.CLONE_NEWUTS, "uts"},
}
