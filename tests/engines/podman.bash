# shellcheck shell=bash
# The words of podman.bats: podman with the runtime under test, and an image of busybox.
#
#   podman ARGS...         with storage of this file's own, and the runtime RT
#   running NAME [FLAGS...] [bb CMD...]   a container in the background, of "sleep 600" if nothing else is said
#
# After each test all containers, pods, volumes and networks are removed, and then nothing may be left of them: no state
# of the runtime, no cgroup.
#
# RT or RUNTIME_PATH names the runtime (default: ./rt), MANAGER who makes the cgroups: cgroupfs or systemd. DEBIAN is
# the tree that the script debian makes, for the suites whose containers have systemd.

bats_require_minimum_version 1.5.0

setup_file() {
	RT=$(readlink -f "$(command -v "${RT:-${RUNTIME_PATH:-$BATS_TEST_DIRNAME/../../rt}}")") || {
		echo "no runtime at ${RT:-$BATS_TEST_DIRNAME/../../rt}" >&2
		return 1
	}
	RUNTIME=${RT##*/}
	# Podman wants its paths short: it binds sockets there.
	STORE=$(mktemp -d /tmp/pm.XXXXXX)
	chmod 711 "$STORE" # a container's root may be another user
	ROOTLESS=$([ "$(id -u)" -eq 0 ] && echo 0 || echo 1)
	CGROUPS=$([ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] && echo 2 || echo 1)
	MANAGER=${MANAGER:-cgroupfs}
	SLOW=${SLOW:-0} # seconds that a start may take longer than on a real machine
	# No command asks a registry.
	printf 'unqualified-search-registries = []\nshort-name-mode = "disabled"\n' >"$STORE/registries.conf"
	export CONTAINERS_REGISTRIES_CONF=$STORE/registries.conf
	export RT RUNTIME STORE ROOTLESS CGROUPS MANAGER SLOW
	export PODMAN_IGNORE_CGROUPSV1_WARNING=1
	make_image
}

teardown_file() {
	if [ "$ROOTLESS" = 1 ]; then
		# The files are other users', and podman mounts there as soon as it runs.
		SLOW=$((SLOW + 60)) podman unshare sh -c \
			'while umount "$0/root/overlay" 2>/dev/null; do :; done; rm -rf "$0"/*' "$STORE"
		rm -rf "$STORE"
		return
	fi
	# Podman, buildah and the API each mount it on itself.
	while umount "$STORE/root/overlay" 2>/dev/null; do :; done
	eventually rm -rf "$STORE" # what cleans up after an exec may write there for a moment
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	chmod 755 "$BATS_TEST_TMPDIR"
}

teardown() {
	[ -z "${JOBS_TO_END-}" ] || kill -9 "${JOBS_TO_END[@]}" 2>/dev/null || true
	# A test that comes to its end has removed its own pods, volumes and networks.
	[ -n "${BATS_TEST_COMPLETED-}" ] || podman pod rm --force --all --time 0 >/dev/null 2>&1 || true
	podman rm --force --all --time 0 >/dev/null || true
	if [ -z "${BATS_TEST_COMPLETED-}" ]; then
		podman volume prune --force >/dev/null || true
		podman network prune --force >/dev/null 2>&1 || true
	fi
	nothing_left
}

# podman runs podman. One that hangs fails its test and not the whole suite.
podman() {
	timeout --foreground --kill-after=5 $((60 + 10 * SLOW)) podman --root "$STORE/root" --runroot "$STORE/run" \
		--runtime "$RT" \
		--cgroup-manager "$MANAGER" --events-backend file "$@" 3>&-
}

# podman_line is that for a shell of its own, or for descriptors that podman must not close.
podman_line() {
	printf 'podman --root %q --runroot %q --runtime %q --cgroup-manager %q --events-backend file' "$STORE/root" \
		"$STORE/run" "$RT" "$MANAGER"
}

# make_image makes the image bb from busybox, its applets and what images have in /etc.
make_image() {
	local tree=$STORE/tree busybox applet
	busybox=$(command -v busybox)
	mkdir -p "$tree"/{bin,etc,home/user,root,tmp,var/data}
	cp "$busybox" "$tree/bin/busybox"
	for applet in $(busybox --list); do
		[ "$applet" = busybox ] || ln -s busybox "$tree/bin/$applet"
	done
	printf '%s\n' root:x:0:0:root:/root:/bin/sh user:x:1000:1000:user:/home/user:/bin/sh >"$tree/etc/passwd"
	printf '%s\n' root:x:0: user:x:1000: extra:x:2000:user >"$tree/etc/group"
	echo from the image >"$tree/var/data/file"
	echo '#!/no/such/interpreter' >"$tree/etc/script"
	chmod 755 "$tree/etc/script"
	chmod 1777 "$tree/tmp"
	tar -C "$tree" -c . | podman import --quiet --change 'ENV PATH=/bin' - bb >/dev/null
	rm -rf "$tree"
}

running() {
	local name=$1
	shift
	case " $* " in *' bb '*) ;; *) set -- "$@" bb sleep 600 ;; esac
	podman run --detach --name "$name" "$@" >/dev/null
}

