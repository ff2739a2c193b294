package cli

import (
	"encoding/json"
	"testing"

	"rt/libcontainer/rdt"
)

func TestRdtData(t *testing.T) {
	for want, s := range map[string]rdt.Stats{
		`{}`: {},
		`{"l3_cache_info":{"cbm_mask":"7ff","min_cbm_bits":1,"num_closids":16},` +
			`"l3_cache_schema_root":"L3:0=7ff","l3_cache_schema":"L3:0=f",` +
			`"mem_bw_info":{"bandwidth_gran":10,"delay_linear":1,"min_bandwidth":10,"num_closids":8},` +
			`"mem_bw_schema_root":"MB:0=100","mem_bw_schema":"MB:0=50",` +
			`"mbm_stats":[{"mbm_total_bytes":5,"mbm_local_bytes":4}],"cmt_stats":[{"llc_occupancy":3},{}]}`: {
			L3: map[string]string{"cbm_mask": "7ff", "min_cbm_bits": "1", "num_closids": "16"},
			MB: map[string]string{
				"bandwidth_gran": "10", "delay_linear": "1", "min_bandwidth": "10",
				"num_closids": "8",
			},
			Root:  rdt.Schemas{L3Cache: "L3:0=7ff", MemBw: "MB:0=100"},
			Class: rdt.Schemas{L3Cache: "L3:0=f", MemBw: "MB:0=50"},
			Counts: []rdt.Counts{
				{"mbm_total_bytes": 5, "mbm_local_bytes": 4, "llc_occupancy": 3},
				{"llc_occupancy": 0},
			},
		},
	} {
		got, err := json.Marshal(rdtData(&s))
		if err != nil || string(got) != want {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
	}
}
