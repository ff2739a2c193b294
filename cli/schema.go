package cli

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rt/seccomp"
	"rt/spec"
)

// The JSON schema of a config.json says what package spec accepts, as far as a schema can: names, types, required
// properties and words. It is generated from the structs that the decoder fills, and from the tables of the checks.
// It accepts all that rt accepts, so that no editor marks a config that works.

// schemaRequired has the required properties of structs. A variable would be made at every start of rt.
func schemaRequired() map[reflect.Type][]string {
	return map[reflect.Type][]string{
		reflect.TypeFor[specs.Spec]():           {"ociVersion", "root"},
		reflect.TypeFor[specs.Root]():           {"path"},
		reflect.TypeFor[specs.Process]():        {"cwd"},
		reflect.TypeFor[specs.Mount]():          {"destination"},
		reflect.TypeFor[specs.Hook]():           {"path"},
		reflect.TypeFor[specs.POSIXRlimit]():    {"type"},
		reflect.TypeFor[specs.LinuxNamespace](): {"type"},
		reflect.TypeFor[specs.LinuxDevice]():    {"path", "type"},
		reflect.TypeFor[specs.LinuxSeccomp]():   {"defaultAction"},
		reflect.TypeFor[specs.LinuxSyscall]():   {"names", "action"},
	}
}

// schemaWords has the words of properties, and of the elements of lists, that accept no others.
func schemaWords() map[string][]string {
	actions := seccomp.Actions()
	return map[string][]string{
		"POSIXRlimit.type": spec.RlimitTypes(), "LinuxNamespace.type": spec.NamespaceTypes(),
		"LinuxDevice.type":           {"c", "u", "b", "p"},
		"LinuxSeccomp.defaultAction": actions, "LinuxSyscall.action": actions,
		"LinuxSeccomp.architectures": seccomp.Architectures(), "LinuxSeccomp.flags": seccomp.Flags(),
		"LinuxSeccompArg.op":     seccomp.Operators(),
		"LinuxMemoryPolicy.mode": spec.MemoryModes(), "LinuxMemoryPolicy.flags": spec.MemoryFlags(),
	}
}

// schemaSuggestions has the words of properties that accept others too: with a warning, or for a file system.
func schemaSuggestions() map[string][]string {
	capabilities := spec.CapabilityNames()
	return map[string][]string{
		"LinuxCapabilities.bounding": capabilities, "LinuxCapabilities.effective": capabilities,
		"LinuxCapabilities.inheritable": capabilities, "LinuxCapabilities.permitted": capabilities,
		"LinuxCapabilities.ambient": capabilities, "Mount.options": spec.MountOptions(),
	}
}

// schemaSkipped are the sections of other platforms, which rt ignores.
func schemaSkipped(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[specs.Solaris](), reflect.TypeFor[specs.Windows](), reflect.TypeFor[specs.VM](),
		reflect.TypeFor[specs.ZOS](), reflect.TypeFor[specs.FreeBSD]():
		return true
	}
	return false
}

// schemaObject is a JSON schema.
type schemaObject map[string]any

// schema collects the definitions of structs.
type schema struct {
	defs               schemaObject
	required           map[reflect.Type][]string
	words, suggestions map[string][]string
}

// configSchema returns the schema of config.json.
func configSchema() schemaObject {
	s := schema{
		defs: schemaObject{}, required: schemaRequired(), words: schemaWords(), suggestions: schemaSuggestions(),
	}
	root := s.object(reflect.TypeFor[specs.Spec]())
	root["properties"].(schemaObject)["$schema"] = schemaObject{"type": "string"}
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "config.json of the OCI runtime specification " + spec.OldestVersion + " to " + spec.NewestVersion +
		", as rt reads it"
	root["$defs"] = s.defs
	return root
}

// object returns the schema of a struct. Properties that are not listed are ignored, and so allowed.
func (s *schema) object(t reflect.Type) schemaObject {
	properties := schemaObject{}
	s.properties(properties, t)
	o := schemaObject{"type": "object", "properties": properties}
	if required := s.required[t]; required != nil {
		o["required"] = required
		for _, name := range required { // null stands for an absent property
			notNull(properties[name].(schemaObject))
		}
	}
	return o
}

func (s *schema) properties(into schemaObject, t reflect.Type) {
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			s.properties(into, f.Type)
			continue
		}
		into[name] = s.value(f.Type, t.Name()+"."+name)
	}
}

// value returns the schema of a value of type t, at a property that the tables call at. null means the same
// as an absent property.
func (s *schema) value(t reflect.Type, at string) schemaObject {
	switch t.Kind() {
	case reflect.Pointer:
		return s.value(t.Elem(), at)
	case reflect.Slice:
		return schemaObject{"type": []string{"array", "null"}, "items": s.value(t.Elem(), at)}
	case reflect.Map:
		return schemaObject{"type": []string{"object", "null"}, "additionalProperties": s.value(t.Elem(), at)}
	case reflect.Struct:
		return s.reference(t)
	case reflect.Bool:
		return schemaObject{"type": []string{"boolean", "null"}}
	case reflect.String:
		return s.text(at)
	default:
		return schemaNumber(t)
	}
}

// reference returns a reference to the definition of a struct, which it adds if it is missing.
func (s *schema) reference(t reflect.Type) schemaObject {
	if schemaSkipped(t) {
		return schemaObject{"description": "of another platform: rt ignores it"}
	}
	if _, ok := s.defs[t.Name()]; !ok {
		s.defs[t.Name()] = nil // it may refer to itself
		s.defs[t.Name()] = s.object(t)
	}
	return schemaObject{"anyOf": []schemaObject{{"$ref": "#/$defs/" + t.Name()}, {"type": "null"}}}
}

func (s *schema) text(at string) schemaObject {
	if words := s.words[at]; words != nil {
		list := make([]any, 0, len(words)+1)
		for _, w := range words {
			list = append(list, w)
		}
		return schemaObject{"enum": append(list, nil)}
	}
	o := schemaObject{"type": []string{"string", "null"}}
	if words := s.suggestions[at]; words != nil {
		return schemaObject{"anyOf": []schemaObject{{"enum": words}, o}}
	}
	return o
}

// schemaNumber returns the schema of a number of type t. 64-bit numbers have no bounds: many readers of schemas hold
// numbers as floating point, and would round them.
func schemaNumber(t reflect.Type) schemaObject {
	o := schemaObject{"type": []string{"integer", "null"}}
	switch t.Kind() {
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		o["minimum"], o["maximum"] = 0, uint64(1)<<t.Bits()-1
	case reflect.Uint, reflect.Uint64, reflect.Uintptr:
		o["minimum"] = 0
	case reflect.Int8, reflect.Int16, reflect.Int32:
		o["minimum"], o["maximum"] = -(int64(1) << (t.Bits() - 1)), int64(1)<<(t.Bits()-1)-1
	}
	return o
}

// notNull takes null from the schema of a property.
func notNull(o schemaObject) {
	if types, ok := o["type"].([]string); ok {
		o["type"] = types[0]
	}
	if list, ok := o["anyOf"].([]schemaObject); ok {
		delete(o, "anyOf")
		o["$ref"] = list[0]["$ref"]
	}
	if list, ok := o["enum"].([]any); ok {
		o["enum"] = list[:len(list)-1]
	}
}

// writeSchema prints the schema of config.json.
func writeSchema(c *Call) error {
	text, err := json.MarshalIndent(configSchema(), "", "  ")
	if err != nil {
		return err
	}
	_, err = c.Stdout.Write(append(text, '\n'))
	return err
}
