package main

// security are the rows about what a container may do, and what it sees of its node. The stage has put the seccomp
// profile no-chmod.json where the kubelet looks for it.
var security = []row{
	{"user, group, and who may not be root", `
securityContext: {runAsUser: 1000, runAsGroup: 3000, runAsNonRoot: true}
containers: [{name: c, command: [sh, -c, "id -u; id -g"]}]
`, []check{logged("c", "1000\n3000")}},
	{"runAsNonRoot refuses root", `
containers: [{name: c, command: [pause], securityContext: {runAsNonRoot: true}}]
`, []check{refused("c", "image will run as root")}},
	{"a read-only root", `
containers:
- {name: c, command: [sh, -c, "touch /x 2>/dev/null || echo no"], securityContext: {readOnlyRootFilesystem: true}}
`, []check{logged("c", "no")}},
	{"capabilities: added and dropped", `
containers:
- {name: none, command: [grep, CapEff, /proc/self/status], securityContext: {capabilities: {drop: [ALL]}}}
- name: one
  command: [grep, CapEff, /proc/self/status]
  securityContext: {capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}}
`, []check{logged("none", "CapEff:\t0000000000000000"), logged("one", "CapEff:\t0000000000000400")}},
	{"allowPrivilegeEscalation: setuid programs, with and without", `
securityContext: {runAsUser: 1000}
containers:
- {name: "yes", command: [nnp], securityContext: {allowPrivilegeEscalation: true}}
- {name: "no", command: [nnp], securityContext: {allowPrivilegeEscalation: false}}
`, []check{logged("yes", "Effective uid: 0"), logged("no", "Effective uid: 1000")}},
	{"privileged: devices, capabilities, a mount", `
containers:
- name: c
  command: [sh, -ec, "test -c /dev/full; mkdir /m; mount -t tmpfs t /m; touch /m/f; sysctl -w net.ipv4.ip_forward=1"]
  securityContext: {privileged: true}
`, []check{exits("c", 0, "Completed")}},
	{"seccomp: the runtime's profile, one of the node's, none", `
containers:
- {name: a, command: [grep, -w, Seccomp, /proc/self/status], securityContext: {seccompProfile: {type: RuntimeDefault}}}
- {name: b, command: [grep, -w, Seccomp, /proc/self/status], securityContext: {seccompProfile: {type: Unconfined}}}
- name: c
  command: [sh, -c, "chmod 700 /tmp 2>&1"]
  securityContext: {seccompProfile: {type: Localhost, localhostProfile: no-chmod.json}}
`, []check{
		logged("a", "Seccomp:\t2"), logged("b", "Seccomp:\t0"),
		logged("c", "chmod: /tmp: Operation not permitted"), exits("c", 1, "Error"),
	}},
	{"sysctls of the pod", `
securityContext: {sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: "80"},
  {name: kernel.shm_rmid_forced, value: "1"}]}
containers:
- {name: c, command: [cat, /proc/sys/net/ipv4/ip_unprivileged_port_start, /proc/sys/kernel/shm_rmid_forced]}
`, []check{logged("c", "80\n1")}},
	{"a user namespace: root is nobody on the node", `
hostUsers: false
volumes: [{name: v, emptyDir: {}}]
containers:
- name: c
  command: [pause]
  volumeMounts: [{name: v, mountPath: /v}]
`, []check{shell("c", "awk '{print $1, ($2 > 0)}' /proc/self/uid_map; touch /v/f /f; stat -c %u /v/f /f /proc/1",
		"0 1\n0\n0\n0")}},
	{"a user namespace, and procMount Unmasked", `
hostUsers: false
containers:
- {name: c, command: [sh, -c, "grep -c ' /proc/' /proc/mounts"], securityContext: {procMount: Unmasked}}
`, []check{logged("c", "0")}},
	{"masked and read-only paths of /proc", `
containers:
- {name: c, command: [sh, -c, "wc -c </proc/timer_list; echo x 2>/dev/null >/proc/sys/kernel/domainname || echo no;
  ls /sys/firmware | wc -l"]}
`, []check{logged("c", "0\nno\n0")}},
	{"the node's network", `
hostNetwork: true
containers: [{name: c, command: [sh, -c, "ip -o link show dev outside | wc -l; hostname"]}]
`, []check{logged("c", "1\nnode")}},
	{"the node's processes", `
hostPID: true
containers: [{name: c, command: [sh, -c, "pidof kubelet >/dev/null && echo seen"]}]
`, []check{logged("c", "seen")}},
	{"the node's ipc", `
hostIPC: true
containers: [{name: c, command: [sh, -c, "ls /dev/shm/of-the-node"]}]
`, []check{logged("c", "/dev/shm/of-the-node")}},
	{"processes shared in the pod", `
shareProcessNamespace: true
containers:
- {name: a, command: [top]}
- {name: b, command: [pause]}
`, []check{
		runs("a"), shell("b", "until pidof top >/dev/null; do sleep 0.1; done; kill $(pidof top)", ""),
		exits("a", 0, "Completed"),
	}},
	{"cgroups are read-only", `
containers:
- name: c
  command: [sh, -c, "ls -d /sys/fs/cgroup; mkdir /sys/fs/cgroup/x /sys/fs/cgroup/memory/x 2>/dev/null || echo no"]
`, []check{logged("c", "/sys/fs/cgroup\nno")}},
}
