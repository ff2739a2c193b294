# shellcheck shell=bash
# Kubernetes' own tests of a node: those of its e2e.test that are called NodeConformance, for stage, which sources this.
# $CONFORMANCE, rt or runc, is the runtime of all pods.
#
# Their images are not available here: each of the names that e2e.test knows is an image of busybox, and agnhost, the
# program of most pods, is built of Kubernetes' sources.

# shellcheck disable=SC2154 # kubernetes, report, work, plain and RT are those of stage

# conformance_node puts rt onto the node, and images into the registry.
conformance_node() {
	local name agnhost
	mkdir -p /etc/containerd/conf.d
	sed "s#/usr/local/bin/rt#$RT#; s/SystemdCgroup = true/SystemdCgroup = false/" \
		"$kubernetes/../../packaging/containerd/config-v3.toml" >/etc/containerd/conf.d/rt.toml
	part curl
	mkdir tree/uploads
	echo user-defined-in-image:x:1000:1000::/:/bin/sh >>tree/etc/passwd
	printf '%s\n' user-defined-in-image:x:1000: group-defined-in-image:x:50000:user-defined-in-image >>tree/etc/group
	e2e.test --list-images 2>/dev/null | grep -E '^[a-z0-9.-]+/' | sort -u >images
	while read -r name; do
		name=${name#*/}
		case $name in
		*/nginx:* | */httpd:*) image '{"Env": ["PATH=/bin"], "Entrypoint": ["/bin/nginx"]}' "$name" ;;
		*/nonewprivs:*) image '{"Env": ["PATH=/bin"], "Entrypoint": ["/bin/nnp"]}' "$name" ;;
		*/nonroot:*) image '{"Env": ["PATH=/bin"], "Entrypoint": ["/bin/nnp"], "User": "1234"}' "$name" ;;
		# In no test of a node, or of registries that refuse the tests.
		*/agnhost:* | pause:* | etcd:* | */node-perf/* | *distroless* | *nfs* | *iscsi* | */sample-* | invalid/*) ;;
		*) image "$plain" "$name" ;;
		esac
	done <images
	# The largest of them comes last, as the tree grows.
	agnhost=$(command -v agnhost)
	cp "$agnhost" tree/agnhost
	ln tree/agnhost tree/agnhost-2
	cp "$(dirname "$agnhost")"/localhost.{crt,key} tree/
	grep -o 'e2e-test-images/agnhost:.*' images >agnhosts
	while read -r name; do
		image '{"Env": ["PATH=/bin"], "Entrypoint": ["/agnhost"], "Cmd": ["pause"]}' "$name"
	done <agnhosts
}

# conformance [REGEX] runs them, several at once, and writes their results. What waits for a node to be alone on it, or
# longer than a few minutes, is left out.
conformance() {
	local json=$work/conformance.json
	ginkgo --procs "${PROCS:-6}" --no-color --timeout 3h --focus "${1:-\[NodeConformance\]}" \
		--skip '\[Flaky\]|\[Serial\]|\[Slow\]|\[Disruptive\]' --output-dir "$work" --json-report conformance.json \
		"$(command -v e2e.test)" -- --kubeconfig "$KUBECONFIG" --provider local --num-nodes 1 \
		--kubectl-path "$(command -v kubectl)" --report-dir "$work/reports" \
		>"$report/$CONFORMANCE.conformance.log" 2>&1 || true
	jq -r '.[].SpecReports[] | select(.LeafNodeType == "It")
		| select(.State != "skipped" or (.Failure.Message // "") != "")
		| "\(if .State == "passed" or .State == "skipped" then .State else "failed" end) \(
			.ContainerHierarchyTexts + [.LeafNodeText] | join(" "))"' "$json" | sort >"$report/$CONFORMANCE.conformance"
}
