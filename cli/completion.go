package cli

import (
	"strings"

	"rt/libcontainer/diag"
	"rt/spec"
)

func completionCommand() *Command {
	shells := []string{"bash", "zsh", "fish"}
	return &Command{
		Name: "completion", Args: "bash|zsh|fish", Min: 1, Max: 1,
		Summary: "print a script that lets a shell complete the commands of rt",
		Description: []string{
			"Prints a script for the shell to read at its start. It completes commands, options and the ids of containers.",
		},
		Action: func(c *Call) error {
			var text []byte
			switch c.Args[0] {
			case "bash":
				text = appendBash(nil, c.program)
			case "zsh":
				text = appendZsh(nil, c.program)
			case "fish":
				text = appendFish(nil, c.program)
			default:
				return &diag.Error{
					Kind: diag.Usage, Field: "shell", Value: c.Args[0], Problem: "must be bash, zsh or fish",
					Hint: hintNearest(spec.Nearest(c.Args[0], shells)),
				}
			}
			_, err := c.Stdout.Write(text)
			return err
		},
		Examples: []Row{
			{"rt completion bash > /etc/bash_completion.d/rt", "Complete in bash, for everyone"},
			{"rt completion zsh > /usr/local/share/zsh/site-functions/_rt", "Complete in zsh, for everyone"},
			{"rt completion fish > ~/.config/fish/completions/rt.fish", "Complete in fish"},
		},
	}
}

// hintNearest asks whether a word was meant.
func hintNearest(word string) string {
	if word == "" {
		return ""
	}
	return `did you mean "` + word + `"?`
}

// takesID reports whether the first argument of a command is the id of a container that exists.
func takesID(c *Command) bool {
	return strings.HasPrefix(c.Args, "<container-id>") && c.Name != "create" && c.Name != "run"
}

// long lists the options of flags that are shown, with their dashes.
func long(flags []Flag) string {
	var words []string
	for i := range flags {
		if !flags[i].Hidden {
			words = append(words, "--"+flags[i].Name)
		}
	}
	return strings.Join(append(words, "--help"), " ")
}

// appendBash appends a completion function. It looks for the command among the words, since options with values may stand before it.
func appendBash(dst []byte, program string) []byte {
	dst = append(dst, `_`+program+`() {
	local word=${COMP_WORDS[COMP_CWORD]} command= i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		`+strings.Join(names(), "|")+`) command=${COMP_WORDS[i]} && break ;;
		esac
	done
	local words=
	case $command in
	"") words="`+strings.Join(names(), " ")+` `+long(GlobalFlags())+`" ;;
`...)
	for _, c := range Commands() {
		ids := ""
		if takesID(c) {
			ids = "$(" + program + " list -q 2>/dev/null) "
		}
		dst = append(dst, "\t"+c.Name+") words=\""+ids+long(c.Flags)+"\" ;;\n"...)
	}
	return append(dst, `	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o bashdefault -o default -F _`+program+` `+program+"\n"...)
}

// appendZsh appends a file that may lie in a directory of $fpath under the name _rt, where the first completion runs it, or be read at the start of a shell.
func appendZsh(dst []byte, program string) []byte {
	name := "_" + program
	dst = append(dst, "#compdef "+program+`

`+name+`() {
	local command= i
	for ((i = 2; i < CURRENT; i++)); do
		case $words[i] in
		`+strings.Join(names(), "|")+`) command=$words[i] && break ;;
		esac
	done
	case $command in
	"") compadd -- `+strings.Join(names(), " ")+` `+long(GlobalFlags())+` ;;
`...)
	for _, c := range Commands() {
		ids := ""
		if takesID(c) {
			ids = "${(f)\"$(" + program + " list -q 2>/dev/null)\"} "
		}
		dst = append(dst, "\t"+c.Name+") compadd -- "+ids+long(c.Flags)+" ;;\n"...)
	}
	return append(dst, `	esac
	_files
}

if [ "$funcstack[1]" = `+name+` ]; then
	`+name+` "$@"
else
	(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
	compdef `+name+` `+program+`
fi
`...)
}

// appendFish appends a line for each command and each option.
func appendFish(dst []byte, program string) []byte {
	line := func(words ...string) { dst = append(dst, "complete -c "+program+" "+strings.Join(words, " ")+"\n"...) }
	line("-f")
	for _, f := range GlobalFlags() {
		line(append([]string{"-n __fish_use_subcommand"}, fishOption(&f)...)...)
	}
	for _, c := range Commands() {
		line("-n __fish_use_subcommand -a", c.Name, "-d", fishQuote(c.Summary))
		seen := "-n " + fishQuote("__fish_seen_subcommand_from "+c.Name)
		for i := range c.Flags {
			if !c.Flags[i].Hidden {
				line(append([]string{seen}, fishOption(&c.Flags[i])...)...)
			}
		}
		if takesID(c) {
			line(seen, "-a", fishQuote("("+program+" list -q 2>/dev/null)"))
		}
	}
	return dst
}

// fishOption says an option to fish.
func fishOption(f *Flag) []string {
	words := []string{"-l", f.Name}
	if f.Short != "" {
		words = append(words, "-s", f.Short)
	}
	switch f.Value {
	case "":
	case "DIR", "PATH", "FILE":
		words = append(words, "-r", "-F")
	default:
		words = append(words, "-x")
	}
	return append(words, "-d", fishQuote(f.Usage))
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
