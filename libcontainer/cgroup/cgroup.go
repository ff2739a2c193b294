package cgroup

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"rt/internal/diag"
	"rt/libcontainer/host"

	"github.com/opencontainers/cgroups"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// The drivers: who makes the cgroup.
const (
	Cgroupfs = "cgroupfs" // rt, with mkdir(2)
	Systemd  = "systemd"  // systemd, over D-Bus, as a transient unit
	Disabled = "disabled" // no driver: the container stays in rt's own cgroup
)

// Config describes the cgroup that a container asks for.
type Config struct {
	ID       string
	Path     string // linux.cgroupsPath; with Systemd "slice:prefix:name"
	Systemd  bool   // --systemd-cgroup
	Disabled bool   // --cgroup-manager disabled: no cgroup is made, whatever Path says
	// Whether rt may lack the rights: then a container without limits runs without a cgroup of its own.
	Rootless bool
	// Whether the container's processes can make device nodes: then even the default device rules are required.
	MakesNodes bool
	Resources  *specs.LinuxResources // linux.resources; nil means none
	// Whether a pids.limit of 0 is a limit (from version 1.3 of the specification), not the absence of one.
	NoPids      bool
	Annotations map[string]string // org.systemd.property.* are properties of the unit
	OwnerUID    *int              // host id that gets the cgroup (v2 only); nil means no delegation
}

// Group is the set of cgroups of one container: one directory on v2, one in each hierarchy on v1. Its methods are those
// of its parts; each part has a file.
type Group struct {
	*cgroupSet
	ownership  // owner.go: which container uses it
	lifecycle  // create.go, destroy.go: it is made, joined and removed
	updater    // update.go: its limits change
	auditor    // audit.go: its limits are compared with the config
	freezer    // freeze.go: its processes are suspended
	signaller  // kill.go: its processes are signalled
	accounting // stats.go, oom.go, watch.go: what its processes have used
	joiner     // exec.go: another process joins it
}

// groupOf returns the Group of a set.
func groupOf(g *cgroupSet) *Group {
	return &Group{
		cgroupSet: g, ownership: ownership{g}, lifecycle: lifecycle{cgroupSet: g}, updater: updater{g},
		auditor: auditor{g}, freezer: freezer{g}, signaller: signaller{g}, accounting: accounting{g}, joiner: joiner{g},
	}
}

// cgroupSet is what all parts of a Group share: the directories, the limits, and who makes the directories.
type cgroupSet struct {
	driver      string
	mode        host.CgroupMode
	hierarchies []hierarchy // one on v2, one for each hierarchy on v1; none if the container has no cgroup
	config      Config
	limits      *limits
	rootless    bool
	fd          int    // of the v2 directory, or -1
	locked      int    // the descriptor that holds the lock of claim.go; 0 if there is none
	unit        *unit  // systemd only
	owner       string // names the container in its cgroup; "" in a state of an older rt
}

// hierarchy is the container's cgroup in one hierarchy.
type hierarchy struct {
	name string // the directory below /sys/fs/cgroup; "" on v2
	// The controllers as the kernel lists them: "cpu,cpuacct", "name=systemd"; "" on v2 and unified.
	list        string
	links       []string // symbolic links to the hierarchy
	v2          bool
	base        string // mount point: "/sys/fs/cgroup/memory"
	dir         string // the container's cgroup: "/sys/fs/cgroup/memory/web1"
	fresh       bool   // Create made dir, so that nothing in it needs to be undone first
	preexisting bool   // dir existed before the container, and is not removed with it
}

// Saved is a Group as state.json records it.
type Saved struct {
	Driver   string            // Cgroupfs, Systemd or Disabled
	Paths    map[string]string // controller list of the hierarchy, "" for v2, to the directory; empty: no cgroup
	Unit     string            // systemd: the unit, "rt-web1.scope"
	Slice    string            // systemd: its slice
	Rootless bool
	// The controller lists of Paths whose directory existed before the container, and is not removed with it.
	Preexisting []string
	Owner       string // the name of the container in the attribute of its cgroup
}

