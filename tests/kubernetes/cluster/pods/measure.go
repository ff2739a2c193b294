package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	measuredPods = 10
	measuredTime = 40 * time.Second
)

// measure prints what a probe by exec costs: the processor time of the whole node, runtime, shims, containerd, kubelet
// and control plane, with pods that are probed each second, less that with the same pods and no probe.
func (c *cluster) measure(classes []string) error {
	fmt.Printf("%-8s %-10s %-22s %s\n", "class", "probes/s", "processor ms a probe", "of it kubelet and containerd")
	for _, class := range classes {
		idle, err := c.probed(class, "")
		if err != nil {
			return err
		}
		busy, err := c.probed(class, `
  readinessProbe: {exec: {command: ["true"]}, periodSeconds: 1}`)
		if err != nil {
			return err
		}
		probes := measuredPods * measuredTime.Seconds()
		fmt.Printf("%-8s %-10d %-22.1f %.1f\n", class, measuredPods, 1000*(busy.all-idle.all)/probes,
			1000*(busy.daemons-idle.daemons)/probes)
	}
	return nil
}

// used is processor time, in seconds.
type used struct{ all, daemons float64 }

// probed makes pods with a probe, and is what the node used while they ran.
func (c *cluster) probed(class, probe string) (spent used, err error) {
	var trials []*trial
	defer func() {
		if f, ok := recover().(failure); ok {
			err = f
		}
		for _, t := range trials {
			t.remove(new(int64(0)))
		}
	}()
	for i := range measuredPods {
		t := &trial{cluster: c, ctx: context.Background(), class: class, name: fmt.Sprintf("probed-%d-%s", i, class)}
		t.create("containers:\n- name: c\n  command: [pause]" + probe)
		trials = append(trials, t)
	}
	for _, t := range trials {
		t.until("ready", func(p *core.Pod) bool { return status(p, "c").Ready })
	}
	time.Sleep(5 * time.Second) // until the node is quiet
	before, err := c.spent()
	if err != nil {
		return used{}, err
	}
	time.Sleep(measuredTime)
	after, err := c.spent()
	return used{after.all - before.all, after.daemons - before.daemons}, err
}

// spent is what has been used up to now.
func (c *cluster) spent() (used, error) {
	var u used
	if data, err := os.ReadFile("/sys/fs/cgroup/cpuacct/cpuacct.usage"); err == nil {
		nanoseconds, err := strconv.ParseFloat(strings.TrimSpace(string(data)), 64)
		if err != nil {
			return u, err
		}
		u.all = nanoseconds / 1e9
	} else {
		data, err := os.ReadFile("/sys/fs/cgroup/cpu.stat")
		if err != nil {
			return u, err
		}
		var microseconds float64
		if _, err := fmt.Sscanf(string(data), "usage_usec %f", &microseconds); err != nil {
			return u, err
		}
		u.all = microseconds / 1e6
	}
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		return u, err
	}
	for _, dir := range dirs {
		stat, err := os.ReadFile("/proc/" + dir.Name() + "/stat")
		if err != nil {
			continue // no process, or one that has ended
		}
		name, rest, _ := strings.Cut(string(stat), ") ")
		if !strings.HasSuffix(name, "(kubelet") && !strings.HasSuffix(name, "(containerd") {
			continue
		}
		fields := strings.Fields(rest)
		for _, field := range fields[11:13] { // utime and stime, proc_pid_stat(5), in hundredths
			ticks, err := strconv.ParseFloat(field, 64)
			if err != nil {
				return u, err
			}
			u.daemons += ticks / 100
		}
	}
	return u, nil
}

// metrics: what the kubelet tells of a pod's container, which has written 32 MiB into memory, is near what its cgroup
// has.
func metrics(t *trial) {
	t.running("c")
	inside := func(script string) float64 {
		value, err := strconv.ParseFloat(strings.TrimSpace(t.exec("c", "sh", "-c", script)), 64)
		t.need(err, script)
		return value
	}
	held := inside("cat /sys/fs/cgroup/memory/memory.usage_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.current")
	worked := inside(`awk '{ print $1 / 1e9 }' /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null ||
		awk '/^usage_usec/ { print $2 / 1e6 }' /sys/fs/cgroup/cpu.stat`)
	node, err := t.CoreV1().Nodes().List(t.ctx, meta.ListOptions{})
	t.need(err, "nodes")
	var memory, seconds float64
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Second) {
		data, err := t.CoreV1().RESTClient().Get().Resource("nodes").Name(node.Items[0].Name).SubResource("proxy").
			Suffix("metrics/resource").DoRaw(t.ctx)
		t.need(err, "metrics")
		memory = metric(string(data), "container_memory_working_set_bytes", t.name)
		seconds = metric(string(data), "container_cpu_usage_seconds_total", t.name)
		if memory > 32<<20 && memory < held*1.2 && seconds > worked*0.8 && seconds < worked*1.2+0.1 {
			return
		}
	}
	t.fail("the kubelet says %.0f bytes and %.3f s, the cgroup %.0f and %.3f", memory, seconds, held, worked)
}

// metric finds the value of a pod in the text format of Prometheus.
func metric(text, name, pod string) float64 {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, name+"{") || !strings.Contains(line, `pod="`+pod+`"`) {
			continue
		}
		fields := strings.Fields(line[strings.LastIndex(line, "}")+1:])
		if value, err := strconv.ParseFloat(fields[0], 64); err == nil {
			return value
		}
	}
	return 0
}
