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

// Plan is the list of steps that makes a container: [Runtime.Plan] returns one.
type Plan = plan.Plan

// PlanView selects what Plan.AppendView shows, and how.
type PlanView = plan.View

// PlanLine is a step as Plan.Lines has it.
type PlanLine = plan.Line

// Step is one system call of a [Plan].
type Step = nsenter.Step

// StepsFor selects, for [PlanView], the steps that a field of the config asks for, or a field in it.
func StepsFor(field string) func(*Step, string) bool { return plan.Serves(field) }

// StepsWith selects, for [PlanView], the steps that have a word in their call, field or sentence. An absolute path is
// found in the calls that look it up below the root too.
func StepsWith(word string) func(*Step, string) bool { return plan.Mentions(word) }

// Plan compiles the plan that Create (wait) or Run would execute, and does nothing else. bundle may also be a
// config.json by any name; relative paths in it start in its directory.
func (r *Runtime) Plan(ctx context.Context, bundle string, o *CreateOptions, wait bool) (*Plan, Result, error) {
	by := r.call(ctx)
	p, err := r.compile(by, bundle, o, wait)
	result, err := ended(by, 0, err)
	return p, result, err
}

func (r *Runtime) compile(by *caller.Caller, bundle string, o *CreateOptions, wait bool) (*Plan, error) {
	if err := by.Cancelled(); err != nil {
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
	c, err := creation.New(by, r.settings(), config, o.request("ID", wait))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Plan()
}

// loadConfig loads the config.json of a bundle, or a file of another name instead.
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
		spec.Place(raw, e)
	}
	return s, err
}
