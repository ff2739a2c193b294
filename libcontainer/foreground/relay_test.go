package foreground

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// desk is a relay with all that it relays between, and no process: what ends is the writer of a pipe.
type desk struct {
	*relay
	t       *testing.T
	slave   int // the program's side of the terminal
	typing  int // what is written here is typed
	reading int // what is read here has been shown
	process [2]int
	ended   chan struct{}
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, slave: openPeer(master), ended: make(chan struct{})}
	if d.slave < 0 {
		t.Fatal("the terminal has no other side")
	}
	in, out := pipe(t), pipe(t)
	d.process = pipe(t)
	d.typing, d.reading = in[1], out[0]
	if d.relay, err = newRelay(master, in[0], out[1]); err != nil {
		t.Fatal(err)
	}
	return d
}

func pipe(t *testing.T) (p [2]int) {
	t.Helper()
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	return p
}

// start relays until end is called, and a reader that has stopped or not lets it.
func (d *desk) start(killed bool) {
	go func() {
		d.serveUntilEnd(d.process[0])
		d.drain(killed)
		d.close()
		_ = unix.Close(d.out.fd)
		close(d.ended)
	}()
}

func (d *desk) end() { _ = unix.Close(d.process[1]) }

// raw makes the program's terminal one without lines and echo.
func (d *desk) raw() {
	modes, err := unix.IoctlGetTermios(d.slave, unix.TCGETS)
	if err != nil {
		d.t.Fatal(err)
	}
	modes.Lflag &^= unix.ICANON | unix.ECHO
	modes.Oflag &^= unix.OPOST
	if err := unix.IoctlSetTermios(d.slave, unix.TCSETS, modes); err != nil {
		d.t.Fatal(err)
	}
}

// within fails if something takes longer than anything that continues does.
func (d *desk) within(what string, done <-chan struct{}) {
	d.t.Helper()
	select {
	case <-done:
	case <-time.After(time.Minute):
		d.t.Fatal(what + " does not come")
	}
}

// does runs f concurrently with the test.
func does(f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		f()
		close(done)
	}()
	return done
}