# inside NAME CMD... runs CMD in a container, and wants a success.
inside() { podman exec "$@"; }

# get NAME TEMPLATE prints what podman inspect knows.
get() { podman inspect --format "$2" "$1"; }

# gets NAME TEMPLATE VALUE checks it.
gets() { [ "$(get "$1" "$2")" = "$3" ]; }

# status_is NAME STATUS
status_is() {
	local now
	now=$(get "$1" '{{.State.Status}}')
	[ "$now" = "$2" ] || {
		echo "the status of $1 is $now, not $2"
		return 1
	}
}

# logs_say NAME WORDS
logs_say() { podman logs "$1" 2>&1 | grep -q -- "$2"; }

# cgroup_file NAME V1-CONTROLLER V1-FILE V2-FILE prints a file of the container's cgroup, as the host sees it.
cgroup_file() {
	local pid path
	pid=$(get "$1" '{{.State.Pid}}')
	if [ "$CGROUPS" = 2 ]; then
		path=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
		# A container with an init system, or of --cgroups=split, may have moved down.
		cat "$path/$4"
	else
		path=$(awk -F: -v c="$2" '("," $2 ",") ~ ("," c ",") { print $3 }' "/proc/$pid/cgroup")
		cat "/sys/fs/cgroup/$2$path/$3"
	fi
}

# needs_limits skips where podman can't limit anything: an ordinary user on v1.
needs_limits() { [ "$ROOTLESS" = 0 ] || [ "$CGROUPS" = 2 ] || skip 'cgroup v1 gives an ordinary user no limits'; }

needs_root() { [ "$ROOTLESS" = 0 ] || skip "needs root: $*"; }

# at_least VERSION skips with an older podman.
at_least() {
	local have
	have=$(command podman --version | awk '{ print $3 }')
	[ "$(printf '%s\n' "$1" "$have" | sort -V | head -n 1)" = "$1" ] || skip "podman $have is older than $1"
}

only_rt() { [ "$RUNTIME" = rt ] || skip "only rt: $*"; }

background() {
	"$@" <&0 3>&- &
	JOBS_TO_END+=("$!")
}

# try CMD... is run for what may end with 127, which bats warns of.
try() {
	status=0
	# shellcheck disable=SC2034 # as of run: for the test
	output=$("$@" 2>&1) || status=$?
	echo "$output"
}

not() {
	if "$@"; then
		echo "this should have failed: $*"
		return 1
	fi
}

# eventually CMD... waits until CMD succeeds, for twenty seconds.
eventually() {
	local end=$((SECONDS + 20 + 10 * SLOW))
	while [ $SECONDS -lt $end ]; do
		if "$@" >/dev/null 2>&1; then return 0; fi
		sleep 0.2
	done
	echo "in $((20 + 10 * SLOW)) seconds it never came true: $*"
	"$@"
}

# leftovers prints what the engine and the runtime have left.
leftovers() {
	local root=/run
	[ "$ROOTLESS" = 0 ] || root=${XDG_RUNTIME_DIR:-/nowhere}
	find "$root/$RUNTIME" -mindepth 1 -maxdepth 1 -name '[!.]*' 2>/dev/null | sed 's/^/state: /'
	find /sys/fs/cgroup -type d -name 'libpod-*' 2>/dev/null | sed 's/^/cgroup: /'
	grep -F "$STORE/root" /proc/self/mounts | grep -v "$STORE/root/overlay " | sed 's/^/mount: /'
}

nothing_left() {
	local i left
	for ((i = 0; i < 50 + 5 * SLOW; i++)); do
		left=$(leftovers)
		[ -n "$left" ] || return 0
		sleep 0.1
	done
	echo "left behind:"
	echo "$left"
	return 1
}
