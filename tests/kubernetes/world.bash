# shellcheck shell=bash
# What the stages need of a node, in the namespaces that ../engines/private makes: a registry with images of busybox,
# which containerd takes for every registry, containerd with the runtimes rt and runc, and the plugins of CNI. Sourced.
#
# containerd finds runc in $PATH. Its pid is in containerd.pid; without the file "running" it stays away when it ends.

# shellcheck disable=SC1091,SC2154 # whoever sources this sets it
. "$kubernetes/../engines/newest/images.bash"

# shellcheck disable=SC2034 # of an image without more to it
plain='{"Env": ["PATH=/bin"], "Cmd": ["sh"]}'

# network [SUBNET] configures a bridge, with ports of the node that lead to pods.
network() {
	local plugin
	mkdir -p /etc/cni/net.d plugins
	for plugin in bridge loopback host-local portmap; do
		ln -s "$(command -v "$plugin")" plugins/
	done
	jq -n --arg subnet "${1:-10.88.0.0/16}" '{cniVersion: "1.0.0", name: "tests", plugins: [{
		type: "bridge", bridge: "cni0", isGateway: true,
		ipMasq: false, hairpinMode: true, ipam: {type: "host-local", ranges: [[{subnet: $subnet}]],
		routes: [{dst: "0.0.0.0/0"}]}}, {type: "portmap", capabilities: {portMappings: true}}]}' \
		>/etc/cni/net.d/10-tests.conflist
	# A pod that asks for its own address through a port of the node.
	sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.route_localnet=1
}

# way_out is a network outside of the node, in which there is nobody.
way_out() {
	ip link add outside type veth peer name nowhere
	ip address add 192.0.2.1/24 dev outside
	ip link set outside up
	ip link set nowhere up
	ip route add default via 192.0.2.254
}

# node DIRECTORY starts containerd, with its configuration there, and starts it again whenever it ends. Of rt it learns
# from what is in conf.d, as users do it. The registry is at the address $REGISTRY.
node() {
	mkdir -p certs/_default "$1/conf.d"
	printf '[host."http://%s:5000"]\n  capabilities = ["pull", "resolve"]\n' "${REGISTRY:-127.0.0.1}" \
		>certs/_default/hosts.toml
	cat >"$1/config.toml" <<-E
		version = 3
		imports = ["$1/conf.d/*.toml"]
		[plugins."io.containerd.cri.v1.images".pinned_images]
		  sandbox = "registry.k8s.io/pause:3.10.2"
		[plugins."io.containerd.cri.v1.images".registry]
		  config_path = "$PWD/certs"
		[plugins."io.containerd.cri.v1.runtime"]
		  drain_exec_sync_io_timeout = "10s"
		  restrict_oom_score_adj = true
		[plugins."io.containerd.cri.v1.runtime".cni]
		  bin_dirs = ["$PWD/plugins"]
		[plugins."io.containerd.snapshotter.v1.overlayfs"]
		  slow_chown = true
		[plugins."io.containerd.cri.v1.runtime".containerd]
		  default_runtime_name = "${DEFAULT_RUNTIME:-rt}"
		[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
		  runtime_type = "io.containerd.runc.v2"
		[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
		  SystemdCgroup = ${SYSTEMD_CGROUP:-false}
	E
	touch running
	while [ -e running ]; do
		containerd --config "$1/config.toml" >>containerd.log 2>&1 &
		echo $! >containerd.pid
		wait $! || true
		sleep 0.2
	done &
	until ctr version >/dev/null 2>&1; do sleep 0.2; done
}

# part NAME puts a program that is called NAME into the tree. The links are to a copy: a link changes the file, and tar
# fails if another stage makes one while it reads.
part() {
	[ -e program ] || cp "$PROGRAM" program
	ln -f program "tree/bin/$1"
}

# world_ends stops what the functions above have started.
world_ends() {
	rm -f running
	[ ! -s containerd.pid ] || kill "$(cat containerd.pid)" 2>/dev/null || true
}
