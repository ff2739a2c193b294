package main

import (
	"strings"
	"time"

	core "k8s.io/api/core/v1"
)

const (
	second = time.Second
	// The limits of a container, as its cgroup has them.
	memoryLimit = `cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max`
	cpuLimit    = `cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d " " -f 1 /sys/fs/cgroup/cpu.max`
)

// lives are the rows about how containers begin and end.
var lives = []row{
	{"a program that ends: log, status, phase", `
containers: [{name: c, command: [sh, -c, "echo out; echo err >&2; exit 3"]}]
`, []check{says("c", "out", "err"), exits("c", 3, "Error"), phase(core.PodFailed)}},
	{"arguments, environment, working directory, host name, aliases", `
hostname: front
subdomain: shop
hostAliases: [{ip: 192.0.2.9, hostnames: [other]}]
containers:
- name: c
  workingDir: /tmp/new
  command: [sh, -c]
  args: ['echo $(A) $B $PWD $(hostname); grep -c other /etc/hosts']
  env: [{name: A, value: "1"}, {name: B, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
`, []check{logged("c", "1 NAME /tmp/new front\n1"), exits("c", 0, "Completed"), phase(core.PodSucceeded)}},
	{"a program that is missing", `
containers: [{name: c, command: [no-such-program]}]
`, []check{refused("c", "no-such-program", "executable file not found in $PATH"), exits("c", 128, "StartError")}},
	{"a program that may not be executed", `
containers: [{name: c, command: [/etc/passwd]}]
`, []check{refused("c", "/etc/passwd", "permission denied")}},
	{"init containers, one after the other, before the others", `
volumes: [{name: v, emptyDir: {}}]
initContainers:
- {name: one, command: [sh, -c, "sleep 1; echo one >>/v/f"], volumeMounts: [{name: v, mountPath: /v}]}
- {name: two, command: [sh, -c, "echo two >>/v/f"], volumeMounts: [{name: v, mountPath: /v}]}
containers: [{name: c, command: [cat, /v/f], volumeMounts: [{name: v, mountPath: /v}]}]
`, []check{logged("c", "one\ntwo"), phase(core.PodSucceeded)}},
	{"an init container that fails", `
initContainers: [{name: one, command: ["false"]}]
containers: [{name: c, command: [pause]}]
`, []check{exits("one", 1, "Error"), phase(core.PodFailed)}},
	{"a sidecar: there before the program, ended after it", `
volumes: [{name: v, emptyDir: {}}]
initContainers:
- name: side
  restartPolicy: Always
  command: [sh, -c, "trap 'exit 0' TERM; touch /v/there; while :; do sleep 0.1; done"]
  volumeMounts: [{name: v, mountPath: /v}]
  startupProbe: {exec: {command: [test, -e, /v/there]}, periodSeconds: 1}
containers:
- {name: c, command: [sh, -c, "ls /v; sleep 1"], volumeMounts: [{name: v, mountPath: /v}]}
`, []check{logged("c", "there"), phase(core.PodSucceeded), exits("side", 0, "Completed")}},
	{"two containers share network and ipc, and not their processes", `
containers:
- {name: web, image: "registry.example.org/nginx:1"}
- {name: c, command: [sh, -c, 'until wget -qO- http://127.0.0.1; do sleep 0.2; done; pidof nginx || echo alone']}
`, []check{logged("c", "a page\nalone")}},
	{"readiness by exec", `
containers:
- name: c
  command: [pause]
  readinessProbe: {exec: {command: [test, -e, /tmp/ready]}, periodSeconds: 1}
`, []check{
		staysUnready("c", 4), shell("c", "touch /tmp/ready", ""), ready("c", true),
		shell("c", "rm /tmp/ready", ""), ready("c", false),
	}},
	{"liveness by exec: it is started again", `
restartPolicy: Always
containers:
- name: c
  command: [sh, -c, "touch /tmp/alive; exec pause"]
  livenessProbe: {exec: {command: [test, -e, /tmp/alive]}, periodSeconds: 1, failureThreshold: 2}
`, []check{shell("c", "rm /tmp/alive", ""), restarts("c", 1), runs("c")}},
	{"a probe that takes too long is ended", `
restartPolicy: Always
containers:
- name: c
  command: [pause]
  livenessProbe: {exec: {command: [sleep, "1000"]}, periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 1}
`, []check{restarts("c", 1)}},
	{"a startup probe, then http and tcp probes", `
containers:
- name: c
  image: "registry.example.org/nginx:1"
  startupProbe: {exec: {command: [test, -e, /var/run/nginx.pid]}, periodSeconds: 1}
  readinessProbe: {httpGet: {port: 80}, periodSeconds: 1}
  livenessProbe: {tcpSocket: {port: 80}, periodSeconds: 1}
`, []check{ready("c", true)}},
	{"hooks: postStart and preStop by exec", `
terminationGracePeriodSeconds: 20
volumes: [{name: v, hostPath: {path: /run/kubernetes-tests/NAME, type: DirectoryOrCreate}}]
containers:
- name: c
  command: [pause]
  volumeMounts: [{name: v, mountPath: /v}]
  lifecycle:
    postStart: {exec: {command: [sh, -c, "echo begin >/v/f"]}}
    preStop: {exec: {command: [sh, -c, "echo end >>/v/f"]}}
`, []check{shell("c", "cat /v/f", "begin"), gone(0, 15*second), onNode("/run/kubernetes-tests/NAME/f", "begin\nend")}},
	{"a postStart hook that fails ends the container", `
restartPolicy: Always
containers:
- {name: c, command: [pause], lifecycle: {postStart: {exec: {command: ["false"]}}}}
`, []check{restarts("c", 1)}},
	{"restart policy Always", `
restartPolicy: Always
containers: [{name: c, command: [sh, -c, "exit 0"]}]
`, []check{restarts("c", 1)}},
	{"restart policy OnFailure: until it succeeds", `
restartPolicy: OnFailure
volumes: [{name: v, emptyDir: {}}]
containers:
- {name: c, command: [sh, -c, "mkdir /v/x 2>/dev/null && exit 1; exit 0"], volumeMounts: [{name: v, mountPath: /v}]}
`, []check{phase(core.PodSucceeded), restarts("c", 1)}},
	{"termination: the signal, and time to end in", `
terminationGracePeriodSeconds: 30
volumes: [{name: v, hostPath: {path: /run/kubernetes-tests/NAME, type: DirectoryOrCreate}}]
containers:
- name: c
  command: [sh, -c, "trap 'sleep 2; echo end >/v/f; exit 0' TERM; touch /v/f; while :; do sleep 0.1; done"]
  volumeMounts: [{name: v, mountPath: /v}]
`, []check{becomes("c", "ls /v", "f"), gone(2*second, 25*second), onNode("/run/kubernetes-tests/NAME/f", "end")}},
	{"termination: who heeds no signal is killed", `
terminationGracePeriodSeconds: 3
containers: [{name: c, command: [sh, -c, "trap '' TERM; touch /tmp/f; while :; do sleep 0.1; done"]}]
`, []check{becomes("c", "ls /tmp", "f"), gone(3*second, 25*second)}},
	{"termination message", `
containers: [{name: c, command: [sh, -c, "echo the reason >/dev/termination-log; exit 1"]}]
`, []check{func(t *trial) {
		if end := t.ended("c"); strings.TrimSpace(end.Message) != "the reason" {
			t.fail("the message is %q", end.Message)
		}
	}}},
	{"too much memory: OOMKilled", `
containers: [{name: c, command: [eat], resources: {limits: {memory: 32Mi}}}]
`, []check{exits("c", 137, "OOMKilled")}},
	{"limits of memory and processors", `
containers: [{name: c, command: [pause], resources: {limits: {memory: 64Mi, cpu: 250m}}}]
`, []check{shell("c", memoryLimit, "67108864"), shell("c", cpuLimit, "25000")}},
	{"the kubelet's metrics of memory and processor time", `
volumes: [{name: m, emptyDir: {medium: Memory}}]
containers:
- name: c
  command: [sh, -c, "dd if=/dev/urandom of=/m/f bs=1M count=32 && touch /tmp/done; exec pause"]
  volumeMounts: [{name: m, mountPath: /m}]
`, []check{becomes("c", "ls /tmp", "done"), metrics}},
	{"resize without a restart, up and down", `
containers:
- name: c
  command: [pause]
  resources: {limits: {memory: 64Mi, cpu: 250m}, requests: {memory: 64Mi, cpu: 250m}}
`, []check{
		shell("c", memoryLimit, "67108864"),
		resize("c", "128Mi", "500m"), becomes("c", memoryLimit, "134217728"), becomes("c", cpuLimit, "50000"),
		resize("c", "48Mi", "100m"), becomes("c", memoryLimit, "50331648"), becomes("c", cpuLimit, "10000"),
		func(t *trial) {
			if n := status(t.pod(), "c").RestartCount; n != 0 {
				t.fail("it was restarted %d times", n)
			}
		},
	}},
	{"an ephemeral container sees the processes of its target", `
containers: [{name: c, command: [pause]}]
`, []check{runs("c"), func(t *trial) {
		t.patch("ephemeralcontainers", `
spec:
  ephemeralContainers:
  - {name: debug, image: "registry.example.org/box:1", command: [sleep, "1000"], targetContainerName: c}
`)
		t.running("debug")
		t.shell("debug", "tr '\\0' ' ' </proc/1/cmdline", "pause")
	}}},
}

func resize(container, memory, cpu string) check {
	return func(t *trial) {
		t.patch("resize", strings.NewReplacer("CONTAINER", container, "MEMORY", memory, "PROCESSOR", cpu).Replace(`
spec:
  containers:
  - name: CONTAINER
    resources: {limits: {memory: MEMORY, cpu: PROCESSOR}, requests: {memory: MEMORY, cpu: PROCESSOR}}
`))
	}
}
