package spec

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// HookNames returns the names of the lists of hooks, in the order in which they run: "prestart" is the first.
func HookNames() []string { return hooksNames }

// checkHooks checks hooks (config.md, POSIX-platform Hooks). Whether their programs exist is known only when they run.
func (c *configChecker) checkHooks(h *specs.Hooks) {
	if h == nil {
		return
	}
	at := locationOf("hooks")
	for _, kind := range []struct {
		name string
		list []specs.Hook
	}{
		{"prestart", h.Prestart}, //nolint:staticcheck // deprecated, and what Docker sends
		{"createRuntime", h.CreateRuntime},
		{"createContainer", h.CreateContainer},
		{"startContainer", h.StartContainer},
		{"poststart", h.Poststart},
		{"poststop", h.Poststop},
	} {
		for i := range kind.list {
			c.checkHook(at.DotAt(kind.name, i), &kind.list[i])
		}
	}
}

// checkHook checks one hook.
func (c *configChecker) checkHook(at location, h *specs.Hook) {
	switch {
	case h.Path == "":
		c.refuse(at.Dot("path"), "", "is required: the absolute path of a program")
	case h.Path[0] != '/':
		c.refuse(at.Dot("path"), h.Path, "must be an absolute path")
	}
	if h.Timeout != nil && *h.Timeout <= 0 {
		c.refuse(at.Dot("timeout"), strconv.Itoa(*h.Timeout),
			"must be greater than 0 seconds; leave it out to wait without end")
	}
	for i, v := range h.Env {
		if strings.IndexByte(v, '=') <= 0 {
			c.refuse(at.DotAt("env", i), v, "must be NAME=VALUE")
		}
	}
}
