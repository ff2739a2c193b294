#!/usr/bin/env bats
# bats file_tags=rootless
# run --trace: each step with its result and its time.

load setup

@test "trace: a file of Chrome trace events" {
	only_rt "its own option"
	bundle
	process echo traced
	run rt run --trace "$BATS_TEST_TMPDIR/trace.json" --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = traced ]
	events='(if type == "array" then . else .traceEvents end)'
	jq -e "$events | length > 40" "$BATS_TEST_TMPDIR/trace.json"
	jq -e "[${events}[] | select(.ph == \"X\")] |
		all(has(\"name\") and has(\"ts\") and has(\"dur\") and has(\"pid\") and has(\"tid\"))" \
		"$BATS_TEST_TMPDIR/trace.json"
	jq -e "[${events}[] | .name | tostring] | any(contains(\"pivot_root\"))" "$BATS_TEST_TMPDIR/trace.json"
}

@test "trace: - prints a table" {
	only_rt "its own option"
	bundle
	process true
	run rt run --trace - --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[[ $output == *pivot_root* ]]
	[ "${#lines[@]}" -gt 40 ]
}

@test "trace: a failing start is traced up to the step that failed" {
	only_rt "its own option"
	bundle
	process /no/such/program
	run rt run --trace "$BATS_TEST_TMPDIR/trace.json" --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	jq -e . "$BATS_TEST_TMPDIR/trace.json" >/dev/null
	grep -q ENOENT "$BATS_TEST_TMPDIR/trace.json"
}

@test "trace: a file that cannot be written is refused" {
	only_rt "its own option"
	bundle
	process true
	run rt run --trace /no/such/folder/trace --bundle "$BUNDLE" "$ID"
	refused /no/such/folder/trace
}

@test "trace: a page for a browser" {
	only_rt "its own option"
	bundle
	process echo traced
	run rt run --trace "$BATS_TEST_TMPDIR/t.html" --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = traced ]
	[ "$(grep -c '<tr class="step">' "$BATS_TEST_TMPDIR/t.html")" -gt 40 ]
	grep -q 'mounts\[0\].type' "$BATS_TEST_TMPDIR/t.html"
	not grep -q '<script' "$BATS_TEST_TMPDIR/t.html"
	run rt run --trace - --bundle "$BUNDLE" "$ID"
	[[ $output == *"  # root.path"* ]]
	[[ $output == *"the slowest:"* ]]
}
