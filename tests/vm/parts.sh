# shellcheck shell=sh
# Parts of a test in a machine: `part NAME COMMAND...` runs COMMAND, which prints what `go test -v` or bats --tap print, and
# tells
#
#     -- NAME: 12 passed, 0 failed, 3 skipped
#     skipped: TEST: WHY
#
# and all that was said when something failed. Meanwhile, what COMMAND prints appears on standard error, where the end
# may miss. $status is 1 from the first failure on.
export status=0

part() {
	part=$1 code=0
	shift
	: >/tmp/part.log
	tail -f /tmp/part.log >&2 &
	"$@" >/tmp/part.log 2>&1 </dev/null || code=$?
	kill $!
	awk -v part="$part" -v code="$code" '
		/^1\.\.[0-9]+$/ { planned = substr($0, 4) }
		/^ok .*# skip/ {
			name = $0; why = $0
			sub(/^ok [0-9]+ /, "", name); sub(/ # skip.*/, "", name); sub(/.*# skip */, "", why)
			skips[++skipped] = name ": " why
			next
		}
		/^ok / || /^ *--- PASS: / { passed++ }
		/^not ok / { sub(/^not ok [0-9]* */, ""); failures[++failed] = $0 }
		/^ *--- FAIL: / { failures[++failed] = $3 }
		/^=== (RUN|CONT|NAME) / { test = $3 }
		/^ *[a-z0-9_]+\.go:[0-9]+: / { said = $0; sub(/^ *[a-z0-9_]+\.go:[0-9]+: /, "", said); last[test] = said }
		/^ *--- SKIP: / { skips[++skipped] = $3 ": " ($3 in last ? last[$3] : said) }
		END {
			if (planned && passed + failed + skipped < planned) failures[++failed] = planned - passed - failed - skipped " tests of " planned " were not run"
			if (code != 0 && !failed || !passed && !failed && !skipped) failures[++failed] = "status " code
			printf "-- %s: %d passed, %d failed, %d skipped\n", part, passed, failed, skipped
			for (i = 1; i <= skipped; i++) print "skipped: " skips[i]
			for (i = 1; i <= failed; i++) print "failed: " failures[i]
			exit failed > 0
		}' /tmp/part.log || {
		status=1
		grep -v -e '^ok ' -e '=== RUN' -e '--- PASS' -e '--- SKIP' /tmp/part.log | tail -n 300
	}
}