// New finds the directories of the container's cgroup. It changes nothing.
func New(c Config) (*Group, error) {
	g := &cgroupSet{
		driver: Cgroupfs, mode: Mode(), config: c, rootless: c.Rootless, fd: -1, owner: newOwner(),
	}
	if !c.NoPids {
		c.Resources = withoutZeroPids(c.Resources)
	}
	var err error
	if g.limits, err = convert(c.Resources, g.mode); err != nil {
		return nil, err
	}
	switch {
	case c.Disabled:
		g.driver = Disabled
		err = g.refuseLimits()
	case c.Systemd:
		g.driver = Systemd
		err = systemdUnit{g}.find()
	default:
		err = finder{g}.find()
	}
	if err != nil {
		return nil, err
	}
	return groupOf(g), nil
}

// find fills in the hierarchies of a container whose cgroup rt makes itself.
func (g finder) find() error {
	in, err := innerPath(g.config.Path, g.config.ID)
	if err != nil {
		return err
	}
	switch g.mode {
	case host.CgroupV2:
		return g.findV2(in)
	case host.CgroupNone:
		return g.withoutCgroup(&diag.Error{
			Kind: diag.Host, Problem: "no cgroups are mounted at " + root,
			Hint: "mount -t cgroup2 none " + root,
		})
	case host.CgroupV1, host.CgroupHybrid:
	}
	return g.findV1(in)
}

// isOptional reports whether the container can do without a cgroup that can't be made: the config asks for no path, and
// for no device rules; in rootless mode those never hold, and nodes can't be made. Limits are for the caller to check.
func (g *cgroupSet) isOptional() bool {
	asked := g.config.MakesNodes || g.config.Resources != nil && len(g.config.Resources.Devices) > 0
	return g.config.Path == "" && (g.rootless || !asked)
}

// withoutCgroup returns cause, the reason why the container can't have a cgroup, unless it can do without one and the
// config asks for no limit. Every other case would be a limit that silently does not hold.
func (g *cgroupSet) withoutCgroup(cause *diag.Error) error {
	if !g.isOptional() {
		if cause.Field == "" && g.config.Path != "" {
			cause.Field, cause.Value = fieldPath, g.config.Path
		}
		return cause
	}
	if n := g.limits.first(); n != nil {
		cause.Field = n.field
		cause.Problem = "can't be limited without a cgroup: " + cause.Problem
		if cause.Hint == "" {
			cause.Hint = "let systemd delegate one: --systemd-cgroup in a user session, or remove the limit"
		}
		return cause
	}
	g.hierarchies = nil
	return nil
}

// refuseLimits refuses the limits of a container that is to have no cgroup: to run without them would be a limit that
// silently does not hold. Device rules are dropped, as in rootless mode: every config has some.
func (g *cgroupSet) refuseLimits() error {
	n := g.limits.first()
	if n == nil {
		return nil
	}
	return &diag.Error{
		Kind: diag.Usage, Field: n.field, Problem: "can't be limited without a cgroup: --cgroup-manager disabled " +
			"makes none",
		Hint: "remove linux.resources from config.json, or let rt make a cgroup",
	}
}

// NoCgroupError returns the error of a command that needs a cgroup, for a container that has none.
func (g *cgroupSet) NoCgroupError(problem string) error {
	e := &diag.Error{Kind: diag.State, Problem: problem + ": the container has no cgroup of its own"}
	if g.driver == Disabled {
		e.Hint = "it was created with --cgroup-manager disabled"
	} else {
		e.Hint = "rt had no right to make one: let systemd delegate it, as systemd-run --user --scope -p " +
			"Delegate=yes does"
	}
	return e
}

// Mode returns the mode of this machine, found by New.
func (g *cgroupSet) Mode() host.CgroupMode { return g.mode }

