#!/usr/bin/env bats
# bats file_tags=rootless
# The global options --log, --log-format and --debug: engines read the last error from the log.

load setup

@test "log: an error goes to stderr and, with --log, to the file too" {
	run rt --log "$BATS_TEST_TMPDIR/log" state no-such-container
	[ "$status" -eq 1 ]
	[[ $output == *"does not exist"* ]]
	[[ $(cat "$BATS_TEST_TMPDIR/log") == *"does not exist"* ]]
}

@test "log json: one object a line, with level, msg and time" {
	for _ in 1 2; do
		run rt --log "$BATS_TEST_TMPDIR/log" --log-format json state no-such-container
		[ "$status" -eq 1 ]
	done
	[ "$(wc -l <"$BATS_TEST_TMPDIR/log")" -eq 2 ] # appended: engines share one file over many calls
	while read -r line; do
		[ "$(jq -r .level <<<"$line")" = error ]
		[[ $(jq -r .msg <<<"$line") == *"does not exist"* ]]
		date -d "$(jq -r .time <<<"$line")" >/dev/null
		[[ $(jq -r .time <<<"$line") =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,}(Z|[+-][0-9]{2}:[0-9]{2})$ ]]
	done <"$BATS_TEST_TMPDIR/log"
}

@test "log json: an error of the container's start, on one line" {
	[ "$ROOTLESS" = 0 ] || known_bad runc "it warns of cgroups besides"
	bundle
	process /no/such/program
	run rt --log "$BATS_TEST_TMPDIR/log" --log-format json run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/log")" -eq 1 ]
	[[ $(jq -r 'select(.level == "error").msg' "$BATS_TEST_TMPDIR/log") == \
		*"/no/such/program"*"no such file or directory"* ]]
}

@test "log json: text that JSON must escape" {
	[ "$ROOTLESS" = 0 ] || known_bad runc "it warns of cgroups besides"
	bundle
	process $'/no/such "program"\n\t\\'
	run rt --log "$BATS_TEST_TMPDIR/log" --log-format json run --bundle "$BUNDLE" "$ID"
	[ "$(jq -s length "$BATS_TEST_TMPDIR/log")" -eq 1 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/log")" -eq 1 ]
}

@test "log: nothing is written when all is well" {
	[ "$ROOTLESS" = 0 ] || known_bad runc "it warns of cgroups besides"
	bundle
	process true
	run rt --log "$BATS_TEST_TMPDIR/log" --log-format json run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ ! -s "$BATS_TEST_TMPDIR/log" ]
}

@test "log --debug: more lines, all of them JSON, and the last error last" {
	bundle
	process /no/such/program
	run rt --debug --log "$BATS_TEST_TMPDIR/log" --log-format json run --bundle "$BUNDLE" "$ID"
	[ "$(jq -s length "$BATS_TEST_TMPDIR/log")" -gt 1 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/log")" -eq "$(jq -s length "$BATS_TEST_TMPDIR/log")" ]
	[[ $(jq -r 'select(.level == "error").msg' "$BATS_TEST_TMPDIR/log" | tail -n 1) == */no/such/program* ]]
	jq -r .level "$BATS_TEST_TMPDIR/log" | grep -qx debug
}

@test "log: a warning is held back until the command has succeeded" {
	only_rt "engines read the file as one object when it fails"
	bundle '.process.capabilities.bounding += ["CAP_FLY"]'
	process /no/such/program
	run rt --log "$BATS_TEST_TMPDIR/log" --log-format json run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	[ "$(jq -s length "$BATS_TEST_TMPDIR/log")" -eq 1 ]
	[[ $(jq -r '.warnings[0]' "$BATS_TEST_TMPDIR/log") == *CAP_FLY* ]]
	[[ $(jq -r .msg "$BATS_TEST_TMPDIR/log") != *CAP_FLY* ]] # it is about something else
	rm "$BATS_TEST_TMPDIR/log"
	process true
	run rt --log "$BATS_TEST_TMPDIR/log" --log-format json run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$(jq -r .level "$BATS_TEST_TMPDIR/log")" = warning ]
}

@test "log: an unknown format is refused" {
	run rt --log-format xml state x
	[ "$status" -eq 1 ]
	[[ $output == *log-format* && $output == *xml* ]]
}

@test "log: a file that cannot be written is refused, and named" {
	run rt --log /no/such/folder/log state x
	[ "$status" -eq 1 ]
	[[ $output == */no/such/folder/log* ]]
}

@test "log: the file exists as soon as the runtime runs, whatever the command" {
	rt --log "$BATS_TEST_TMPDIR/log" features >"$BATS_TEST_TMPDIR/out"
	[ -e "$BATS_TEST_TMPDIR/log" ]
}

@test "log: one that can't be opened is an error, and nothing is done" {
	bundle
	process true
	run rt --log "$BATS_TEST_TMPDIR/no/such/log" features
	[ "$status" -eq 1 ]
	[[ $output == *"$BATS_TEST_TMPDIR/no/such/log"* ]]
	run rt --log "$BATS_TEST_TMPDIR/no/such/log" --log-format json run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *"no such file or directory"* ]]
}

@test "log: a FIFO without a reader does not block the runtime, and one with a reader gets the error" {
	only_rt "runc waits for a reader"
	mkfifo "$BATS_TEST_TMPDIR/log"
	run timeout 120 "$RT" --root "$ROOT" --log "$BATS_TEST_TMPDIR/log" state no-such-container
	[ "$status" -eq 1 ]
	[[ $output == *FIFO* ]]
	background cat <>"$BATS_TEST_TMPDIR/log" >"$BATS_TEST_TMPDIR/read"
	run rt --log "$BATS_TEST_TMPDIR/log" state no-such-container
	[ "$status" -eq 1 ]
	eventually grep -q "does not exist" "$BATS_TEST_TMPDIR/read"
}
