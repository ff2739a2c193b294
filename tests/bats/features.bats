#!/usr/bin/env bats
# bats file_tags=rootless
# rt features: the document that engines ask for what rt can do. A comment at each test says who reads what.

load setup

@test "features says nothing on standard error: CRI-O reads both streams as one" {
	run --separate-stderr rt features
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	jq -e . <<<"$output" >/dev/null
}

@test "features has what CRI-O, containerd and moby look for" {
	run rt features
	jq -e '.ociVersionMin == "1.0.0"' <<<"$output"
	jq -e '.ociVersionMax | startswith("1.")' <<<"$output"
	jq -e '.mountOptions | index("rro") and index("bind")' <<<"$output"
	jq -e '.linux.namespaces | index("user")' <<<"$output"
	jq -e '.linux.cgroup.v2' <<<"$output"
	jq -e '.linux.seccomp.enabled and (.linux.seccomp.actions | index("SCMP_ACT_ERRNO"))' <<<"$output"
	jq -e '.hooks == ["prestart", "createRuntime", "createContainer", "startContainer", "poststart",
		"poststop"]' <<<"$output"
}

@test "features: id-mapped mounts, without which containerd runs no container in a user namespace" {
	only_rt "runc 1.1 has none"
	run rt features
	jq -e '.linux.mountExtensions.idmap.enabled' <<<"$output"
	jq -e '.linux.namespaces == ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"]' <<<"$output"
	jq -e '.potentiallyUnsafeConfigAnnotations | index("org.systemd.property.")' <<<"$output"
}

@test "features: the seccomp flags of this kernel are among those that are known" {
	run rt features
	jq -e '.linux.seccomp | (.supportedFlags - .knownFlags) == [] and (.supportedFlags |
		length) >= 3' <<<"$output" || only_rt "runc 1.1 has no flags"
}

@test "features: a mount with every option that it lists is understood" {
	only_rt "validate"
	run rt features
	options=$(jq -c '.mountOptions - ["remount", "idmap", "ridmap"]' <<<"$output")
	bundle ".mounts += [{\"destination\": \"/x\", \"type\": \"bind\", \"source\": \"/tmp\", \"options\": []}]"
	for option in $(jq -r '.[]' <<<"$options"); do
		OPTION=$option config '.mounts[-1].options = ["bind", env.OPTION]'
		run rt validate "$BUNDLE"
		[ "$status" -eq 0 ] || [[ $output == *"goes with"* || $output == *"tmpcopyup"* ]] || {
			echo "$option: $output"
			false
		}
	done
}