// Available reports whether the container has a cgroup of its own. Before Create it is what Create will try.
func (g *cgroupSet) Available() bool { return len(g.hierarchies) > 0 }

// Hierarchies lists the container's cgroups, for mounts of type cgroup.
func (g *cgroupSet) Hierarchies() []host.Hierarchy {
	list := make([]host.Hierarchy, len(g.hierarchies))
	for i, h := range g.hierarchies {
		list[i] = host.Hierarchy{Name: h.name, Controllers: h.list, Links: h.links, V2: h.v2, Path: h.dir}
	}
	return list
}

// Saved returns what state.json records.
func (g *cgroupSet) Saved() Saved {
	s := Saved{
		Driver: g.driver, Paths: make(map[string]string, len(g.hierarchies)), Rootless: g.rootless, Owner: g.owner,
	}
	for _, h := range g.hierarchies {
		s.Paths[h.list] = h.dir
		if h.preexisting {
			s.Preexisting = append(s.Preexisting, h.list)
		}
	}
	if g.unit != nil {
		s.Unit, s.Slice = g.unit.name, g.unit.slice
	}
	return s
}

// Load returns the Group of an existing container. It reads only how cgroups are mounted on this machine.
func Load(s Saved) (*Group, error) {
	g := &cgroupSet{driver: s.Driver, mode: Mode(), rootless: s.Rootless, limits: &limits{}, fd: -1, owner: s.Owner}
	switch s.Driver {
	case Cgroupfs, Disabled:
	case Systemd:
		g.unit = loadUnit(s.Unit, s.Slice)
	case "":
		return nil, &diag.Error{
			Kind: diag.State, Problem: "the state names no cgroup",
			Hint: "rt was killed while it created the container, or state.json was removed: see `rt delete --force`",
		}
	default:
		return nil, &diag.Error{Kind: diag.State, Problem: "the state names an unknown cgroup driver: " + s.Driver}
	}
	for list, dir := range s.Paths {
		h, err := loadHierarchy(list, dir, g.mode)
		if err != nil {
			return nil, err
		}
		h.preexisting = slices.Contains(s.Preexisting, list)
		g.hierarchies = append(g.hierarchies, h)
	}
	// A map has no order; a fixed one makes errors reproducible.
	slices.SortFunc(g.hierarchies, func(a, b hierarchy) int { return strings.Compare(a.dir, b.dir) })
	return groupOf(g), nil
}

// paths returns the map that the library takes: controller to directory.
func (g *cgroupSet) paths() map[string]string {
	if g.mode == host.CgroupV2 {
		return map[string]string{"": g.hierarchies[0].dir}
	}
	m := make(map[string]string, len(g.hierarchies)+2)
	for i := range g.hierarchies {
		for _, c := range g.hierarchies[i].controllers() {
			m[c] = g.hierarchies[i].dir
		}
	}
	return m
}

// dir returns the container's cgroup in the hierarchy of a v1 controller, or its only cgroup on v2; "" if there is
// none.
func (g *cgroupSet) dir(controller string) string {
	for i := range g.hierarchies {
		if g.mode == host.CgroupV2 {
			return g.hierarchies[i].dir
		}
		if slices.Contains(g.hierarchies[i].controllers(), controller) {
			return g.hierarchies[i].dir
		}
	}
	return ""
}

// isDenied reports whether err means that the caller lacks the rights. EROFS is one: containers see cgroupfs read-only.
func isDenied(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS)
}

// libraryConfig returns the Cgroup that the library's managers take.
func (g *cgroupSet) libraryConfig() *cgroups.Cgroup {
	r := g.limits.resources
	// The device rules are written here (device.go, ebpf.go); the library would refuse them.
	r.SkipDevices = true
	r.Unified = maps.Clone(r.Unified)
	return &cgroups.Cgroup{Resources: &r, Rootless: g.rootless, Path: g.config.Path}
}
