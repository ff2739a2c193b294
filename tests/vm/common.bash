# shellcheck shell=bash
# What the programs of this folder share: they gather what a machine needs in $share, and run a command there.
# MACHINE are options of tests/vm/vm: kernel, suite, cgroup mode, architecture.
#
#     MACHINE='--suite bookworm --cgroup hybrid' tests/vm/bats tests/bats/update.bats

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit
share=$(mktemp -d)
trap 'rm -rf "$share"' EXIT
export CGO_ENABLED=0
case " ${MACHINE-} " in
*arm64*) export GOARCH=arm64 ;;
esac

# build_rt makes $share/rt as `make` does, for the machine.
build_rt() {
	make --no-print-directory rt RT="$share/rt" >/dev/null
}

# machine [OPTION...] -- COMMAND... runs a command of $share in a machine. bash handles a signal when what it waits for
# has ended, unless that is in the background.
machine() {
	# shellcheck disable=SC2086 # a list of options
	GOARCH='' tests/vm/vm run ${MACHINE-} --share "$share" "$@" &
	trap 'kill $!; exit 143' HUP INT TERM
	wait $!
}