// fill writes to fd, as somebody whom nobody reads, until it takes no more, and the relay has all that it takes: more
// than the pipe behind it does. A relay may be slow, so a write that is refused does not show this.
func (d *desk) fill(fd int) {
	d.t.Helper()
	_ = unix.SetNonblock(fd, true)
	defer func() { _ = unix.SetNonblock(fd, false) }()
	size, err := unix.FcntlInt(uintptr(d.reading), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	chunk := bytes.Repeat([]byte("a\n"), 2048)
	d.within("the end of the space", does(func() {
		for written, full := 0, false; !full || written < size+limit; {
			n, err := unix.Write(fd, chunk)
			if full = err == unix.EAGAIN; full {
				time.Sleep(time.Millisecond)
			}
			written += max(n, 0)
		}
	}))
}

func TestOutputComesThoughWhatIsTypedIsNotRead(t *testing.T) {
	d := newDesk(t)
	d.raw()
	d.start(false)
	d.fill(d.typing)
	if _, err := unix.Write(d.slave, []byte("shown")); err != nil {
		t.Fatal(err)
	}
	var b [16]byte
	d.within("the output", does(func() {
		if n, err := unix.Read(d.reading, b[:]); err != nil || string(b[:n]) != "shown" {
			t.Errorf("shown: %q, %v", b[:n], err)
		}
	}))
	d.end()
	d.within("the end", d.ended)
}

func TestTypingComesThoughTheOutputIsNotRead(t *testing.T) {
	d := newDesk(t)
	d.raw()
	d.start(true)
	d.fill(d.slave)
	if _, err := unix.Write(d.typing, []byte("typed")); err != nil {
		t.Fatal(err)
	}
	var b [16]byte
	d.within("what is typed", does(func() {
		if n, err := unix.Read(d.slave, b[:]); err != nil || string(b[:n]) != "typed" {
			t.Errorf("typed: %q, %v", b[:n], err)
		}
	}))
	d.end()
	d.within("the end, of a process that was killed", d.ended)
}

func TestTheOutputOfAProcessThatHasEndedWaitsForItsReader(t *testing.T) {
	short := grace
	grace = 10 * time.Millisecond
	defer func() { grace = short }()
	d := newDesk(t)
	d.raw()
	d.start(false)
	d.fill(d.slave)
	d.end()
	select {
	case <-d.ended:
		t.Fatal("it has not waited for a reader")
	case <-time.After(30 * grace):
	}
	var all []byte
	d.within("the rest", does(func() {
		b := make([]byte, 4096)
		for n, err := 1, error(nil); n > 0 && err == nil; {
			n, err = unix.Read(d.reading, b)
			all = append(all, b[:max(n, 0)]...)
		}
	}))
	if rest := strings.ReplaceAll(string(all), "a\n", ""); rest != "" || len(all) < 64<<10 {
		t.Errorf("%d bytes have come, among them %.20q", len(all), rest)
	}
	d.within("the end", d.ended)
}

func TestASignalEndsTheWaitForAReader(t *testing.T) {
	d := newDesk(t)
	d.raw()
	d.start(false)
	d.fill(d.slave)
	d.end()
	forwardPending |= bit(unix.SIGTERM)
	defer func() { forwardPending = 0 }()
	d.within("the end", d.ended)
}

func TestTheEndOfWhatIsTyped(t *testing.T) {
	for _, typed := range []string{"", "line\n", "a line and\na piece"} {
		d := newDesk(t)
		d.start(false)
		if _, err := unix.Write(d.typing, []byte(typed)); err != nil {
			t.Fatal(err)
		}
		_ = unix.Close(d.typing)
		var all []byte
		d.within("the end of the file", does(func() {
			b := make([]byte, 64)
			for n, err := 1, error(nil); n > 0 && err == nil; {
				n, err = unix.Read(d.slave, b)
				all = append(all, b[:max(n, 0)]...)
			}
		}))
		if string(all) != typed {
			t.Errorf("of %q the program reads %q", typed, all)
		}
		d.end()
		d.within("the end", d.ended)
	}
}

// An init opens /dev/console for each line that it says.
func TestATerminalThatAllHaveClosedMayBeOpenedAgain(t *testing.T) {
	d := newDesk(t)
	master, slave := d.master, d.slave
	d.start(false)
	var b [64]byte
	for _, line := range []string{"first\n", "second\n"} {
		if _, err := unix.Write(slave, []byte(line)); err != nil {
			t.Fatal(err)
		}
		_ = unix.Close(slave)
		d.within(line, does(func() {
			got := ""
			for !strings.HasSuffix(got, "\n") { // a slow relay shows it in pieces
				n, err := unix.Read(d.reading, b[:])
				if n <= 0 {
					t.Errorf("shown: %q, %v", got, err)
					return
				}
				got += strings.ReplaceAll(string(b[:n]), "\r", "")
			}
			if got != line {
				t.Errorf("shown: %q", got)
			}
		}))
		time.Sleep(20 * time.Millisecond) // for a relay that takes this for the end to say so; a right one never does
		if slave = openPeer(master); slave < 0 {
			t.Fatal("the relay has closed the terminal")
		}
	}
	d.end()
	d.within("the end", d.ended)
}

func TestATerminalWhoseOutputHasNoReaderIsHungUp(t *testing.T) {
	d := newDesk(t)
	d.raw()
	d.start(false)
	_ = unix.Close(d.reading)
	d.within("the hangup", does(func() {
		for {
			if _, err := unix.Write(d.slave, []byte("y\n")); err == unix.EIO {
				return
			}
		}
	}))
	d.end()
	d.within("the end", d.ended)
}

func TestTheTerminalIsSetUp(t *testing.T) {
	d := newDesk(t)
	if err := SetUp(d.master, [3]int{0, 1, 2}); err != nil {
		t.Fatal(err)
	}
	modes, err := unix.IoctlGetTermios(d.slave, unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	if modes.Oflag&unix.ONLCR != 0 || modes.Oflag&unix.OPOST == 0 {
		t.Errorf("output modes %#o: OPOST, and not ONLCR", modes.Oflag)
	}
}
