package creation

import (
	"rt/libcontainer/engine"
	"rt/libcontainer/listener"
	"rt/libcontainer/netdevice"
	"rt/libcontainer/notify"
	"rt/libcontainer/overlay"
	"rt/libcontainer/rootfs"
	"rt/libcontainer/stdio"
)

// resources are what rt has open for the container, apart from its cgroup and its state. Each pointer may be nil.
type resources struct {
	streams  stdio.Streams
	console  engine.Console
	rootfs   *rootfs.Server
	networks *netdevice.Namespaces // once linux.netDevices were moved
	relay    *notify.Relay         // of sd_notify(3)
	overlay  *overlay.Dir          // of --overlay
	observer *listener.Observer    // answers the calls of a container whose calls are recorded
}

func (r *resources) close() {
	if r.observer != nil {
		r.observer.Finish()
	}
	r.relay.Close()
	r.console.Close()
	r.streams.Close()
	r.rootfs.Close()
	r.networks.Close()
	if r.overlay != nil {
		r.overlay.Close()
	}
}
