package plan

import (
	"rt/internal/diag"
	"rt/libcontainer/host"
)

// container is the plan of the process that makes a container and becomes its program.
type container struct{ *compiler }

// part is a part of a plan, under a heading.
type part struct {
	name string
	emit func() error
}

// compile compiles the steps of the boot process, in order.
func (c container) compile() error {
	b, m := c.compiler, mounter{c.compiler}
	parts := []part{
		{"the first process", namespaces{b}.compileFirst},
		{"namespaces", namespaces{b}.compile},
		{"network", namespaces{b}.startLoopback},
		{"network", namespaces{b}.moveDevices},
		{"names", namespaces{b}.setNames},
		{"root file system", rootFileSystem{m}.compile},
		{"mounts", mounts{m}.compile},
		{"mounts", bindMounts{m}.compileNotify},
		{"devices", devices{m}.compile},
		{"terminal", terminal{m}.compile},
		{"kernel parameters", procfs{b}.compileSysctl},
		{"hooks", start{b}.runHooks},
		{"working directory", workingDirectory{m}.makeEarly},
		{"masked and read-only paths", restrictions{m}.compile},
		{"the new root", rootFileSystem{m}.changeRoot},
		{"home directory", program{b}.lookUpHome},
		{"working directory", workingDirectory{m}.enterFirst},
	}
	end := []part{
		{"descriptors", start{b}.closeDescriptors},
		{"find the program", program{b}.find},
		{"wait for start", start{b}.awaitStart},
		{"limits and scheduling", limits{b}.compile},
		{"rights", rights{b}.compile},
		{"program", program{b}.execute},
	}
	if c.plan.ClonedLast = clonesLast(c.spec, c.opt); c.plan.ClonedLast {
		end = c.lastParts()
	}
	for _, p := range append(parts, end...) {
		c.begin(p.name)
		if err := p.emit(); err != nil {
			return err
		}
	}
	return nil
}

// checkHost refuses what the config may ask for and this host, or rt, can't do.
func (c container) checkHost() error {
	if err := (layers{mounter{c.compiler}}).checkHost(); err != nil {
		return err
	}
	if err := c.checkLabelOption(); err != nil {
		return err
	}
	oci := c.spec.OCI
	if oci.Linux == nil {
		return nil
	}
	for i := range c.spec.Mounts {
		m := &c.spec.Mounts[i]
		if err := c.checkIDMapping(m); err != nil {
			return err
		}
		if m.RecSet|m.RecClear != 0 && !c.host.Has(host.MountSetattr) && (m.Bind || !usesFsopen(m.Type)) {
			return &diag.Error{
				Kind: diag.Host, Field: mountPath(m, "options"),
				Problem: "options for a whole tree of mounts, as rro, require Linux 5.12: use those for one " +
					"mount, as ro, and a mount for each",
			}
		}
	}
	if err := (restrictions{mounter{c.compiler}}).reserve(); err != nil {
		return err
	}
	return rights{c.compiler}.checkListener()
}
