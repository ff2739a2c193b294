// Package netdevice moves network devices from rt's network namespace into a container's: linux.netDevices of a config
// (config-linux.md, Network Devices), by rtnetlink(7).
package netdevice

import (
	"errors"
	"net"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/undo"
	"rt/spec"
)

// Namespaces is a pair of network namespaces: that of rt, from which devices are moved, and that of the container.
//
// When the last process of a network namespace has ended, the kernel moves physical devices back to the initial one,
// and deletes the others (network_namespaces(7)). rt leaves that to the kernel, except for a container that could not
// be created: then rt moves the devices back itself.
type Namespaces struct {
	host, container *netlink.Handle
	own, namespace  int // descriptors of rt's namespace, and the container's
}

// Open opens a netlink socket in rt's network namespace and one in that of a process.
func Open(pid int) (*Namespaces, error) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, diag.Sys("the container's network namespace can't be opened", "open", err)
	}
	n := &Namespaces{own: -1, namespace: fd}
	if n.own, err = unix.Open("/proc/self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		n.Close()
		return nil, diag.Sys("rt's own network namespace can't be opened", "open", err)
	}
	if n.host, err = netlink.NewHandle(unix.NETLINK_ROUTE); err == nil {
		n.container, err = netlink.NewHandleAt(netns.NsHandle(fd), unix.NETLINK_ROUTE)
	}
	if err != nil {
		n.Close()
		return nil, netlinkError("the container's network can't be reached with netlink", err)
	}
	return n, nil
}

// Close closes what Open has opened. Devices can't be moved back any more.
func (n *Namespaces) Close() {
	if n == nil {
		return
	}
	for _, h := range [...]*netlink.Handle{n.host, n.container} {
		if h != nil {
			h.Close()
		}
	}
	for _, fd := range [...]int{n.own, n.namespace} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

// Move moves the devices with these names. It checks all of them before it moves the first one. For each moved device
// it pushes an entry on reversals, which moves the device back while n is open, and passes errors to warn.
func (n *Namespaces) Move(names []string, devices map[string]specs.LinuxNetDevice, reversals *undo.Stack,
	warn func(string),
) error {
	links := make([]netlink.Link, len(names))
	for i, name := range names {
		var err error
		if links[i], err = n.check(name, devices[name].Name); err != nil {
			return deviceError(name, err)
		}
	}
	for i, name := range names {
		if err := n.moveDevice(links[i], nameInside(links[i], devices[name].Name), reversals, func(err error) {
			warn(deviceError(name, err).Error())
		}); err != nil {
			return deviceError(name, err)
		}
	}
	return nil
}

// moveDevice moves a device with its addresses.
func (n *Namespaces) moveDevice(link netlink.Link, as string, reversals *undo.Stack, warn func(error)) error {
	// The kernel keeps properties of the device, such as its MTU, and removes those of the namespace: the addresses.
	addresses, err := n.host.AddrList(link, netlink.FAMILY_ALL)
	if err != nil {
		return netlinkError("the addresses of the network device can't be read", err)
	}
	moved, err := n.move(link, as)
	if moved != nil {
		reversals.Push(func() {
			if err := n.moveBack(link, moved, addresses); err != nil {
				warn(err)
			}
		})
	}
	if err != nil {
		return err
	}
	return n.configure(link, moved, addresses)
}

// nameInside returns the name of a device in the container. Without as, the name that the config gives it, it is the
// device's own: the config may know the device by an alternative one (ip-link(8), altname), which it keeps.
func nameInside(link netlink.Link, as string) string {
	if as != "" {
		return as
	}
	return link.Attrs().Name
}

// deviceError returns err with the field of the device.
func deviceError(name string, err error) error {
	e := &diag.Error{Kind: diag.Kernel, Field: string(spec.Path("linux.netDevices").Key(name)), Err: err}
	if d, ok := errors.AsType[*diag.Error](err); ok {
		*e = *d
		e.Field = string(spec.Path("linux.netDevices").Key(name))
	}
	return e
}

// check finds a device on the host. It returns an error if the name in the container is in use. A name with %d is a
// template, which the kernel fills in.
func (n *Namespaces) check(name, as string) (netlink.Link, error) {
	link, err := n.host.LinkByName(name)
	if _, ok := errors.AsType[netlink.LinkNotFoundError](err); ok {
		return nil, &diag.Error{
			Kind:    diag.Host,
			Problem: "there is no such network device in the network namespace of rt", Errno: unix.ENODEV,
		}
	}
	if err != nil {
		return nil, netlinkError("the network device can't be looked up", err)
	}
	if link.Attrs().Flags&net.FlagLoopback != 0 {
		return nil, &diag.Error{
			Kind: diag.Host, Problem: "is the loopback device, which can't be moved", Errno: unix.EINVAL,
			Hint: "leave it out: each network namespace has one of its own, which rt brings up",
		}
	}
	if as = nameInside(link, as); strings.Contains(as, "%d") {
		return link, nil
	}
	_, err = n.container.LinkByName(as)
	if err == nil {
		return nil, &diag.Error{
			Kind: diag.Host, Problem: "the container has a network device " + as + " already",
			Errno: unix.EEXIST,
		}
	}
	if _, ok := errors.AsType[netlink.LinkNotFoundError](err); !ok {
		return nil, netlinkError("the name can't be looked up in the container", err)
	}
	return link, nil
}

// move moves a device, and returns the device in the container.
func (n *Namespaces) move(link netlink.Link, as string) (netlink.Link, error) {
	before, err := n.container.LinkList()
	if err != nil {
		return nil, netlinkError("the network devices of the container can't be listed", err)
	}
	if err := send(nil, link.Attrs().Index, n.namespace, as); err != nil {
		e := netlinkError("the network device can't be moved into the container", err)
		if e.Errno == unix.EINVAL {
			e.Hint = "the kernel keeps some kinds of devices, such as bridges, in the namespace they were made in: " +
				"move a port of it, or one end of a veth pair"
		}
		return nil, e
	}
	return n.findMoved(before, as)
}

// configure adds the permanent addresses to a moved device again, and brings it up.
func (n *Namespaces) configure(link, moved netlink.Link, addresses []netlink.Addr) error {
	for _, a := range addresses {
		if a.Flags&unix.IFA_F_PERMANENT == 0 || a.Scope != unix.RT_SCOPE_UNIVERSE {
			continue
		}
		prepareAddress(&a, link.Attrs().Name, moved.Attrs().Name)
		if err := n.container.AddrReplace(moved, &a); err != nil {
			return netlinkError("the address "+a.IPNet.String()+" can't be given to the network device again", err)
		}
	}
	if err := n.container.LinkSetUp(moved); err != nil {
		return netlinkError("the network device can't be brought up in the container", err)
	}
	return nil
}

// moveBack moves a device back, with its former name, addresses and state. Its routes are lost, except those that come
// with the addresses.
func (n *Namespaces) moveBack(link, moved netlink.Link, addresses []netlink.Addr) error {
	name := link.Attrs().Name
	if err := n.container.LinkSetDown(moved); err != nil { // one that is up can't be renamed
		return netlinkError("the network device can't be given back", err)
	}
	socket, err := nl.GetNetlinkSocketAt(netns.NsHandle(n.namespace), netns.None(), unix.NETLINK_ROUTE)
	if err != nil {
		return netlinkError("the container's network can't be reached with netlink", err)
	}
	defer socket.Close()
	sockets := map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: socket}}
	if err := send(sockets, moved.Attrs().Index, n.own, name); err != nil {
		return netlinkError("the network device can't be given back", err)
	}
	back, err := n.host.LinkByName(name)
	if err != nil {
		return netlinkError("the network device that was given back can't be found", err)
	}
	var failed error
	for _, a := range addresses {
		if a.Flags&unix.IFA_F_PERMANENT == 0 || a.IP.IsLinkLocalUnicast() && a.IP.To4() == nil {
			continue // the kernel creates it again
		}
		prepareAddress(&a, name, name)
		if a.Broadcast == nil && a.IP.To4() != nil {
			a.Broadcast = net.IPv4zero // none: package netlink would compute one
		}
		if err := n.host.AddrReplace(back, &a); err != nil {
			failed = netlinkError("the address "+a.IPNet.String()+" can't be given to the network device again", err)
		}
	}
	if link.Attrs().Flags&net.FlagUp != 0 {
		if err := n.host.LinkSetUp(back); err != nil {
			failed = netlinkError("the network device can't be brought up again", err)
		}
	}
	return failed
}

