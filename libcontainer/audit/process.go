package audit

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/libcontainer/inspect"
	"rt/libcontainer/process"
	"rt/spec"
)

// compareUser compares the user and group IDs of the init.
func (r *report) compareUser(s *process.Status) {
	p := r.Spec.Process
	if r.Spec.Namespaces.Joined(unix.CLONE_NEWUSER) != nil {
		// The maps of a joined namespace are not in the config.
		r.add("process", "user", "process.user", formatIDs(s.UIDs[:])+" / "+formatIDs(s.GIDs[:]), "", "")
		return
	}
	uid, gid := r.Spec.HostID(p.UID, r.Spec.UIDMappings), r.Spec.HostID(p.GID, r.Spec.GIDMappings)
	r.compare("process", "uid", "process.user.uid", formatIDs(s.UIDs[:]), formatIDs([]uint32{uid}),
		"runs as another user")
	r.compare("process", "gid", "process.user.gid", formatIDs(s.GIDs[:]), formatIDs([]uint32{gid}),
		"runs in another group")
	if r.Spec.Namespaces.Has(unix.CLONE_NEWUSER) && len(p.Groups) == 0 {
		return // without the right to call setgroups(2) the process has the groups of rt
	}
	var want []uint32
	for _, g := range p.Groups {
		want = append(want, r.Spec.HostID(g, r.Spec.GIDMappings))
	}
	r.compare("process", "additional groups", "process.user.additionalGids", formatGroups(s.Groups, gid),
		formatGroups(want, gid), "is in other groups")
}

// formatIDs formats the real, effective, saved and file system ID: one number if all are the same.
func formatIDs(list []uint32) string {
	list = slices.Compact(slices.Clone(list))
	var words []string
	for _, n := range list {
		words = append(words, strconv.FormatUint(uint64(n), 10))
	}
	return strings.Join(words, " ")
}

// formatGroups formats supplementary groups, sorted and without the primary group, which may be among them.
func formatGroups(list []uint32, primary uint32) string {
	list = slices.DeleteFunc(slices.Clone(list), func(g uint32) bool { return g == primary })
	slices.Sort(list)
	return formatIDs(list)
}

// compareCapabilities compares the five sets of the init with those of the config after an execve(2).
func (r *report) compareCapabilities(s, self *process.Status) {
	want := r.capabilitiesAfterExec(self)
	for _, c := range [...]struct {
		name      string
		now, want uint64
	}{
		{"bounding", s.Capabilities.Bounding, want.Bounding},
		{"permitted", s.Capabilities.Permitted, want.Permitted},
		{"effective", s.Capabilities.Effective, want.Effective},
		{"inheritable", s.Capabilities.Inheritable, want.Inheritable},
		{"ambient", s.Capabilities.Ambient, want.Ambient},
	} {
		field := "process.capabilities." + c.name
		finding := capabilityFinding(c.now, c.want)
		r.add("capabilities", c.name, field, capabilityNames(c.now), capabilityNames(c.want), finding)
	}
}

// capabilityFinding returns the finding that a set has more or fewer capabilities than another; "" if it has the same.
func capabilityFinding(now, want uint64) string {
	more, less := now&^want, want&^now
	switch {
	case more != 0 && less != 0:
		return "has " + capabilityNames(more) + " in addition, and lacks " + capabilityNames(less)
	case more != 0:
		return "has " + capabilityNames(more) + " in addition"
	case less != 0:
		return "lacks " + capabilityNames(less)
	}
	return ""
}

// capabilitiesAfterExec returns the sets of the config as the execve(2) of a program without file capabilities changes
// them: capabilities(7).
func (r *report) capabilitiesAfterExec(self *process.Status) spec.Capabilities {
	p := r.Spec.Process
	c := spec.Capabilities{}
	if p.Capabilities != nil {
		c = *p.Capabilities
	}
	// rt can't grant capabilities that it lacks itself, or that this kernel does not know.
	grantable := self.Capabilities.Bounding
	if r.Spec.Namespaces.Has(unix.CLONE_NEWUSER) {
		grantable = knownCapabilities()
	}
	for _, set := range []*uint64{&c.Bounding, &c.Permitted, &c.Effective, &c.Inheritable, &c.Ambient} {
		*set &= grantable
	}
	c.Ambient &= c.Permitted & c.Inheritable
	if p.UID != 0 {
		c.Permitted, c.Effective = c.Ambient, c.Ambient
		return c
	}
	all := c.Inheritable | c.Bounding
	if p.NoNewPrivs {
		all &= c.Permitted
	}
	c.Permitted = all | c.Ambient
	c.Effective = c.Permitted
	return c
}

