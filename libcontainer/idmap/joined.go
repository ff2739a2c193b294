package idmap

import (
	"cmp"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/plan"
	"rt/libcontainer/process"
	"rt/nsenter"
	"rt/spec"
)

// ReadJoined replaces linux.uidMappings and linux.gidMappings in s with the maps of the user namespace that the
// container joins: what is created for the container, such as device nodes, must belong to ids of that namespace. Maps
// of the config that differ are ignored, and are in the warnings. If the namespace can't be joined, s stays as it is:
// then the creation fails, at a step that names the namespace.
func ReadJoined(s *spec.Spec, id string) (warnings []string) {
	j := s.Namespaces.Joined(unix.CLONE_NEWUSER)
	if j == nil {
		return nil
	}
	uids, gids := readMaps(j, id)
	if len(uids) == 0 || len(gids) == 0 {
		return nil
	}
	for _, m := range [...]struct {
		field string
		its   []specs.LinuxIDMapping
		of    *[]specs.LinuxIDMapping
	}{{"linux.uidMappings", uids, &s.UIDMappings}, {"linux.gidMappings", gids, &s.GIDMappings}} {
		if len(*m.of) > 0 && !slices.Equal(merge(*m.of), merge(m.its)) {
			e := diag.Error{
				Field:   m.field,
				Problem: "is ignored: the user namespace of " + j.Field() + " has another map",
			}
			warnings = append(warnings, e.Error())
		}
		*m.of = m.its
	}
	return warnings
}

// readMaps reads the maps of a user namespace, as ids of rt's own: /proc has those of a process that is in there.
func readMaps(j *spec.Join, id string) (uids, gids []specs.LinuxIDMapping) {
	namespace, err := process.OpenNamespace(j.Field(), j.Path, j.Flag)
	if err != nil {
		return nil, nil
	}
	defer func() { _ = unix.Close(namespace) }()
	image, err := nsenter.Assemble(plan.JoinedProgram())
	if err != nil {
		return nil, nil
	}
	boot, err := nsenter.Spawn(image, &nsenter.SpawnOptions{
		Argv: []string{"rt-idmap", id}, Files: []uintptr{uintptr(namespace)}, CgroupFD: -1,
	})
	if err != nil {
		return nil, nil
	}
	defer func() {
		boot.Close()
		_, _ = boot.Wait()
	}()
	r, fd, err := boot.Next()
	sys.CloseAll(fd)
	if err != nil || r.Kind != nsenter.Sync {
		return nil, nil
	}
	if uids, err = process.ReadIDMap(boot.Pid, process.UIDMap); err != nil {
		return nil, nil // with hidepid=2 /proc hides the file from rt
	}
	if gids, err = process.ReadIDMap(boot.Pid, process.GIDMap); err != nil {
		return nil, nil
	}
	return uids, gids
}

// merge returns mappings in order, adjacent ones as one: those of two maps with the same effect are equal.
func merge(list []specs.LinuxIDMapping) (merged []specs.LinuxIDMapping) {
	list = slices.SortedFunc(slices.Values(list), func(a, b specs.LinuxIDMapping) int {
		return cmp.Compare(a.ContainerID, b.ContainerID)
	})
	for _, m := range list {
		if n := len(merged); n > 0 {
			last := &merged[n-1]
			if m.ContainerID-last.ContainerID == last.Size && m.HostID-last.HostID == last.Size {
				last.Size += m.Size
				continue
			}
		}
		merged = append(merged, m)
	}
	return merged
}
