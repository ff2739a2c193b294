package main

// probe is what the container runs: it prints what there is to see, a fact a line, each with a word in front that says
// what it is about. $DIR is where the bundle is, so that no line differs by it.
const probe = `
f=/proc/self/mountinfo
while read -r id parent dev root point opts rest; do
	prop=
	while [ "${rest%% *}" != - ]; do
		case ${rest%% *} in
		shared:*) prop="$prop shared";;
		master:*) prop="$prop slave";;
		*) prop="$prop ${rest%% *}";;
		esac
		rest=${rest#* }
	done
	rest=${rest#- }
	echo "mount $point $opts${prop:- private} ${rest%% *} root=$root"
	super=${rest##* }; echo "super $point ${rest%% *} ${super%%,*}"
	echo "at $point $(stat -c '%a %u:%g' "$point" 2>&1)"
done <$f
while read -r key value; do
	case $key in
	Uid:|Gid:|Groups:|Cap*:|NoNewPrivs:|Seccomp:|Umask:|SigBlk:|SigIgn:|SigCgt:|Cpus_allowed_list:|THP_enabled:|\
	Mems_allowed_list:|NSpid:) echo "status $key" $value;; esac
done </proc/self/status
sed 's/  */ /g; s/^/limit /' /proc/self/limits
for n in /dev/* /dev/*/*; do [ -e "$n" ] || [ -L "$n" ] || continue
	case $n in /dev/fd/*|/dev/pts/[0-9]*|/dev/shm/*) continue;; esac
	echo "node $n $(stat -c '%F %a %u:%g %t:%T' "$n") $(readlink "$n")"; done
for n in / /data /data/* /mnt /mnt/* /run /tmp /var /var/run /etc /etc/data /opt /opt/* /work /work/deep \
	/proc/kcore /proc/keys /sys/firmware /secret /secret.d; do
	[ -e "$n" ] || [ -L "$n" ] || continue
	case $n in /data/*|/mnt/*|/opt/*) ;; esac
	echo "path $n $(stat -c '%F %a %u:%g' "$n") $(readlink "$n")"; done
env | sort | sed '/^H[A-Z]*NS_/d; s/^/env /'
echo "cwd $(pwd -P)"
echo "hostname $(hostname) $(cat /proc/sys/kernel/domainname)"
echo "oom $(cat /proc/self/oom_score_adj)"
echo "personality $(cat /proc/self/personality 2>/dev/null)"
set -- $(cat /proc/self/stat); shift 17 2>/dev/null; echo "priority $1 $2"
echo "ionice $(ionice -p $$ 2>&1)"
echo "loginuid $(cat /proc/self/loginuid 2>/dev/null)"
for k in net/ipv4/ip_forward net/ipv4/ping_group_range net/ipv4/ip_unprivileged_port_start kernel/shmmax kernel/msgmax \
	fs/mqueue/msg_max; do
	[ ! -r /proc/sys/$k ] || echo "sysctl $k $(cat /proc/sys/$k)"; done
for d in /proc/self/fd/*; do echo "fd ${d##*/}"; done
for n in ipc uts net cgroup pid user time mnt; do
	own=$(readlink /proc/self/ns/$n); held=$(eval echo \$HELDNS_$n)
	case $own in
	"") how=unknown;;
	"$(eval echo \$HOSTNS_$n)") how=host;;
	"${held%,*}") how=held;;
	"${held#*,}") how="of the users held";;
	*) how=own;;
	esac
	echo "ns $n $how"; done
sed 's/^/timens /' /proc/self/timens_offsets
[ ! -t 0 ] || echo "tty $(readlink /proc/self/fd/0) $(stat -L -c '%a %u:%g %t' /proc/self/fd/0) $(stty size) $(
	stty -a | tr '\n' ' ')"
sed 's/^[0-9]*:/cgroup /; s/rt[0-9a-z-]*-[0-9]*/ID/g' /proc/self/cgroup
for f in /sys/fs/cgroup/*/memory.limit_in_bytes /sys/fs/cgroup/*/memory.memsw.limit_in_bytes \
	/sys/fs/cgroup/*/memory.soft_limit_in_bytes /sys/fs/cgroup/*/pids.max /sys/fs/cgroup/*/cpu.shares \
	/sys/fs/cgroup/*/cpu.cfs_quota_us /sys/fs/cgroup/*/cpu.cfs_period_us /sys/fs/cgroup/*/cpuset.cpus \
	/sys/fs/cgroup/*/blkio.weight /sys/fs/cgroup/*/devices.list; do
	[ ! -r $f ] || sed "s|^|resource $f |" $f; done
mkdir /tmp/made 2>/tmp/e && echo "mkdir ok $(stat -c %a /tmp/made)" || echo "mkdir $(cat /tmp/e 2>/dev/null)"
ls -l /proc/self/fd/0 >/dev/null 2>&1
echo "net $(grep -c : /proc/net/dev) lo=$(cat /sys/class/net/lo/operstate 2>/dev/null)"
ulimit -c >/dev/null
`
