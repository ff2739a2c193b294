// Gen writes ../table.go: the system call numbers of every architecture of the runtime spec, from the kernel's own
// headers.
//
// The source is the Debian package linux-libc-dev, which since 6.11 carries the headers of all architectures in
// /usr/lib/linux/uapi. Unpack it with dpkg -x and name the folder:
//
//	apt-get download linux-libc-dev && dpkg -x linux-libc-dev_*.deb headers
//	go run ./gen -o table.go headers [older headers...]
//
// Several folders may be given, newest first: an architecture comes from the first that knows it. Newer releases
// dropped the 31-bit s390 calls, so they need a folder of 6.12. The version of each is recorded in the output.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// A column is one table of numbers. Architectures that differ only in byte order share one.
type column struct {
	name   string // Go constant of the column
	header string // file below usr/lib/linux/uapi
	base   int    // subtracted from each number, so that it fits 16 bits
	numOf  map[string]int
	from   string // version of the headers
}

// columns are in the order of the rows of archs in arch.go, which uses their names.
var columns = []column{
	{name: "colX86_64", header: "x86/asm/unistd_64.h"},
	{name: "colX86", header: "x86/asm/unistd_32.h"},
	{name: "colX32", header: "x86/asm/unistd_x32.h", base: 0x40000000},
	{name: "colAARCH64", header: "arm64/asm/unistd_64.h"},
	{name: "colARM", header: "arm/asm/unistd-eabi.h"},
	{name: "colMIPS", header: "mips/asm/unistd_o32.h", base: 4000},
	{name: "colMIPS64", header: "mips/asm/unistd_n64.h", base: 5000},
	{name: "colMIPS64N32", header: "mips/asm/unistd_n32.h", base: 6000},
	{name: "colPPC", header: "powerpc/asm/unistd_32.h"},
	{name: "colPPC64", header: "powerpc/asm/unistd_64.h"},
	{name: "colS390", header: "s390/asm/unistd_32.h"},
	{name: "colS390X", header: "s390/asm/unistd_64.h"},
	{name: "colPARISC", header: "parisc/asm/unistd_32.h"},
	{name: "colPARISC64", header: "parisc/asm/unistd_64.h"},
	{name: "colRISCV64", header: "riscv/asm/unistd_64.h"},
	{name: "colLOONGARCH64", header: "loongarch/asm/unistd_64.h"},
	{name: "colM68K", header: "m68k/asm/unistd_32.h"},
	{name: "colSH", header: "sh/asm/unistd_32.h"},
}

// private are the calls of arm that the list of numbers leaves out: __ARM_NR_BASE is 0xf0000 (arm/asm/unistd.h). They
// are stored as private+n, see number in names.go.
var private = []string{"", "breakpoint", "cacheflush", "usr26", "usr32", "set_tls", "get_tls"}

const (
	privateBase = 0xff00
	absent      = 0xffff
	hashBits    = 11
)

var define = regexp.MustCompile(
	`(?m)^#define __NR_(\w+)\s+(?:\(__(?:NR_Linux|X32_SYSCALL_BIT|NR_SYSCALL_BASE)\s*\+\s*(\d+)\)|(\d+))`)

// hot are the calls that programs make most, by the counts of strace -c on servers, shells and compilers. The search
// tree puts them nearer to its root.
var hot = strings.Fields(
	`read write readv writev pread64 pwrite64 close lseek _llseek openat fcntl fcntl64 ioctl futex futex_time64
	epoll_wait epoll_pwait epoll_ctl poll ppoll select recvfrom sendto recvmsg sendmsg recv send accept4
	mmap mmap2 munmap mprotect madvise brk stat lstat fstat newfstatat statx access getdents64 nanosleep clock_nanosleep
	clock_gettime sched_yield getpid gettid rt_sigprocmask rt_sigaction rt_sigreturn io_uring_enter`)

// placeholder is a name of mips for a hole in its numbers.
var placeholder = regexp.MustCompile(`^(reserved|unused)\d+$`)

func main() {
	log.SetFlags(0)
	out := flag.String("o", "table.go", "file to write")
	flag.Parse()
	if flag.NArg() == 0 {
		log.Fatal("usage: gen [-o table.go] HEADERS...")
	}
	for i := range columns {
		read(&columns[i], flag.Args())
	}
	catchUp()
	src, err := format.Source(render(names()))
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*out, src, 0o644); err != nil {
		log.Fatal(err)
	}
}

