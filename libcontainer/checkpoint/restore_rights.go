package checkpoint

import (
	"os"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
	"rt/spec"
)

// Restored processes have the privileges that the images give them, and a user who could write to the images may have
// changed these. checkRights compares the processes with config.json while they are stopped. Fewer privileges are
// allowed: programs drop privileges. More privileges are a warning if a program could have gained them by itself, and
// otherwise an error.

// verifier compares restored processes with the config.
type verifier struct {
	*Bundle
	options *RestoreOptions
	criu    int // the pid of CRIU
}

// excess is a privilege that a process has and the config does not give.
type excess struct {
	field, problem string
	possible       bool // a program may have gained it: by set-user-ID, or by file capabilities
}

// findExcesses returns the privileges of r that the process p of a config does not give. host returns the ID in rt's
// user namespace of an ID of the container; with nil IDs are not compared.
func findExcesses(r *process.Status, p *spec.Process, filtered bool, host func(id uint32, group bool) uint32) []excess {
	var found []excess
	add := func(field, problem string, possible bool) { found = append(found, excess{field, problem, possible}) }
	if p.NoNewPrivs && !r.NoNewPrivs {
		add("process.noNewPrivileges", "has no no_new_privs", false)
	}
	if filtered && !r.Filtered() {
		add("linux.seccomp", "has no seccomp filter", false)
	}
	caps := spec.Capabilities{}
	if p.Capabilities != nil {
		caps = *p.Capabilities
	}
	// An execve(2) as root, or of a program with file capabilities, can give all capabilities of the bounding set
	// (capabilities(7)).
	has := &r.Capabilities
	all := has.All()
	if more := all &^ (caps.Bounding | caps.Inheritable | caps.Permitted); more != 0 {
		add("process.capabilities", "has "+capabilityList(more), false)
	} else if more := (has.Permitted | has.Effective) &^ caps.Permitted; more != 0 && (p.NoNewPrivs || p.UID != 0) {
		add("process.capabilities.permitted", "has "+capabilityList(more), !p.NoNewPrivs)
	}
	if host == nil {
		return found
	}
	if caps.Permitted&(1<<unix.CAP_SETUID) == 0 {
		for _, id := range r.UIDs {
			if id != host(p.UID, false) {
				add("process.user.uid", "runs as the user "+strconv.Itoa(int(id))+" of the host", !p.NoNewPrivs)
				break
			}
		}
	}
	if caps.Permitted&(1<<unix.CAP_SETGID) == 0 {
		may := map[uint32]bool{host(p.GID, true): true}
		for _, id := range p.Groups {
			may[host(id, true)] = true
		}
		for _, id := range append(r.GIDs[:], r.Groups...) {
			if !may[id] {
				add("process.user", "is in the group "+strconv.Itoa(int(id))+" of the host", !p.NoNewPrivs)
				break
			}
		}
	}
	return found
}

// capabilityList returns the names of a set of capabilities.
func capabilityList(set uint64) string {
	var names []string
	for n := range 64 {
		if set&(1<<n) != 0 {
			names = append(names, spec.CapabilityName(n))
		}
	}
	return strings.Join(names, ", ")
}

// checkRights compares the restored processes, which are stopped, with the config. It returns an error if a process has
// privileges that it can't have gained by itself.
func (v *verifier) checkRights(pid int) error {
	pids, err := v.restoredPids(pid)
	if err != nil {
		return err
	}
	for _, p := range pids {
		if err := v.checkNamespaces(p); err != nil {
			return err
		}
	}
	if err := v.checkJoined(pid); err != nil {
		return err
	}
	if err := v.checkMaps(pid); err != nil {
		return err
	}
	if err := v.checkExposed(pids); err != nil {
		return err
	}
	threads, err := threadsOf(pids)
	if err != nil {
		return err
	}
	if err := v.checkLabels(threads); err != nil {
		return err
	}
	host := func(id uint32, group bool) uint32 {
		if group {
			return v.Spec.HostID(id, v.Spec.GIDMappings)
		}
		return v.Spec.HostID(id, v.Spec.UIDMappings)
	}
	if v.Spec.Namespaces.Joined(unix.CLONE_NEWUSER) != nil {
		host = nil // the maps of a joined namespace are not in the config
	}
	filtered := v.Spec.OCI.Linux != nil && v.Spec.OCI.Linux.Seccomp != nil
	for _, t := range threads {
		r, err := process.ReadStatus(t)
		if err != nil {
			return err
		}
		for _, e := range findExcesses(r, v.Spec.Process, filtered, host) {
			problem := "restored process " + strconv.Itoa(t) + " " + e.problem
			if !e.possible {
				return imagesError(e.field, problem)
			}
			v.Log.Warn(problem + ", which " + e.field + " of config.json does not give it")
		}
	}
	return nil
}

