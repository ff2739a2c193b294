package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rt/spec"
)

// What the pages show that a person types, and what rt answers.

// quotedCommand is a command line in a block of a page: "    # rt run ./hello".
var quotedCommand = regexp.MustCompile(`(?m)^    [#$] (rt .*)$`)

// TestCommandsAreQuotedTruly has the command lines of the manual pages, of README.md and of docs: each command and each
// option must be there.
func TestCommandsAreQuotedTruly(t *testing.T) {
	lines := map[string][]string{}
	for _, c := range Commands() {
		for _, e := range c.Examples {
			if e.IsTranscript() {
				for line := range strings.Lines(e.Term) {
					if command, ok := strings.CutPrefix(strings.TrimSpace(line), "# rt "); ok {
						lines["rt-"+c.Name+"(8)"] = append(lines["rt-"+c.Name+"(8)"], "rt "+command)
					}
				}
				continue
			}
			for part := range strings.SplitSeq(e.Term, "|") {
				if part = strings.TrimSpace(part); strings.HasPrefix(part, "rt ") {
					lines["rt-"+c.Name+"(8)"] = append(lines["rt-"+c.Name+"(8)"], part)
				}
			}
		}
	}
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range quotedCommand.FindAllStringSubmatch(string(text), -1) {
			lines[page] = append(lines[page], m[1])
		}
	}
	found := 0
	for page, list := range lines {
		for _, line := range list {
			found++
			if wrong := misquoted(strings.Fields(line)[1:]); wrong != "" {
				t.Errorf("%s: %s: %s", page, line, wrong)
			}
		}
	}
	for line, want := range map[string]string{
		"run --keep x": "", "run --kep x": "--kep is no option of it", "rum x": "rum is no command",
		"exec x ls --all": "", "device lose x": "lose is no command of device", "--root d list -q": "",
		"--rot d list": "--rot is no option of it",
	} {
		if got := misquoted(strings.Fields(line)); got != want {
			t.Errorf("%s: %q", line, got)
		}
	}
	if found < 100 {
		t.Fatalf("only %d command lines: has their form changed?", found)
	}
}

// misquoted says what is wrong with the words of a command line; "" if its command and options are there. The words of
// a program that a container is to run are its own.
func misquoted(words []string) string {
	var globals globals
	flags := globals.flags()
	var command *Command
	positional := 0
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch {
		case word == "--" || strings.HasPrefix(word, ">") || strings.HasPrefix(word, "|") ||
			word == "&" || word == "&&" || word == ";":
			return ""
		case strings.HasPrefix(word, "-") && word != "-":
			f := flagNamed(flags, word)
			if f == nil {
				return word + " is no option of it"
			}
			if f.Value != "" && !strings.Contains(word, "=") {
				i++
			}
		case command == nil:
			k := slices.IndexFunc(commands(), func(e entry) bool { return e.name == word })
			if k < 0 {
				if word == "help" {
					return ""
				}
				return word + " is no command"
			}
			command = commands()[k].build()
			flags = append(flags, command.Flags...)
		case len(command.Commands) > 0 && positional == 0:
			k := slices.IndexFunc(command.Commands, func(c *Command) bool { return c.Name == word })
			if k < 0 {
				return word + " is no command of " + command.Name
			}
			command = command.Commands[k]
			flags = append(flags, command.Flags...)
		default:
			if positional++; command.InOrder {
				return ""
			}
		}
	}
	return ""
}

// flagNamed returns the option that a word names, or nil.
func flagNamed(flags []Flag, word string) *Flag {
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	if name == "help" || name == "h" || name == "version" || name == "v" {
		return &Flag{}
	}
	for i := range flags {
		if flags[i].Name == name || flags[i].Short == name {
			return &flags[i]
		}
	}
	return nil
}

// TestLogIsQuotedTruly compares the entry of a log that errors.md shows with what rt writes.
func TestLogIsQuotedTruly(t *testing.T) {
	page, err := os.ReadFile("../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile(`(?m)^    (\{"level":"error".*\})$`).FindSubmatch(page)
	if quoted == nil {
		t.Fatal("errors.md shows no entry of a log")
	}
	const missing = "/srv/data"
	if _, err := os.Stat(missing); err == nil {
		t.Skip("this machine has ", missing)
	}
	dir := t.TempDir()
	config := spec.Default(spec.DefaultOptions{CgroupNamespace: true})
	config.Mounts = append(config.Mounts, specs.Mount{
		Destination: "/data", Type: "bind", Source: missing, Options: []string{"bind"},
	})
	var text strings.Builder
	if err := spec.Write(&text, config); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.Mkdir(dir+"/rootfs", 0o755), os.WriteFile(dir+"/config.json", []byte(text.String()), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	_, errs, status := rt(t, "--log", dir+"/log", "--log-format", "json", "plan", dir)
	said, err := os.ReadFile(dir + "/log")
	if err != nil || status != 1 {
		t.Fatalf("%v, status %d: %s", err, status, errs)
	}
	var want, got map[string]any
	if json.Unmarshal(quoted[1], &want) != nil || json.Unmarshal(said, &got) != nil {
		t.Fatalf("no JSON: %s and %s", quoted[1], said)
	}
	delete(want, "time")
	delete(got, "time")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("errors.md says\n%s\nrt says\n%s", quoted[1], said)
	}
}
