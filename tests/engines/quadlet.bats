#!/usr/bin/env bats
# shellcheck disable=SC2016 # for the shells of containers
# Quadlets: units that Podman's generator makes of the files that a test writes. The host with systemd is the machine,
# if it has one, as in tests/vm/engines; there the user is rootless. Otherwise it is a container of Podman whose program
# is the systemd of Debian 13, the tree DEBIAN, with Podman and the user inner; all containers have the runtime under
# test.
#
# The units have --cgroups=split, which wants cgroup v2.

load systemd

setup() {
	[ "$CGROUPS" = 2 ] || skip 'quadlets have --cgroups=split, which wants cgroup v2'
	cd "$BATS_TEST_TMPDIR" || return
	chmod 755 "$BATS_TEST_TMPDIR"
	podman save --quiet --output bb.tar bb
	mkdir conf
	cat >conf/61-runtime.conf <<-END
		[engine]
		runtime = "$RUNTIME"
		[engine.runtimes]
		$RUNTIME = ["/usr/local/bin/$RUNTIME"]
	END
	cp "$NOTIFY" notify
	chmod 755 notify
	if has_systemd; then
		machine
	else
		container
	fi
	on podman load --quiet --input "$PWD/bb.tar"
}

has_systemd() { [ "$(cat /proc/1/comm)" = systemd ]; }

# machine makes this one the host. What a test has left that failed goes first.
machine() {
	local name
	user=rootless
	for name in /etc/containers/systemd/*.*; do
		name=${name##*/}
		[[ $name != *.container ]] || systemctl stop "${name%.container}" || true
	done
	rm -rf /etc/containers/systemd
	mkdir -p /etc/containers/systemd
	systemctl daemon-reload
	on podman rm --force --all --time 0
	ln -s /etc/containers/systemd units
	[ "$RT" = "/usr/local/bin/$RUNTIME" ] || install "$RT" "/usr/local/bin/$RUNTIME"
	install -m 644 conf/61-runtime.conf /etc/containers/containers.conf.d/
	install notify /
}

# container makes one the host. The containers of a user have no rights over the controllers there, and nobody limits
# their number.
container() {
	user=inner
	mkdir units
	cp "$BATS_TEST_DIRNAME/../../packaging/containers/50-rt.conf" conf/
	printf '[containers]\npids_limit = 0\n' >conf/60-no-controllers.conf
	boots host --privileged --volume /var/lib/containers --volume /home/inner/.local/share/containers \
		--volume "$RT:/usr/local/bin/$RUNTIME:ro" --volume "$PWD/conf:/etc/containers/containers.conf.d:ro" \
		--volume "$PWD/units:/etc/containers/systemd" --volume "$PWD/notify:/notify:ro" \
		--volume "$PWD/bb.tar:$PWD/bb.tar:ro"
}

# on COMMAND... runs it next to systemd.
on() {
	if has_systemd; then
		env "$@"
	else
		podman exec host "$@"
	fi
}

