// Command program is what the images of these tests run instead of programs that they can't be made from: it does what
// the name that it is called by says.
//
//	pause, top    stays until SIGTERM or SIGINT; busybox's top ends where there is no terminal
//	nginx, httpd  serves a page on the ports that $PORTS names (80), with its pid in /var/run/NAME.pid
//	nnp           says which effective user it runs as: installed setuid root, it shows no_new_privs
//	eat           allocates memory, one MiB after the other, until it is killed
//	pgrep NAME    prints the pids of processes with that name, one a line, for a busybox without it
//	curl URL      gets a page, for a busybox without it
//	ipcs          prints the segments of shared memory, for a busybox without it
package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	switch name := filepath.Base(os.Args[0]); name {
	case "pause", "top":
		stay()
	case "nginx", "httpd":
		serve(name)
	case "nnp":
		fmt.Printf("Effective uid: %d\n", os.Geteuid())
	case "eat":
		eat()
	case "pgrep":
		pgrep(os.Args[len(os.Args)-1])
	case "curl":
		if err := curl(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "curl:", err)
			os.Exit(1)
		}
	case "ipcs":
		segments, err := os.ReadFile("/proc/sysvipc/shm")
		if err != nil {
			fmt.Fprintln(os.Stderr, "ipcs:", err)
			os.Exit(1)
		}
		fmt.Print(string(segments))
	default:
		fmt.Fprintf(os.Stderr, "program: no part is called %q\n", name)
		os.Exit(2)
	}
}

// stay waits for a signal to end, and collects the orphans of its pid namespace meanwhile.
func stay() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGCHLD)
	for s := range signals {
		if s != syscall.SIGCHLD {
			return
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
}

// serve serves until a signal ends it.
func serve(name string) {
	fmt.Println(name, "serves")
	ports := os.Getenv("PORTS")
	if ports == "" {
		ports = "80"
	}
	for port := range strings.FieldsSeq(ports) {
		server := &http.Server{Addr: ":" + port, Handler: http.HandlerFunc(page), ReadHeaderTimeout: time.Minute}
		go func() {
			fmt.Fprintln(os.Stderr, server.ListenAndServe())
			os.Exit(1)
		}()
	}
	// Without a root to write to, a container can still serve.
	_ = os.MkdirAll("/var/run", 0o755)
	_ = os.WriteFile("/var/run/"+name+".pid", []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644)
	stay()
}

func page(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "a page") }

func pgrep(name string) {
	names, _ := filepath.Glob("/proc/[0-9]*/comm")
	found := false
	for _, file := range names {
		if comm, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(comm)) == name {
			fmt.Println(filepath.Base(filepath.Dir(file)))
			found = true
		}
	}
	if !found {
		os.Exit(1)
	}
}

// eat touches each page: what is only reserved takes no memory.
func eat() {
	var held [][]byte
	for {
		piece := make([]byte, 1<<20)
		for i := 0; i < len(piece); i += os.Getpagesize() {
			piece[i] = 1
		}
		held = append(held, piece)
		if len(held)%16 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}