// knownCapabilities returns the capabilities that this kernel knows; all if it does not tell.
func knownCapabilities() uint64 {
	text, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	last, err2 := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || err2 != nil || last < 0 || last > 62 {
		return ^uint64(0)
	}
	return 1<<(last+1) - 1
}

// capabilityNames returns the names of a set of capabilities, "none" for an empty one.
func capabilityNames(set uint64) string {
	var list []string
	for n := range 64 {
		if set&(1<<n) == 0 {
			continue
		}
		name := spec.CapabilityName(n)
		if name == "" {
			name = "capability " + strconv.Itoa(n)
		}
		list = append(list, name)
	}
	if list == nil {
		return "none"
	}
	return strings.Join(list, " ")
}

// compareRestrictions compares no_new_privs, the seccomp filters, the labels and the OOM score.
func (r *report) compareRestrictions(s, self *process.Status) {
	p := r.Spec.Process
	finding := "has no no_new_privs"
	if !p.NoNewPrivs {
		finding = "" // a program may set it itself
	}
	r.compare("process", "no_new_privs", "process.noNewPrivileges", yesNo(s.NoNewPrivs), yesNo(p.NoNewPrivs), finding)
	r.compareSeccomp(s, self)
	if p.AppArmor != "" || p.SELinuxLabel == "" {
		r.compareAppArmor(p.AppArmor)
	}
	if p.SELinuxLabel != "" {
		label, _ := readAttribute(r.Pid, "current")
		r.compare("process", "SELinux label", "process.selinuxLabel", label, p.SELinuxLabel, "has another label")
	}
	r.compareOOMScore(p.OOMScoreAdj)
}

// compareOOMScore compares process.oomScoreAdj, which may be nil.
func (r *report) compareOOMScore(want *int) {
	score, err := os.ReadFile("/proc/" + strconv.Itoa(r.Pid) + "/oom_score_adj")
	if err != nil {
		return
	}
	now := strings.TrimSpace(string(score))
	if want == nil {
		r.add("process", "oom_score_adj", "process.oomScoreAdj", now, "", "")
		return
	}
	r.compare("process", "oom_score_adj", "process.oomScoreAdj", now, strconv.Itoa(*want), "has another OOM score")
}

// compareSeccomp compares the number of filters: the process inherits those of rt, and may load further ones itself.
func (r *report) compareSeccomp(s, self *process.Status) {
	want := max(self.Filters, 0)
	if f, _, err := inspect.Filter(r.Spec); err == nil && f != nil && len(f.Prog) > 0 {
		want++
	}
	if s.Filters < 0 { // before Linux 5.9
		now := yesNo(s.Filtered())
		r.compare("process", "seccomp filter", "linux.seccomp", now, yesNo(want > 0), "has no seccomp filter")
		return
	}
	finding := ""
	if s.Filters < want {
		finding = "has fewer seccomp filters"
	}
	r.add("process", "seccomp filters", "linux.seccomp", strconv.Itoa(s.Filters), strconv.Itoa(want), finding)
}

// compareAppArmor compares the profile: apparmor(7). Its mode, in parentheses, is not in the config.
func (r *report) compareAppArmor(want string) {
	now, ok := readAttribute(r.Pid, "apparmor/current")
	if !ok {
		if now, ok = readAttribute(r.Pid, "current"); !ok {
			if want != "" {
				r.add("process", "AppArmor profile", "process.apparmorProfile", "", want,
					"has no profile that can be read")
			}
			return
		}
	}
	name, _, _ := strings.Cut(now, " (")
	if want == "" {
		r.add("process", "security label", "process.apparmorProfile", now, "", "")
		return
	}
	finding := ""
	if name != want {
		finding = "is under another profile"
	}
	r.add("process", "AppArmor profile", "process.apparmorProfile", now, want, finding)
}

