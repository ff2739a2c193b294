package spec

import specs "github.com/opencontainers/runtime-spec/specs-go"

// configChecker checks a config.json. The checkers of those of its sections that need the values of others embed it.
type configChecker struct {
	*checker

	spec *Spec // the checked values so far; values with a problem are left out
	// linux.namespaces has problems of its own: what depends on the presence of a namespace is not checked.
	namespacesUnclear bool
}

// check checks a whole config.json. Sections on which later ones depend come first: the namespaces, then their id maps.
func (c *configChecker) check(oci *specs.Spec) {
	c.checkVersion(oci.Version)
	c.checkRoot(oci.Root)
	linux := oci.Linux
	if linux == nil {
		linux = &specs.Linux{}
	}
	namespaces, properties := namespaceChecker{c}, linuxChecker{c}
	namespaces.check(linux.Namespaces)
	namespaces.checkIDMappings(linux)
	namespaces.checkTimeOffsets(linux.TimeOffsets)
	c.checkNames(oci)
	if oci.Process != nil {
		c.spec.Process = processChecker{c.checker}.check(locationOf("process"), oci.Process)
		namespaces.checkMappedUser()
	}
	c.checkMounts(oci.Mounts)
	namespaces.checkMappedOptions(oci.Mounts)
	deviceChecker{c}.check(linux.Devices)
	properties.checkCoveredPaths(linux)
	properties.checkRootPropagation(linux.RootfsPropagation)
	properties.checkSysctl(linux.Sysctl)
	properties.checkNetDevices(linux.NetDevices)
	properties.checkCgroupsPath(linux.CgroupsPath)
	if linux.Resources != nil {
		resourceChecker{c.checker}.check(locationOf("linux.resources"), linux.Resources)
		removeOldPidsLimit(oci.Version, linux.Resources)
	}
	properties.checkIntelRdt(linux.IntelRdt)
	properties.checkMemoryPolicy(linux.MemoryPolicy)
	properties.checkPersonality(linux.Personality)
	c.checkHooks(oci.Hooks)
	c.checkAnnotations(oci.Annotations)
	c.spec.MountLabel = c.checkLabel(locationOf("linux.mountLabel"), linux.MountLabel)
}

// checkMounts checks mounts.
func (c *configChecker) checkMounts(list []specs.Mount) {
	mounts := mountChecker{configChecker: c}
	mounts.check(list)
}

// linuxChecker checks those properties of linux that are one value each, without an object of their own to describe.
type linuxChecker struct{ *configChecker }
