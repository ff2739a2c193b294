# shellcheck shell=bash
# The words that the suites of the engines are written in. Each .bats file here loads this; tests/vm/engines runs them.
#
#   RUNTIME       the runtime under test: rt, or another one to compare with
#   RUNTIME_PATH  its binary
#   PACKAGING     packaging/ of the project: the files that users copy
#
# A container takes ten seconds where the machine is emulated, so a test examines many things in one.

bats_require_minimum_version 1.5.0

# rootfs DIR makes a root file system: busybox, its applets, and the few files that an image has.
rootfs() {
	local busybox=/usr/bin/busybox applet
	[ -x $busybox ] || busybox=/bin/busybox
	mkdir -p "$1"/{bin,dev,etc,home,proc,root,sys,tmp,var}
	chmod 1777 "$1/tmp"
	cp $busybox "$1/bin/busybox"
	for applet in $($busybox --list); do
		[ "$applet" = busybox ] || ln -s busybox "$1/bin/$applet"
	done
	printf '%s\n' root:x:0:0:root:/root:/bin/sh user:x:1000:1000:user:/home/user:/bin/sh >"$1/etc/passwd"
	printf '%s\n' root:x:0: user:x:1000: extra:x:42:user >"$1/etc/group"
}

# not CMD... succeeds if CMD fails. (A bare ! never fails a test: set -e does not look at it.)
not() {
	if "$@"; then
		echo "this should have failed: $*"
		return 1
	fi
}

# eventually CMD... waits until CMD succeeds, for a minute.
eventually() {
	local end=$((SECONDS + 60)) said
	while [ $SECONDS -lt $end ]; do
		if said=$("$@" 2>&1); then return 0; fi
		sleep 0.2
	done
	printf 'in a minute it never came true: %s\n%s\n' "$*" "$said"
	return 1
}

# is ACTUAL EXPECTED
is() {
	[ "$1" = "$2" ] || {
		printf -- '--- it is\n%s\n--- and should be\n%s\n' "$1" "$2"
		return 1
	}
}

# has TEXT WORDS... checks that the text has each of the words.
has() {
	local text=$1 word
	shift
	for word; do
		[[ $text == *"$word"* ]] || {
			printf 'no "%s" in:\n%s\n' "$word" "$text"
			return 1
		}
	done
}

# exits STATUS CMD... runs CMD and checks its status. $output has both of its streams.
exits() {
	local expected=$1
	shift
	output=$("$@" 2>&1) && status=0 || status=$?
	[ "$status" -eq "$expected" ] || {
		printf 'exit status %s, not %s, of: %s\n%s\n' "$status" "$expected" "$*" "$output"
		return 1
	}
}

# at_terminal ROWS COLUMNS CMD... runs CMD with a terminal of that size; its status is CMD's. What it prints has no
# carriage returns.
at_terminal() {
	local rows=$1 columns=$2 status=0
	shift 2
	script --quiet --return --command "stty rows $rows cols $columns; $(printf '%q ' "$@")" /dev/null </dev/null \
		>"$BATS_TEST_TMPDIR/terminal" || status=$?
	tr -d '\r' <"$BATS_TEST_TMPDIR/terminal"
	return $status
}
