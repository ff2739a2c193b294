package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// curl knows the options that Kubernetes' tests give it.
func curl(args []string) error {
	flags := flag.NewFlagSet("curl", flag.ContinueOnError)
	for _, name := range []string{"g", "q", "s", "k"} {
		flags.Bool(name, false, "as curl; without an effect here")
	}
	output := flags.String("o", "", "the file to write to")
	format := flags.String("w", "", "what to print in the end, with %{http_code}")
	limit := flags.Float64("max-time", 0, "seconds")
	connect := flags.Float64("connect-timeout", 0, "seconds")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("curl takes one URL, not %q", flags.Args())
	}
	url := flags.Arg(0)
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	client := http.Client{Timeout: time.Duration(max(*limit, *connect) * float64(time.Second))}
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	to := os.Stdout
	if *output != "" {
		if to, err = os.OpenFile(*output, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644); err != nil {
			return err
		}
		defer to.Close()
	}
	if _, err := io.Copy(to, response.Body); err != nil {
		return err
	}
	fmt.Print(strings.ReplaceAll(*format, "%{http_code}", fmt.Sprint(response.StatusCode)))
	return nil
}