// read fills c from the first folder that has its header.
func read(c *column, folders []string) {
	for _, f := range folders {
		b, err := os.ReadFile(filepath.Join(f, "usr/lib/linux/uapi", c.header))
		if err != nil {
			continue
		}
		c.from = version(f)
		c.numOf = make(map[string]int)
		for _, m := range define.FindAllSubmatch(b, -1) {
			n, _ := strconv.Atoi(string(m[2]) + string(m[3]))
			if name := string(m[1]); !placeholder.MatchString(name) {
				c.numOf[name] = n
			}
		}
		if c.name == "colARM" {
			for n, name := range private[1:] {
				c.numOf[name] = privateBase + n + 1
			}
		}
		if len(c.numOf) < 200 {
			log.Fatalf("%s has only %d calls: has its form changed?", c.header, len(c.numOf))
		}
		return
	}
	log.Fatalf("%s is in none of the folders", c.header)
}

// catchUp gives a column of older headers the calls that came since: from Linux 5.1 on a new call has one number
// everywhere.
func catchUp() {
	newest := columns[0].numOf
	for i := range columns {
		c := &columns[i]
		last := 0
		for _, n := range c.numOf {
			if n < privateBase {
				last = max(last, n)
			}
		}
		for name, n := range newest {
			if c.from != columns[0].from && n > last && n > 424 {
				c.numOf[name] = n
			}
		}
	}
}

// version reads LINUX_VERSION_CODE of the headers.
func version(folder string) string {
	found, _ := filepath.Glob(filepath.Join(folder, "usr/include/linux/version.h"))
	for _, f := range found {
		b, _ := os.ReadFile(f)
		if m := regexp.MustCompile(`LINUX_VERSION_CODE (\d+)`).FindSubmatch(b); m != nil {
			n, _ := strconv.Atoi(string(m[1]))
			return fmt.Sprintf("%d.%d.%d", n>>16, n>>8&0xff, n&0xff)
		}
	}
	log.Fatalf("%s has no usr/include/linux/version.h", folder)
	return ""
}

// names is the sorted union of all columns.
func names() []string {
	seen := make(map[string]bool)
	for _, c := range columns {
		for n := range c.numOf {
			seen[n] = true
		}
	}
	var all []string
	for n := range seen {
		all = append(all, n)
	}
	sort.Strings(all)
	return all
}

func render(all []string) []byte {
	var b bytes.Buffer
	b.WriteString("// Code generated by gen from linux-libc-dev; DO NOT EDIT.\n\npackage seccomp\n\n")
	fmt.Fprintf(&b, "// TableVersion is the Linux release whose headers the numbers come from. The 31-bit s390 ones "+
		"are of %s.\n", columns[10].from)
	fmt.Fprintf(&b, "const TableVersion = %q\n\n", columns[0].from)
	fmt.Fprintf(&b, "const (\n\tnameCount = %d\n\thashBits = %d\n\tabsent = %#x\n\tprivateBase = %#x\n)\n\n", len(all),
		hashBits, absent, privateBase)
	b.WriteString("const (\n")
	for i, c := range columns {
		fmt.Fprintf(&b, "\t%s = %d\n", c.name, i)
	}
	fmt.Fprintf(&b, "\tcolCount = %d\n)\n\n", len(columns))
	writeNames(&b, all)
	writeSlots(&b, all)
	b.WriteString("// numbers has, for each column, the number of every name, without the base of the " +
		"architecture.\nvar numbers = [colCount][nameCount]uint16{\n")
	for _, c := range columns {
		fmt.Fprintf(&b, "\t// %s, Linux %s\n\t{", c.header, c.from)
		for i, n := range all {
			if v, ok := c.numOf[n]; ok {
				fmt.Fprintf(&b, "%d: %d,", i, v)
			} else {
				fmt.Fprintf(&b, "%d: absent,", i)
			}
			if i%12 == 11 {
				b.WriteString("\n\t\t")
			}
		}
		b.WriteString("},\n")
	}
	b.WriteString("}\n\n")
	writeOrder(&b, all)
	writeHot(&b, all)
	return b.Bytes()
}

