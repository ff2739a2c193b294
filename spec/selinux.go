package spec

import (
	"strings"

	"github.com/opencontainers/selinux/go-selinux"
)

// checkLabel checks the form of an SELinux label, and returns it; "" if it is malformed.
func (c *checker) checkLabel(at location, label string) string {
	if label == "" {
		return ""
	}
	if problem := LabelProblem(label); problem != "" {
		c.refuse(at, label, problem)
		return ""
	}
	return label
}

// LabelProblem returns what is wrong with the form of an SELinux label, as a clause; "" if nothing is. A label that no
// policy can define is thus refused before anything is created. It does not read the host: only the kernel knows
// whether its policy defines the label.
func LabelProblem(label string) string {
	context, err := selinux.NewContext(label)
	if err != nil {
		return "must be user:role:type or user:role:type:level"
	}
	for _, part := range [...]string{"user", "role", "type"} {
		if !isLabelName(context[part]) {
			return "must be user:role:type or user:role:type:level: the " + part + " is not a name"
		}
	}
	if level, ok := context["level"]; ok && !isLevelRange(level) {
		return "has a malformed level: must be sensitivity[:categories], or two of them with a - between, " +
			"such as s0:c1,c2 or s0-s0:c0.c1023"
	}
	return ""
}

// isLevelRange reports whether text is an MLS range as the kernel reads one (mls_context_to_sid in
// security/selinux/ss/mls.c). The library's parser of levels takes only names such as s0 and c1, but a policy may give
// them others.
func isLevelRange(text string) bool {
	low, high, isRange := strings.Cut(text, "-")
	return isLevel(low) && (!isRange || isLevel(high))
}

// isLevel reports whether text is a sensitivity, with or without categories: s0:c1,c3.c5.
func isLevel(text string) bool {
	sensitivity, categories, ok := strings.Cut(text, ":")
	if !isLabelName(sensitivity) {
		return false
	}
	if !ok {
		return true
	}
	for category := range strings.SplitSeq(categories, ",") {
		first, last, isRange := strings.Cut(category, ".")
		if !isLabelName(first) || isRange && !isLabelName(last) {
			return false
		}
	}
	return true
}

// isLabelName reports whether text can be a name in a policy. Policy compilers take letters, digits and a few signs;
// what is refused here are the separators of labels and of mount options, spaces, control characters and non-ASCII.
func isLabelName(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`:,"\=`, r)
	})
}
