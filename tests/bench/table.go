package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// table is what one workload, or one part of it, cost each contender.
type table struct {
	Workload string `json:"workload"`
	Part     string `json:"part,omitempty"`
	Title    string `json:"title"`
	Rounds   int    `json:"rounds"`
	Rows     []row  `json:"rows"`
}

// row is one contender. Times are in milliseconds; a ratio is 0 where its base was not measured.
type row struct {
	Contender string  `json:"contender"`
	Min       float64 `json:"min_ms"`
	Median    float64 `json:"median_ms"`
	Mean      float64 `json:"mean_ms"`
	CPU       float64 `json:"cpu_ms"` // user and system time, mean
	OfCrun    float64 `json:"of_crun"`
	OfFloor   float64 `json:"of_floor"`
	Error     string  `json:"error,omitempty"`
}

// tables summarizes a workload: the whole first, then its parts.
func tables(w *workload, title string, rounds int, field []*entrant) []table {
	whole := table{Workload: w.name, Title: title, Rounds: rounds}
	for _, e := range field {
		whole.Rows = append(whole.Rows, summarize(e, sumParts(e.samples)))
	}
	list := []table{whole}
	for i, part := range w.parts {
		t := table{Workload: w.name, Part: part, Title: "of these, " + part, Rounds: rounds}
		for _, e := range field {
			t.Rows = append(t.Rows, summarize(e, e.samples[i]))
		}
		list = append(list, t)
	}
	for i := range list {
		list[i].setRatios()
	}
	return list
}

// sumParts adds up the parts of each round.
func sumParts(parts [][]sample) []sample {
	sum := slices.Clone(parts[0])
	for _, p := range parts[1:] {
		for i, s := range p {
			sum[i] = sum[i].plus(s)
		}
	}
	return sum
}

func summarize(e *entrant, samples []sample) row {
	r := row{Contender: e.Name}
	if e.err != nil {
		r.Error = e.err.Error()
		return r
	}
	walls := make([]time.Duration, len(samples))
	var wall, cpu time.Duration
	for i, s := range samples {
		walls[i] = s.wall
		wall += s.wall
		cpu += s.cpu
	}
	slices.Sort(walls)
	n := len(walls)
	r.Min = milliseconds(walls[0])
	r.Median = milliseconds((walls[(n-1)/2] + walls[n/2]) / 2)
	r.Mean = milliseconds(wall) / float64(n)
	r.CPU = milliseconds(cpu) / float64(n)
	return r
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (t *table) setRatios() {
	base := map[string]float64{}
	for _, r := range t.Rows {
		base[r.Contender] = r.Median
	}
	for i := range t.Rows {
		t.Rows[i].OfCrun = ratio(t.Rows[i].Median, base["crun"])
		t.Rows[i].OfFloor = ratio(t.Rows[i].Median, base[floorName])
	}
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func (r *report) printHead(out io.Writer) {
	fmt.Fprintf(out, "Linux %s, %d CPUs, %s\n", r.Kernel, r.CPUs, r.Processor)
	for _, c := range r.Contenders {
		fmt.Fprintf(out, "  %-12s %s\n", c.Name, c.Version)
	}
	fmt.Fprintln(out, "\nMilliseconds of wall clock for whole processes; cpu is user and system time, mean;\n"+
		"the last two columns are the median over that of crun and of the floor.")
}

func (m *measured) print(out io.Writer) {
	for _, t := range m.Tables {
		t.print(out, m.Mode)
	}
	if len(m.Many) > 0 {
		printMany(out, m.Mode, m.Many)
	}
	if len(m.Memory) > 0 {
		printMemory(out, m.Mode, m.Memory)
	}
	if len(m.Growth) > 0 {
		printGrowth(out, m.Mode, m.Growth)
	}
	for _, n := range m.Notes {
		fmt.Fprintf(out, "\nnote, cgroup %s: %s\n", m.Mode, n)
	}
}

func (t *table) print(out io.Writer, mode string) {
	fmt.Fprintf(out, "\n%s, cgroup %s, %d rounds\n", t.Title, mode, t.Rounds)
	fmt.Fprintf(out, "  %-12s %8s %8s %8s %8s %8s %8s\n", "", "min", "median", "mean", "cpu", "/crun", "/floor")
	for _, r := range t.Rows {
		if r.Error != "" {
			fmt.Fprintf(out, "  %-12s left out: %s\n", r.Contender, r.Error)
			continue
		}
		fmt.Fprintf(out, "  %-12s %8.2f %8.2f %8.2f %8.2f %8s %8s\n",
			r.Contender, r.Min, r.Median, r.Mean, r.CPU, ratioText(r.OfCrun), ratioText(r.OfFloor))
	}
}

func ratioText(ratio float64) string {
	if ratio == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", ratio)
}
