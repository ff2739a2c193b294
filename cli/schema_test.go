package cli

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"rt/spec"
)

// checkSchema is a JSON schema validator for the keywords that rt uses. It returns what is wrong with a value, or "".
func checkSchema(t *testing.T, root, s map[string]any, v any, at string) string {
	for keyword, arg := range s {
		wrong := ""
		switch keyword {
		case "$schema", "title", "description", "$defs":
		case "type":
			wrong = checkType(arg, v)
		case "enum":
			wrong = "is none of the words"
			for _, word := range arg.([]any) {
				if reflect.DeepEqual(word, v) {
					wrong = ""
				}
			}
		case "minimum":
			if n, ok := v.(float64); ok && n < arg.(float64) {
				wrong = "is too small"
			}
		case "maximum":
			if n, ok := v.(float64); ok && n > arg.(float64) {
				wrong = "is too large"
			}
		case "$ref":
			def := root["$defs"].(map[string]any)[strings.TrimPrefix(arg.(string), "#/$defs/")].(map[string]any)
			wrong = checkSchema(t, root, def, v, at)
		case "anyOf":
			for _, one := range arg.([]any) {
				if wrong = checkSchema(t, root, one.(map[string]any), v, at); wrong == "" {
					break
				}
			}
		case "required":
			object, ok := v.(map[string]any)
			for _, name := range arg.([]any) {
				if _, has := object[name.(string)]; ok && !has {
					wrong = "lacks " + name.(string)
				}
			}
		case "properties", "additionalProperties", "items":
			wrong = checkParts(t, root, keyword, arg.(map[string]any), v, at)
		default:
			t.Fatalf("unknown keyword %s", keyword)
		}
		if wrong != "" {
			return at + ": " + wrong
		}
	}
	return ""
}

func checkParts(t *testing.T, root map[string]any, keyword string, arg map[string]any, v any, at string) string {
	if list, ok := v.([]any); ok && keyword == "items" {
		for _, one := range list {
			if wrong := checkSchema(t, root, arg, one, at+"[]"); wrong != "" {
				return wrong
			}
		}
	}
	object, _ := v.(map[string]any)
	for name, value := range object {
		part := arg
		if keyword == "properties" {
			var ok bool
			if part, ok = arg[name].(map[string]any); !ok {
				continue
			}
		}
		if keyword != "items" {
			if wrong := checkSchema(t, root, part, value, at+"."+name); wrong != "" {
				return wrong
			}
		}
	}
	return ""
}

func checkType(want, v any) string {
	names, ok := want.([]any)
	if !ok {
		names = []any{want}
	}
	for _, name := range names {
		fits := false
		switch v := v.(type) {
		case nil:
			fits = name == "null"
		case bool:
			fits = name == "boolean"
		case string:
			fits = name == "string"
		case float64:
			fits = name == "integer" && v == math.Trunc(v)
		case []any:
			fits = name == "array"
		case map[string]any:
			fits = name == "object"
		}
		if fits {
			return ""
		}
	}
	return "has the wrong type"
}

// The schema accepts what rt accepts, and finds what a schema can find.
func TestSchema(t *testing.T) {
	out, errs, status := rt(t, "spec", "--schema")
	if status != 0 {
		t.Fatal(errs)
	}
	var schema map[string]any
	if err := json.Unmarshal([]byte(out), &schema); err != nil {
		t.Fatal(err)
	}
	accepted := func(doc []byte) string {
		var v any
		if err := json.Unmarshal(doc, &v); err != nil {
			t.Fatal(err)
		}
		return checkSchema(t, schema, schema, v, "")
	}
	files, err := filepath.Glob("../spec/testdata/corpus/*.json")
	if err != nil || len(files) < 50 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		doc, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := spec.Parse(doc, "/b", spec.LoadOptions{}); err != nil {
			continue
		}
		if wrong := accepted(doc); wrong != "" {
			t.Errorf("%s: rt accepts what the schema does not: %s", file, wrong)
		}
	}
	const start, end = `{"$schema": "x", "ociVersion": "1.2.0", "root": {"path": "/"}, "hooks": null, "future": 1`, `}`
	if wrong := accepted([]byte(start + end)); wrong != "" {
		t.Errorf("the smallest config: %s", wrong)
	}
	for _, bad := range []string{
		`, "process": {"args": ["sh"]}`, `, "process": {"cwd": "/", "args": "sh"}`,
		`, "mounts": [{"destination": null}]`,
		`, "linux": {"namespaces": [{"type": "net"}]}`, `, "linux": {"devices": [{"path": "/a", "type": "d"}]}`,
		`, "linux": {"seccomp": {"defaultAction": "SCMP_ACT_KABOOM"}}`, `, "mounts": [{"source": "a"}]`,
		`, "process": {"cwd": "/", "user": {"uid": -1}}`, `, "process": {"cwd": "/", "user": {"uid": 4294967296}}`,
		`, "process": {"cwd": "/", "rlimits": [{"type": "NOFILE"}]}`, `, "annotations": {"a": 1}`,
	} {
		doc := start + bad + end
		if _, err := spec.Parse([]byte(doc), "/b", spec.LoadOptions{}); err == nil && !strings.Contains(bad, "KABOOM") {
			t.Errorf("%s: rt accepts it", bad)
		}
		if wrong := accepted([]byte(doc)); wrong == "" {
			t.Errorf("%s: the schema accepts it", bad)
		}
	}
	if len(schema["$defs"].(map[string]any)) < 30 {
		t.Errorf("the schema has only %d definitions", len(schema["$defs"].(map[string]any)))
	}
}
