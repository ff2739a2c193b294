package addition

import (
	"path"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/inspect"
	"rt/libcontainer/plan"
	"rt/libcontainer/state"
	"rt/libcontainer/supervise"
	"rt/spec"
)

// Plan compiles the plan that Mount would execute. It returns warnings too, and changes nothing.
func (c *Container) Plan(m *specs.Mount) (*plan.Plan, []string, error) {
	w, err := c.compileMount(m)
	if err != nil {
		return nil, nil, nameFields(err)
	}
	for i := range w.plan.Steps {
		w.plan.Steps[i].Origin = argumentField(w.plan.Steps[i].Origin)
	}
	for i := range w.plan.Files {
		w.plan.Files[i].Origin = argumentField(w.plan.Files[i].Origin)
	}
	return w.plan, w.warnings(), nil
}

// Mount adds a mount to the container. It returns warnings.
func (c *Container) Mount(m *specs.Mount) ([]string, error) {
	w, err := c.compileMount(m)
	if err != nil {
		return nil, nameFields(err)
	}
	return w.warnings(), nameFields(w.attach("rt-mount"))
}

// attach executes a plan that adds a mount. Before the mount is attached, it is recorded.
func (w *work) attach(name string) error {
	recorded := false
	err := w.run(name, map[plan.SyncPoint]supervise.Handler{
		plan.SyncAdd: func(r supervise.Report) (err error) {
			defer sys.CloseAll(r.FD)
			recorded, err = w.record(r.FD)
			return err
		},
	})
	if err != nil && recorded {
		_ = w.forget(len(w.State.Added) - 1) // if that fails, the next umount removes the record
	}
	return err
}

// record records the mount that fd refers to, and sets the device rules. recorded reports, even after an error, whether
// the state has the mount.
func (w *work) record(fd int) (recorded bool, err error) {
	if w.device != "" {
		if err := w.checkNode(fd); err != nil {
			return false, err
		}
	}
	id, _, err := mountID(fd)
	if err != nil {
		return false, diag.Sys("the ID of the new mount is not known", "statx", err)
	}
	mount := &w.spec.Mounts[0]
	w.State.Added = append(w.State.Added, state.Added{
		Destination: mount.Destination, Source: mount.Source, Type: mount.Type, MountID: id, Device: w.device,
	})
	if err := w.Dir.Save(w.State); err != nil || w.allow == nil {
		return true, err
	}
	return true, w.allow()
}

// compileMount checks a mount, and compiles the plan that adds it.
func (c *Container) compileMount(m *specs.Mount) (*work, error) {
	if !c.Spec.Namespaces.Has(unix.CLONE_NEWNS) {
		return nil, sharedError()
	}
	added, err := c.Spec.WithMount(m)
	if err != nil {
		return nil, err
	}
	mount := &added.Mounts[0]
	if err := c.checkAddable(mount); err != nil {
		return nil, err
	}
	if len(mount.Propagation) == 0 {
		mount.Propagation = []uintptr{unix.MS_PRIVATE | unix.MS_REC}
	}
	w, err := c.newWork(added)
	if err != nil {
		return nil, err
	}
	w.options.ModeLater = mount.Type == "tmpfs" && !hasMode(mount.Data)
	if mount.Bind {
		if w.options.Source, err = inspect.AddedSource(mount); err != nil {
			return nil, err
		}
	}
	w.plan, err = plan.CompileAdd(added, &w.facts, &w.options)
	return w, err
}

// hasMode reports whether options of a tmpfs set its mode.
func hasMode(data string) bool {
	return slices.ContainsFunc(strings.Split(data, ","), func(o string) bool { return strings.HasPrefix(o, "mode=") })
}

// checkAddable returns an error for a mount that only config.json can have.
func (c *Container) checkAddable(m *spec.Mount) error {
	refused := func(property, value, problem string) error {
		return &diag.Error{Kind: diag.Usage, Field: m.Field(property), Value: value, Problem: problem}
	}
	switch {
	case m.Remount:
		return refused("options", "remount", "can't change a mount of a running container: rt umount it, and mount it "+
			"again")
	case m.CopySymlink:
		return refused("options", "copy-symlink", "makes no mount, and works in config.json only")
	case !m.Bind && m.Type != "tmpfs":
		return refused("type", m.Type, "can't be added to a running container: bind and tmpfs can")
	}
	for i, list := range [...][]string{c.Spec.MaskedPaths, c.Spec.ReadonlyPaths} {
		for j, p := range list {
			if !sys.IsBelow(path.Clean(p), m.Destination) {
				continue
			}
			name := [...]string{"linux.maskedPaths[", "linux.readonlyPaths["}[i] + strconv.Itoa(j) + "]"
			return refused("destination", m.Destination, "would cover "+p+", which "+name+
				" restricts: only a mount of config.json can be there")
		}
	}
	return nil
}