# as_user COMMAND... runs it next to the systemd of the user, where that is at home.
as_user() {
	if has_systemd; then
		as-rootless "$@"
	else
		podman exec --interactive --user inner --env XDG_RUNTIME_DIR=/run/user/1000 --workdir /home/inner host "$@"
	fi
}

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
	on loginctl enable-linger "$user"
	patiently as_user systemctl --user is-system-running
	if ! has_systemd; then on chown inner: /home/inner/.local/share/containers; fi
	as_user mkdir -p .config/containers/systemd
	as_user tee .config/containers/systemd/mine.container >/dev/null <<-'END'
		[Container]
		Image=localhost/bb:latest
		Network=none
		Exec=sh -c 'id -u >/tmp/uid; exec sleep 600'
		PodmanArgs=--stop-timeout=0
	END
	as_user podman load --quiet <bb.tar
	as_user systemctl --user daemon-reload
	as_user systemctl --user start mine
	[ "$(as_user podman exec systemd-mine cat /tmp/uid)" = 0 ]
	[ "$(as_user podman inspect --format '{{.OCIRuntime}}' systemd-mine)" = "$RUNTIME" ]
	local pid
	pid=$(as_user podman inspect --format '{{.State.Pid}}' systemd-mine)
	[[ $(on cat "/proc/$pid/cgroup") == */user@*.service/app.slice/mine.service/* ]]
	[ "$(on stat -c %U "/proc/$pid")" = "$user" ]
	as_user systemctl --user stop mine
	[ -z "$(as_user podman ps --all --quiet)" ]
	as_user rm .config/containers/systemd/mine.container
}

@test "quadlet: a network, with addresses and a port of the host" {
	unit lan.network <<-'END'
		[Network]
		Subnet=10.91.7.0/24
		Gateway=10.91.7.1
		Label=of=quadlet
	END
	unit server.container <<-'END'
		[Container]
		Image=localhost/bb:latest
		Network=lan.network
		IP=10.91.7.5
		PublishPort=8091:80
		Exec=httpd -f -p 80 -h /var/data
		PodmanArgs=--stop-timeout=0
	END
	unit client.container <<-'END'
		[Container]
		Image=localhost/bb:latest
		Network=lan.network
		Exec=sleep 600
		PodmanArgs=--stop-timeout=0
	END
	starts server client
	[ "$(on podman network inspect --format '{{.Labels.of}}' systemd-lan)" = quadlet ]
	[ "$(on systemctl show --property ActiveState --value lan-network)" = active ]
	eventually on podman exec systemd-client wget -q -O /tmp/file http://10.91.7.5/file
	[ "$(on podman exec systemd-client cat /tmp/file)" = 'from the image' ]
	[ "$(on busybox wget -q -O - http://127.0.0.1:8091/file)" = 'from the image' ]
	# Of the server it sees the address, and not the network of the host.
	[[ $(on podman exec systemd-server ip -o -4 address show) == *'inet 10.91.7.5/24'* ]]
	[ "$(on podman exec systemd-client ls /sys/class/net | xargs)" = 'eth0 lo' ]
	on systemctl restart server
	eventually on podman exec systemd-client wget -q -O /tmp/again http://10.91.7.5/file
	on systemctl stop server client
	eventually none
	on podman network rm systemd-lan
}

@test "quadlet: limits of a container, within those of its unit" {
	on grep -qw memory /sys/fs/cgroup/cgroup.controllers || skip 'this cgroup2 has no controllers'
	unit limited.container <<-'END'
		[Container]
		Image=localhost/bb:latest
		Network=none
		PidsLimit=20
		ShmSize=1m
		Ulimit=nofile=100:200
		Exec=sh -c 'ulimit -n; while [ ! -e /tmp/go ]; do sleep 0.1; done; tail /dev/zero'
		PodmanArgs=--memory=64m --memory-swap=64m --cpus=0.5
		[Service]
		MemoryMax=256M
		TasksMax=100
		OOMPolicy=continue
	END
	starts limited
	local file
	for file in 'memory.max 67108864' 'pids.max 20' 'cpu.max 50000 100000' 'memory.swap.max 0'; do
		[ "$(on podman exec systemd-limited cat "/sys/fs/cgroup/${file%% *}")" = "${file#* }" ]
	done
	[ "$(on cat /sys/fs/cgroup/system.slice/limited.service/memory.max)" = 268435456 ]
	[ "$(on cat /sys/fs/cgroup/system.slice/limited.service/pids.max)" = 100 ]
	[ "$(on podman exec systemd-limited df -k /dev/shm | awk 'END { print $2 }')" = 1024 ]
	eventually says_100
	run on podman exec systemd-limited sh -c 'for i in $(seq 30); do sleep 3 & done; wait'
	echo "$output"
	[[ $output == *'fork'* ]]
	eventually on podman exec systemd-limited touch /tmp/go
	patiently has_failed limited
	[ "$(on systemctl show --property ExecMainStatus --value limited)" = 137 ]
	eventually none
}

# Not the journal: the machine's Podman keeps logs in files.
says_100() { on podman logs systemd-limited | grep -x 100; }
