// Package man holds the manual pages of rt, one for each command. They are made from the commands in cli/: see gen.
package man

//go:generate go run ./gen .
