// Package stage has what the programs and tests share that try containers in a world of their own.
package stage

import (
	"os"

	"golang.org/x/sys/unix"
)

// MountDev mounts a /dev whose nodes may be damaged. The caller is in a mount namespace of its own.
func MountDev() error {
	if err := unix.Mount("stage", "/dev", "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	for name, device := range map[string][2]uint32{
		"null": {1, 3}, "zero": {1, 5}, "full": {1, 7}, "random": {1, 8},
		"urandom": {1, 9}, "tty": {5, 0},
	} {
		if err := unix.Mknod("/dev/"+name, unix.S_IFCHR|0o666, int(unix.Mkdev(device[0], device[1]))); err != nil {
			return err
		}
		if err := os.Chmod("/dev/"+name, 0o666); err != nil {
			return err
		}
	}
	for _, dir := range []string{"/dev/pts", "/dev/shm", "/dev/mqueue"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	return unix.Mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=0620")
}

// At returns the object at a path of keys of a decoded config.json, which it makes if it is not there.
func At(config map[string]any, keys ...string) map[string]any {
	for _, k := range keys {
		next, ok := config[k].(map[string]any)
		if !ok {
			next = make(map[string]any)
			config[k] = next
		}
		config = next
	}
	return config
}

// Add appends to the list at the end of a path of keys.
func Add(config map[string]any, value any, keys ...string) {
	last := len(keys) - 1
	object := At(config, keys[:last]...)
	list, _ := object[keys[last]].([]any)
	object[keys[last]] = append(list, value)
}
