package cli

import (
	"strings"

	"rt/internal/diag"
	"rt/spec"
)

// shells are those that rt has a script for.
var shells = []struct{ name, script string }{{"bash", bashScript}, {"zsh", zshScript}, {"fish", fishScript}}

func completionCommand() *Command {
	var known []string
	for _, s := range shells {
		known = append(known, s.name)
	}
	return &Command{
		Name: "completion", Args: strings.Join(known, "|"), Min: 1, Max: 1,
		Summary: "print a script that lets a shell complete the commands of rt",
		Description: []string{
			"Prints a completion script for a shell. It completes commands, options, values of options, signals, " +
				"directories and the IDs of the containers under --root. The script runs rt for the candidates.",
		},
		Complete: []Candidates{oneOf(known...)},
		Action: func(c *Call) error {
			for _, s := range shells {
				if s.name == c.Args[0] {
					_, err := c.Stdout.Write([]byte(strings.ReplaceAll(s.script, "PROGRAM", c.program)))
					return err
				}
			}
			return &diag.Error{
				Kind: diag.Usage, Field: "shell", Value: c.Args[0], Problem: "must be bash, zsh or fish",
				Hint: hintNearest(spec.Nearest(c.Args[0], known)),
			}
		},
		Examples: []Row{
			{"rt completion bash > /etc/bash_completion.d/rt", "Complete in bash, for everyone"},
			{"rt completion zsh > /usr/local/share/zsh/site-functions/_rt", "Complete in zsh, for everyone"},
			{"rt completion fish > ~/.config/fish/completions/rt.fish", "Complete in fish"},
		},
	}
}

// hintNearest returns a hint that suggests the nearest word.
func hintNearest(word string) string {
	if word == "" {
		return ""
	}
	return `did you mean "` + word + `"?`
}

// The scripts pass the words before the cursor to rt, which prints candidates (see completer). The scripts of
// urfave/cli are not used: the one for bash evaluates the typed line, command substitutions included, and needs the
// package bash-completion; none can leave files and directories to the shell.

// bash splits words at "=" (COMP_WORDBREAKS), so "--format = json" is joined again.
const bashScript = `_PROGRAM() {
	local -a words=() lines=()
	local i word
	for ((i = 1; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [ "$word" = "=" ]; then
			[ "$i" -lt "$COMP_CWORD" ] || words+=("")
			continue
		fi
		words+=("$word")
	done
	word=${words[${#words[@]} - 1]-}
	mapfile -t lines < <("${COMP_WORDS[0]/#\~/$HOME}" "${words[@]}" --generate-shell-completion 2>/dev/null)
	COMPREPLY=()
	case ${lines[0]-} in
	:directories)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		;;
	:files)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		;;
	*) COMPREPLY=("${lines[@]%%$'\t'*}") ;;
	esac
}
complete -F _PROGRAM PROGRAM
`

// zsh runs the script at the first completion, from the file _rt in a directory of $fpath, or sources it at its start.
const zshScript = `#compdef PROGRAM

_PROGRAM() {
	local -a lines described
	local line
	lines=("${(@f)$("${(Q)words[1]/#\~/$HOME}" "${(@Q)words[2,CURRENT]}" --generate-shell-completion 2>/dev/null)}")
	case $lines[1] in
	:directories) _files -/ ;;
	:files) _files ;;
	*)
		for line in $lines; do
			described+=("${${line%%$'\t'*}//:/\\:}${${line#*$'\t'}:+:${${(M)line:#*$'\t'*}#*$'\t'}}")
		done
		_describe PROGRAM described
		;;
	esac
}

if [ "$funcstack[1]" = _PROGRAM ]; then
	_PROGRAM "$@"
else
	(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
	compdef _PROGRAM PROGRAM
fi
`

// fish shows the text after a tab as a description.
const fishScript = `function __PROGRAM_complete
	set -l words (commandline -opc)
	set -l lines ($words[1] $words[2..-1] (commandline -ct) --generate-shell-completion 2>/dev/null)
	switch "$lines[1]"
		case ':directories'
			__fish_complete_directories (commandline -ct)
		case ':files'
			__fish_complete_path (commandline -ct)
		case '*'
			printf '%s\n' $lines
	end
end
complete -c PROGRAM -f -a '(__PROGRAM_complete)'
`
