package plan

// mutate makes p a mutant, if the environment asks for one: see tests/mutants/doc.go.
func mutate(p *Plan) { p.Program.Mutate(&p.CloneFlags) }
