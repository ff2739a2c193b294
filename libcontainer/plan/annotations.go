package plan

import (
	"rt/internal/diag"
)

// Annotations of crun that Podman and CRI-O pass on (crun(1)). docs/engines.md lists those that rt does not support,
// and why.
const (
	// keepGroupsAnnotation, with any value, lets the process keep the additional groups of rt's caller (`podman run
	// --group-add keep-groups`).
	keepGroupsAnnotation = "run.oci.keep_original_groups"
	// contextAnnotation is the option that gives a file system linux.mountLabel: see contextOption.
	contextAnnotation = "run.oci.mount_context_type"
	// PidfdAnnotation is the path of a Unix socket that gets a pidfd of the container's process, as --pidfd-socket.
	PidfdAnnotation = "run.oci.pidfd_receiver"
)

// contextOption is the mount option by which SELinux labels a file system: mount(8).
func (c *input) contextOption() string {
	if option := c.spec.OCI.Annotations[contextAnnotation]; option != "" {
		return option
	}
	return "context"
}

// checkLabelOption refuses a mount option for labels that does not exist.
func (c *input) checkLabelOption() error {
	switch option := c.contextOption(); option {
	case "context", "fscontext", "defcontext", "rootcontext":
		return nil
	default:
		return &diag.Error{
			Kind: diag.Document, Field: "annotations[" + contextAnnotation + "]", Value: option,
			Problem: "is none of context, fscontext, defcontext, rootcontext",
		}
	}
}
