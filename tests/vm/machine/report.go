package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed machines.md
var introduction string

// report makes docs/machines.md of the results in a directory.
func report(dir string) ([]byte, error) {
	var page bytes.Buffer
	page.WriteString(introduction)
	fmt.Fprint(&page, "\n## What was run\n\n")
	fmt.Fprint(&page, "| row | machine | test | part | passed | failed | skipped | when, rt, minutes |\n")
	fmt.Fprint(&page, "|---|---|---|---|---|---|---|---|\n")
	var results []result
	var missing []string
	for _, r := range rows {
		for _, name := range r.tests {
			res, err := load(filepath.Join(dir, r.name+"-"+name+".json"))
			if os.IsNotExist(err) {
				missing = append(missing, r.name+"/"+name)
				continue
			}
			if err != nil {
				return nil, err
			}
			results = append(results, res)
			writeRow(&page, res)
		}
	}
	fmt.Fprintf(&page, "\nNot run yet: %s.\n", cmpOr(strings.Join(missing, ", "), "nothing"))
	fmt.Fprint(&page, "\n## What failed\n\n")
	list := 0
	for _, res := range results {
		for _, p := range res.Parts {
			for _, what := range p.Failed {
				fmt.Fprintf(&page, "* %s/%s, %s: %s\n", res.Row, res.Test, p.Name, what)
				list++
			}
		}
	}
	if list == 0 {
		fmt.Fprint(&page, "Nothing.\n")
	}
	fmt.Fprint(&page, "\n## What was skipped, and why\n\n| why | tests | where |\n|---|---|---|\n")
	writeSkips(&page, results)
	fmt.Fprint(&page, "\n## What the tests are\n\n| test | runs |\n|---|---|\n")
	for _, name := range keys(tests) {
		fmt.Fprintf(&page, "| %s | %s |\n", name, tests[name].about)
	}
	return page.Bytes(), nil
}

func cmpOr(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func load(path string) (result, error) {
	var res result
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &res)
	}
	return res, err
}

func writeRow(page *bytes.Buffer, res result) {
	m := res.Machine
	how := "emulated"
	if res.KVM {
		how = "KVM"
	}
	where := fmt.Sprintf("%s, Linux %s, systemd %s, cgroup %s, %s",
		m.Arch, m.Kernel, m.Systemd, m.Cgroup, lastModule(m.LSM))
	when := fmt.Sprintf("%s, %s, %d %s", res.When, res.Version, res.Minutes, how)
	for _, p := range foldPackages(res.Parts) {
		fmt.Fprintf(page, "| %s | %s | %s | %s | %d | %d | %d | %s |\n",
			res.Row, where, res.Test, p.Name, p.Passed, len(p.Failed), len(p.Skipped), when)
	}
}

// foldPackages makes one part of those that are the Go tests of a package: "go: libcontainer/host".
func foldPackages(parts []part) []part {
	var sum part
	var others []part
	packages := 0
	for _, p := range parts {
		if !strings.HasPrefix(p.Name, "go: ") {
			others = append(others, p)
			continue
		}
		packages++
		sum.Passed += p.Passed
		sum.Failed = append(sum.Failed, p.Failed...)
		sum.Skipped = append(sum.Skipped, p.Skipped...)
	}
	if packages == 0 {
		return others
	}
	sum.Name = fmt.Sprintf("go: %d packages", packages)
	return append([]part{sum}, others...)
}

// lastModule names the security module that labels or confines processes.
func lastModule(list string) string {
	for _, name := range []string{"selinux", "apparmor"} {
		if strings.Contains(list, name) {
			return map[string]string{"selinux": "SELinux", "apparmor": "AppArmor"}[name]
		}
	}
	return "neither AppArmor nor SELinux"
}

// writeSkips writes a line for each reason: how many tests gave it, and on which rows.
func writeSkips(page *bytes.Buffer, results []result) {
	count := map[string]int{}
	where := map[string][]string{}
	for _, res := range results {
		for _, p := range res.Parts {
			for _, skip := range p.Skipped {
				why := reason(skip)
				count[why]++
				if !slices.Contains(where[why], res.Row) {
					where[why] = append(where[why], res.Row)
				}
			}
		}
	}
	for _, why := range keys(count) {
		text := strings.ReplaceAll(why, "|", `\|`)
		fmt.Fprintf(page, "| %s | %d | %s |\n", text, count[why], strings.Join(where[why], ", "))
	}
}

// reason is what follows the name of a skipped test: TestX: why, or "subject: what it says: why". A long one is a
// message of rt, whose beginning will do.
func reason(skip string) string {
	first, rest, _ := strings.Cut(skip, ": ")
	if !strings.HasPrefix(first, "Test") {
		if _, after, found := strings.Cut(rest, ": "); found {
			rest = after
		}
	}
	if len(rest) > 160 {
		rest = rest[:strings.LastIndex(rest[:160], " ")] + " ..."
	}
	return rest
}
