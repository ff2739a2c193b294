#!/usr/bin/env bats
# shellcheck disable=SC2016 # for the shells of containers
# Quadlets: a container of Podman whose program is the systemd of Debian 13, the tree DEBIAN. Podman's generator in it
# makes units of the files that a test writes, and their containers have the runtime under test, as the outer one has.
#
# The units have --cgroups=split, which wants cgroup v2.

load systemd

setup() {
	[ "$CGROUPS" = 2 ] || skip 'quadlets have --cgroups=split, which wants cgroup v2'
	cd "$BATS_TEST_TMPDIR" || return
	chmod 755 "$BATS_TEST_TMPDIR"
	podman save --quiet --output bb.tar bb
	mkdir conf units
	cp "$BATS_TEST_DIRNAME/../../packaging/containers/50-rt.conf" conf/
	# Containers of a user have no rights over the controllers, and nobody limits their number.
	cat >conf/60-runtime.conf <<-END
		[containers]
		pids_limit = 0
		[engine]
		runtime = "$RUNTIME"
		[engine.runtimes]
		$RUNTIME = ["/usr/local/bin/$RUNTIME"]
	END
	cp "$NOTIFY" notify
	chmod 755 notify
	boots host --privileged --volume /var/lib/containers --volume /home/inner/.local/share/containers \
		--volume "$RT:/usr/local/bin/$RUNTIME:ro" --volume "$PWD/conf:/etc/containers/containers.conf.d:ro" \
		--volume "$PWD/units:/etc/containers/systemd" --volume "$PWD/notify:/notify:ro" \
		--volume "$PWD/bb.tar:/bb.tar:ro"
	on podman load --quiet --input /bb.tar
}

# on COMMAND... runs it next to systemd.
on() { podman exec host "$@"; }

# unit NAME writes a quadlet.
unit() { cat >"units/$1"; }

# active UNIT: it is, and where it is not its log says why.
active() {
	on systemctl is-active --quiet "$1" || {
		on journalctl --no-pager --lines 20 --unit "$1"
		return 1
	}
}

# starts UNIT...: systemd reads the quadlets, and starts these.
starts() {
	on systemctl daemon-reload
	local name
	for name; do
		on systemctl start "$name" || active "$name"
		active "$name"
	done
}

# none: no container is left in the outer one, no state of the runtime, and no cgroup of a container.
none() {
	[ -z "$(on podman ps --all --quiet)" ]
	[ -z "$(on find "/run/$RUNTIME" -mindepth 1 -maxdepth 1 -name '[!.]*' 2>/dev/null)" ]
	[ -z "$(on find /sys/fs/cgroup -name 'libpod-*')" ]
}

@test "quadlet: a container with a volume: it starts, is in the cgroup of its unit, and stops" {
	unit data.volume <<-'END'
		[Volume]
		Label=of=quadlet
	END
	unit web.container <<-'END'
		[Unit]
		Description=A web server
		[Container]
		Image=localhost/bb:latest
		ContainerName=web
		Exec=sh -c 'trap "exit 0" TERM; echo "said $$GREETING"; id -u >/data/uid; while :; do sleep 0.1; done'
		Environment=GREETING=hello
		Volume=data.volume:/data:U
		Tmpfs=/scratch
		ReadOnly=true
		User=1000
		DropCapability=all
		NoNewPrivileges=true
		Network=none
		HealthCmd=test -e /data/uid
		HealthInterval=disable
		StopTimeout=20
		[Install]
		WantedBy=multi-user.target
	END
	starts web
	[ "$(on podman exec web cat /data/uid)" = 1000 ]
	on podman healthcheck run web
	eventually logged
	[ "$(on podman inspect --format '{{.OCIRuntime}}' web)" = "$RUNTIME" ]
	[ "$(on podman exec web sed -n 's/^NoNewPrivs:\t//p' /proc/self/status)" = 1 ]
	local pid
	pid=$(on podman inspect --format '{{.State.Pid}}' web)
	[[ $(on cat "/proc/$pid/cgroup") == *0::*/system.slice/web.service/libpod-payload-* ]]
	[ "$(on systemctl show --property MainPID --value web)" = \
		"$(on podman inspect --format '{{.State.ConmonPid}}' web)" ]
	on systemctl stop web
	[ "$(on systemctl show --property Result --value web)" = success ]
	[ "$(on podman volume inspect --format '{{.Labels.of}}' systemd-data)" = quadlet ]
	none
}

logged() { on journalctl --quiet --output cat --unit web | grep -x 'said hello'; }

