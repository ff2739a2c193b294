package rdt

import (
	"os"
	"strconv"
	"strings"
)

// Stats is what resctrl reports of a container: the capabilities of the machine, the schemas in force, and the
// counters. What a machine does not have is left out.
type Stats struct {
	L3     map[string]string // of info/L3: cbm_mask, min_cbm_bits, num_closids; nil if there is none
	MB     map[string]string // of info/MB: bandwidth_gran, delay_linear, min_bandwidth, num_closids
	Root   Schemas           // of the default class
	Class  Schemas           // of the container's
	Counts []Counts          // of each L3 cache domain, in order
}

// Counts has the counters of a directory in mon_data: llc_occupancy, mbm_total_bytes, mbm_local_bytes, all in bytes;
// those that the machine has.
type Counts map[string]uint64

// Stats reads the statistics. The counters are those of the monitoring group, if the container has one, or else of the
// class.
func (g *Group) Stats() *Stats {
	s := &Stats{
		L3:   g.info("L3", "cbm_mask", "min_cbm_bits", "num_closids"),
		MB:   g.info("MB", "bandwidth_gran", "delay_linear", "min_bandwidth", "num_closids"),
		Root: schemas(g.root), Class: schemas(g.class),
	}
	dir := g.monitor
	if dir == "" {
		dir = g.class
	}
	entries, err := os.ReadDir(dir + "/mon_data")
	if err != nil {
		return s // this machine has no counters
	}
	for _, e := range entries { // sorted: mon_L3_00, mon_L3_01
		if !strings.HasPrefix(e.Name(), "mon_L3_") {
			continue
		}
		c := Counts{}
		for _, file := range []string{"llc_occupancy", "mbm_total_bytes", "mbm_local_bytes"} {
			text, err := read(dir + "/mon_data/" + e.Name() + "/" + file)
			// "Unavailable" is possible.
			if n, bad := strconv.ParseUint(strings.TrimSpace(text), 10, 64); err == nil && bad == nil {
				c[file] = n
			}
		}
		s.Counts = append(s.Counts, c)
	}
	return s
}

// info reads the properties of a resource.
func (g *Group) info(resource string, files ...string) map[string]string {
	var m map[string]string
	for _, file := range files {
		if text, err := read(g.root + "/info/" + resource + "/" + file); err == nil {
			if m == nil {
				m = make(map[string]string, len(files))
			}
			m[file] = strings.TrimSpace(text)
		}
	}
	return m
}

// schemas reads the schemas of a class.
func schemas(class string) (s Schemas) {
	text, err := read(class + "/schemata")
	if err != nil {
		return s
	}
	for one := range strings.Lines(text) {
		one = strings.TrimSpace(one)
		switch {
		case strings.HasPrefix(one, "L3"): // L3CODE and L3DATA too
			s.L3Cache = strings.TrimPrefix(s.L3Cache+"\n"+one, "\n")
		case strings.HasPrefix(one, "MB:"):
			s.MemBw = one
		}
	}
	return s
}
