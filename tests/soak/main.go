// Soak makes many containers of mixed kinds, some at once, then many whose rt is killed or stopped at a random moment,
// and then some whose rt has too few descriptors, tasks, blocks, inodes or bytes of memory. It looks what is left: no
// process, mount, cgroup, memfd or state may be. An error must say what rt lacks.
//
//	soak -runtime ./rt -containers 10000 -at-once 8    # every life must go as it should
//	soak -runtime ./rt -kills 1000                     # SIGKILL or SIGSTOP, then `delete --force`
//	soak -runtime ./rt -faults -1                      # each command lacks something: faults.go
//	soak -runtime ./rt -containers 50 -kills 50 -seed 7
//
// It takes root, and a machine of its own in namespaces: what is left there is rt's. The seed decides on kinds,
// signals and moments; how busy the machine is decides, too, so a failure may not come again with it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	runtime := flag.String("runtime", "./rt", "rt")
	containers := flag.Int("containers", 0, "how many containers live their lives")
	atOnce := flag.Int("at-once", 4, "how many of them at once")
	kills := flag.Int("kills", 0, "how many commands are killed or stopped")
	faults := flag.Int("faults", 0, "how many commands lack descriptors, tasks, memory, space or inodes; -1: all")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano())%1e9, "of the random choices")
	flag.Parse()
	switch os.Getenv("SOAK_APART") {
	case "":
		os.Exit(apart())
	case "init":
		os.Exit(reap())
	}
	m, err := newMachine(*runtime, *seed)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
	began := time.Now()
	m.live(*containers, *atOnce)
	m.kill(*kills)
	m.look()
	starved := m.starve(*faults)
	fmt.Printf("seed %d: %d containers, %d at once; %d commands killed or stopped; %d that lacked something; %.0f s\n",
		*seed, *containers, *atOnce, *kills, starved, time.Since(began).Seconds())
	tried := *containers + *kills + starved + 1
	fmt.Printf("soak: %d passed, %d failed, 0 skipped\n", tried-min(m.wrong, tried), m.wrong)
	if m.wrong > 0 {
		os.Exit(1)
	}
}

// reap is the first process of the machine: it runs the program, and waits for the orphans of all others.
func reap() int {
	// The program's /proc/self is another process's until it has mounted a /proc of its own.
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		return 1
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "SOAK_APART=1")
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		return 1
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if pid == cmd.Process.Pid {
			return status.ExitStatus()
		}
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return 1
		}
	}
}

// apart runs the program again as the first process of new namespaces.
func apart() int {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "SOAK_APART=init")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL,
	}
	dir, err := os.MkdirTemp("/var/tmp", "soak")
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		return 1
	}
	cmd.Env = append(cmd.Env, "SOAK_DIR="+dir)
	defer func() {
		_ = os.RemoveAll(dir)
		for _, cgroup := range cgroups(filepath.Base(dir)) {
			_ = os.Remove(cgroup)
		}
	}()
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "soak: it takes root:", err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}
