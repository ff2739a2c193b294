package cgroup

// OOMKills returns how many processes of the cgroup were OOM-killed; 0 if that is not known.
func (g accounting) OOMKills() uint64 {
	if g.dir("memory") == "" {
		return 0
	}
	m, err := g.fileManager()
	if err != nil {
		return 0
	}
	n, err := m.OOMKillCount()
	if err != nil {
		return 0
	}
	return n
}