// warnings returns the warnings of the checks and of the plan.
func (w *work) warnings() []string {
	var list []string
	for _, line := range slices.Concat(w.spec.Warnings, w.plan.Warnings) {
		list = append(list, argumentField(line))
	}
	return list
}

// entry is the field of the added mount in the messages of other packages, for which it is in a config.
const entry = "mounts[0]"

// argumentField returns text, which begins with a field below entry, with the name that the field has as an argument.
func argumentField(text string) string {
	if text == entry {
		return "mount"
	}
	if rest, ok := strings.CutPrefix(text, entry+"."); ok {
		return rest
	}
	return text
}

// nameFields replaces the fields of an error by the names of the arguments.
func nameFields(err error) error {
	e, ok := err.(*diag.Error) //nolint:errorlint // it is not wrapped: its fields are changed
	if !ok {
		return err
	}
	for _, one := range append([]*diag.Error{e}, e.More...) {
		one.Field = argumentField(one.Field)
		if one.Kind == diag.Document {
			one.Kind = diag.Usage
		}
	}
	return err
}

// Umount removes a mount that Mount has added.
func (c *Container) Umount(destination string) error {
	return nameFields(c.remove("rt-umount", destination, false, nil))
}

// remove removes the mount or device that was added last at a destination. Once it is unmounted, remove calls release
// with the other added mounts and devices, unless release is nil, and then removes the record.
func (c *Container) remove(name, destination string, device bool, release func(rest []state.Added) error) error {
	if destination == "" || destination[0] != '/' {
		return &diag.Error{
			Kind: diag.Usage, Field: destinationField, Value: destination,
			Problem: "must be an absolute path, as the container sees it",
		}
	}
	destination = path.Clean(destination)
	i := c.findAdded(destination)
	if i < 0 || (c.State.Added[i].Device != "") != device {
		return c.notAddedError(destination, i)
	}
	w, err := c.newWork(c.Spec)
	if err != nil {
		return err
	}
	if w.plan, err = plan.CompileRemove(c.Spec, &w.facts, destination, &w.options); err != nil {
		return err
	}
	unmounted := false // by the container
	err = w.run(name, map[plan.SyncPoint]supervise.Handler{
		plan.SyncRemove: func(r supervise.Report) (err error) {
			unmounted, err = c.checkMount(r.FD, &c.State.Added[i])
			return err
		},
	})
	if err == nil {
		return c.release(i, release)
	}
	if e, ok := err.(*diag.Error); ok && e.Errno == unix.ENOENT { //nolint:errorlint // as above
		unmounted, err = true, unmountedError(destination)
	}
	if unmounted {
		if err := c.release(i, release); err != nil {
			return err
		}
	}
	return err
}

// release calls do, unless it is nil, with all added mounts and devices but the i-th, and removes the record of this
// one.
func (c *Container) release(i int, do func(rest []state.Added) error) error {
	if do != nil {
		if err := do(slices.Delete(slices.Clone(c.State.Added), i, i+1)); err != nil {
			return err
		}
	}
	return c.forget(i)
}

// checkMount returns an error if the mount that fd refers to, at the destination of a, is not a. unmounted reports
// whether there is no mount.
func (c *Container) checkMount(fd int, a *state.Added) (unmounted bool, err error) {
	defer sys.CloseAll(fd)
	id, root, err := mountID(fd)
	switch {
	case err != nil:
		return false, diag.Sys("the ID of the mount is not known", "statx", err).At(destinationField, a.Destination)
	case !root:
		return true, unmountedError(a.Destination)
	case id != a.MountID:
		return false, &diag.Error{
			Kind: diag.State, Field: destinationField, Value: a.Destination,
			Problem: "something else is mounted here, by the container or a hook: rt removes only what it has added",
		}
	}
	return false, nil
}

const destinationField = entry + ".destination"

// unmountedError returns the error about a mount that is not at its destination any more.
func unmountedError(destination string) error {
	return &diag.Error{
		Kind: diag.State, Field: destinationField, Value: destination,
		Problem: "what was added here is not here any more: the container has unmounted or moved it",
	}
}

// notAddedError returns the error about a destination at which no mount, or no device, was added. i is the index of
// what was added there instead, or -1.
func (c *Container) notAddedError(destination string, i int) error {
	e := &diag.Error{
		Kind: diag.State, Field: destinationField, Value: destination,
		Problem: "nothing was added to the container here, and rt removes only what it has added",
	}
	if i >= 0 {
		e.Problem = "is a device that was added to the container"
		e.Hint = "`rt device remove " + c.State.ID + " " + destination + "` removes it"
		if c.State.Added[i].Device == "" {
			e.Problem = "is a mount that was added to the container, and no device"
			e.Hint = "`rt umount " + c.State.ID + " " + destination + "` removes it"
		}
		return e
	}
	var names []string
	for _, a := range c.State.Added {
		names = append(names, a.Destination)
	}
	if len(names) > 0 {
		e.Hint = "added were: " + strings.Join(names, ", ")
	}
	return e
}
