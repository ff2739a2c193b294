package attack

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// Annotations that reach systemd. The machine of these tests has none: a bus of our own takes the calls.

func init() { add(attacksOnSystemd) }

var attacksOnSystemd = []attack{
	{
		name: "CVE-2024-3154", what: "an annotation has systemd run a program",
		try: func(s *stage) string {
			bus := s.newBus()
			s.env = append(s.env, "DBUS_SYSTEM_BUS_ADDRESS=unix:path="+bus.path)
			s.Config.at("annotations")["org.systemd.property.ExecStartPre"] = "'/evil'"
			s.Config.at("linux")["cgroupsPath"] = "system.slice:rt:" + s.newID()
			s.Config.args("true")
			s.save()
			s.rt("--systemd-cgroup", "run", "--bundle", s.bundle, s.newID())
			return bus.asked("ExecStartPre")
		},
		without: []way{{patches: []patch{{
			"libcontainer/cgroup/annotation.go", "	case !ok:\n		return sd.Property{}, refusedProperty(full)",
			"	case !ok && OFF:\n		return sd.Property{Name: full, Value: dbus.MakeVariant(text)}, " +
				"nil\n	case !ok:\n		return sd.Property{}, refusedProperty(full)",
		}}}},
	},
}

// bus is a D-Bus on which systemd answers nothing but errors.
type bus struct {
	path  string
	mu    sync.Mutex
	calls []string
}

// newBus makes a bus, and what tells programs that the machine runs systemd.
func (s *stage) newBus() *bus {
	b := &bus{path: s.dir + "/bus"}
	must(s.t, os.MkdirAll("/run/systemd", 0o755))
	must(s.t, unix.Mount("attack", "/run/systemd", "tmpfs", 0, ""))
	s.t.Cleanup(func() { _ = unix.Unmount("/run/systemd", unix.MNT_DETACH) })
	must(s.t, os.Mkdir("/run/systemd/system", 0o755))
	for _, path := range []string{b.path, "/run/systemd/private"} {
		_ = os.Remove(path)
		l, err := net.Listen("unix", path)
		must(s.t, err)
		s.t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go b.serve(conn)
			}
		}()
	}
	return b
}

// serve speaks the server's side of the D-Bus specification, as far as it goes.
func (b *bus) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch words := strings.Fields(strings.TrimLeft(line, "\x00")); words[0] {
		case "AUTH":
			if len(words) == 1 {
				fmt.Fprint(conn, "REJECTED EXTERNAL\r\n")
				continue
			}
			fmt.Fprint(conn, "OK 1234deadbeef1234deadbeef1234dead\r\n")
			continue
		case "NEGOTIATE_UNIX_FD":
			fmt.Fprint(conn, "AGREE_UNIX_FD\r\n")
			continue
		case "BEGIN":
		default:
			fmt.Fprint(conn, "ERROR\r\n")
			continue
		}
		break
	}
	for {
		m, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		member, _ := m.Headers[dbus.FieldMember].Value().(string)
		b.mu.Lock()
		b.calls = append(b.calls, member+" "+fmt.Sprint(m.Body...))
		b.mu.Unlock()
		answer := &dbus.Message{Type: dbus.TypeError, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldReplySerial: dbus.MakeVariant(m.Serial()), dbus.FieldErrorName: dbus.MakeVariant("org.attack.No"),
		}}
		if member == "Hello" {
			answer.Type, answer.Body = dbus.TypeMethodReply, []any{":1.1"}
			delete(answer.Headers, dbus.FieldErrorName)
			answer.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(":1.1"))
		}
		if err := answer.EncodeTo(conn, binary.LittleEndian); err != nil {
			return
		}
	}
}

// asked says what systemd was asked that has a word in it.
func (b *bus) asked(word string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, call := range b.calls {
		if strings.Contains(call, word) {
			return call
		}
	}
	return ""
}
