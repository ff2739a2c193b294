package process

import (
	"errors"
	"os"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// The names of the maps of a user namespace in /proc/PID.
const (
	UIDMap = "uid_map"
	GIDMap = "gid_map"
)

// ReadIDMap reads a map of the user namespace of a process, UIDMap or GIDMap, in the order in which it was written. The
// ids outside are those of rt's own user namespace: user_namespaces(7).
func ReadIDMap(pid int, name string) (list []specs.LinuxIDMapping, err error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + name)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		m, err := parseIDMapping(strings.Fields(line))
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

// parseIDMapping parses the words of a line of a map.
func parseIDMapping(words []string) (m specs.LinuxIDMapping, err error) {
	if len(words) != 3 {
		return m, errors.New("a line of the id map has " + strconv.Itoa(len(words)) + " words instead of 3")
	}
	for i, to := range [...]*uint32{&m.ContainerID, &m.HostID, &m.Size} {
		n, err := strconv.ParseUint(words[i], 10, 32)
		if err != nil {
			return m, err
		}
		*to = uint32(n)
	}
	return m, nil
}

// FormatIDMapping formats a line of a map as it is written: the id inside, the id outside and the size.
func FormatIDMapping(m specs.LinuxIDMapping) string {
	return strconv.FormatUint(uint64(m.ContainerID), 10) + " " + strconv.FormatUint(uint64(m.HostID), 10) + " " +
		strconv.FormatUint(uint64(m.Size), 10)
}
