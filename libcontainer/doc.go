// Package libcontainer creates and runs OCI containers.
//
//	var rt libcontainer.Runtime
//	result, err := rt.Run(ctx, "web1", &libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{
//		Bundle: "/srv/web", Stdout: os.Stdout, Stderr: os.Stderr,
//	}})
//	if e, ok := errors.AsType[*libcontainer.Error](err); ok {
//		log.Fatalf("%s in step %d: %s: %v", e.Field, e.Step, e.Call, e.Errno)
//	}
//	os.Exit(result.Status)
//
// A bundle is a directory with a config.json of the OCI runtime specification and the root file system that it names. A
// container has an ID, which is unique in the state directory [Runtime.Root]. All processes that use the same state
// directory can operate on the container, rt(8) included.
//
// [Runtime.Run] is the whole lifecycle in one call. A handle controls each part of it:
//
//	c, err := rt.Create(ctx, "web1", &libcontainer.CreateOptions{Bundle: "/srv/web"}) // or rt.Container("web1")
//	_, err = c.Start(ctx)                       // execute the program of config.json
//	result, err := c.Exec(ctx, &execOptions)    // execute another program in the container
//	err = c.Kill(ctx, unix.SIGTERM)
//	result, err = c.Wait(ctx)
//	_, err = c.Delete(ctx)
//
// The methods of [Runtime] create containers or concern all of them; those of [Container] concern one. The context of a
// method cancels it.
//
// # The calling process
//
// The package changes nothing in the process that calls it, unless [Runtime.Command] is set, and it executes the
// caller's program again only if that calls [RunHelper]. It needs no init function and no C. Several goroutines may
// create containers at once.
//
// A container inherits the files that the options give it. It inherits no environment variable, descriptor, working
// directory, umask, and no ignored or blocked signal. It inherits the resource limits that process.rlimits does not
// set, and the OOM score if process.oomScoreAdj does not set it.
//
// The caller is the parent of the container's init. It must not ignore SIGCHLD, or the kernel discards the exit status
// (wait(2)).
//
// The package reads two environment variables: $XDG_RUNTIME_DIR for the default of [Runtime.Root], and $PATH to find
// newuidmap(1), newgidmap(1) and criu(8). These programs inherit the caller's environment. Hooks without env get an
// empty one.
//
// # Errors
//
// All errors are of the type [*Error], which errors.As finds. A call that fails, or whose context is cancelled, undoes
// its changes. If the caller itself is killed during a call, [Container.ForceDelete] removes the rest.
//
// # Compatibility
//
// The package follows semantic versioning with rt. Within a major version exported names keep their meaning, new fields
// of options have zero values that preserve the earlier behaviour, and state directories stay readable. The texts of
// errors, warnings and plans may change. The packages below this one can be imported too, without such a promise.
package libcontainer
