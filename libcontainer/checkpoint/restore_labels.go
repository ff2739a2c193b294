package checkpoint

import (
	"os"
	"strconv"
	"strings"

	"rt/internal/diag"
	"rt/spec"
)

// The security modules that label processes, by their names in CRIU.
const (
	appArmor = "apparmor"
	seLinux  = "selinux"
)

// unconfined is AppArmor's label of a process without a profile.
const unconfined = "unconfined"

// checkLabelOptions returns an error for an invalid --lsm-profile or --lsm-mount-context, and for a label of a security
// module that this kernel does not use.
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
				Problem: "this kernel runs without " + moduleName(module) + ": remove the label",
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

// label is a required label, with the field that requires it. The text is "" if none is required.
type label struct{ field, text string }

// wantedLabel returns the label that the options require, or else the config.
func (v *verifier) wantedLabel(module string) label {
	if kind, name, ok := strings.Cut(v.options.LSMProfile, ":"); ok && kind == module {
		return label{"--lsm-profile", name}
	}
	if module == appArmor {
		return label{"process.apparmorProfile", v.Spec.Process.AppArmor}
	}
	return label{"process.selinuxLabel", v.Spec.Process.SELinuxLabel}
}

// checkLabels returns an error if a restored process has another label than the required one.
func (v *verifier) checkLabels(pids []int) error {
	for _, module := range [...]string{appArmor, seLinux} {
		want := v.wantedLabel(module)
		if want.text == "" || !v.hasModule(module) {
			continue
		}
		for _, pid := range pids {
			has, err := readLabel(pid, module)
			if err != nil {
				return diag.Sys("the label of a restored process can't be read", "read", err).At(want.field, want.text)
			}
			differs, possible := compareLabels(module, want.text, has)
			if !differs {
				continue
			}
			problem := "restored process " + strconv.Itoa(pid) + " has the label " + strconv.Quote(has)
			if possible && !v.Spec.Process.NoNewPrivs {
				v.Log.Warn(problem + ", not that of " + want.field)
				continue
			}
			e := imagesError(want.field, problem)
			e.Hint = "--lsm-profile " + module + ":NAME restores processes with another label"
			own, _ := readLabel(os.Getpid(), module)
			switch {
			case has == unconfined:
				e.Hint = "criu gives a profile only to processes that had one when they were checkpointed"
			case module == seLinux && has == own:
				e.Hint = "that is the label of rt: a criu that is built without libselinux saves none"
			}
			return e
		}
	}
	return nil
}

// readLabel reads the label of a process: proc_pid_attr(5).
func readLabel(pid int, module string) (string, error) {
	dir := "/proc/" + strconv.Itoa(pid) + "/attr/"
	text, err := os.ReadFile(dir + module + "/current")
	if os.IsNotExist(err) {
		text, err = os.ReadFile(dir + "current")
	}
	return strings.TrimRight(string(text), "\x00\n"), err
}

// compareLabels reports whether the label has of a process differs from want, and whether the policy may have changed
// it at an execve(2).
func compareLabels(module, want, has string) (differs, possible bool) {
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
	// An execve(2) may change the type, but never the level, which separates containers.
	const parts = 4
	w, h := strings.SplitN(want, ":", parts), strings.SplitN(has, ":", parts)
	return true, len(w) == parts && len(h) == parts && w[parts-1] == h[parts-1]
}
