package spec

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"rt/internal/diag"
)

// base is the smallest config with a process and a mount namespace. The cases below are merged into it (RFC 7396).
const base = `{"ociVersion": "1.3.0", "root": {"path": "rootfs"}, "process": {"cwd": "/", "args": ["sh"]}, "linux": ` +
	`{"namespaces": [{"type": "mount"}]}}`

// badConfigs are documents with something wrong, by section. What rt says about them, as a person at a terminal sees
// it, is in testdata/errors: wording is reviewed like code.
var badConfigs = map[string][]string{
	"version": {
		`{"ociVersion": null}`, `{"ociVersion": "1.0"}`, `{"ociVersion": "2.0"}`, `{"ociVersion": "1.0-x"}`,
		`{"ociVersion": "0.9.0"}`, `{"ociVersion": "1.4.0"}`,
		`{"ociVersion": "2.0.0-dev"}`,
		`{"ociVersion": "1.2.0-"}`, `{"ociVersion": "1.02.0"}`, `{"ociVersion": "1.99999999999999999999.0"}`,
		`{"ociVersion": "latest"}`,
		`{"ociVersion": "1.0.2-dev"}`, `{"ociVersion": "1.3.7-rc.1+build.5"}`,
	},
	"root": {
		`{"root": null}`, `{"root": {"path": ""}}`, `{"root": {"path": 1}}`, `{"root": []}`,
		`{"linux": {"rootfsPropagation": "public"}}`, `{"linux": {"rootfsPropagation": "rslave", "namespaces": null}}`,
	},
	"namespaces": {
		`{"linux": {"namespaces": [{"type": "mount"}, {"type": "mount", "path": "/proc/1/ns/mnt"}]}}`,
		`{"linux": {"namespaces": [{"type": "mount"}, {"type": "net"}, {}]}, "hostname": "no second complaint about ` +
			`uts"}`,
		`{"linux": {"namespaces": [{"type": "pid", "path": "proc/1/ns/pid"}]}}`,
		`{"hostname": "a", "domainname": "b"}`,
		`{"hostname": "a2345678901234567890123456789012345678901234567890123456789012345", "linux": {"namespaces": ` +
			`[{"type": "uts"}]}}`,
		`{"linux": {"timeOffsets": {"monotonic": {"secs": 1}}}}`,
		`{"linux": {"namespaces": [{"type": "time", "path": "/t"}], "timeOffsets": {"boottime": {"secs": 1}}}}`,
		`{"linux": {"namespaces": [{"type": "time"}], "timeOffsets": {"realtime": {}, "monotonic": {"secs": ` +
			`9223372037, "nanosecs": 1000000000}}}}`,
	},
	"idmap": {
		`{"linux": {"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}]}}`,
		`{"linux": {"namespaces": [{"type": "user"}]}}`,
		`{"linux": {"namespaces": [{"type": "user"}],
			"uidMappings": [{"containerID": 1, "hostID": 1000, "size": 10}, ` +
			`{"containerID": 5, "hostID": 1009, "size": 10}],
			"gidMappings": [{"containerID": 0, "hostID": 4294967290, "size": 10}, ` +
			`{"containerID": 100, "hostID": 1, "size": 0}]}}`,
		`{"process": {"user": {"uid": 10, "gid": 11, "additionalGids": [0, 12]}}, ` +
			`"linux": {"namespaces": [{"type": "user"}],
			"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 10}], ` +
			`"gidMappings": [{"containerID": 0, "hostID": 1000, "size": 10}]}}`,
		`{"mounts": [{"destination": "/dev/pts", "type": "devpts", "options": ["newinstance", "gid=5"]},
			{"destination": "/t", "type": "tmpfs", "options": ["uid=9", "gid=0", "uid=10", "size=1m"]},
			{"destination": "/b", "source": "/b", "options": ["bind"]}], ` +
			`"linux": {"namespaces": [{"type": "user"}, {"type": "mount"}],
			"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 10}], ` +
			`"gidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}]}}`,
	},
	"process": {
		`{"process": {"args": null, "cwd": null}}`, `{"process": {"args": [""], "cwd": "tmp"}}`,
		`{"process": {"args": "sh", "env": ["A=1", "B", "=C", "D="]}}`,
		`{"process": {"user": {"uid": 4294967295, "gid": 4294967295, "umask": 512, "additionalGids": [4294967295]}}}`,
		`{"process": {"user": {"uid": "0", "gid": 4294967296}}}`,
		`{"process": {"oomScoreAdj": 1001, "terminal": true, "consoleSize": {"height": 65536, "width": 65536}}}`,
		`{"process": {"consoleSize": {"height": 65536, "width": 65536}}}`,
		`{"process": {"rlimits": [{"type": "RLIMIT_NOFIL", "soft": 1, "hard": 1}, {"type": "RLIMIT_CPU", "soft": 2, ` +
			`"hard": 1}, {"type": "RLIMIT_CPU"}, {"type": "rlimit"}, {}]}}`,
		`{"process": {"scheduler": {"policy": "SCHED_ISO"}, "ioPriority": {"class": "IOPRIO_CLASS_BEST", "priority": ` +
			`8}}}`,
		`{"process": {"scheduler": {"policy": "SCHED_FIFO", "nice": 20, "priority": 100, "runtime": 1, "flags": ` +
			`["SCHED_FLAG_RESET"]}}}`,
		`{"process": {"scheduler": {"policy": "SCHED_BATCH", "priority": 1}}}`,
		`{"process": {"scheduler": {"policy": "SCHED_DEADLINE", "runtime": 1000}}}`,
		`{"process": {"scheduler": {"policy": "SCHED_DEADLINE", "runtime": 2000, "deadline": 1999, "period": 1}}}`,
		`{"process": {"scheduler": {"policy": "SCHED_DEADLINE", "runtime": 2000, "deadline": 3000, "period": 2999}}}`,
		`{"process": {"execCPUAffinity": {"initial": "0-3,", "final": "7-3"}}}`,
		`{"process": {"capabilities": {"bounding": ["CAP_CHOWN", "CAP_FLY", "chown"], "effective": ["CAP_KILL"], ` +
			`"ambient": ["CAP_KILL"]}}}`,
		`{"process": {"capabilities": {"permitted": ["CAP_KILL"], "ambient": ["CAP_KILL"]}}}`,
		`{"process": {"user": {"uid": 1, "gid": 1}, "capabilities": {"permitted": ["CAP_KILL"], "ambient": ` +
			`["CAP_KILL"]}}}`,
	},
	"mounts": {
		`{"linux": {"namespaces": []}, "mounts": [{"destination": "/a", "type": "tmpfs"}]}`,
		`{"mounts": [{}, {"destination": "/", "type": "tmpfs"}, {"destination": "tmp", "type": "tmpfs"}]}`,
		`{"mounts": [{"destination": "/a", "options": ["bind", "rro", "noexce", "size=1m"]}]}`,
		`{"mounts": [{"destination": "/a", "source": "/a", "options": ["bind", "sync", "lazytime", ` +
			`"x-systemd.automount", ""]}]}`,
		`{"mounts": [{"destination": "/a", "type": "tmpfs", "options": ["ro,nosuid", "size=1m,mode=755"]}]}`,
		`{"mounts": [{"destination": "/a", "type": "proc", "options": ["tmpcopyup"]}, {"destination": "/b", "type": ` +
			`"bind", "source": "b", "options": ["tmpcopyup"]}]}`,
		`{"mounts": [{"destination": "/a", "source": "/a", "options": ["bind", "idmap"]}]}`,
		`{"mounts": [{"destination": "/a", "source": "/a", "options": ["bind", "ridmap"], "uidMappings": ` +
			`[{"containerID": 0, "hostID": 1, "size": 1}]}]}`,
		`{"mounts": [{"destination": "/a", "source": "/a", "options": ["bind"], "gidMappings": [{"containerID": 0, ` +
			`"hostID": 1, "size": 1}]}]}`,
		`{"mounts": [{"destination": "/a", "options": ["remount", "idmap"], "uidMappings": [{"size": 1}], ` +
			`"gidMappings": [{"size": 0}]}]}`,
	},
	"devices": {
		`{"linux": {"devices": [{}, {"path": "dev/a", "type": "d"}, {"path": "/", "type": "c", "major": 4096, ` +
			`"minor": -1}]}}`,
		`{"linux": {"devices": [{"path": "/dev/a", "type": "c", "fileMode": 24960}, {"path": "/dev/b", "type": "b", ` +
			`"fileMode": 67109248, "uid": 4294967295}]}}`,
		`{"linux": {"devices": [{"path": "/dev/a", "type": "c", "major": 1}, {"path": "/dev/./a", "type": "c", ` +
			`"major": 1}, {"path": "/dev/a", "type": "c", "major": 2}]}}`,
	},
	"masked": {
		`{"linux": {"namespaces": [], "maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"]}}`,
		`{"linux": {"maskedPaths": ["proc/kcore", "/proc/..", ""], "readonlyPaths": ["", "sys"]}}`,
		`{"linux": {"maskedPaths": ["proc/kcore", ""], "readonlyPaths": ["", "sys"]}}`,
	},
	"sysctl": {
		`{"linux": {"sysctl": {"net.ipv4.ip_forward": "1", "kernel.shmmax": "1", "fs.mqueue.msg_max": "1", ` +
			`"user.max_user_namespaces": "1", "kernel.domainname": "x"}}}`,
		`{"linux": {"sysctl": {"kernel.panic": "1", "vm/swappiness": "1", "net": "1", "net..x": "1", ` +
			`"net/../kernel/panic": "1", "kernel.shm": "1"}}}`,
		`{"hostname": "a", "linux": {"namespaces": [{"type": "uts"}, {"type": "network"}], "sysctl": ` +
			`{"kernel.hostname": "b", "net.ipv4.conf.eth0/1.tag": "1", "net/ipv4/conf/eth0.1/tag": "1"}}}`,
	},
	"netdevices": {
		`{"linux": {"netDevices": {"eth0": {}}}}`,
		`{"linux": {"namespaces": [{"type": "network"}], "netDevices": {"eth0": {"name": "a b"}, "eth:1": {}, ` +
			`"sixteen-letters-": {}, "eth2": {"name": "%d%d"}, "eth3": {"name": "x%d"}, "eth4": {"name": "x%d"}, ` +
			`"eth5": {"name": "eth0"}, "eth6": {"name": "eth0"}}}}`,
	},
	"resources": {
		`{"linux": {"resources": {"devices": [{"allow": true, "type": "u", "access": "rx", "major": -2, "minor": ` +
			`4294967296}]}}}`,
		`{"linux": {"resources": {"memory": {"limit": -2, "reservation": -2, "swap": -2, "kernel": -2, "kernelTCP": ` +
			`-2, "swappiness": 101}}}}`,
		`{"linux": {"resources": {"memory": {"limit": 2000, "swap": 1000}}}}`,
		`{"linux": {"resources": {"cpu": {"period": 999, "quota": 999, "burst": 1000, "realtimeRuntime": 2, ` +
			`"realtimePeriod": 1, "idle": 2, "cpus": "a", "mems": "0,"}}}}`,
		`{"linux": {"resources": {"blockIO": {"weight": 1001, "leafWeight": 1001, "weightDevice": [{"major": 8, ` +
			`"minor": -1}], "throttleReadBpsDevice": [{"major": 5000}]}}}}`,
		`{"linux": {"resources": {"blockIO": {"weight": 65536}, "pids": {"limit": 1.5}}}}`,
		`{"linux": {"resources": {"hugepageLimits": [{}, {"pageSize": "2M"}, {"pageSize": "../2MB"}, {"pageSize": ` +
			`"2MB"}, {"pageSize": "2MB"}]}}}`,
		`{"linux": {"resources": {"network": {"priorities": [{"name": ""}]}, "rdma": {"mlx5_1": {}}, "unified": ` +
			`{"../cgroup.procs": "1", "": "1"}}}}`,
		`{"linux": {"cgroupsPath": "/a/../../b"}}`,
		`{"linux": {"intelRdt": {"closID": "a/b", "l3CacheSchema": "L3:0=f\nMB:0=1", "memBwSchema": "0=1", ` +
			`"schemata": ["a\nb"]}}}`,
		`{"linux": {"memoryPolicy": {"mode": "MPOL_BND", "flags": ["MPOL_F_STATIC"]}, "personality": {"domain": ` +
			`"BSD", "flags": ["X"]}}}`,
		`{"linux": {"memoryPolicy": {"mode": "MPOL_LOCAL", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES", ` +
			`"MPOL_F_RELATIVE_NODES", "MPOL_F_NUMA_BALANCING"]}}}`,
		`{"linux": {"memoryPolicy": {"mode": "MPOL_BIND"}}}`,
	},
	"hooks": {
		`{"hooks": {"prestart": [{}], "createRuntime": [{"path": "bin/x"}], "poststop": [{"path": "/x", "timeout": ` +
			`0, ` +
			`"env": ["A", "=B"]}]}}`,
		`{"annotations": {"": "x"}}`,
		`{"annotations": {"run.oci.seccomp_bpf_data": "AA==", "run.oci.systemd.subgroup": "x"}}`,
	},
}