// writeNames writes the names as one string and where each begins: no string headers, so no pointers to relocate or
// scan.
func writeNames(b *bytes.Buffer, all []string) {
	b.WriteString("// names is every name known on some architecture, sorted, one after the other; name i ends where " +
		"name i+1 begins.\nconst names = \"\" +\n")
	for i := 0; i < len(all); i += 12 {
		end := min(i+12, len(all))
		sep := " +"
		if end == len(all) {
			sep = ""
		}
		fmt.Fprintf(b, "\t%q%s\n", strings.Join(all[i:end], ""), sep)
	}
	b.WriteString("\nvar nameStart = [nameCount + 1]uint16{")
	at := 0
	for i, n := range all {
		if i%16 == 0 {
			b.WriteString("\n\t")
		}
		fmt.Fprintf(b, "%d,", at)
		at += len(n)
	}
	fmt.Fprintf(b, "%d,\n}\n\n", at)
}

// writeSlots writes the hash table of names: open addressing, and the same hash as lookup in names.go.
func writeSlots(b *bytes.Buffer, all []string) {
	var slots [1 << hashBits]int
	for i, n := range all {
		h := uint32(2166136261)
		for _, c := range []byte(n) {
			h = (h ^ uint32(c)) * 16777619
		}
		s := h >> (32 - hashBits)
		for slots[s] != 0 {
			s = (s + 1) % uint32(len(slots))
		}
		slots[s] = i + 1
	}
	b.WriteString("// slots is a hash table of names: 0 is empty, i+1 is name i.\nvar slots = [1 << hashBits]uint16{")
	for i, s := range slots {
		if i%16 == 0 {
			b.WriteString("\n\t")
		}
		fmt.Fprintf(b, "%d,", s)
	}
	b.WriteString("\n}\n\n")
}

// writeOrder writes each column's names in the order of their numbers, so that nothing has to be sorted at run time.
func writeOrder(b *bytes.Buffer, all []string) {
	b.WriteString("// order has, for each column, its names by number; the first len of it as callCount says.\nvar " +
		"order = [colCount][nameCount]uint16{\n")
	var counts []int
	for _, c := range columns {
		var idx []int
		for i, n := range all {
			if _, ok := c.numOf[n]; ok {
				idx = append(idx, i)
			}
		}
		sort.SliceStable(idx, func(x, y int) bool { return c.numOf[all[idx[x]]] < c.numOf[all[idx[y]]] })
		counts = append(counts, len(idx))
		b.WriteString("\t{")
		for i, n := range idx {
			fmt.Fprintf(b, "%d,", n)
			if i%16 == 15 {
				b.WriteString("\n\t\t")
			}
		}
		b.WriteString("},\n")
	}
	b.WriteString("}\n\n// callCount is the number of calls of each column.\nvar callCount = [colCount]uint16{")
	for _, n := range counts {
		fmt.Fprintf(b, "%d,", n)
	}
	b.WriteString("}\n")
}

func writeHot(b *bytes.Buffer, all []string) {
	b.WriteString("\n// hot are the names of the calls that programs make most, sorted.\nvar hot = [...]uint16{")
	seen := 0
	for i, n := range all {
		for _, h := range hot {
			if h == n {
				fmt.Fprintf(b, "%d,", i)
				seen++
			}
		}
	}
	if seen != len(hot) {
		log.Fatalf("%d of the %d hot calls exist: a typo?", seen, len(hot))
	}
	b.WriteString("}\n\n// multiplexed are the calls that 32-bit machines also, or only, reach through " +
		"socketcall(2) and ipc(2), and the first\n// argument there (linux/net.h, linux/ipc.h).\n" +
		"var multiplexed = [...]multiplexedCall{\n")
	for i, n := range all {
		if v := slices.Index(socketcall, n); v > 0 {
			fmt.Fprintf(b, "\t{name: %d, carrier: idxSocketcall, selector: %d}, // %s\n", i, v, n)
		}
		if v, ok := ipc[n]; ok {
			fmt.Fprintf(b, "\t{name: %d, carrier: idxIpc, selector: %d}, // %s\n", i, v, n)
		}
	}
	b.WriteString("}\n\nconst (\n")
	fmt.Fprintf(b, "\tidxSocketcall = %d\n\tidxIpc = %d\n)\n", slices.Index(all, "socketcall"),
		slices.Index(all, "ipc"))
}

// socketcall are the calls of linux/net.h by their number there.
var socketcall = strings.Fields(
	`- socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown
	setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg`)

// ipc are the calls of linux/ipc.h.
var ipc = map[string]int{
	"semop": 1, "semget": 2, "semctl": 3, "semtimedop": 4, "msgsnd": 11, "msgrcv": 12, "msgget": 13, "msgctl": 14,
	"shmat": 21, "shmdt": 22, "shmget": 23, "shmctl": 24,
}
