package seccomp

// Stats is the cost of a filter per call, in executed instructions. Calls are those of the native architecture that the
// profile names, with all arguments 0; a kernel that caches constant answers (Linux 5.11) does not execute the program
// for most of the allowed ones.
type Stats struct {
	Length         int // instructions of the program
	Allowed        int // native calls that are allowed with arguments 0
	AverageAllowed float64
	AverageHot     float64 // of the allowed calls that programs make most
	Worst          int     // of any number of the native architecture
	WorstCall      string
	Constant       int // allowed calls whose answer does not depend on arguments, so that the kernel caches it
}

// Stats runs the program once for each call.
func (f *Filter) Stats() Stats {
	m := f.archs[0]
	s := Stats{Length: len(f.Prog)}
	total, hotTotal, hotCalls := 0, 0, 0
	next := 0 // hot is sorted, and so is this walk
	for k := range nameCount {
		nr, ok := m.number(k)
		for next < len(hot) && int(hot[next]) < k {
			next++
		}
		if !ok {
			continue
		}
		t, err := Eval(f.Prog, m.big, &Call{Audit: m.audit, Number: nr})
		if err != nil {
			continue // Compile made the program: this is for a Filter that someone edited
		}
		if t.Steps > s.Worst {
			s.Worst, s.WorstCall = t.Steps, nameAt(k)
		}
		if rank(t.Return) != rank(retAllow) {
			continue
		}
		s.Allowed++
		total += t.Steps
		if !t.ReadsArgs {
			s.Constant++
		}
		if next < len(hot) && int(hot[next]) == k {
			hotCalls++
			hotTotal += t.Steps
		}
	}
	if s.Allowed > 0 {
		s.AverageAllowed = float64(total) / float64(s.Allowed)
	}
	if hotCalls > 0 {
		s.AverageHot = float64(hotTotal) / float64(hotCalls)
	}
	return s
}
