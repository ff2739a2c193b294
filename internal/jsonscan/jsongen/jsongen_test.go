package jsongen

import (
	"reflect"
	"strings"
	"testing"
)

type inner struct {
	Number int `json:"number"`
}

type outer struct {
	inner

	Words  []string         `json:"words,omitempty"`
	Inners map[string]inner `json:"inners"`
	Other  *foreign         `json:"other"`
}

type foreign struct{}

func TestSource(t *testing.T) {
	got, err := Source("p", "rt/internal/jsonscan/jsongen", []reflect.Type{reflect.TypeFor[outer]()},
		[]reflect.Type{reflect.TypeFor[foreign]()})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`var outerNames = []string{"number", "words", "inners", "other"}`,
		"func decodeOuter(s *jsonscan.Scanner, v *outer) {",
		"jsonscan.Int(s, &v.Number)", "jsonscan.Strings(s, &v.Words)", "jsonscan.Map(s, &v.Inners, decodeInner)",
		"func decodeInner(", "s.Skip()",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("%s is missing in:\n%s", want, got)
		}
	}
}

func TestSourceRefuses(t *testing.T) {
	for _, bad := range []reflect.Type{
		reflect.TypeFor[struct {
			A any `json:"a"`
		}](), reflect.TypeFor[struct {
			A map[int]string `json:"a"`
		}](), reflect.TypeFor[struct {
			A [][]string `json:"a"`
		}](), reflect.TypeFor[struct{ A string }](),
	} {
		if _, err := Source("p", "", []reflect.Type{bad}, nil); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}
