package audit

import (
	"os"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/libcontainer/inspect"
	"rt/libcontainer/process"
	"rt/spec"
)

const cloneNewNS = unix.CLONE_NEWNS

// user compares the ids of the first process.
func (r *report) user(s *status) {
	p := r.Spec.Process
	if r.Spec.Namespaces.Joined(unix.CLONE_NEWUSER) != nil {
		r.add("process", "user", "process.user", ids(s.uids)+" / "+ids(s.gids), "") // its maps are somebody else's
		return
	}
	uid, gid := r.hostID(p.UID, r.Spec.UIDMappings), r.hostID(p.GID, r.Spec.GIDMappings)
	r.compare("process", "uid", "process.user.uid", ids(s.uids), ids([]uint32{uid}), "runs as another user")
	r.compare("process", "gid", "process.user.gid", ids(s.gids), ids([]uint32{gid}), "runs in another group")
	if r.Spec.Namespaces.Has(unix.CLONE_NEWUSER) && len(p.Groups) == 0 {
		return // without the right to call setgroups(2) those of the caller stay
	}
	var want []uint32
	for _, g := range p.Groups {
		want = append(want, r.hostID(g, r.Spec.GIDMappings))
	}
	r.compare("process", "additional groups", "process.user.additionalGids", set(s.groups, gid), set(want, gid),
		"is in other groups")
}

// hostID returns the number that an id of the container has for rt.
func (r *report) hostID(id uint32, mappings []specs.LinuxIDMapping) uint32 {
	if !r.Spec.Namespaces.Has(unix.CLONE_NEWUSER) {
		return id
	}
	for _, m := range mappings {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return m.HostID + id - m.ContainerID
		}
	}
	return id
}

// ids formats the real, effective, saved and file system id: one number if all are the same.
func ids(list []uint32) string {
	list = slices.Compact(slices.Clone(list))
	var words []string
	for _, n := range list {
		words = append(words, strconv.FormatUint(uint64(n), 10))
	}
	return strings.Join(words, " ")
}

// set formats groups, without the one that a process is in anyway.
func set(list []uint32, without uint32) string {
	list = slices.DeleteFunc(slices.Clone(list), func(g uint32) bool { return g == without })
	slices.Sort(list)
	return ids(list)
}

// capabilities compares the five sets with what execve(2) makes of those of the config: capabilities(7).
func (r *report) capabilities(s, self *status) {
	want := r.afterExec(self)
	for _, c := range [...]struct {
		name      string
		now, want uint64
	}{
		{"bounding", s.caps.Bounding, want.Bounding},
		{"permitted", s.caps.Permitted, want.Permitted},
		{"effective", s.caps.Effective, want.Effective},
		{"inheritable", s.caps.Inheritable, want.Inheritable},
		{"ambient", s.caps.Ambient, want.Ambient},
	} {
		field := "process.capabilities." + c.name
		r.differs("capabilities", c.name, field, names(c.now), names(c.want), moreOrLess(c.now, c.want))
	}
}

// moreOrLess says how the capabilities of a process differ from those that are wanted.
func moreOrLess(now, want uint64) string {
	more, less := now&^want, want&^now
	switch {
	case more != 0 && less != 0:
		return "has " + names(more) + " in addition, and lacks " + names(less)
	case more != 0:
		return "has " + names(more) + " in addition"
	case less != 0:
		return "lacks " + names(less)
	}
	return ""
}

