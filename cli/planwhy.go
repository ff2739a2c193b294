package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"rt/internal/jsonscan"
	"rt/internal/sys"
	"rt/libcontainer"
)

// why returns a filter for the steps that contain a word, and those of fields whose value contains it.
func why(bundle, word string) func(*libcontainer.Step, string) bool {
	keep := []func(*libcontainer.Step, string) bool{libcontainer.StepsWith(word)}
	file := bundle
	if info, err := os.Stat(bundle); err != nil || info.IsDir() {
		file = filepath.Join(bundle, "config.json")
	}
	if raw, err := sys.ReadInput(file); err == nil {
		var document any
		if json.Unmarshal(raw, &document) == nil {
			for _, field := range fieldsWith(nil, document, "", word) {
				keep = append(keep, libcontainer.StepsFor(field))
			}
		}
	}
	return func(s *libcontainer.Step, text string) bool {
		for _, k := range keep {
			if k(s, text) {
				return true
			}
		}
		return false
	}
}

// fieldsWith appends the paths of the values in a document that contain a word. Of a mount or a device it is the whole
// entry.
func fieldsWith(fields []string, value any, path, word string) []string {
	switch value := value.(type) {
	case string:
		if strings.Contains(value, word) {
			if strings.HasPrefix(path, "mounts[") || strings.HasPrefix(path, "linux.devices[") {
				path = path[:strings.LastIndexByte(path, ']')+1]
			}
			return append(fields, path)
		}
	case []any:
		for i, element := range value {
			fields = fieldsWith(fields, element, path+"["+strconv.Itoa(i)+"]", word)
		}
	case map[string]any:
		for name, element := range value {
			at := strings.TrimPrefix(string(jsonscan.AppendName([]byte(path), name)), ".")
			fields = fieldsWith(fields, element, at, word)
		}
	}
	return fields
}
