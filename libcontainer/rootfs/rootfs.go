// Package rootfs serves the sync points at which the boot process needs rt for a file of the container: it creates the
// targets of mount points that are symbolic links, fills tmpfs mounts, compares devices and symbolic links, and reads
// passwd.
//
// The files belong to the image and the container, and are untrusted. The boot process passes descriptors that it has
// opened below the root: rt resolves no path of the container from its own root. It opens only regular files, and never
// waits for a file system that the container has mounted without a time limit.
package rootfs

import (
	"rt/internal/sys"
	"rt/libcontainer/plan"
	"rt/libcontainer/supervise"
	"rt/spec"
)

// Server serves the sync points of one boot process.
type Server struct {
	spec     *spec.Spec
	links    []string // plan.Options.Links
	dir      string   // the state directory
	session  *supervise.Session
	copyFrom int // a descriptor of the directory that the next tmpfs covers; -1 without one
}

// Serve registers the handlers in a session. links are the options of its plan, and dir is the state directory of the
// container. Close the server after the session.
func Serve(session *supervise.Session, s *spec.Spec, links []string, dir string) *Server {
	server := &Server{spec: s, links: links, dir: dir, session: session, copyFrom: -1}
	on := &session.Handlers
	on[plan.SyncCopyFrom] = server.storeCopySource
	on[plan.SyncCopyTo] = server.fillTmpfs
	on[plan.SyncMakeDir] = server.makeMountPoint
	on[plan.SyncMakeFile] = server.makeMountPoint
	on[plan.SyncLink] = server.compareLink
	on[plan.SyncHome] = server.replyHome
	on[plan.SyncDevice] = server.checkDevice
	return server
}

// Close closes the descriptors that the boot process has passed.
func (s *Server) Close() {
	if s != nil {
		sys.CloseAll(s.copyFrom)
		s.copyFrom = -1
	}
}