// afterExec returns the sets of a process after the execve of a program without file capabilities.
func (r *report) afterExec(self *status) spec.Capabilities {
	p := r.Spec.Process
	c := spec.Capabilities{}
	if p.Capabilities != nil {
		c = *p.Capabilities
	}
	// What rt does not have itself, or this kernel does not know, could not be granted.
	may := self.caps.Bounding
	if r.Spec.Namespaces.Has(unix.CLONE_NEWUSER) {
		may = known()
	}
	for _, set := range []*uint64{&c.Bounding, &c.Permitted, &c.Effective, &c.Inheritable, &c.Ambient} {
		*set &= may
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

// known returns the capabilities that this kernel has.
func known() uint64 {
	text, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	last, err2 := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || err2 != nil || last < 0 || last > 62 {
		return ^uint64(0)
	}
	return 1<<(last+1) - 1
}

// names formats a set of capabilities.
func names(set uint64) string {
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

// restrictions compares no_new_privs, the seccomp filters, the labels and the OOM score.
func (r *report) restrictions(s, self *status) {
	p := r.Spec.Process
	finding := "has no no_new_privs"
	if !p.NoNewPrivs {
		finding = "" // a program may set it itself
	}
	r.compare("process", "no_new_privs", "process.noNewPrivileges", yesNo(s.noNewPrivs), yesNo(p.NoNewPrivs), finding)
	r.seccomp(s, self)
	if p.AppArmor != "" || p.SELinuxLabel == "" {
		r.appArmor(p.AppArmor)
	}
	if p.SELinuxLabel != "" {
		label, _ := attribute(r.Pid, "current")
		r.compare("process", "SELinux label", "process.selinuxLabel", label, p.SELinuxLabel, "has another label")
	}
	score, err := os.ReadFile("/proc/" + strconv.Itoa(r.Pid) + "/oom_score_adj")
	if now := strings.TrimSpace(string(score)); err == nil {
		expected := ""
		if p.OOMScoreAdj != nil {
			expected = strconv.Itoa(*p.OOMScoreAdj)
			r.compare("process", "oom_score_adj", "process.oomScoreAdj", now, expected, "has another OOM score")
			return
		}
		r.add("process", "oom_score_adj", "process.oomScoreAdj", now, expected)
	}
}

// seccomp compares the number of filters. Those of rt itself are inherited; further ones are the program's own.
func (r *report) seccomp(s, self *status) {
	want := max(self.filters, 0)
	if f, _, err := inspect.Filter(r.Spec); err == nil && f != nil && len(f.Prog) > 0 {
		want++
	}
	if s.filters < 0 { // before Linux 5.9
		now := yesNo(s.seccomp == unix.SECCOMP_MODE_FILTER)
		r.compare("process", "seccomp filter", "linux.seccomp", now, yesNo(want > 0), "has no seccomp filter")
		return
	}
	finding := ""
	if s.filters < want {
		finding = "has fewer seccomp filters"
	}
	r.differs("process", "seccomp filters", "linux.seccomp", strconv.Itoa(s.filters), strconv.Itoa(want), finding)
}

// appArmor compares the profile: apparmor(7). Its mode, in brackets, is the policy's.
func (r *report) appArmor(want string) {
	now, ok := attribute(r.Pid, "apparmor/current")
	if !ok {
		if now, ok = attribute(r.Pid, "current"); !ok {
			if want != "" {
				r.differs("process", "AppArmor profile", "process.apparmorProfile", "", want,
					"has no profile that can be read")
			}
			return
		}
	}
	name, _, _ := strings.Cut(now, " (")
	if want == "" {
		r.add("process", "security label", "process.apparmorProfile", now, "")
		return
	}
	finding := ""
	if name != want {
		finding = "is under another profile"
	}
	r.differs("process", "AppArmor profile", "process.apparmorProfile", now, want, finding)
}

// attribute reads a file of proc_pid_attr(5).
func attribute(pid int, name string) (string, bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/attr/" + name)
	return strings.TrimRight(string(text), "\x00\n"), err == nil && len(text) > 0
}

func yesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// rlimits compares process.rlimits, and shows the limits that the config leaves alone.
func (r *report) rlimits() {
	for _, t := range spec.RlimitTypes() {
		number, _ := spec.RlimitNumber(t)
		var now unix.Rlimit
		if unix.Prlimit(r.Pid, number, nil, &now) != nil {
			continue // another user's, or it has just ended
		}
		i := slices.IndexFunc(r.Spec.Process.Rlimits, func(l spec.Rlimit) bool { return l.Type == t })
		if i < 0 {
			r.add("limits", t, "", limit(now.Cur, now.Max), "")
			continue
		}
		l := &r.Spec.Process.Rlimits[i]
		r.compare("limits", t, "process.rlimits["+strconv.Itoa(l.Index)+"]", limit(now.Cur, now.Max),
			limit(l.Soft, l.Hard), "has another limit")
	}
}

func limit(soft, hard uint64) string {
	text := func(n uint64) string {
		if n == unix.RLIM_INFINITY {
			return "unlimited"
		}
		return strconv.FormatUint(n, 10)
	}
	return "soft " + text(soft) + ", hard " + text(hard)
}

// others looks for processes of the container with more rights than the config gives: of `rt exec --cap`, or of a
// program that has come to them. One that has made a user namespace of its own has all rights there, and none outside.
func (r *report) others(first *status) {
	p := r.Spec.Process
	granted := spec.Capabilities{}
	if p.Capabilities != nil {
		granted = *p.Capabilities
	}
	may := granted.Bounding | granted.Permitted | granted.Inheritable
	user, err := inode("/proc/" + strconv.Itoa(r.Pid) + "/ns/user")
	if err != nil {
		return
	}
	for _, pid := range r.Pids {
		name, zombie := process.Name(pid)
		its, err := inode("/proc/" + strconv.Itoa(pid) + "/ns/user")
		if pid == r.Pid || zombie || err != nil || its != user {
			continue
		}
		s, err := readStatus(pid)
		if err != nil {
			continue // it has ended
		}
		title := strconv.Itoa(pid) + " " + name
		now := s.caps.Permitted | s.caps.Effective | s.caps.Bounding | s.caps.Ambient | s.caps.Inheritable
		if more := now &^ may; more != 0 {
			r.differs("processes", title, "process.capabilities", names(now), names(may),
				"has "+names(more)+" in addition")
		}
		if p.NoNewPrivs && !s.noNewPrivs {
			r.differs("processes", title, "process.noNewPrivileges", "no", "yes", "has no no_new_privs")
		}
		if s.seccomp == 0 && first.seccomp != 0 {
			r.differs("processes", title, "linux.seccomp", "no filter", "a filter", "has no seccomp filter")
		}
	}
}

// cgroup compares the limits of the cgroup and its device rules.
func (r *report) cgroup() error {
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
		r.differs("cgroup", l.File, field, l.Now, l.Wanted, finding)
	}
	now, hold, known := r.Group.DeviceRules()
	if !known {
		return nil
	}
	finding := ""
	if !hold {
		finding = "has other device rules"
	}
	r.differs("cgroup", "devices", "linux.resources.devices", now, "the rules of the config", finding)
	return nil
}
