package main

import (
	"context"
	"os"
	"strings"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// volumes are the rows about what a container finds mounted. The program has made the config map and the secret "kept",
// and the stage, on the node, /run/kubernetes-tests/tree, with a tmpfs at sub.
var volumes = []row{
	{"emptyDir: on disk, in memory with a size, with subPath", `
volumes: [{name: a, emptyDir: {}}, {name: b, emptyDir: {medium: Memory, sizeLimit: 1Mi}}]
initContainers:
- {name: i, command: [mkdir, -p, /a/sub/deep], volumeMounts: [{name: a, mountPath: /a}]}
containers:
- name: c
  command: [pause]
  volumeMounts: [{name: a, mountPath: /a}, {name: b, mountPath: /b}, {name: a, mountPath: /deep, subPath: sub/deep}]
`, []check{
		shell("c", "touch /deep/f; ls /a/sub/deep", "f"),
		shell("c", "stat -f -c %T /b; df -k /b | awk 'NR==2 {print $2}'", "tmpfs\n1024"),
	}},
	{"config map, secret, downward API, projected: files, modes, an update", `
volumes:
- {name: m, configMap: {name: kept, defaultMode: 0440}}
- {name: s, secret: {secretName: kept}}
- {name: d, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}
- name: p
  projected:
    sources:
    - configMap: {name: kept, items: [{key: a, path: x/a}]}
    - secret: {name: kept}
    - serviceAccountToken: {path: token}
containers:
- name: c
  command: [pause]
  volumeMounts: [{name: m, mountPath: /m}, {name: s, mountPath: /s}, {name: d, mountPath: /d}, {name: p, mountPath: /p},
    {name: m, mountPath: /etc/single, subPath: a}]
`, []check{
		shell("c", "cat /m/a /s/b /d/labels /p/x/a /etc/single; stat -L -c %a /m/a; test -s /p/token && echo token",
			"one\ntwo\nrow=\"NAME\"one\none\n440\ntoken"),
		shell("c", "touch /m/x 2>/dev/null || echo no; stat -f -c %T /s", "no\ntmpfs"),
	}},
	{"host paths: a directory, a file, a device, a socket", `
volumes:
- {name: d, hostPath: {path: /run/kubernetes-tests/tree, type: Directory}}
- {name: f, hostPath: {path: /run/kubernetes-tests/tree/file, type: File}}
- {name: z, hostPath: {path: /dev/null, type: CharDevice}}
- {name: s, hostPath: {path: /run/containerd/containerd.sock, type: Socket}}
containers:
- name: c
  command: [pause]
  volumeMounts: [{name: d, mountPath: /d}, {name: f, mountPath: /f}, {name: s, mountPath: /s.sock},
    {name: z, mountPath: /null}]
`, []check{shell("c", "cat /d/file /f /d/sub/below; test -S /s.sock && test -c /null && echo both",
		"top\ntop\nbelow\nboth")}},
	{"subPathExpr", `
volumes: [{name: v, emptyDir: {}}]
containers:
- name: c
  command: [pause]
  env: [{name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
  volumeMounts: [{name: v, mountPath: /all}, {name: v, mountPath: /mine, subPathExpr: logs/$(POD)}]
`, []check{shell("c", "touch /mine/f; ls /all/logs/NAME", "f")}},
	{"a read-only mount, and one below it that is writable", `
volumes: [{name: v, hostPath: {path: /run/kubernetes-tests/tree}}]
containers:
- {name: c, command: [pause], volumeMounts: [{name: v, mountPath: /v, readOnly: true}]}
`, []check{shell("c", "touch /v/NAME 2>/dev/null || echo no; touch /v/sub/NAME && echo yes", "no\nyes")}},
	{"a recursively read-only mount", `
volumes: [{name: v, hostPath: {path: /run/kubernetes-tests/tree}}]
containers:
- name: c
  command: [pause]
  volumeMounts: [{name: v, mountPath: /v, readOnly: true, recursiveReadOnly: Enabled}]
`, []check{shell("c", "touch /v/NAME 2>/dev/null || echo no; touch /v/sub/NAME 2>/dev/null || echo no", "no\nno")}},
	{"mount propagation: from a container to the node and to another", `
volumes: [{name: v, hostPath: {path: /run/kubernetes-tests/shared}}]
containers:
- name: giver
  command: [sh, -c, "mkdir -p /v/NAME/m && mount -t tmpfs t /v/NAME/m && touch /v/NAME/m/f && exec pause"]
  securityContext: {privileged: true}
  volumeMounts: [{name: v, mountPath: /v, mountPropagation: Bidirectional}]
- name: taker
  command: [pause]
  volumeMounts: [{name: v, mountPath: /v, mountPropagation: HostToContainer}]
- name: none
  command: [sh, -c, "until test -d /v/NAME/m; do sleep 0.1; done; exec pause"]
  volumeMounts: [{name: v, mountPath: /v}]
`, []check{
		runs("giver"), becomes("taker", "ls /v/NAME/m", "f"), onNode("/run/kubernetes-tests/shared/NAME/m/f", ""),
		shell("giver", "umount /v/NAME/m", ""), becomes("taker", "ls /v/NAME/m", ""),
	}},
	{"a volume of an image, whole and with subPath", `
volumes: [{name: v, image: {reference: "registry.example.org/box:1"}}]
containers:
- name: c
  command: [pause]
  volumeMounts: [{name: v, mountPath: /v}, {name: v, mountPath: /w, subPath: etc}]
`, []check{shell("c", "test -x /v/bin/sh && ls /w/passwd; touch /v/x 2>/dev/null || echo no", "/w/passwd\nno")}},
	{"a claim of a volume that is local to a node: one pod writes, another reads through subPath", `
volumes: [{name: v, persistentVolumeClaim: {claimName: NAME}}]
containers:
- name: c
  command: [sh, -c, "mkdir -p /v/data/deep && echo kept >/v/data/deep/f && echo other >/v/data/g"]
  volumeMounts: [{name: v, mountPath: /v}]
`, []check{
		claim, exits("c", 0, "Completed"), onNode("/run/kubernetes-tests/claims/NAME/data/deep/f", "kept"),
		another(`
volumes: [{name: v, persistentVolumeClaim: {claimName: NAME}}]
containers:
- name: c
  command: [pause]
  volumeMounts: [{name: v, mountPath: /w, subPath: data}, {name: v, mountPath: /r, subPath: data/deep, readOnly: true},
    {name: v, mountPath: /etc/single, subPath: data/g, readOnly: true}]
`, shell("c", "ls /w /r; cat /r/f /etc/single", "/r:\nf\n\n/w:\ndeep\ng\nkept\nother"),
			shell("c", "for f in /r/f /etc/single; do echo x 2>/dev/null >$f || echo no; done", "no\nno"),
			shell("c", "echo more >/w/deep/f; cat /r/f", "more")),
		onNode("/run/kubernetes-tests/claims/NAME/data/deep/f", "more"),
	}},
	{"fsGroup and supplemental groups", `
securityContext: {runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000, supplementalGroups: [4000]}
volumes: [{name: v, emptyDir: {}}]
containers: [{name: c, command: [pause], volumeMounts: [{name: v, mountPath: /v}]}]
`, []check{
		shell("c", "touch /v/f; stat -c '%u %g' /v/f; id -u; id -G", "1000 2000\n1000\n3000 2000 4000"),
		shell("c", "awk '/^Groups/ { print $2, $3, $4 }' /proc/1/status", "2000 3000 4000"),
	}},
	{"/dev/shm is shared in the pod, and programs in it may run", `
containers:
- {name: a, command: [sh, -c, "cp /bin/busybox /dev/shm/echo; exec pause"]}
- {name: b, command: [pause]}
`, []check{runs("a"), becomes("b", "/dev/shm/echo run 2>/dev/null", "run")}},
}

// claim makes a directory of the node, a volume that is this directory, and the claim of it that the pod waits for.
func claim(t *trial) {
	t.need(os.MkdirAll(t.named("/run/kubernetes-tests/claims/NAME"), 0o755), "the directory of the volume")
	volume, claim := &core.PersistentVolume{}, &core.PersistentVolumeClaim{}
	t.need(yaml.UnmarshalStrict([]byte(t.named(`
metadata: {name: NAME}
spec:
  capacity: {storage: 1Mi}
  accessModes: [ReadWriteOnce]
  storageClassName: none
  claimRef: {namespace: default, name: NAME}
  local: {path: /run/kubernetes-tests/claims/NAME}
  nodeAffinity:
    required:
      nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [node]}]}]
`)), volume), "the volume's YAML")
	t.need(yaml.UnmarshalStrict([]byte(t.named(`
metadata: {name: NAME}
spec: {accessModes: [ReadWriteOnce], storageClassName: none, resources: {requests: {storage: 1Mi}}}
`)), claim), "the claim's YAML")
	_, err := t.CoreV1().PersistentVolumes().Create(t.ctx, volume, meta.CreateOptions{})
	t.need(err, "create the volume")
	_, err = t.CoreV1().PersistentVolumeClaims(namespace).Create(t.ctx, claim, meta.CreateOptions{})
	t.need(err, "create the claim")
}

// another: a second pod, in whose spec NAME is the name of the row's, passes these checks, and goes.
func another(spec string, checks ...check) check {
	return func(t *trial) {
		other := *t
		other.name += "-other"
		defer other.discard()
		other.create(t.named(spec))
		for _, check := range checks {
			check(&other)
		}
	}
}

// onNode: that file of the node has that content.
func onNode(path, want string) check {
	return func(t *trial) {
		data, err := os.ReadFile(t.named(path))
		t.need(err, "a file of the node")
		if got := strings.TrimSpace(string(data)); got != want {
			t.fail("%s has %q, not %q", path, got, want)
		}
	}
}

// prepare makes what the rows' volumes refer to.
func (c *cluster) prepare(ctx context.Context) error {
	_, err := c.CoreV1().ConfigMaps(namespace).Create(ctx, &core.ConfigMap{
		ObjectMeta: meta.ObjectMeta{Name: "kept"},
		Data:       map[string]string{"a": "one\n"},
	}, meta.CreateOptions{})
	if err != nil {
		return err
	}
	_, err = c.CoreV1().Secrets(namespace).Create(ctx, &core.Secret{
		ObjectMeta: meta.ObjectMeta{Name: "kept"},
		StringData: map[string]string{"b": "two\n"},
	}, meta.CreateOptions{})
	return err
}
