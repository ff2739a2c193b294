package checkpoint

import (
	"os"
	"strconv"
	"strings"

	"rt/internal/diag"
	"rt/spec"
)

// The security modules that label processes, as CRIU calls them.
const (
	appArmor = "apparmor"
	seLinux  = "selinux"
)

// unconfined is AppArmor's label of a process without a profile.
const unconfined = "unconfined"

// checkLabelOptions checks --lsm-profile and --lsm-mount-context, and that this kernel has the module that they, or the
// config, name.
func (v *verifier) checkLabelOptions() error {
	bad := func(field, value, problem string) error {
		return &diag.Error{Kind: diag.Usage, Field: field, Value: value, Problem: problem}
	}
	if c := v.options.LSMMountContext; c != "" {
		if problem := spec.LabelProblem(c); problem != "" {
			return bad("--lsm-mount-context", c, problem)
		}
	}
	if p := v.options.LSMProfile; p != "" {
		module, name, _ := strings.Cut(p, ":")
		switch {
		case name == "" || module != appArmor && module != seLinux:
			return bad("--lsm-profile", p, "must be apparmor:NAME or selinux:LABEL")
		case module == seLinux && spec.LabelProblem(name) != "":
			return bad("--lsm-profile", p, "is not selinux:LABEL: the label "+spec.LabelProblem(name))
		case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
			return bad("--lsm-profile", p, "is not apparmor:NAME: the name has control characters")
		}
	}
	for _, module := range [...]string{appArmor, seLinux} {
		if l := v.wantedLabel(module); l.text != "" && !v.hasModule(module) {
			return &diag.Error{
				Kind: diag.Host, Field: l.field, Value: l.text,
				Problem: "this kernel runs without " + moduleName(module) + ": leave it out",
			}
		}
	}
	return nil
}

func moduleName(module string) string {
	if module == appArmor {
		return "AppArmor"
	}
	return "SELinux"
}

func (v *verifier) hasModule(module string) bool {
	if module == appArmor {
		return v.Facts.AppArmor
	}
	return v.Facts.SELinux
}

// label is the label that processes should have. Its text is empty if any will do.
type label struct{ field, text string }

// wantedLabel returns the label that the options, or else the config, give the processes.
func (v *verifier) wantedLabel(module string) label {
	if kind, name, ok := strings.Cut(v.options.LSMProfile, ":"); ok && kind == module {
		return label{"--lsm-profile", name}
	}
	if module == appArmor {
		return label{"process.apparmorProfile", v.Spec.Process.AppArmor}
	}
	return label{"process.selinuxLabel", v.Spec.Process.SELinuxLabel}
}

// checkLabels compares the labels of the restored processes with those that they should have.
func (v *verifier) checkLabels(pids []int) error {
	for _, module := range [...]string{appArmor, seLinux} {
		want := v.wantedLabel(module)
		if want.text == "" || !v.hasModule(module) {
			continue
		}
		for _, pid := range pids {
			has, err := labelOf(pid, module)
			if err != nil {
				return diag.Sys("the label of a restored process can't be read", "read", err).At(want.field, want.text)
			}
			laxer, possible := differs(module, want.text, has)
			if !laxer {
				continue
			}
			problem := "restored process " + strconv.Itoa(pid) + " has the label " + strconv.Quote(has)
			if possible && !v.Spec.Process.NoNewPrivs {
				v.Log.Warn(problem + ", not that of " + want.field)
				continue
			}
			e := imagesDiffer(want.field, problem)
			e.Hint = "--lsm-profile " + module + ":NAME restores processes under another label than they had"
			if has == unconfined {
				e.Hint = "criu gives a profile only to processes that had one when they were checkpointed"
			}
			return e
		}
	}
	return nil
}

// labelOf reads the label of a process: proc_pid_attr(5).
func labelOf(pid int, module string) (string, error) {
	dir := "/proc/" + strconv.Itoa(pid) + "/attr/"
	text, err := os.ReadFile(dir + module + "/current")
	if os.IsNotExist(err) {
		text, err = os.ReadFile(dir + "current")
	}
	return strings.TrimRight(string(text), "\x00\n"), err
}

// differs reports whether a process with the label has has left the label want; and if so, whether the policy may have
// led it there by an execve(2).
func differs(module, want, has string) (laxer, possible bool) {
	if module == appArmor {
		// "NAME (MODE)"; NAME//CHILD is a hat or a child of the profile, NAME//&OTHER a stack.
		name, _, _ := strings.Cut(has, " (")
		if name == want || strings.HasPrefix(name, want+"//") || strings.HasSuffix(name, "//&"+want) {
			return false, false
		}
		return true, name != unconfined
	}
	if has == want {
		return false, false
	}
	// An execve(2) may change the type, and nothing changes the level, which separates containers.
	const parts = 4
	w, h := strings.SplitN(want, ":", parts), strings.SplitN(has, ":", parts)
	return true, len(w) == parts && len(h) == parts && w[parts-1] == h[parts-1]
}
