# shellcheck shell=bash
# Runs once, before the first test: what all bundles have in common.

bats_require_minimum_version 1.5.0

setup_suite() {
	local IFS=$' \t\n' # bats 1.8 leaves a comma in it after --filter-tags
	here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
	RT=$(readlink -f "$(command -v "${RT:-$here/../../rt}")") || {
		echo "no runtime at ${RT:-$here/../../rt}: build rt, or set RT=/path/of/another/runtime" >&2
		return 1
	}
	export RT
	# Some commands of runtimes look at it, and a directory of the caller's session must not make tests differ. The bus
	# of the session, on which a user's systemd is found, is another matter.
	[ ! -S "${XDG_RUNTIME_DIR-}/bus" ] ||
		export DBUS_SESSION_BUS_ADDRESS=${DBUS_SESSION_BUS_ADDRESS:-unix:path=$XDG_RUNTIME_DIR/bus}
	export XDG_RUNTIME_DIR=$BATS_SUITE_TMPDIR/xdg
	mkdir -m 700 "$XDG_RUNTIME_DIR"

	RUNTIME=$("$RT" --version | head -n 1)
	RUNTIME=${RUNTIME%% *}
	export RUNTIME=${RUNTIME:-${RT##*/}}
	ROOTLESS=$([ "$(id -u)" -eq 0 ] && echo 0 || echo 1)
	export ROOTLESS

	# A root that is mapped to another user of the host has to reach the bundles.
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_SUITE_TMPDIR"
	make_programs
	make_rootfs "$BATS_SUITE_TMPDIR/rootfs"
	make_config
	mkfifo "$BATS_SUITE_TMPDIR/silent" # for pause_shortly
	"$FIXTURE" watch </dev/null >/dev/null 2>&1 3>&- 4>&- &
}

# make_rootfs DIR: busybox and its applets, and the few files that an image has.
make_rootfs() {
	local busybox=${BUSYBOX:-/usr/bin/busybox}
	[ -x "$busybox" ] || busybox=/bin/busybox
	mkdir -p "$1"/{bin,dev,etc,home,proc,root,sys,tmp,var}
	cp "$busybox" "$1/bin/busybox"
	"$busybox" --list | "$FIXTURE" applets "$1/bin"
	printf '%s\n' root:x:0:0:root:/root:/bin/sh user:x:1000:1000:user:/home/user:/bin/sh >"$1/etc/passwd"
	printf '%s\n' root:x:0: user:x:1000: >"$1/etc/group"
}

# make_config keeps the runtime's own default config, without the terminal.
make_config() {
	local rootless=()
	[ "$ROOTLESS" = 0 ] || rootless=(--rootless)
	mkdir "$BATS_SUITE_TMPDIR/default"
	(cd "$BATS_SUITE_TMPDIR/default" && "$RT" spec "${rootless[@]}")
	jq '.process.terminal = false' "$BATS_SUITE_TMPDIR/default/config.json" >"$BATS_SUITE_TMPDIR/config.json"
}

# make_programs builds what tests call, unless the caller brings them: RECVTTY=/path and so on.
make_programs() {
	local source program variable
	for source in recvtty swapper seccompagent notify silentfs/mount fixture; do
		program=${source%/mount}
		variable=${program^^}
		[ -n "${!variable-}" ] || {
			declare -gx "$variable=$BATS_SUITE_TMPDIR/$program"
			(cd "$here/../$source" && CGO_ENABLED=0 go build -o "${!variable}" .)
		}
	done
	export RECVTTY SWAPPER SECCOMPAGENT NOTIFY SILENTFS FIXTURE
}
