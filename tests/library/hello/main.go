// hello runs the bundle that its argument names: the program of README.md.
package main

import (
	"context"
	"log"
	"os"

	"rt/libcontainer"
)

func main() {
	var o libcontainer.RunOptions
	o.Bundle, o.Stdout, o.Stderr = os.Args[1], os.Stdout, os.Stderr
	result, err := new(libcontainer.Runtime).Run(context.Background(), "hello", &o)
	if err != nil {
		log.Fatal(err)
	}
	os.Exit(result.Status)
}
