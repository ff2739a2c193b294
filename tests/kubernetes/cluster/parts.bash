# shellcheck shell=bash
# The parts of a cluster, for the stages that have one, which source this: the control plane, kubelets, and rows of a
# report.

# shellcheck disable=SC2154 # work, report, KUBECONFIG and jobs are those of the stage

# node_directories has directories of the node in memory, so that nothing is written to those of the machine.
node_directories() {
	local dir
	for dir in /var/lib/kubelet /etc/containerd /usr/local/bin /var/log/pods /var/log/containers; do
		mkdir -p "$dir"
		mount -t tmpfs -o mode=755 node "$dir"
	done
	mount --make-shared /var/lib/kubelet
}

# start NAME COMMAND... starts a part of the cluster, with its own log.
start() {
	"${@:2}" >"$1.log" 2>&1 &
	jobs+=($!)
}

# control_plane ADDRESS starts it, with the API server at that address.
control_plane() {
	local address=$1 key=$work/accounts.key manager=()
	openssl genrsa -out "$key" 2048 2>/dev/null
	echo 'secret,admin,admin,system:masters' >tokens
	start etcd etcd --data-dir "$work/etcd" --listen-client-urls http://127.0.0.1:2379 \
		--advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380 --unsafe-no-fsync
	start kube-apiserver kube-apiserver --etcd-servers http://127.0.0.1:2379 --secure-port 6443 \
		--bind-address "$address" --advertise-address 192.0.2.1 --endpoint-reconciler-type none \
		--cert-dir "$work/certificates" --token-auth-file "$work/tokens" --authorization-mode RBAC --allow-privileged \
		--service-account-issuer https://kubernetes.default.svc --service-account-key-file "$key" \
		--service-account-signing-key-file "$key" \
		--kubelet-preferred-address-types InternalIP --service-cluster-ip-range 10.96.0.0/16
	kubectl config set-cluster it --server "https://$address:6443" --insecure-skip-tls-verify
	kubectl config set-credentials admin --token secret
	kubectl config set-context it --cluster it --user admin
	kubectl config use-context it
	wait_for 'the API server' kubectl get --raw /readyz
	manager=(--kubeconfig "$KUBECONFIG" --leader-elect=false)
	start kube-scheduler kube-scheduler "${manager[@]}"
	start kube-controller-manager kube-controller-manager "${manager[@]}" \
		--service-account-private-key-file "$key" --root-ca-file "$work/certificates/apiserver.crt"
} >kubectl.log

# start_kubelet NAME ADDRESS starts that of a node. Common nodes rarely have cgroups of v1, or some that systemd lacks.
start_kubelet() {
	cat >kubelet.yaml <<-E
		apiVersion: kubelet.config.k8s.io/v1beta1
		kind: KubeletConfiguration
		authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
		authorization: {mode: AlwaysAllow}
		cgroupDriver: cgroupfs
		failCgroupV1: false
		failSwapOn: false
		containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
		resolvConf: ""
		evictionHard:
		  {memory.available: "0%", nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%"}
		serializeImagePulls: false
		featureGates: {ProcMountType: true, UserNamespacesSupport: true, ImageVolume: true}
		userNamespaces: {idsPerPod: 65536}
		maxPods: 500
		allowedUnsafeSysctls: [net.not.there]
	E
	start kubelet kubelet --config "$work/kubelet.yaml" --kubeconfig "$KUBECONFIG" --hostname-override "$1" \
		--node-ip "$2"
}

# row REPORT TITLE COMMAND...: what the command does is a row of that file of the reports, rt.cluster for example.
row() {
	# In the background, where a failure ends it: an if has the shell continue.
	(set -e && "${@:3}") >row.log 2>&1 &
	if wait $!; then
		echo "passed $2" >>"$report/$1"
	else
		echo "failed $2" >>"$report/$1"
		echo "$1, $2:"
		cat row.log
		kubectl get pods --all-namespaces --output wide
		kubectl -n kube-system logs --all-containers -l 'name in (rt-install, rt-remove)' || true
	fi
}

# wait_for WHAT COMMAND... waits until the command succeeds.
wait_for() {
	local end=$((SECONDS + 300))
	until "${@:2}" >/dev/null 2>wait.log; do
		[ $SECONDS -lt $end ] || {
			echo "in five minutes it never came true: $1" >&2
			cat wait.log >&2
			return 1
		}
		sleep 0.5
	done
}