// imagesError returns the error about images that give more than the config.
func imagesError(field, problem string) *diag.Error {
	return &diag.Error{
		Kind: diag.Host, Field: field, Problem: problem +
			", which config.json does not allow: the images are of another config, or were changed",
	}
}

// restoredPids returns the restored processes: the init, and all others in the container's cgroup except CRIU and its
// children.
func (v *verifier) restoredPids(init int) ([]int, error) {
	pids := []int{init}
	if !v.Cgroup.Available() {
		return pids, nil
	}
	all, err := v.Cgroup.Pids()
	if err != nil {
		return nil, err
	}
	for _, pid := range all {
		if parent, _ := state.Parent(pid); pid != init && pid != v.criu && parent != v.criu {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// threadsOf lists the threads of processes.
func threadsOf(pids []int) (threads []int, err error) {
	for _, pid := range pids {
		entries, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
		if err != nil {
			return nil, diag.Sys("the threads of a restored process can't be listed", "getdents64", err)
		}
		for _, e := range entries {
			if tid, err := strconv.Atoi(e.Name()); err == nil {
				threads = append(threads, tid)
			}
		}
	}
	return threads, nil
}

// kill kills the restored processes, which are stopped, and then CRIU, which would resume them even after an error. It
// does not wait for them: the tracer, CRIU, must do that first (ptrace(2)).
func (v *verifier) kill(init int) {
	pids, err := v.restoredPids(init)
	if err != nil {
		pids = []int{init}
	}
	for _, pid := range pids {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	_ = unix.Kill(v.criu, unix.SIGKILL)
}

// checkedNamespaces are the types of namespaces that a restore compares. Some versions of CRIU do not support cgroup
// and time namespaces.
const checkedNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUTS | unix.CLONE_NEWUSER

// checkNamespaces returns an error if a process is in a namespace of rt, and the config requires a new one.
func (v *verifier) checkNamespaces(pid int) error {
	other, err := process.OtherNamespaces(pid, 0)
	if err != nil {
		return err
	}
	if missing := v.Spec.Namespaces.New & checkedNamespaces &^ other; missing != 0 {
		return imagesError(
			"linux.namespaces",
			"restored process "+strconv.Itoa(pid)+" is in a namespace of the host: "+namespaceLinks(missing),
		)
	}
	return nil
}

// checkJoined returns an error if the init is not in a namespace that the config names by path.
func (v *verifier) checkJoined(pid int) error {
	for i := range v.Spec.Namespaces.Join {
		j := &v.Spec.Namespaces.Join[i]
		if j.Flag&checkedNamespaces == 0 {
			continue
		}
		var want, has unix.Stat_t
		err := unix.Stat(j.Path, &want)
		if err == nil {
			err = unix.Stat("/proc/"+strconv.Itoa(pid)+"/ns/"+namespaceLinks(j.Flag), &has)
		}
		if err != nil {
			return diag.Sys("the namespaces of a restored process can't be read", "stat", err)
		}
		if want.Ino != has.Ino || want.Dev != has.Dev {
			return imagesError(
				j.Field(),
				"restored process "+strconv.Itoa(pid)+" is not in the namespace "+j.Path,
			)
		}
	}
	return nil
}

// namespaceLinks returns the names of types of namespaces in /proc/PID/ns.
func namespaceLinks(flags uintptr) string {
	var names []string
	for _, k := range process.Namespaces {
		if flags&k.Flag != 0 {
			names = append(names, k.Link)
		}
	}
	return strings.Join(names, ", ")
}

// checkMaps returns an error if a new user namespace maps other IDs than the config.
func (v *verifier) checkMaps(pid int) error {
	if v.Spec.Namespaces.New&unix.CLONE_NEWUSER == 0 {
		return nil
	}
	for _, m := range [...]struct {
		file, field string
		want        []specs.LinuxIDMapping
	}{
		{process.UIDMap, "linux.uidMappings", v.Spec.UIDMappings},
		{process.GIDMap, "linux.gidMappings", v.Spec.GIDMappings},
	} {
		list, err := process.ReadIDMap(pid, m.file)
		if err != nil {
			return diag.Sys("the ids of the restored user namespace can't be read", "read", err)
		}
		for _, e := range list {
			if !slices.Contains(m.want, e) {
				return imagesError(m.field, "the restored user namespace maps the ids "+process.FormatIDMapping(e))
			}
		}
	}
	return nil
}
