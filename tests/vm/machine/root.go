package main

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Packages of the root images, one a line. A line "bullseye -criu" takes a package out where the suite lacks it or
// can't install it.
var (
	//go:embed packages
	packagesText string
	//go:embed packages.engines
	enginePackagesText string
)

// rootDir is the directory of a root image, and it is another one when the suite's packages change.
func rootDir(suite, arch string, engines bool) string {
	name := suite + "-" + arch
	if engines {
		name += "-engines"
	}
	sum := sha256.Sum256([]byte(strings.Join(packagesOf(suite, engines), " ")))
	return cache("roots", fmt.Sprintf("%s-%x", name, sum[:6]))
}

// packagesOf reads the lists for a suite.
func packagesOf(suite string, engines bool) []string {
	text := packagesText
	if engines {
		text += enginePackagesText
	}
	var packages []string
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 1:
			packages = append(packages, words[0])
		case len(words) == 2 && words[0] == suite:
			without := strings.TrimPrefix(words[1], "-")
			packages = slices.DeleteFunc(packages, func(p string) bool { return p == without })
		}
	}
	return packages
}

// buildRoot makes the image of a root file system. Programs of a foreign architecture can't run here, so that its
// packages are only unpacked, and are configured in the machine itself.
func buildRoot(suite, arch string, engines bool) error {
	return once(rootDir(suite, arch, engines), func(scratch string) error {
		tree, image := filepath.Join(scratch, "tree"), filepath.Join(scratch, "root.img")
		packages := packagesOf(suite, engines)
		var err error
		if native(arch) {
			err = bootstrap("minbase", suite, arch, tree, packages, "--dpkgopt=path-exclude=/usr/share/doc/*",
				"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*")
		} else {
			err = bootstrap("extract", suite, arch, tree, append(packages, "?essential", "apt"),
				`--extract-hook=mkdir "$1/debs" && mv "$1"/var/cache/apt/archives/*.deb "$1/debs/"`)
		}
		if err != nil {
			return err
		}
		if suite == "bullseye" {
			if err := addBats(scratch, tree); err != nil {
				return err
			}
		}
		if native(arch) {
			if err := label(tree); err != nil {
				return err
			}
		}
		if err := makeImage(tree, image, "8G"); err != nil {
			return err
		}
		if err := os.RemoveAll(tree); err != nil || native(arch) {
			return err
		}
		return configure(suite, arch, image)
	})
}

// addBats brings the bats of a later suite: the tests take 1.5.
func addBats(scratch, tree string) error {
	later := filepath.Join(scratch, "bats")
	if err := bootstrap("extract", "bookworm", "all,amd64", later, []string{"bats"}); err != nil {
		return err
	}
	copyBats := `cd "$1/usr" && tar c bin/bats lib/bats-core libexec/bats-core | tar x -C "$2/usr"`
	if err := command("sh", "-c", copyBats, "sh", later, tree); err != nil {
		return err
	}
	return os.RemoveAll(later)
}

// label gives the files the labels of the image's own SELinux policy.
func label(tree string) error {
	contexts := "/etc/selinux/default/contexts/files/file_contexts"
	if _, err := os.Stat(tree + contexts); err != nil {
		return nil // no policy in this image
	}
	// setfiles of bookworm labels a file by its descriptor, in /proc.
	setfiles := `mount -t proc proc "$1/proc" && chroot "$1" setfiles -F -e /proc "$2" /`
	return command("sh", "-c", setfiles, "sh", tree, contexts)
}

// configure has the machine configure the packages that are unpacked in its root image.
func configure(suite, arch, image string) error {
	m := machine{arch: arch, suite: suite, kernel: suites[suite], cgroup: "v2", lsm: "none", memoryMB: 2048, cpus: 2}
	say("configuring the packages for %s in a machine: some minutes where it is emulated", arch)
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	p, err := m.start(ctx, start{image: image, keep: true, parameters: []string{"machine=configure"}})
	if err != nil {
		return err
	}
	<-p.ended
	if !strings.Contains(string(p.console.bytes()), "all packages are configured") {
		return errors.New("dpkg has failed:\n" + string(tail(p.console.bytes(), 4000)))
	}
	return nil
}
