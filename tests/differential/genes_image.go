package main

import "math/rand/v2"

// newImage changes the root file system.
func newImage(r *rand.Rand) gene {
	switch r.IntN(8) {
	case 0:
		return gene{"image: /link -> /opt", func(b *bundle) { b.sh("ln -sfn /opt link") }}
	case 1:
		return gene{"image: /var/run -> ../run", func(b *bundle) { b.sh("rm -rf var/run; ln -s ../run var/run") }}
	case 2:
		return gene{
			"image: /opt/dangling -> /nowhere/x",
			func(b *bundle) { b.sh("mkdir -p opt; ln -sfn /nowhere/x opt/dangling") },
		}
	case 3:
		return gene{
			"image: passwd with a home for 1000",
			func(b *bundle) { b.sh("echo user:x:1000:1000::/home/user:/bin/sh >>etc/passwd") },
		}
	case 4:
		return gene{"image: /tmp is 1777", func(b *bundle) { b.sh("chmod 1777 tmp") }}
	case 5:
		return gene{
			"image: /data is there, 0700 of 1000",
			func(b *bundle) { b.sh("mkdir -p -m 700 data; chown 1000:1000 data") },
		}
	case 6:
		return gene{"image: no /dev, /proc, /sys", func(b *bundle) { b.sh("rm -rf dev proc sys") }}
	}
	return gene{
		"image: dev/null is a node with mode 600",
		func(b *bundle) { b.sh("mkdir -p dev; mknod -m 600 dev/null c 1 3") },
	}
}

// newCaller changes what a runtime inherits.
func newCaller(r *rand.Rand) gene {
	switch r.IntN(6) {
	case 0:
		return gene{"caller: ignores SIGHUP", func(b *bundle) { b.caller = append(b.caller, `trap "" HUP`) }}
	case 1:
		return gene{"caller: umask 077", func(b *bundle) { b.caller = append(b.caller, "umask 077") }}
	case 2:
		return gene{"caller: ulimit -n 500", func(b *bundle) { b.caller = append(b.caller, "ulimit -S -n 500") }}
	case 3:
		return gene{"caller: nice", func(b *bundle) { b.caller = append(b.caller, "renice -n 5 -p $$ >/dev/null") }}
	case 4:
		return gene{
			"caller: oom_score_adj",
			func(b *bundle) { b.caller = append(b.caller, "echo 77 >/proc/self/oom_score_adj") },
		}
	}
	return gene{"caller: a descriptor is open", func(b *bundle) { b.caller = append(b.caller, "exec 7</etc/passwd") }}
}
