package join

import "testing"

// TestCPUSet has numbers of CPUs beyond those that a cpu_set_t of the C library holds (CPU_SET(3)), and beyond all that
// there are.
func TestCPUSet(t *testing.T) {
	set := parseCPUs("1,1023-1025,8191-9000")
	for cpu, want := range map[int]bool{
		0: false, 1: true, 1022: false, 1023: true, 1024: true, 1025: true, 1026: false,
		8191: true,
	} {
		if set.IsSet(cpu) != want {
			t.Errorf("CPU %d: %v", cpu, set.IsSet(cpu))
		}
	}
}
