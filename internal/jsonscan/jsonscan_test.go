package jsonscan

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// document has one field for each reader.
type document struct {
	Text    string            `json:"text"`
	Flag    bool              `json:"flag"`
	Small   int8              `json:"small"`
	Number  int64             `json:"number"`
	Byte    uint16            `json:"byte"`
	Big     uint64            `json:"big"`
	Pointer *uint32           `json:"pointer"`
	Inner   *document         `json:"inner"`
	List    []string          `json:"list"`
	Inners  []document        `json:"inners"`
	Map     map[string]string `json:"map"`
}

var documentNames = []string{
	"text", "flag", "small", "number", "byte", "big", "pointer", "inner", "list", "inners",
	"map",
}

func decodeDocument(s *Scanner, v *document) {
	s.Struct(documentNames, func(name string) bool {
		switch name {
		case "text":
			String(s, &v.Text)
		case "flag":
			Bool(s, &v.Flag)
		case "small":
			Int(s, &v.Small)
		case "number":
			Int(s, &v.Number)
		case "byte":
			Uint(s, &v.Byte)
		case "big":
			Uint(s, &v.Big)
		case "pointer":
			Ptr(s, &v.Pointer, Uint)
		case "inner":
			Ptr(s, &v.Inner, decodeDocument)
		case "list":
			Strings(s, &v.List)
		case "inners":
			Slice(s, &v.Inners, decodeDocument)
		case "map":
			Map(s, &v.Map, String)
		default:
			return false
		}
		return true
	})
}

// seeds are documents around which the tests and the fuzzer look for differences from encoding/json.
var seeds = []string{
	`{}`, ` { } `, `null`, `[]`, `"x"`, `1`, `{"text":"a"}`,
	`{"text":null,"flag":null,"small":null,"pointer":null,"inner":null,"list":null,"map":null}`,
	`{"text":"\"\\\/\b\f\n\r\t\u00e4\u20ac\ud83d\ude00é","flag":true}`,
	`{"small":-128,"number":-9223372036854775808,"byte":65535,"big":18446744073709551615}`,
	`{"small":128}`, `{"small":-129}`, `{"byte":-1}`, `{"byte":1.0}`, `{"byte":1e2}`, `{"byte":-0}`, `{"number":-0}`,
	`{"big":18446744073709551616}`,
	`{"pointer":7,"pointer":null}`, `{"inner":{"text":"a"},"inner":{"flag":true}}`, `{"list":[],"list":["a",null,"b"]}`,
	`{"list":[null]}`, `{"list":[1]}`,
	`{"inners":[{},null,{"inner":{"inners":[{"list":["a"]}]}}]}`, `{"map":{"a":"b","a":"c","":null}}`,
	`{"map":{},"map":null}`, `{"map":{"a":"1"},"map":{"b":"2"}}`,
	`{"TEXT":"folded","Flag":true,"ſmall":1}`, `{"other":{"deep":[1,2,{"x":"\u0000"}]},"text":"t"}`,
	`{"text":"\u0000","map":{"\u0000":""}}`,
	`{"text":"a",}`, `{,}`, `{"text"}`, `{"list":[,]}`, `{"list":["a",]}`, `{"text":"\x"}`, "{\"text\":\"\t\"}",
	`{"small":01}`, `{"small":+1}`, `{"small":.5}`, `{"small":1.}`,
	`{"flag":True}`, `{"flag":truely}`, `nul`, `nullx`, `{}x`,
	`{"text":"a"`, `{"text":"a`, `{"text":"\u12`, "\x00", "{}\x00", "\ufeff{}", `{"a":[[[[]]]]}`, `[1]`, `{"x":-}`,
	`{"x":1e}`, `{"x":1e+}`,
}

func TestAsEncodingJSON(t *testing.T) {
	accepted := 0
	for _, doc := range seeds {
		if compare(t, doc) {
			accepted++
		}
	}
	if accepted < 20 {
		t.Errorf("only %d seeds are accepted: what was compared?", accepted)
	}
}

func FuzzAsEncodingJSON(f *testing.F) {
	for _, doc := range seeds {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc string) { compare(t, doc) })
}