func TestErrors(t *testing.T) {
	for section, patches := range badConfigs {
		t.Run(section, func(t *testing.T) {
			var out strings.Builder
			for _, patch := range patches {
				out.WriteString("# " + strings.Join(strings.Fields(patch), " ") + "\n")
				tell(&out, merged(t, patch))
			}
			golden(t, "errors/"+section+".txt", out.String())
		})
	}
}

// TestJSONErrors is about documents that are not JSON, or hold other types: there line and column count.
func TestJSONErrors(t *testing.T) {
	var out strings.Builder
	for _, doc := range []string{
		"", " \n ", "{", "{}{}", "[]", "null", "{\n\t\"root\": {\n\t\t\"path\": \"rootfs\",\n\t}\n}", `{"a": [1, 2,]}`,
		`{"a": [1 2]}`, `{"a" 1}`, `{a: 1}`,
		`{"a": tru}`, `{"a": nul}`, `{"a": 01}`, `{"a": 1.}`, `{"a": -}`, `{"a": 1e}`, `{"a": +1}`, `{"a": "x`,
		"{\"a\": \"x\ny\"}", `{"a": "\x"}`,
		`{"a": "\u12"}`, `{"a": "\ud800x"}`, "{\"ä\": \"\xff\"}", "{\"a\":\x00}",
		`{"hooks": {"poststop": [{"path": "/a"}, {"path": /b}]}}`,
		`{"a": ` + strings.Repeat("[",
			1001), `{"process": {"args": ["a\u0000b"], "env": {"A": 1}}, "annotations": {"b": "\u0000 is fine here"}}`,
		`{"linux": {"sysctl": {"net.\u0000": "1"}, "resources": {"pids": {"limit": "1"}, "memory": ` +
			`{"disableOOMKiller": 1}}}}`,
	} {
		shown, _, _ := strings.Cut(doc, "[[[")
		quoted, err := json.Marshal(shown)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString("# " + string(quoted) + "\n")
		tell(&out, []byte(doc))
	}
	golden(t, "errors/json.txt", out.String())
}

// tell writes what rt says about a document.
func tell(out *strings.Builder, doc []byte) {
	s, err := Parse(doc, "/bundle", LoadOptions{})
	if err != nil {
		diag.Fprint(out, "rt", err)
		return
	}
	out.WriteString("accepted\n")
	for _, w := range s.Warnings {
		out.WriteString("warning: " + w + "\n")
	}
}

// merged returns base with a patch.
func merged(t *testing.T, patch string) []byte {
	t.Helper()
	var into, from any
	if err := errors.Join(json.Unmarshal([]byte(base), &into), json.Unmarshal([]byte(patch), &from)); err != nil {
		t.Fatalf("%s: %v", patch, err)
	}
	doc, err := json.Marshal(merge(into, from))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func merge(into, from any) any {
	patch, isObject := from.(map[string]any)
	if !isObject {
		return from
	}
	object, isObject := into.(map[string]any)
	if !isObject {
		object = map[string]any{}
	}
	for name, value := range patch {
		if value == nil {
			delete(object, name)
			continue
		}
		object[name] = merge(object[name], value)
	}
	return object
}
