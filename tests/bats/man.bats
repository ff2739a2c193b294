#!/usr/bin/env bats
# man/*.8: the transcripts of the pages are run, and their output compared with what the pages show.

load setup

# transcript PAGE prints the transcript of a page: the last block of lines that are not filled.
transcript() {
	awk '
		/^\.nf$/ { text = ""; inside = 1; next }
		/^\.fi$/ { inside = 0; next }
		inside { text = text $0 "\n" }
		END { printf "%s", text }' "$1" |
		sed -e 's/^\\&//' -e 's/\\-/-/g' -e "s/\\\\(aq/'/g" -e 's/\\(ti/~/g' -e 's/\\(ha/^/g' \
			-e 's/\\\[u2514]/└/g' -e 's/\\\[u2500]/─/g' -e 's/\\e/\\/g'
}

# alike makes outputs comparable: those of other machines, with other numbers, cgroups and widths of columns.
alike() {
	sed -E -e "s|$PWD|/srv|g" -e '/^  cgroup  |^ {12} *\/sys/d' -e '/^  namespaces/s/ (cgroup|user)//g' \
		-e '/^web1 .* B /d' -e 's/[0-9]+/0/g' -e 's/-+/-/g' -e 's/ +/ /g' -e 's/^ //'
}

# as_regexp turns what a page shows into an extended regular expression: ... stands for any text.
as_regexp() {
	sed -e 's/[][\.^$*+?(){}|]/\\&/g' -e 's/\\\.\\\.\\\./.*/g'
}

@test "man: the transcripts of the pages print what the pages show" {
	only_rt "its own pages"
	local pages=$BATS_TEST_DIRNAME/man page line shown printed found=0 # a copy, where the tests are one: tests/bats/run
	[ -d "$pages" ] || pages=$BATS_TEST_DIRNAME/../../man
	bundle '.hostname = "rt"' "$BATS_TEST_TMPDIR/web"
	cd "$BATS_TEST_TMPDIR"
	mkdir -p tools web/rootfs/tools
	jq '.process.args = ["sleep", "1000"] | .process.noNewPrivilege = true' web/config.json >new.json
	mv new.json web/config.json
	jq -n '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["clone"], action: "SCMP_ACT_ERRNO", args: [{index: 0,
		value: 268435456, valueTwo: 268435456, op: "SCMP_CMP_MASKED_EQ"}]}]}' >profile.json
	rt run --detach --bundle web web1 </dev/null >/dev/null 2>&1
	for page in "$pages"/*.8; do
		grep -qx 'With its output:' "$page" || continue
		if [ "${page##*/}" = rt-mount.8 ]; then # Linux 5.12
			[ "$(printf '%s\n' 5.12 "$(uname -r)" | sort -V | head -n 1)" = 5.12 ] || continue
		fi
		found=$((found + 1))
		shown=$(transcript "$page")
		printed=$(while IFS= read -r line; do
			[[ $line == "# "* ]] || continue
			echo "$line"
			eval "${line#\# }" 2>&1 </dev/null || true
		done <<<"${shown//\/srv\//$PWD/}")
		[[ $(alike <<<"$printed") =~ ^$(alike <<<"$shown" | as_regexp)$ ]] || {
			printf '%s\n' "${page##*/}" "$shown" "printed" "$printed"
			rt delete --force web1
			return 1
		}
	done
	rt delete --force web1
	[ "$found" -ge 10 ]
}
