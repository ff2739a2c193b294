package cli

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"rt/internal/diag"
	"rt/libcontainer"
)

// FuzzOption gives each command each of its options: --name=value is --name value, and what is refused is an error of
// the command line.
func FuzzOption(f *testing.F) {
	for i, value := range []string{"", "-1", "--", "/b", "1000:1000", "a=b", "--bundle", "=", "\x00", "-", "0x10"} {
		f.Add(uint8(i), uint8(3*i), value)
	}
	f.Fuzz(func(t *testing.T, command, option uint8, value string) {
		list := Commands()
		c := list[int(command)%len(list)]
		if len(c.Flags) == 0 {
			return
		}
		flag := c.Flags[int(option)%len(c.Flags)]
		if flag.Value == "" {
			return // a switch
		}
		one, _, rest, err := understood([]string{c.Name, "--" + flag.Name + "=" + value, "id"})
		two, _, others, problem := understood([]string{c.Name, "--" + flag.Name, value, "id"})
		if err == nil && problem == nil && !strings.HasPrefix(value, "-") {
			if !reflect.DeepEqual(rest, others) || !reflect.DeepEqual(values(one), values(two)) {
				t.Errorf("%s --%s %q: %v %q with =, %v %q without", c.Name, flag.Name, value, values(one), rest,
					values(two), others)
			}
		}
		if (err == nil) != (problem == nil) && !strings.HasPrefix(value, "-") {
			t.Errorf("%s --%s %q: %v with =, %v without", c.Name, flag.Name, value, err, problem)
		}
	})
}

// values are the values of the options of a command.
func values(c *Command) (list []any) {
	for _, f := range c.Flags {
		if v := reflect.ValueOf(f.To); v.Kind() == reflect.Pointer && v.Elem().Kind() != reflect.Pointer {
			list = append(list, v.Elem().Interface())
		}
	}
	return list
}

// FuzzWords reads the words of options that are more than text: a number is the number, and in no other form.
func FuzzWords(f *testing.F) {
	for _, word := range []string{
		"0:0", "1", "root", "root:wheel", ":", "+1", "4294967295", "0x1", "1k", "-1", "9223372036854775807g", "kill",
		"SIGRTMIN+1", "64", "KILL:1", "a:b:c", "1.5m", "\x00", "ſ",
	} {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		if id, ok := parseID(word); ok && strings.TrimLeft(word, "0") != strings.TrimLeft(strconv.Itoa(int(id)), "0") {
			t.Errorf("%q is the id %d", word, id)
		}
		var o libcontainer.ProcessOptions
		if err := parseUser(&o, word); err != nil {
			requireUsage(t, err)
		} else if (o.UID == nil) == (o.UserName == "") || o.GID != nil && o.GroupName != "" ||
			strings.Contains(word, ":") != (o.GID != nil || o.GroupName != "") {
			t.Errorf("%q is the user %+v", word, o)
		}
		if n, ok := parseSize(word); ok && n < -1 {
			t.Errorf("%q is the size %d", word, n)
		} else if plain, err := strconv.ParseInt(word, 10, 64); ok && err == nil && plain >= 0 && n != plain {
			t.Errorf("%q is the size %d", word, n)
		}
		if signal, err := parseSignal(word); err != nil {
			requireUsage(t, err)
		} else if signal < 0 || signal > 64 {
			t.Errorf("%q is the signal %d", word, signal)
		}
	})
}

func requireUsage(t *testing.T, err error) {
	t.Helper()
	if e, ok := errors.AsType[*diag.Error](err); !ok || e.Kind != diag.Usage || e.Problem == "" {
		t.Errorf("%v is no error of the command line", err)
	}
}