@test "quadlet: a container that fails is started again, and then its unit has failed" {
	unit fails.container <<-'END'
		[Unit]
		StartLimitBurst=2
		StartLimitIntervalSec=1h
		[Container]
		Image=localhost/bb:latest
		Network=none
		Exec=sh -c 'exit 7'
		[Service]
		Restart=on-failure
		RestartSec=100ms
	END
	on systemctl daemon-reload
	on systemctl start --no-block fails
	patiently has_failed fails
	[ "$(on systemctl show --property ExecMainStatus --value fails)" = 7 ]
	[ "$(on systemctl show --property NRestarts --value fails)" = 2 ]
	eventually none
}

has_failed() { [ "$(on systemctl is-failed "$1")" = failed ]; }

@test "quadlet: Notify: the unit has started when the program says so, and with healthy when it is well" {
	unit speaks.container <<-'END'
		[Container]
		Image=localhost/bb:latest
		Network=none
		Notify=true
		Volume=/notify:/notify:ro
		Exec=sh -c 'sleep 1; touch /tmp/ready; /notify send READY=1; exec sleep 600'
	END
	unit heals.container <<-'END'
		[Container]
		Image=localhost/bb:latest
		Network=none
		Notify=healthy
		HealthCmd=test -e /tmp/ready
		HealthInterval=1s
		Exec=sh -c 'sleep 2; touch /tmp/ready; exec sleep 600'
		PodmanArgs=--stop-timeout=0
	END
	starts speaks
	on podman exec systemd-speaks test -e /tmp/ready
	starts heals
	on podman exec systemd-heals test -e /tmp/ready
	on systemctl kill --signal KILL speaks
	on systemctl stop speaks heals
	eventually none
}

@test "quadlet: a pod of two containers, and an image that is built for one of them" {
	mkdir units/context
	printf 'FROM localhost/bb:latest\nRUN echo built >/built\n' >units/context/Containerfile
	unit made.build <<-'END'
		[Build]
		ImageTag=localhost/made:latest
		Network=none
		SetWorkingDirectory=/etc/containers/systemd/context
		PodmanArgs=--isolation=oci --ulimit=nofile=1000:1000 --ulimit=nproc=1000:1000
	END
	unit both.pod <<-'END'
		[Pod]
		PodName=both
		PodmanArgs=--network=none
	END
	unit one.container <<-'END'
		[Container]
		Image=made.build
		Pod=both.pod
		Exec=httpd -f -p 80 -h /
	END
	unit two.container <<-'END'
		[Container]
		Image=localhost/bb:latest
		Pod=both.pod
		Exec=sleep 600
		PodmanArgs=--stop-timeout=0
	END
	starts both-pod one two
	[ "$(on podman exec systemd-two wget -q -O - http://127.0.0.1/built)" = built ]
	on systemctl stop both-pod
	eventually none
}

@test "quadlet: a pod as Kubernetes describes it" {
	unit pod.yaml <<-'END'
		apiVersion: v1
		kind: Pod
		metadata: {name: kube}
		spec:
		  hostNetwork: true
		  terminationGracePeriodSeconds: 0
		  containers:
		  - name: one
		    image: localhost/bb:latest
		    imagePullPolicy: Never
		    command: [sleep, "600"]
		    securityContext: {runAsUser: 1000}
	END
	unit kube.kube <<-'END'
		[Kube]
		Yaml=pod.yaml
	END
	starts kube
	[ "$(on podman exec kube-one id -u)" = 1000 ]
	on systemctl stop kube
	eventually none
}

@test "quadlet: those of a user, in a session without root" {
	on loginctl enable-linger inner
	user() {
		podman exec --interactive --user inner --env XDG_RUNTIME_DIR=/run/user/1000 --workdir /home/inner host "$@"
	}
	patiently user systemctl --user is-system-running
	on chown inner: /home/inner/.local/share/containers
	user mkdir -p .config/containers/systemd
	user tee .config/containers/systemd/mine.container >/dev/null <<-'END'
		[Container]
		Image=localhost/bb:latest
		Network=none
		Exec=sh -c 'id -u >/tmp/uid; exec sleep 600'
		PodmanArgs=--stop-timeout=0
	END
	user podman load --quiet --input /bb.tar
	user systemctl --user daemon-reload
	user systemctl --user start mine
	[ "$(user podman exec systemd-mine cat /tmp/uid)" = 0 ]
	[ "$(user podman inspect --format '{{.OCIRuntime}}' systemd-mine)" = "$RUNTIME" ]
	local pid
	pid=$(user podman inspect --format '{{.State.Pid}}' systemd-mine)
	[[ $(on cat "/proc/$pid/cgroup") == */user@1000.service/app.slice/mine.service/* ]]
	[ "$(on stat -c %U "/proc/$pid")" = inner ]
	user systemctl --user stop mine
	[ -z "$(user podman ps --all --quiet)" ]
}
