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
	Disabled = "disabled" // nobody: the container stays in the cgroup that rt is in
)

// Config says which cgroup a container wants.
type Config struct {
	ID          string
	Path        string                // linux.cgroupsPath; with Systemd "slice:prefix:name"
	Systemd     bool                  // --systemd-cgroup
	Disabled    bool                  // --cgroup-manager disabled: there is to be none, whatever Path says
	Rootless    bool                  // rt may lack the rights: then a container without limits runs without a cgroup of its own
	Resources   *specs.LinuxResources // linux.resources; nil means none
	NoPids      bool                  // pids.limit 0 is a limit (version 1.3 of the specification on) and not the absence of one
	Annotations map[string]string     // org.systemd.property.* are properties of the unit
	OwnerUID    *int                  // host id that gets the cgroup (v2 only); nil means no delegation
}

// Group is the set of cgroups of one container: one directory on v2, one in each hierarchy on v1.
type Group struct {
	driver   string
	mode     host.CgroupMode
	places   []place // one on v2, one for each hierarchy on v1; none if the container has no cgroup
	config   Config
	limits   *limits
	rootless bool
	made     []string // directories made by Create, outermost first
	fd       int      // of the v2 directory, or -1
	joins    []Join   // open files of v1 hierarchies
	claimed  int      // what holds the lock of claim; 0 is none
	unit     *unit    // systemd only
}

// place is the container's cgroup in one hierarchy.
type place struct {
	name  string   // the directory below /sys/fs/cgroup; "" on v2
	list  string   // the controllers as the kernel lists them: "cpu,cpuacct", "name=systemd"; "" on v2 and unified
	links []string // symbolic links to the hierarchy
	v2    bool
	base  string // mount point: "/sys/fs/cgroup/memory"
	dir   string // the container's cgroup: "/sys/fs/cgroup/memory/web1"
	fresh bool   // Create made dir, so that nothing in it needs to be undone first
	kept  bool   // dir was there before the container, and stays when it goes
}

// Saved is a Group as the state file keeps it.
type Saved struct {
	Driver   string            // Cgroupfs, Systemd or Disabled
	Paths    map[string]string // controller list of the hierarchy, "" for v2, to the directory; empty: no cgroup
	Unit     string            // systemd: the unit, "rt-web1.scope"
	Slice    string            // systemd: its slice
	Rootless bool
	Kept     []string // the controller lists of Paths whose directory was there before the container, and stays
}

// New finds the place of the container's cgroup. It changes nothing.
func New(c Config) (*Group, error) {
	g := &Group{driver: Cgroupfs, mode: Mode(), config: c, rootless: c.Rootless, fd: -1}
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
		err = g.unlimited()
	case c.Systemd:
		g.driver = Systemd
		err = g.findUnit()
	default:
		err = g.find()
	}
	if err != nil {
		return nil, err
	}
	return g, nil
}

