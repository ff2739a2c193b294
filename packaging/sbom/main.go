// Sbom prints what an executable of Go consists of, as a CycloneDX 1.6 document: the modules that the linker has put
// into it, with their versions and checksums, as the executable itself tells (debug/buildinfo).
//
//	sbom EXECUTABLE NAME VERSION
//
// The same executable gives the same document: its time is SOURCE_DATE_EPOCH, or missing, and its serial number is made
// of the executable's checksum.
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

type (
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	hash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	component struct {
		Ref        string     `json:"bom-ref"`
		Type       string     `json:"type"`
		Name       string     `json:"name"`
		Version    string     `json:"version"`
		PURL       string     `json:"purl,omitempty"`
		Hashes     []hash     `json:"hashes,omitempty"`
		Properties []property `json:"properties,omitempty"`
	}
	dependency struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp,omitempty"`
		Component component `json:"component"`
	}
	document struct {
		Format       string       `json:"bomFormat"`
		SpecVersion  string       `json:"specVersion"`
		SerialNumber string       `json:"serialNumber"`
		Version      int          `json:"version"`
		Metadata     metadata     `json:"metadata"`
		Components   []component  `json:"components"`
		Dependencies []dependency `json:"dependencies"`
	}
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: sbom EXECUTABLE NAME VERSION")
		os.Exit(2)
	}
	text, err := describe(os.Args[1], os.Args[2], os.Args[3])
	if err == nil {
		_, err = os.Stdout.Write(append(text, '\n'))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

// describe returns the document about an executable.
func describe(path, name, version string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	d := document{Format: "CycloneDX", SpecVersion: "1.6", SerialNumber: serial(sum), Version: 1}
	if d.Metadata.Timestamp, err = timestamp(); err != nil {
		return nil, err
	}
	d.Metadata.Component = component{
		Ref: name, Type: "application", Name: name, Version: version,
		Hashes: []hash{{"SHA-256", hex.EncodeToString(sum[:])}}, Properties: settings(info),
	}
	own := dependency{Ref: name}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		c := module(m)
		d.Components = append(d.Components, c)
		own.DependsOn = append(own.DependsOn, c.Ref)
	}
	goVersion := strings.TrimPrefix(strings.Fields(strings.Replace(info.GoVersion, "-X:", " ", 1))[0], "go")
	std := component{
		Ref: "pkg:golang/std@" + goVersion, Type: "library", Name: "std", Version: goVersion,
		PURL: "pkg:golang/std@" + goVersion,
	}
	d.Components = append(d.Components, std)
	own.DependsOn = append(own.DependsOn, std.Ref)
	d.Dependencies = []dependency{own}
	return json.MarshalIndent(&d, "", "  ")
}

// module describes a module. The checksum of go.sum is that of its files (h1), and no hash of an archive.
func module(m *debug.Module) component {
	ref := "pkg:golang/" + m.Path + "@" + m.Version
	return component{
		Ref: ref, Type: "library", Name: m.Path, Version: m.Version, PURL: ref,
		Properties: []property{{"go:sum", m.Sum}},
	}
}

// settings are those of the build that change the executable.
func settings(info *buildinfo.BuildInfo) []property {
	list := []property{{"go:version", info.GoVersion}}
	for _, s := range info.Settings {
		list = append(list, property{"go:build:" + s.Key, s.Value})
	}
	return list
}

// serial makes a UUID of a checksum: RFC 9562, version 8.
func serial(sum [sha256.Size]byte) string {
	const version, variant = 0x80, 0x80
	sum[6], sum[8] = sum[6]&0x0f|version, sum[8]&0x3f|variant
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func timestamp() (string, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return "", nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return "", fmt.Errorf("SOURCE_DATE_EPOCH must be a number of seconds: %w", err)
	}
	return time.Unix(seconds, 0).UTC().Format(time.RFC3339), nil
}
