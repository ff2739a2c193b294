package cli

import "strings"

// helpWidth is where the lines of help end.
const helpWidth = 100

// appendGlobalHelp appends the help of rt itself.
func appendGlobalHelp(dst []byte, program string) []byte {
	dst = append(dst, "NAME:\n   "+program+" - "+Summary+"\n\nUSAGE:\n   "+program+" [global options] <command> [options] [arguments]\n\nCOMMANDS:\n"...)
	var rows []Row
	for _, c := range Commands() {
		rows = append(rows, Row{c.Name, c.Summary})
	}
	dst = appendRows(dst, rows)
	dst = append(dst, "\nGLOBAL OPTIONS:\n"...)
	dst = appendFlags(dst, GlobalFlags())
	return append(dst, "\n\""+program+" <command> --help\" tells more of a command, and so does the manual page "+program+"-<command>(8).\n"...)
}

// appendHelp appends the help of a command.
func appendHelp(dst []byte, program string, c *Command) []byte {
	dst = append(dst, "NAME:\n   "+program+" "+c.Name+" - "+c.Summary+"\n\nUSAGE:\n   "+program+" "+c.Name+" [options] "+c.Args+"\n\nDESCRIPTION:\n"...)
	for i, p := range c.Description {
		if i > 0 {
			dst = append(dst, '\n')
		}
		dst = appendWrapped(append(dst, "   "...), p, 3)
	}
	dst = append(dst, "\nOPTIONS:\n"...)
	dst = appendFlags(dst, c.Flags)
	if len(c.Examples) > 0 {
		dst = append(dst, "\nEXAMPLES:\n"...)
	}
	for _, e := range c.Examples {
		dst = appendWrapped(append(dst, "   "...), e.Text+":", 3)
		dst = append(dst, "      # "+e.Term+"\n"...)
	}
	return dst
}

// appendFlags appends a list of options.
func appendFlags(dst []byte, flags []Flag) []byte {
	var rows []Row
	for i := range flags {
		if f := &flags[i]; !f.Hidden {
			rows = append(rows, Row{f.Synopsis(), f.Usage})
		}
	}
	return appendRows(dst, append(rows, Row{"--help, -h", "print this help"}))
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

// appendRows appends two columns.
func appendRows(dst []byte, rows []Row) []byte {
	width := 0
	for _, r := range rows {
		width = max(width, len(r.Term))
	}
	for _, r := range rows {
		dst = append(append(dst, "   "...), r.Term...)
		dst = append(dst, strings.Repeat(" ", width-len(r.Term)+2)...)
		dst = appendWrapped(dst, r.Text, width+5)
	}
	return dst
}

// appendWrapped appends a paragraph whose first line starts at column indent, and ends it.
func appendWrapped(dst []byte, text string, indent int) []byte {
	column := indent
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > helpWidth:
			dst = append(append(dst, '\n'), strings.Repeat(" ", indent)...)
			column = indent
		default:
			dst = append(dst, ' ')
			column++
		}
		dst = append(dst, word...)
		column += len(word)
	}
	return append(dst, '\n')
}

// Summary is what rt is, in a line.
const Summary = "run containers as the OCI runtime specification describes them"

// GlobalFlags are the options that every command takes.
func GlobalFlags() []Flag { return new(globals).flags() }
