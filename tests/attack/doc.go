// Package attack attacks rt the way images and containers have attacked runtimes, and each attack twice: on rt as it
// is, where it must fail, and on rt without the defence, where it must succeed. An attack that fails both ways proves
// nothing about the defence, so it is a failure of the test.
//
// An attack is a row of a table (attacks_*_test.go, each of which adds its own in an init):
//
//	{
//		name: "CVE-2025-31133",                     // the row of docs/security.md, or a name of its own
//		what: "the mask is a link of the image",    // one clause: a name with different attacks has different clauses
//		try: func(s *stage) string {                // returns what the attack has gained, or "" if nothing
//			s.link("/victim/file", "dev/null")
//			...
//		},
//		without: []way{                             // each removes the defence, and must let the attack succeed
//			{edit: "text 1 $ROOTFS/dev/null open the host's /dev/null"},
//			{patches: []patch{{"libcontainer/inspect/rootfs.go", "if isNull(st) {", "if isNull(st) || OFF {"}}},
//		},
//	}
//
// A way changes the plan (edit) or the source (patches) of a second binary, which `go build -overlay` makes from the
// tree. Nothing of it is in the tree's own code or in the ordinary binary. One binary has all patches; OFF in the new
// text is true when its way is tried. The old text must occur exactly once.
//
// An edit has a line for each change: a verb, its operands, and a regular expression that selects the steps, by their
// line in `rt plan`: the call and, after "  # ", what it is for, with ": " between the origin and the sentence. That no
// step matches is an error, but for a verb with a question mark ("drop?"). The verbs:
//
//	drop RE                     the step makes no call that changes anything (getpid), and succeeds
//	resolve VALUE RE            the RESOLVE_ flags of an openat2(2), as a number; other calls don't change
//	set OPERAND VALUE RE        a number instead of an operand, counted from 0
//	clear OPERAND BITS RE       bits of an operand that is a number
//	text OPERAND TEXT RE        a string instead of an operand
//	data OPERAND OFFSET VALUE RE   8 bytes of a structure
//	report STEP VALUE RE        another report instead: of the step with that index ("same": its own), with a value
//	wait FIFO RE                before the first such step: wait until the attacker opens FIFO for writing
//
// $DIR, $ROOTFS, $VICTIM in an edit are the directories of the stage (stage_test.go). Edits are for the commands that
// way.on names (default: run and create).
//
// stage.boot has edits of what the boot process executes, with the defence and without it: it does not follow the plan
// that rt believes in. Commands are then those of the second binary, with all of its defences.
//
// The tests take root. They run in a mount namespace of their own with a /dev of their own, so an attack that succeeds
// damages nothing of the machine. ATTACK_SECONDS=600 is how long each race goes (default: 2).
// ATTACK_RT=/path attacks another binary instead of the tree's.
package attack
