// Package libcontainer makes and runs OCI containers.
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
// container has an ID, unique in [Runtime.Root], and lives in the state directory: any process with the same Root can
// work on it, rt(8) too. [Runtime.Run] does all at once. Or step by step, with a handle:
//
//	c, err := rt.Create(ctx, "web1", &libcontainer.CreateOptions{Bundle: "/srv/web"}) // or rt.Container("web1")
//	_, err = c.Start(ctx)                       // run its program
//	result, err := c.Exec(ctx, &execOptions)    // and another one in it
//	err = c.Kill(ctx, unix.SIGTERM)
//	result, err = c.Wait(ctx)
//	_, err = c.Delete(ctx)
//
// [Runtime] makes containers and lists them, [Container] has what is done with one. Each method takes a context, which
// says how long the caller is willing to wait.
//
// # What the package does to the process that calls it
//
// Nothing, unless [Runtime.Command] is set. The caller is not executed again, unless it calls [Help]. It needs no main
// function of a special form, no init and no C. Several containers may be made at once, from several goroutines. A
// container inherits the files that the options give it, and nothing else of the caller: no environment variable, no
// descriptor, close-on-exec or not, no working directory, no umask, no ignored or blocked signal. Two things are
// inherited as processes inherit them: resource limits that process.rlimits does not set, and the OOM score if
// process.oomScoreAdj does not. The caller is the parent of the container's first process. It must not ignore SIGCHLD:
// then the kernel tells it no exit status.
//
// Of the environment the package reads only $XDG_RUNTIME_DIR, for [Runtime.Root], and $PATH, to find newuidmap(1),
// newgidmap(1) and criu(8). These programs get the caller's environment; a hook without env gets none.
//
// # Errors
//
// All errors are an [*Error]. What a call has changed before it failed is undone. Cancelling the context of Create, Run
// or Exec is such a failure. If the caller is killed meanwhile, [Container.ForceDelete] removes what is left.
//
// # Compatibility
//
// The package follows semantic versioning with rt: within a major version exported names keep their meaning, options
// get new fields whose zero value means what it meant without them, and the state directory stays readable. The texts
// of errors, warnings and plans may change. The packages below this one are the parts that rt is made of. They can be
// imported, and have no such promise.
package libcontainer
