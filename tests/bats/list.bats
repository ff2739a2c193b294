#!/usr/bin/env bats
# bats file_tags=rootless
# The command list.

load setup

two_containers() {
	bundle
	created sleep 60
	ID2=$ID-second
	run_detached rt create --bundle "$BUNDLE" "$ID2"
	rt start "$ID2"
}

@test "list: a table of id, pid, status, bundle, created and owner" {
	two_containers
	run rt list
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 3 ]
	[ "$(tr -s ' ' <<<"${lines[0]}")" = "ID PID STATUS BUNDLE CREATED OWNER" ]
	read -r id pid now path _ owner < <(grep -w "$ID2" <<<"$output" | tr -s ' ')
	[ "$id" = "$ID2" ]
	[ "$pid" = "$(state pid "$ID2")" ]
	[ "$now" = running ]
	[ "$path" = "$BUNDLE" ]
	[ -n "$owner" ]
}

@test "list --quiet: the ids" {
	two_containers
	run rt list -q
	[ "$status" -eq 0 ]
	[ "$output" = "$ID
$ID2" ]
	run rt list --quiet
	[ "$output" = "$ID
$ID2" ]
}

@test "list --format json: the states" {
	two_containers
	run rt list --format json
	[ "$status" -eq 0 ]
	[ "$(jq -r '.[].id' <<<"$output")" = "$ID
$ID2" ]
	[ "$(jq -r '.[].status' <<<"$output")" = "created
running" ]
	[ "$(jq -r '.[1].pid' <<<"$output")" = "$(state pid "$ID2")" ]
	[ "$(jq -r '.[0].bundle' <<<"$output")" = "$BUNDLE" ]
	jq -e '.[0] | has("owner") and has("created") and has("rootfs") and has("ociVersion")' <<<"$output"
	run rt list -f json
	[ "$(jq length <<<"$output")" -eq 2 ]
}

@test "list --format json: none is null, as engines know it" {
	mkdir "$ROOT"
	run rt list -f json
	[ "$status" -eq 0 ]
	[ "$output" = null ]
}

@test "list: none is the heading alone" {
	mkdir "$ROOT"
	run rt list
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 1 ]
	run rt list -q
	[ "$output" = "" ]
}

@test "list: an unknown format is refused" {
	mkdir "$ROOT"
	run rt list -f yaml
	[ "$status" -eq 1 ]
	[[ $output == *format* ]]
}

@test "list: a container that has ended is stopped, with pid 0" {
	bundle
	running true
	eventually status_is stopped
	run rt list -f json
	[ "$(jq -r '.[0].status' <<<"$output")" = stopped ]
	[ "$(jq -r '.[0].pid' <<<"$output")" = 0 ]
}

@test "list: while others come and go it never fails" {
	known_bad runc "before 1.2 it does"
	two_containers
	bundle . "$BATS_TEST_TMPDIR/other"
	jq '.process.args = ["true"]' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/other/config.json"
	{ for i in {1..20}; do rt run --bundle "$BATS_TEST_TMPDIR/other" "$ID-$i" </dev/null >/dev/null 2>&1; done;
	touch "$BATS_TEST_TMPDIR/done"; } 3>&- &
	while [ ! -e "$BATS_TEST_TMPDIR/done" ]; do
		run rt list -q
		[ "$status" -eq 0 ]
		[[ $output == *"$ID2"* ]]
	done
}
