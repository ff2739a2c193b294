package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"rt/internal/diag"
)

// option makes an option of urfave/cli out of a Flag. One type of value serves all kinds and records its error: the
// library turns an error of Set into text.
func (t *tree) option(f *Flag) cli.Flag {
	o := &cli.GenericFlag{
		Name: f.Name, Usage: f.Usage, Hidden: f.Hidden, HideDefault: true,
		Value: &value{flag: f, failed: &t.badValue},
	}
	if f.Short != "" {
		o.Aliases = []string{f.Short}
	}
	o.SetStringer(func(cli.Flag) string { return f.Synopsis() + "\n" + f.Usage })
	return o
}

// options makes options of flags: of all, or of those that the command line may have.
func (t *tree) options(flags []Flag) []cli.Flag {
	list := make([]cli.Flag, 0, len(flags))
	for i := range flags {
		if t.all || t.has(&flags[i]) {
			list = append(list, t.option(&flags[i]))
		}
	}
	return list
}

// has reports whether a word of the command line could be the option.
func (t *tree) has(f *Flag) bool {
	for _, word := range t.words {
		// As the library reads a word: without the spaces around it.
		name, _, _ := strings.Cut(strings.TrimLeft(strings.TrimSpace(word), "-"), "=")
		if name == f.Name || name != "" && name == f.Short {
			return true
		}
	}
	return false
}

// value is the value of an option: the variable that Flag.To points to. It implements cli.Value.
type value struct {
	flag   *Flag
	failed *error // gets the last error of Set
}

// Set reads a word. The last word counts, since engines repeat configured options. A list takes every word as it is,
// since environment variables may contain commas.
func (v *value) Set(word string) error {
	err := v.flag.set(word)
	if err != nil {
		*v.failed = err
	}
	return err
}

// Get returns the variable: Flag.To.
func (v *value) Get() any { return v.flag.To }

// String returns no default: Usage has the defaults in words.
func (v *value) String() string { return "" }

// IsBoolFlag reports whether the option is a switch, which takes a value only after "=".
func (v *value) IsBoolFlag() bool { return v.flag.Value == "" }

// set gives the option a value.
func (f *Flag) set(word string) error {
	switch to := f.To.(type) {
	case *string:
		*to = word
	case *bool:
		b, err := strconv.ParseBool(word)
		if err != nil {
			return f.invalid(word, "must be true or false")
		}
		*to = b
	case **bool:
		b, err := strconv.ParseBool(word)
		if err != nil {
			return f.invalid(word, "must be true or false")
		}
		*to = &b
	case *int:
		n, err := strconv.Atoi(word)
		if err != nil || n < 0 {
			return f.invalid(word, "must be a number from 0 on")
		}
		*to = n
	case *[]string:
		*to = append(*to, word)
	default:
		panic(fmt.Sprintf("cli: option --%s has a %T, which set does not support", f.Name, to))
	}
	return nil
}

func (f *Flag) invalid(word, problem string) error {
	return &diag.Error{Kind: diag.Usage, Field: "--" + f.Name, Value: word, Problem: problem}
}

// Synopsis is how help shows the option: "--bundle, -b DIR".
func (f *Flag) Synopsis() string {
	s := "--" + f.Name
	if f.Short != "" {
		s += ", -" + f.Short
	}
	if f.Value != "" {
		s += " " + f.Value
	}
	return s
}