// send moves and renames a device in one request: after a move alone, the old name could be in use in the target
// namespace.
func send(sockets map[int]*nl.SocketHandle, index, namespace int, as string) error {
	request := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_ACK)
	request.Sockets = sockets
	message := nl.NewIfInfomsg(unix.AF_UNSPEC)
	message.Index = int32(index)
	request.AddData(message)
	request.AddData(nl.NewRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(namespace))))
	request.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(as)))
	_, err := request.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// findMoved finds the device in the container. Its index may have changed, and the kernel has chosen the name if that
// was a template. before has the devices before the move.
func (n *Namespaces) findMoved(before []netlink.Link, as string) (netlink.Link, error) {
	if !strings.Contains(as, "%d") {
		link, err := n.container.LinkByName(as)
		if err != nil {
			return nil, netlinkError("the network device can't be found in the container", err)
		}
		return link, nil
	}
	known := make(map[int]bool, len(before))
	for _, l := range before {
		known[l.Attrs().Index] = true
	}
	after, err := n.container.LinkList()
	if err != nil {
		return nil, netlinkError("the network device can't be found in the container", err)
	}
	for _, l := range after {
		if !known[l.Attrs().Index] {
			return l, nil
		}
	}
	return nil, &diag.Error{
		Kind: diag.Kernel, Problem: "the network device was moved, but is not in the container",
		Errno: unix.ENODEV,
	}
}

// prepareAddress turns an address that the kernel has reported into one that it accepts: it clears the flags that only
// the kernel sets. The label of an IPv4 address begins with the name of its device.
func prepareAddress(a *netlink.Addr, name, as string) {
	a.Flags &= unix.IFA_F_NODAD | unix.IFA_F_HOMEADDRESS | unix.IFA_F_MANAGETEMPADDR |
		unix.IFA_F_NOPREFIXROUTE | unix.IFA_F_MCAUTOJOIN
	a.LinkIndex = 0
	if rest, ok := strings.CutPrefix(a.Label, name); ok && rest != "" && len(as+rest) < unix.IFNAMSIZ {
		a.Label = as + rest
	} else {
		a.Label = ""
	}
}

// netlinkError returns an error with the problem and the cause err, of package netlink.
func netlinkError(problem string, err error) *diag.Error {
	if errno, ok := errors.AsType[unix.Errno](err); ok {
		return diag.Sys(problem, "netlink", errno)
	}
	return &diag.Error{Kind: diag.Kernel, Problem: problem, Err: err}
}
