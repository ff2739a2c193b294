package spec

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// maxHostname is __NEW_UTS_LEN: sethostname(2) and setdomainname(2) accept no more bytes.
const maxHostname = 64

// checkNames checks hostname and domainname (config.md, Hostname and Domainname).
func (c *configChecker) checkNames(oci *specs.Spec) {
	c.spec.Hostname, c.spec.Domainname = oci.Hostname, oci.Domainname
	for _, n := range []struct {
		at    location
		value string
	}{{locationOf("hostname"), oci.Hostname}, {locationOf("domainname"), oci.Domainname}} {
		if n.value == "" {
			continue
		}
		c.requireNamespace(n.at, unix.CLONE_NEWUTS, "it would become the host's")
		if len(n.value) > maxHostname {
			c.refuse(n.at, n.value, "has "+strconv.Itoa(len(n.value))+" bytes: the kernel takes "+
				strconv.Itoa(maxHostname))
		}
	}
}
