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
	c, err := rt.Create(ctx, "web1", &libcontainer.CreateOptions{Bundle: "/srv/web"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("its network can be set up in /proc", c.Created.Pid)
	if _, err := c.Start(ctx); err != nil {
		log.Fatal(err)
	}
	result, err := c.Wait(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("it has ended with status", result.Status)
	if _, err := c.Delete(ctx); err != nil {
		log.Fatal(err)
	}
}

// The program writes to the standard output of this process.
func ExampleContainer_Exec() {
	var o libcontainer.ExecOptions
	o.Args, o.Stdout = []string{"ps"}, os.Stdout
	result, err := new(libcontainer.Runtime).Container("web1").Exec(context.Background(), &o)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("status", result.Status)
}

// The container gets ten seconds to end by itself.
func ExampleContainer_Kill() {
	c := new(libcontainer.Runtime).Container("web1")
	if err := c.Kill(context.Background(), unix.SIGTERM); err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := c.Wait(ctx); err != nil {
		log.Print(err)
	}
	if _, err := c.ForceDelete(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// Nothing need run for this: a state directory without containers is an empty list.
func ExampleRuntime_List() {
	root, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)
	rt := libcontainer.Runtime{Root: root}
	list, _, err := rt.List(context.Background())
	fmt.Println(len(list), err)
	_, err = rt.Container("web1").State(context.Background())
	if e, ok := errors.AsType[*libcontainer.Error](err); ok && e.Kind == libcontainer.Absent {
		fmt.Println("there is no web1")
	}
	// Output:
	// 0 <nil>
	// there is no web1
}

func ExampleError() {
	var rt libcontainer.Runtime
	_, err := rt.Run(context.Background(), "web1", &libcontainer.RunOptions{})
	if e, ok := errors.AsType[*libcontainer.Error](err); ok && e.Step > 0 {
		fmt.Printf("step %d of the plan, for %s: %s: %s\n", e.Step, e.Field, e.Call, unix.ErrnoName(e.Errno))
	}
}
