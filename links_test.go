package main

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// linked are the modules that the binary is made of, each with what it is there for. A new one takes a row here, and a
// record in docs/decisions if rt is not built upon it by name.
var linked = map[string]string{
	"github.com/aperturerobotics/protobuf-go-lite": "the encoding of go-criu's messages, without reflection",
	"github.com/checkpoint-restore/go-criu/v8":     "the messages of CRIU's RPC: docs/decisions/0017",
	"github.com/coreos/go-systemd/v22":             "the D-Bus interface of systemd: scopes",
	"github.com/cyphar/filepath-securejoin":        "a path within a root, where only its text is asked for",
	"github.com/godbus/dbus/v5":                    "the types of systemd's properties",
	"github.com/moby/sys/mountinfo":                "reads mount tables",
	"github.com/moby/sys/userns":                   "of opencontainers/cgroups",
	"github.com/opencontainers/cgroups":            "limits, statistics and events of cgroups",
	"github.com/opencontainers/runtime-spec":       "the types of config.json",
	"github.com/opencontainers/selinux": "splits SELinux labels and writes their mount option: " +
		"docs/decisions/0015",
	"github.com/sirupsen/logrus":     "of opencontainers/cgroups",
	"github.com/urfave/cli/v3":       "the command line: docs/decisions/0006",
	"github.com/vishvananda/netlink": "moves network devices",
	"github.com/vishvananda/netns":   "of netlink",
	"golang.org/x/sys":               "system calls and their constants",
}

// required are the modules of go.mod that the binary does without.
var required = map[string]string{
	"github.com/seccomp/libseccomp-golang": "with the build tag libseccomp, and to hold rt's filters against " +
		"libseccomp's",
	"cyphar.com/go-pathrs": "of filepath-securejoin with its build tag libpathrs, which go mod tidy " +
		"counts",
}

// The binary links what the table says and nothing else, and go.mod has no module that nothing needs.
func TestLinkedModules(t *testing.T) {
	list := exec.Command("go", "list", "-deps", "-tags", "urfave_cli_no_template", "-f",
		"{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", ".")
	list.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	have := strings.Fields(string(out))
	slices.Sort(have)
	have = slices.Compact(have)
	if len(have) < 5 {
		t.Fatalf("only %q are linked: has the list changed its form?", have)
	}
	for _, m := range have {
		if linked[m] == "" {
			t.Errorf("%s is linked into rt, and the table does not say what for", m)
		}
	}
	for m := range linked {
		if !slices.Contains(have, m) {
			t.Errorf("%s is in the table, and is not linked into rt", m)
		}
	}
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\t(\S+) v`).FindAllSubmatch(text, -1)
	if len(rows) < len(linked) {
		t.Fatalf("go.mod has %d modules, fewer than are linked", len(rows))
	}
	for _, r := range rows {
		if m := string(r[1]); linked[m] == "" && required[m] == "" {
			t.Errorf("go.mod requires %s, which nothing needs", m)
		}
	}
}