// compare decodes doc here and with encoding/json, and reports whether it was accepted.
func compare(t *testing.T, doc string) bool {
	var got, want document
	s := New(doc)
	decodeDocument(s, &got)
	s.CheckEnd()
	err := json.Unmarshal([]byte(doc), &want)
	for _, p := range s.Problems {
		LineColumn(doc, p.Offset)
		PathAt(doc, p.Offset)
		Describe(doc, p.Offset)
	}
	if s.Err() != nil {
		if line, _ := LineColumn(doc, s.Err().Offset); line < 1 || len(PathAt(doc, s.Err().Offset)) > maxPath+len(doc) {
			t.Errorf("%q: line %d", doc, line)
		}
	}
	var mismatch *json.UnmarshalTypeError
	switch {
	case s.Err() != nil && strings.Contains(s.Err().Text, "UTF-8"), s.Err() != nil &&
		strings.Contains(s.Err().Text, "surrogate"),
		s.Err() != nil && strings.Contains(s.Err().Text, "deeper"):
		return false // encoding/json guesses, and nests deeper: see the package comment
	case (s.Err() != nil) != (err != nil && !errors.As(err, &mismatch)):
		t.Errorf("%q: %v, encoding/json: %v", doc, s.Err(), err)
		return false
	case s.Err() != nil:
		return false
	case (len(s.Problems) > 0) != (mismatch != nil):
		t.Errorf("%q: %v, encoding/json: %v", doc, s.Problems, err)
		return false
	case mismatch != nil:
		return false
	}
	if !reflect.DeepEqual(got, want) && !repeatsList(doc) {
		t.Errorf("%q:\n got %+v\nwant %+v", doc, got, want)
	}
	return true
}

// repeatsList reports whether a document may give one list twice, where the elements of the second inherit from the
// first in encoding/json only.
func repeatsList(doc string) bool {
	return strings.Count(strings.ToLower(doc), "inners") > 1 || strings.Count(strings.ToLower(doc), "list") > 1
}

func TestPlaces(t *testing.T) {
	doc := "{\n  \"a\": {\"b\": [1, {\"ä\": 2}, \"x\"]},\n  \"net.x\": true\n}"
	for find, want := range map[string]string{
		"{\n": " 1:1", `{"b`: "a 2:8", "1,": "a.b[0] 2:15", `{"ä`: "a.b[1] 2:18", "2}": `a.b[1]["ä"] 2:24`,
		`"x"`: "a.b[2] 2:28", "true": `["net.x"] 3:12`,
		`"b"`: "a.b 2:9", `"net`: `["net.x"] 3:3`, `, "x"`: "a.b 2:26",
	} {
		offset := strings.Index(doc, find)
		line, column := LineColumn(doc, offset)
		got := PathAt(doc, offset) + " " + itoa(line) + ":" + itoa(column)
		if got != want {
			t.Errorf("%q is at %q, want %q", find, got, want)
		}
	}
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

func TestUnknown(t *testing.T) {
	s := New(`{"txt": 1, "Text": "a", "inner": {"Flags": {"text": 1}}}`)
	s.KeepUnknown = true
	var d document
	decodeDocument(s, &d)
	if len(s.Unknown) != 3 || s.Unknown[0].Name != "txt" || s.Unknown[1].Known != "text" || s.Unknown[2].Known != "" ||
		d.Text != "a" {
		t.Errorf("unknown %+v, text %q", s.Unknown, d.Text)
	}
}

func TestBlockOfStrings(t *testing.T) {
	// Lists that cross the end of a block must stay whole, and must not grow into each other.
	var doc strings.Builder
	doc.WriteString(`{"inners":[`)
	for i := range 40 {
		if i > 0 {
			doc.WriteByte(',')
		}
		doc.WriteString(`{"list":[` + strings.Repeat(`"`+itoa(i)+`",`, 41*(i%7)) + `"end"]}`)
	}
	doc.WriteString(`]}`)
	compare(t, doc.String())
	var d document
	decodeDocument(New(doc.String()), &d)
	_ = append(d.Inners[0].List, "overwrites?")
	if d.Inners[1].List[0] != "1" {
		t.Error("appending to one list changes the next")
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "a\"b\\c/\n\r\t\b\x00\x1f\x7f", "ä€😀", "\xff\xc3", "<script>&\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var out string
		if err := json.Unmarshal(AppendString(nil, in), &out); err != nil {
			t.Fatal(err)
		}
		if want := strings.ToValidUTF8(in, "\ufffd"); len([]rune(out)) != len([]rune(in)) ||
			strings.ReplaceAll(out, "\ufffd", "") != strings.ReplaceAll(want, "\ufffd", "") {
			t.Errorf("%q became %q", in, out)
		}
		var back string
		s := New(string(AppendString(nil, in)))
		if String(s, &back); s.Err() != nil || back != out {
			t.Errorf("%q reads as %q, %v", in, back, s.Err())
		}
	})
}