// readAttribute reads a file of proc_pid_attr(5). It returns false if the file can't be read or is empty.
func readAttribute(pid int, name string) (string, bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/attr/" + name)
	return strings.TrimRight(string(text), "\x00\n"), err == nil && len(text) > 0
}

func yesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// compareRlimits compares process.rlimits, and adds the limits that the config does not set.
func (r *report) compareRlimits() {
	for _, t := range spec.RlimitTypes() {
		number, _ := spec.RlimitNumber(t)
		var now unix.Rlimit
		if unix.Prlimit(r.Pid, number, nil, &now) != nil {
			continue // a process of another user, or one that has just ended
		}
		i := slices.IndexFunc(r.Spec.Process.Rlimits, func(l spec.Rlimit) bool { return l.Type == t })
		if i < 0 {
			r.add("limits", t, "", formatLimits(now.Cur, now.Max), "", "")
			continue
		}
		l := &r.Spec.Process.Rlimits[i]
		r.compare("limits", t, "process.rlimits["+strconv.Itoa(l.Index)+"]", formatLimits(now.Cur, now.Max),
			formatLimits(l.Soft, l.Hard), "has another limit")
	}
}

// formatLimits formats a soft and a hard limit.
func formatLimits(soft, hard uint64) string {
	text := func(n uint64) string {
		if n == unix.RLIM_INFINITY {
			return "unlimited"
		}
		return strconv.FormatUint(n, 10)
	}
	return "soft " + text(soft) + ", hard " + text(hard)
}

// compareOtherProcesses adds the other processes of the container that have more privileges than the config gives, for
// example by `rt exec --cap`. It skips processes in further user namespaces: their privileges have no effect outside.
func (r *report) compareOtherProcesses(first *process.Status) {
	p := r.Spec.Process
	granted := spec.Capabilities{}
	if p.Capabilities != nil {
		granted = *p.Capabilities
	}
	may := granted.Bounding | granted.Permitted | granted.Inheritable
	user, err := inodeOf("/proc/" + strconv.Itoa(r.Pid) + "/ns/user")
	if err != nil {
		return
	}
	for _, pid := range r.Pids {
		name, zombie := process.Name(pid)
		its, err := inodeOf("/proc/" + strconv.Itoa(pid) + "/ns/user")
		if pid == r.Pid || zombie || err != nil || its != user {
			continue
		}
		s, err := process.ReadStatus(pid)
		if err != nil {
			continue // it has ended
		}
		title := strconv.Itoa(pid) + " " + name
		now := s.Capabilities.All()
		if more := now &^ may; more != 0 {
			r.add("processes", title, "process.capabilities", capabilityNames(now), capabilityNames(may),
				"has "+capabilityNames(more)+" in addition")
		}
		if p.NoNewPrivs && !s.NoNewPrivs {
			r.add("processes", title, "process.noNewPrivileges", "no", "yes", "has no no_new_privs")
		}
		if s.Seccomp == 0 && first.Seccomp != 0 {
			r.add("processes", title, "linux.seccomp", "no filter", "a filter", "has no seccomp filter")
		}
	}
}

// compareCgroup compares the limits of the cgroup and its device rules.
func (r *report) compareCgroup() error {
	if r.Spec.OCI.Linux == nil {
		return nil
	}
	list, err := r.Group.Limits(r.Spec.OCI.Linux.Resources, r.StrictPids)
	if err != nil {
		return err
	}
	for _, l := range list {
		finding := ""
		if !l.Holds {
			finding = "has another limit"
		}
		field := l.Field
		r.add("cgroup", l.File, field, l.Now, l.Wanted, finding)
	}
	now, hold, known := r.Group.DeviceRules()
	if !known {
		return nil
	}
	finding := ""
	if !hold {
		finding = "has other device rules"
	}
	r.add("cgroup", "devices", "linux.resources.devices", now, "the rules of the config", finding)
	return nil
}
