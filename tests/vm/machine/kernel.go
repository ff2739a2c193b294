package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// drivers are what the first process needs to mount the root image; all other modules are on a disk of their own. ext4
// asks for the checksum by the name of its algorithm, which no dependency tells; newer kernels have that built in.
var drivers = []string{"virtio_pci", "virtio_blk", "virtio_console", "crc32c_generic", "ext4"}

// buildKernel makes the directory of a kernel: vmlinuz, release, an image of its modules, and the drivers with the
// order in which they are loaded.
func buildKernel(name, arch string) error {
	return once(cache("kernels", name+"-"+arch), func(scratch string) error {
		tree := filepath.Join(scratch, "tree")
		if err := bootstrap("extract", kernels[name], arch, tree, []string{"linux-image-" + arch}); err != nil {
			return err
		}
		kernel, release, err := findKernel(tree)
		if err != nil {
			return err
		}
		if err := command("depmod", "--basedir", tree, release); err != nil {
			return err
		}
		modules := filepath.Join(tree, "lib/modules")
		if err := copyDrivers(filepath.Join(modules, release), filepath.Join(scratch, "drivers")); err != nil {
			return err
		}
		if err := copyFile(kernel, filepath.Join(scratch, "vmlinuz")); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(scratch, "release"), []byte(release+"\n"), 0o644); err != nil {
			return err
		}
		// As the SELinux policy wants it, that is all.
		_ = command("chcon", "--recursive", "system_u:object_r:modules_object_t:s0", modules)
		// lib is a link to usr/lib in a merged tree, and mke2fs follows it.
		if err := makeImage(modules, filepath.Join(scratch, "modules.img"), "1G"); err != nil {
			return err
		}
		return os.RemoveAll(tree)
	})
}

// findKernel returns the path of the only kernel in a tree of files, and its release.
func findKernel(tree string) (path, release string, err error) {
	boot, _ := filepath.Glob(filepath.Join(tree, "boot/vmlinuz-*"))
	modules, _ := filepath.Glob(filepath.Join(tree, "lib/modules/*/vmlinuz")) // since Debian 14
	switch {
	case len(boot) == 1 && len(modules) == 0:
		return boot[0], strings.TrimPrefix(filepath.Base(boot[0]), "vmlinuz-"), nil
	case len(boot) == 0 && len(modules) == 1:
		return modules[0], filepath.Base(filepath.Dir(modules[0])), nil
	}
	return "", "", fmt.Errorf("the packages must have one kernel, and have %q", append(boot, modules...))
}

// copyDrivers copies the drivers and what they depend on, uncompressed, and writes the order of their loading.
func copyDrivers(modules, to string) error {
	dependencies, err := readDependencies(modules + "/modules.dep")
	if err != nil {
		return err
	}
	builtin, err := os.ReadFile(modules + "/modules.builtin")
	if err != nil {
		return err
	}
	var order []string
	for _, driver := range drivers {
		if bytes.Contains(builtin, []byte("/"+driver+".ko\n")) {
			continue
		}
		paths, found := dependencies[driver]
		if !found && driver == "crc32c_generic" {
			continue
		}
		if !found {
			return errors.New("there is no module " + driver)
		}
		for _, path := range slices.Backward(paths) {
			if !slices.Contains(order, path) {
				order = append(order, path)
			}
		}
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	var names bytes.Buffer
	for _, path := range order {
		if err := uncompress(filepath.Join(modules, path), filepath.Join(to, moduleName(path)+".ko")); err != nil {
			return err
		}
		fmt.Fprintf(&names, "%s.ko\n", moduleName(path))
	}
	return os.WriteFile(to+"/order", names.Bytes(), 0o644)
}

// readDependencies reads modules.dep: for each module its own path, and then those of the modules that it needs, the
// last of which is loaded first.
func readDependencies(path string) (map[string][]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	all := map[string][]string{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		module, needed, _ := strings.Cut(lines.Text(), ":")
		all[moduleName(module)] = append([]string{module}, strings.Fields(needed)...)
	}
	return all, nil
}

// moduleName makes "kernel/fs/ext4/ext4.ko.xz" "ext4". The names of files have hyphens where those of modules may not.
func moduleName(path string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

func uncompress(from, to string) error {
	program := map[string]string{".xz": "xz", ".zst": "zstd", ".gz": "gzip"}[filepath.Ext(from)]
	if program == "" {
		return copyFile(from, to)
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	cmd := exec.Command(program, "-dc", from)
	cmd.Stdout = out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s -dc %s: %w", program, from, err)
	}
	return out.Close()
}
