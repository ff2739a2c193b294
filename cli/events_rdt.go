package cli

import (
	"strconv"

	"rt/libcontainer"
)

// rdtShape is "intel_rdt" in the lines of `rt events`.
type rdtShape struct {
	L3          *l3Shape   `json:"l3_cache_info,omitempty"`
	L3Root      string     `json:"l3_cache_schema_root,omitempty"`
	L3Schema    string     `json:"l3_cache_schema,omitempty"`
	MB          *mbShape   `json:"mem_bw_info,omitempty"`
	MBRoot      string     `json:"mem_bw_schema_root,omitempty"`
	MBSchema    string     `json:"mem_bw_schema,omitempty"`
	Bandwidth   []mbmShape `json:"mbm_stats,omitempty"`
	Occupancies []cmtShape `json:"cmt_stats,omitempty"`
}

type (
	l3Shape struct {
		Mask    string `json:"cbm_mask,omitempty"`
		MinBits uint64 `json:"min_cbm_bits,omitempty"`
		Classes uint64 `json:"num_closids,omitempty"`
	}
	mbShape struct {
		Granularity uint64 `json:"bandwidth_gran,omitempty"`
		Linear      uint64 `json:"delay_linear,omitempty"`
		Min         uint64 `json:"min_bandwidth,omitempty"`
		Classes     uint64 `json:"num_closids,omitempty"`
	}
	mbmShape struct {
		Total uint64 `json:"mbm_total_bytes,omitempty"`
		Local uint64 `json:"mbm_local_bytes,omitempty"`
	}
	cmtShape struct {
		Occupancy uint64 `json:"llc_occupancy,omitempty"`
	}
)

// rdtData converts the statistics of resctrl to that shape.
func rdtData(s *libcontainer.RdtStats) (d rdtShape) {
	number := func(word string) uint64 {
		n, _ := strconv.ParseUint(word, 10, 64) // "" where the kernel says nothing
		return n
	}
	d.L3Root, d.L3Schema, d.MBRoot, d.MBSchema = s.Root.L3Cache, s.Class.L3Cache, s.Root.MemBw, s.Class.MemBw
	if s.L3 != nil {
		d.L3 = &l3Shape{s.L3["cbm_mask"], number(s.L3["min_cbm_bits"]), number(s.L3["num_closids"])}
	}
	if s.MB != nil {
		d.MB = &mbShape{
			number(s.MB["bandwidth_gran"]),
			number(s.MB["delay_linear"]),
			number(s.MB["min_bandwidth"]),
			number(s.MB["num_closids"]),
		}
	}
	for _, c := range s.Counts {
		total, isTotal := c["mbm_total_bytes"]
		local, isLocal := c["mbm_local_bytes"]
		if isTotal || isLocal {
			d.Bandwidth = append(d.Bandwidth, mbmShape{total, local})
		}
		if n, ok := c["llc_occupancy"]; ok {
			d.Occupancies = append(d.Occupancies, cmtShape{n})
		}
	}
	return d
}
