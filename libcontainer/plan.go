package libcontainer

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/caller"
	"rt/libcontainer/creation"
	"rt/libcontainer/plan"
	"rt/nsenter"
	"rt/spec"
)

// Plan is a list of steps that creates a container. [Runtime.Plan] returns one. Its fields are for package creation;
// others need these methods:
//
//	AppendText(dst, colour)  appends it as `rt plan` prints it
//	AppendView(dst, view)    appends the steps that a PlanView selects
//	AppendJSON(dst)          appends it as `rt plan --format json` prints it
//	Lines()                  returns a PlanLine for each step
type Plan = plan.Plan

// PlanView selects steps for Plan.AppendView.
//
//	Colour  use escape sequences for colours
//	Width   the width of the terminal in columns: longer lines are folded; 0 folds none
//	Keep    reports whether to show a step, given with its text; nil shows all, with the lines before them
type PlanView = plan.View

// PlanLine is a step of a [Plan] as text.
//
//	Part     its heading: "mounts"
//	Call     the system call
//	Comment  the property of config.json that requires it, and its purpose
type PlanLine = plan.Line

// Step is a system call of a [Plan]: package nsenter documents its fields.
type Step = nsenter.Step

// StepsFor returns a PlanView.Keep that selects the steps of a property of config.json, such as "mounts[0]", and of the
// properties in it.
func StepsFor(field string) func(*Step, string) bool { return plan.Serves(field) }

// StepsWith returns a PlanView.Keep that selects the steps whose call, field or purpose contains a word. If the word is
// an absolute path, calls that look it up below the root of the container match too.
func StepsWith(word string) func(*Step, string) bool { return plan.Mentions(word) }

// Plan compiles the plan that Run would execute, or with wait the one of Create. It changes nothing. bundle is a
// bundle, or a file with a config; relative paths in the config start in the directory of the file. Plan ignores
// o.Bundle.
func (r *Runtime) Plan(ctx context.Context, bundle string, o *CreateOptions, wait bool) (*Plan, Result, error) {
	caller := r.call(ctx)
	p, err := r.compile(caller, bundle, o, wait)
	result, err := resultOf(caller, 0, err)
	return p, result, err
}

func (r *Runtime) compile(caller *caller.Caller, bundle string, o *CreateOptions, wait bool) (*Plan, error) {
	if err := caller.Cancelled(); err != nil {
		return nil, err
	}
	file, dir := "", bundle
	if info, err := os.Stat(bundle); err == nil && !info.IsDir() {
		file, dir = bundle, filepath.Dir(bundle)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, &diag.Error{Kind: diag.Usage, Field: "--bundle", Value: bundle, Err: err}
	}
	config, err := loadConfig(dir, file)
	if err != nil {
		return nil, err
	}
	c, err := creation.New(caller, r.settings(), config, o.request("ID", wait))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Plan()
}

// loadConfig loads the config.json of a bundle, or file if it is not "".
func loadConfig(bundle, file string) (*spec.Spec, error) {
	if file == "" {
		return spec.Load(bundle, spec.LoadOptions{})
	}
	raw, err := sys.ReadInput(file)
	if err != nil {
		return nil, diag.Sys("can't be read", "open", err).At("config", file)
	}
	s, err := spec.Parse(raw, bundle, spec.LoadOptions{})
	if e, ok := errors.AsType[*diag.Error](err); ok {
		spec.Locate(raw, e)
	}
	return s, err
}
