package sys

import "testing"

func TestLatest(t *testing.T) {
	l := Latest{}
	for i, path := range []string{"/a/b", "/a", "/a/b/c", "/ab", "/x/y"} {
		l.Add(path, i)
	}
	for path, want := range map[string]struct {
		number int
		itself bool
	}{
		"/a/b": {1, false}, "/a": {1, true}, "/a/b/c": {2, true}, "/a/b/c/d": {2, false}, "/a/c": {1, false},
		"/ab": {3, true}, "/abc": {-1, false}, "/x": {-1, false}, "/": {-1, false}, "/x/y": {4, true},
	} {
		if number, itself := l.Above(path); number != want.number || itself != want.itself {
			t.Errorf("%s: %d, %t, want %v", path, number, itself, want)
		}
	}
	l.Add("/", 9)
	if number, itself := l.Above("/x/y"); number != 9 || itself {
		t.Errorf("a mount on / hides all: %d, %t", number, itself)
	}
	if number, itself := l.Above("/"); number != 9 || !itself {
		t.Errorf("/: %d, %t", number, itself)
	}
	relative := Latest{"tmp": 1, "tmp/a": 0}
	if number, itself := relative.Above("tmp/a"); number != 1 || itself {
		t.Errorf("tmp/a: %d, %t", number, itself)
	}
}
