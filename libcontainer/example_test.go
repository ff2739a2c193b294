package libcontainer_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"rt/libcontainer"
)

// The container writes to the standard output of this process, and is killed after a minute.
func ExampleRuntime_Run() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var rt libcontainer.Runtime
	result, err := rt.Run(ctx, "web1", &libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{
		Bundle: "/srv/web", Stdout: os.Stdout, Stderr: os.Stderr,
	}})
	for _, warning := range result.Warnings {
		log.Print(warning)
	}
	if err != nil {
		log.Fatal(err)
	}
	os.Exit(result.Status)
}

// Create and Start are the halves of Run: between them the container is there, and runs nothing yet.
func ExampleRuntime_Create() {
	ctx := context.Background()
	rt := libcontainer.Runtime{Root: "/run/mine"}
	created, err := rt.Create(ctx, "web1", &libcontainer.CreateOptions{Bundle: "/srv/web"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("its network can be set up in /proc", created.Pid)
	if _, err := rt.Start(ctx, "web1"); err != nil {
		log.Fatal(err)
	}
	result, err := rt.Wait(ctx, "web1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("it has ended with status", result.Status)
	if _, err := rt.Delete(ctx, "web1", false); err != nil {
		log.Fatal(err)
	}
}

// The program writes to the standard output of this process.
func ExampleRuntime_Exec() {
	var rt libcontainer.Runtime
	var o libcontainer.ExecOptions
	o.Args, o.Stdout = []string{"ps"}, os.Stdout
	result, err := rt.Exec(context.Background(), "web1", &o)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("status", result.Status)
}

func ExampleError() {
	var rt libcontainer.Runtime
	_, err := rt.Run(context.Background(), "web1", &libcontainer.RunOptions{})
	if e, ok := errors.AsType[*libcontainer.Error](err); ok && e.Step > 0 {
		fmt.Printf("step %d of the plan, for %s: %s: %s\n", e.Step, e.Field, e.Call, unix.ErrnoName(e.Errno))
	}
}
