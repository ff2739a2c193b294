// Command pods makes pods of all kinds in a cluster, once for each class of runtime, and tells which of them do what
// Kubernetes promises. ../stage starts the cluster and calls it.
//
//	pods -kubeconfig FILE -report DIR -stage DIR [-focus REGEX] CLASS...
//	pods -kubeconfig FILE -measure CLASS...
//
// For each class it writes DIR/CLASS.cluster, a line "passed TITLE" or "failed TITLE" for each row, and prints why a
// row failed. Rows of the tables serial and stuck disturb the node: they run one at a time, after the others.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// atOnce is how many pods run at a time: they wait more than they work.
const atOnce = 6

// cluster is what the rows talk to.
type cluster struct {
	kubernetes.Interface
	config *rest.Config
	dir    string // of the stage: containerd.pid
}

// row is a pod and what has to be so of it.
type row struct {
	title  string
	spec   string // the pod's, in YAML; trial.create says what it may leave out
	checks []check
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "how to reach the API server")
	report := flag.String("report", ".", "directory for the results")
	dir := flag.String("stage", ".", "directory of the stage, with containerd.pid")
	focus := flag.String("focus", "", "regular expression of titles")
	measure := flag.Bool("measure", false, "measure what probes by exec cost, and do nothing else")
	flag.Parse()
	if err := run(*kubeconfig, *report, *dir, *focus, *measure, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "pods:", err)
		os.Exit(1)
	}
}

func run(kubeconfig, report, dir, focus string, measure bool, classes []string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 100, 200
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	titles, err := regexp.Compile(focus)
	if err != nil {
		return err
	}
	c := &cluster{client, config, dir}
	if measure {
		return c.measure(classes)
	}
	if err := c.prepare(context.Background()); err != nil {
		return err
	}
	for _, part := range []struct {
		rows   []row
		atOnce int
	}{{slices.Concat(lives, volumes, security, streams), atOnce}, {slices.Concat(serial, stuck), 1}} {
		if err := c.try(part.rows, part.atOnce, titles, report, classes); err != nil {
			return err
		}
	}
	return nil
}

// try runs rows with each class, so many at once, and adds their results to the reports.
func (c *cluster) try(rows []row, atOnce int, titles *regexp.Regexp, report string, classes []string) error {
	var mutex sync.Mutex
	var failed error
	var group sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i, r := range rows {
		for _, class := range classes {
			if !titles.MatchString(r.title) {
				continue
			}
			slots <- struct{}{}
			group.Go(func() {
				defer func() { <-slots }()
				began := time.Now()
				err := c.row(fmt.Sprintf("%s-%d-%s", slug(r.title), i, class), class, r)
				mutex.Lock()
				defer mutex.Unlock()
				failed = errors.Join(failed, write(report, class, r, err, time.Since(began)))
			})
		}
	}
	group.Wait()
	return failed
}

func write(report, class string, r row, err error, took time.Duration) error {
	result := "passed"
	if err != nil {
		result = "failed"
		fmt.Printf("%s, %s, after %s: %v\n", class, r.title, took.Round(time.Second), err)
	}
	file, err := os.OpenFile(filepath.Join(report, class+".cluster"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(file, result, r.title)
	return errors.Join(err, file.Close())
}

// row makes the pod, checks it, and removes it.
func (c *cluster) row(name, class string, r row) (err error) {
	t := &trial{cluster: c, ctx: context.Background(), class: class, name: name}
	defer func() {
		if p := recover(); p != nil {
			f, ok := p.(failure)
			if !ok {
				panic(p)
			}
			err = f
		}
		t.discard()
	}()
	t.create(r.spec)
	for _, check := range r.checks {
		check(t)
	}
	return nil
}

// slug is a title as a part of a name.
func slug(title string) string {
	words := regexp.MustCompile(`[a-z]+`).FindAllString(strings.ToLower(title), 4)
	return strings.Join(words, "-")
}