// find fills in the places of a container whose cgroup rt makes itself.
func (g *Group) find() error {
	in, err := inner(g.config.Path, g.config.ID)
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

// withoutCgroup is what becomes of a container that can't have a cgroup because of cause: an error, unless rt has no rights to expect
// and the config asks for neither a place nor a limit. Every other case would be a limit that silently does not hold.
func (g *Group) withoutCgroup(cause *diag.Error) error {
	if !g.rootless || g.config.Path != "" {
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
	g.places = nil
	return nil
}

// unlimited refuses the limits of a container that is to have no cgroup: to run without them would be a limit that silently does not hold. Device rules are
// dropped, as they are without rights: the config of every container has some.
func (g *Group) unlimited() error {
	n := g.limits.first()
	if n == nil {
		return nil
	}
	return &diag.Error{
		Kind: diag.Usage, Field: n.field, Problem: "can't be limited without a cgroup: --cgroup-manager disabled makes none",
		Hint: "remove linux.resources from config.json, or let rt make a cgroup",
	}
}

// Without is the error of a command that takes a cgroup, for a container that has none.
func (g *Group) Without(problem string) error {
	e := &diag.Error{Kind: diag.State, Problem: problem + ": the container has no cgroup of its own"}
	if g.driver == Disabled {
		e.Hint = "it was created with --cgroup-manager disabled"
	} else {
		e.Hint = "rt had no right to make one: let systemd delegate it, as systemd-run --user --scope -p Delegate=yes does"
	}
	return e
}

// Mode is the mode of this machine, found by New.
func (g *Group) Mode() host.CgroupMode { return g.mode }

// Available reports whether the container has a cgroup of its own. Before Create it is what Create will try.
func (g *Group) Available() bool { return len(g.places) > 0 }

// Hierarchies lists the container's cgroups for the mounts of type cgroup inside it.
func (g *Group) Hierarchies() []host.Hierarchy {
	list := make([]host.Hierarchy, len(g.places))
	for i, p := range g.places {
		list[i] = host.Hierarchy{Name: p.name, Controllers: p.list, Links: p.links, V2: p.v2, Path: p.dir}
	}
	return list
}

// Saved returns what the state file keeps.
func (g *Group) Saved() Saved {
	s := Saved{Driver: g.driver, Paths: make(map[string]string, len(g.places)), Rootless: g.rootless}
	for _, p := range g.places {
		s.Paths[p.list] = p.dir
		if p.kept {
			s.Kept = append(s.Kept, p.list)
		}
	}
	if g.unit != nil {
		s.Unit, s.Slice = g.unit.name, g.unit.slice
	}
	return s
}

// Load returns the Group of a container that exists. It looks at nothing but the kind of mounts of this machine.
func Load(s Saved) (*Group, error) {
	g := &Group{driver: s.Driver, mode: Mode(), rootless: s.Rootless, limits: &limits{}, fd: -1}
	switch s.Driver {
	case Cgroupfs, Disabled:
	case Systemd:
		g.unit = loadUnit(s.Unit, s.Slice)
	default:
		return nil, &diag.Error{Kind: diag.State, Problem: "the state names an unknown cgroup driver: " + s.Driver}
	}
	for list, dir := range s.Paths {
		p, err := placeOf(list, dir)
		if err != nil {
			return nil, err
		}
		p.kept = slices.Contains(s.Kept, list)
		g.places = append(g.places, p)
	}
	// The order of the map is nobody's; the same order every time makes the same error every time.
	slices.SortFunc(g.places, func(a, b place) int { return strings.Compare(a.dir, b.dir) })
	return g, nil
}

// paths is the map that the library takes: controller to directory.
func (g *Group) paths() map[string]string {
	if g.mode == host.CgroupV2 {
		return map[string]string{"": g.places[0].dir}
	}
	m := make(map[string]string, len(g.places)+2)
	for i := range g.places {
		for _, c := range g.places[i].controllers() {
			m[c] = g.places[i].dir
		}
	}
	return m
}

// dir is the container's cgroup in the hierarchy of a v1 controller, or its only one on v2; "" if there is none.
func (g *Group) dir(controller string) string {
	for i := range g.places {
		if g.mode == host.CgroupV2 {
			return g.places[i].dir
		}
		if slices.Contains(g.places[i].controllers(), controller) {
			return g.places[i].dir
		}
	}
	return ""
}

// lacksRights reports whether err is what a caller without rights gets: also EROFS, since containers see cgroupfs read-only.
func lacksRights(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS)
}

// library is the Cgroup that the library's managers take for this container.
func (g *Group) library() *cgroups.Cgroup {
	r := g.limits.resources
	// The device rules are written here (device.go, ebpf.go); the library must not complain that it has no code for them.
	r.SkipDevices = true
	r.Unified = maps.Clone(r.Unified)
	return &cgroups.Cgroup{Resources: &r, Rootless: g.rootless, Path: g.config.Path}
}
