// Mutants spoils the plans of rt, one step at a time, and looks whether anybody notices.
//
// A plan is data, so each of its steps can be taken out, and each of its flags, and the container started all the
// same. What then is different is what the step is for. A step whose loss nothing shows is one that the plan does not
// need, or one that no test would miss. See docs/proof.md for how to read the report.
//
//	mutants                                     # every step of every scenario: some minutes
//	mutants -sample 20                          # one mutant in 20, always the same ones: what `make test` runs
//	mutants -scenario hooks -step dup3 -v       # some of them, with all that differs
//	mutants -attacks -report table.md           # and each defence against an attack: what `make mutants` runs
//	mutants -each -report table.md              # also what another scenario has shown already: hours
//
// A scenario (scenarios.go, configs.go) is a kind of container and what is done with it. It is executed in a world
// (world.go): namespaces of its own, with a /dev, an image and a few files of the host's on a tmpfs. One command is
// the one under test, and RT_MUTANT tells it what to change (testdata/inject, which build.go has compiled into this
// rt and into no other). What there is to see are facts: what the probe prints inside (probe), what a created
// container shows from outside, what rt says, and what is left in the world (traces.go). A mutant is noticed if its
// facts are not those of the unchanged plan (rig.go, judge.go). unseen.txt lists those that nothing can notice, and
// why; report.go compares.
//
// The changes of a step: it is dropped, and the plan continues as if it had succeeded, which is also what ignoring its
// failure would come to; a flag is taken out of it (NOSUID, RESOLVE_IN_ROOT, CLOEXEC, CLONE_NEWNET ...); its mode has
// other bits; it gives all capabilities. That rt reports a step that fails, whatever the errno, is what
// TestEveryStepFails of package libcontainer is about.
//
// A restore has no plan. Its steps are statements of rt's source and options of the request to CRIU (restore.go), and
// CRIU is a stand-in (tests/internal/criu). What compares the restored processes with the config is taken out by
// tests/attack, whose rows stand in the same report (attacks.go).
//
// It takes root.
package main
