//go:build ignore

/*
 * floor: what the kernel alone costs.
 *
 * It makes, directly and in order, the system calls that any runtime must make for one of the two configs of this
 * benchmark (testdata/default.json, testdata/docker.json), and nothing else: no config is parsed, no state is kept, no
 * path is checked. What it leaves is the same container (floor_test.go compares it with a runtime's). A runtime
 * can come near its time, not below it by doing the same work.
 *
 *   floor v1|v2 default|docker ROOTFS CGROUP FILTER|- ENTRY... -- PROGRAM [ARG...]
 *
 * CGROUP is a path below each hierarchy, as in "/name". ENTRY is a mounted hierarchy: for v2 the one cgroup2 mount, for v1
 * one directory for each. FILTER is a file of struct sock_filter, as filter.c writes it; "-" loads none.
 *
 * The order and the reasons are those of runtime-spec 1.3 config.md and config-linux.md. (The first line above is for
 * the go command, which would otherwise refuse a C file in a package without cgo.)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h> /* before linux/sched.h, which hides its functions */
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A benchmark that skipped a call would measure something else: every failure ends it. */
#define must(call) must_((long)(call), #call)

static long must_(long result, const char *call)
{
	if (result < 0) {
		fprintf(stderr, "floor: %s: %s\n", call, strerror(errno));
		_exit(125);
	}
	return result;
}

/* The command line. */
static int v2, docker, entries;
static const char *rootfs, *cgroup, *filter;
static char **entry, **program;

static void put(int dir, const char *name, const char *text)
{
	int fd = must(openat(dir, name, O_WRONLY | O_CLOEXEC));
	must(write(fd, text, strlen(text)));
	close(fd);
}

/* ---- cgroups ---- */

/* What a container may use: config-linux.md "Default Devices", mknod of anything, and the terminals. -1 is any. */
static const struct {
	char type;
	int major, minor;
	const char *access;
} rules[] = {
	{ 'c', -1, -1, "m" }, { 'b', -1, -1, "m" }, { 'c', 1, 3, "rwm" }, { 'c', 1, 5, "rwm" },
	{ 'c', 1, 7, "rwm" }, { 'c', 1, 8, "rwm" }, { 'c', 1, 9, "rwm" }, { 'c', 5, 0, "rwm" },
	{ 'c', 5, 1, "rwm" }, { 'c', 5, 2, "rwm" }, { 'c', 136, -1, "rwm" },
};

/* v1: a list is written, one rule a write. */
static void allow_v1(int dir)
{
	put(dir, "devices.deny", "a");
	for (size_t i = 0; i < COUNT(rules); i++) {
		char major[12] = "*", minor[12] = "*", line[64];
		if (rules[i].major >= 0)
			snprintf(major, sizeof major, "%d", rules[i].major);
		if (rules[i].minor >= 0)
			snprintf(minor, sizeof minor, "%d", rules[i].minor);
		snprintf(line, sizeof line, "%c %s:%s %s", rules[i].type, major, minor, rules[i].access);
		put(dir, "devices.allow", line);
	}
}

/* v2: a BPF program of type CGROUP_DEVICE is attached. It gets struct bpf_cgroup_dev_ctx and returns 1 to allow. */
static void allow_v2(int dir)
{
	struct bpf_insn code[256];
	int n = 0;
#define OP(c, d, s, o, i) (code[n++] = (struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
	OP(BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0); /* r2 = access_type: access << 16 | type */
	OP(BPF_LDX | BPF_MEM | BPF_W, 4, 1, 4, 0); /* r4 = major */
	OP(BPF_LDX | BPF_MEM | BPF_W, 5, 1, 8, 0); /* r5 = minor */
	OP(BPF_ALU | BPF_MOV | BPF_X, 3, 2, 0, 0);
	OP(BPF_ALU | BPF_RSH | BPF_K, 3, 0, 0, 16); /* r3 = access */
	OP(BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff); /* r2 = type */
	for (size_t i = 0; i < COUNT(rules); i++) {
		int jumps[4], j = 0;
		jumps[j++] = n;
		OP(BPF_JMP32 | BPF_JNE | BPF_K, 2, 0, 0, rules[i].type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
		if (rules[i].access[1] == '\0') { /* "m" alone: nothing else may be asked for */
			jumps[j++] = n;
			OP(BPF_JMP32 | BPF_JNE | BPF_K, 3, 0, 0, BPF_DEVCG_ACC_MKNOD);
		}
		if (rules[i].major >= 0) {
			jumps[j++] = n;
			OP(BPF_JMP32 | BPF_JNE | BPF_K, 4, 0, 0, rules[i].major);
		}
		if (rules[i].minor >= 0) {
			jumps[j++] = n;
			OP(BPF_JMP32 | BPF_JNE | BPF_K, 5, 0, 0, rules[i].minor);
		}
		OP(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1);
		OP(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
		while (j--)
			code[jumps[j]].off = n - jumps[j] - 1;
	}
	OP(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	OP(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	union bpf_attr load = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE, .insns = (uintptr_t)code, .insn_cnt = n,
				.license = (uintptr_t) "Apache" };
	int prog = must(syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load));
	union bpf_attr attach = { .target_fd = dir, .attach_bpf_fd = prog, .attach_type = BPF_CGROUP_DEVICE,
				  .attach_flags = BPF_F_ALLOW_MULTI };
	must(syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach));
	close(prog);
}

/* A new cpuset (v1) is empty, and an empty one takes no process: cpuset(7). */
static void inherit_cpuset(const char *parent, int dir)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
	for (size_t i = 0; i < COUNT(files); i++) {
		char path[4096], text[256] = "";
		snprintf(path, sizeof path, "%s/%s", parent, files[i]);
		int fd = must(open(path, O_RDONLY | O_CLOEXEC));
		must(read(fd, text, sizeof text - 1));
		close(fd);
		put(dir, files[i], text);
	}
}

static void cgroup_path(char path[4096], const char *hierarchy)
{
	snprintf(path, 4096, "%s%s", hierarchy, cgroup);
}

/* Makes the cgroups. On v2 the result is a descriptor to clone into; on v1 the child attaches itself by join_v1(). */
static int make_cgroups(void)
{
	char path[4096];
	int dir = -1;
	for (int i = 0; i < entries; i++) {
		cgroup_path(path, entry[i]);
		must(mkdir(path, 0755));
		dir = must(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
		const char *name = strrchr(entry[i], '/') + 1;
		if (v2)
			allow_v2(dir);
		else if (strcmp(name, "devices") == 0)
			allow_v1(dir);
		else if (strcmp(name, "cpuset") == 0)
			inherit_cpuset(entry[i], dir);
		if (!v2)
			close(dir);
	}
	return dir;
}

static void join_v1(void)
{
	char path[4096];
	for (int i = 0; i < entries; i++) {
		snprintf(path, sizeof path, "%s%s/cgroup.procs", entry[i], cgroup);
		put(AT_FDCWD, path, "0");
	}
}

static void remove_cgroups(void)
{
	char path[4096];
	for (int i = 0; i < entries; i++) {
		cgroup_path(path, entry[i]);
		while (rmdir(path) < 0) /* the last task is reaped, but may still be on its way out of the cgroup */
			must(errno == EBUSY ? sched_yield() : -1);
	}
}

/* ---- mounts: all relative to the rootfs, which is the working directory ---- */

#define PLAIN (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static void mount_cgroup_v1(void)
{
	must(mount("cgroup", "sys/fs/cgroup", "tmpfs", PLAIN, "mode=755"));
	for (int i = 0; i < entries; i++) {
		char source[4096], target[4096];
		snprintf(target, sizeof target, "sys/fs/cgroup/%s", strrchr(entry[i], '/') + 1);
		cgroup_path(source, entry[i]);
		must(mkdir(target, 0755));
		must(mount(source, target, NULL, MS_BIND, NULL));
		must(mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | PLAIN, NULL));
	}
}

static void mount_all(void)
{
	must(mount("proc", "proc", "proc", docker ? PLAIN : 0, NULL));
	must(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"));
	must(mkdir("dev/pts", 0755));
	must(mkdir("dev/shm", 0755));
	must(mkdir("dev/mqueue", 0755));
	must(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"));
	must(mount("shm", "dev/shm", "tmpfs", PLAIN, "mode=1777,size=65536k"));
	must(mount("mqueue", "dev/mqueue", "mqueue", PLAIN, NULL));
	must(mount("sysfs", "sys", "sysfs", PLAIN | MS_RDONLY, NULL));
	if (v2)
		must(mount("cgroup", "sys/fs/cgroup", "cgroup2", PLAIN | MS_RDONLY, NULL));
	else
		mount_cgroup_v1();
}

static void make_devices(void)
{
	static const struct {
		const char *path;
		int major, minor;
	} nodes[] = {
		{ "dev/null", 1, 3 }, { "dev/zero", 1, 5 }, { "dev/full", 1, 7 },
		{ "dev/random", 1, 8 }, { "dev/urandom", 1, 9 }, { "dev/tty", 5, 0 },
	};
	for (size_t i = 0; i < COUNT(nodes); i++)
		must(mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)));
	must(symlink("pts/ptmx", "dev/ptmx"));
	must(symlink("/proc/self/fd", "dev/fd"));
	must(symlink("/proc/self/fd/0", "dev/stdin"));
	must(symlink("/proc/self/fd/1", "dev/stdout"));
	must(symlink("/proc/self/fd/2", "dev/stderr"));
}

/* linux.maskedPaths: a file is covered with /dev/null, a directory with an empty tmpfs; what is absent needs nothing. */
static void mask(void)
{
	static const char *const paths[] = {
		"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
		"/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
		"/sys/devices/virtual/powercap", /* in the Docker config only: keep it last */
	};
	for (size_t i = 0; i < COUNT(paths) - !docker; i++) {
		if (mount("/dev/null", paths[i], NULL, MS_BIND, NULL) == 0 || errno == ENOENT)
			continue;
		must(errno == ENOTDIR ? 0 : -1);
		must(mount("tmpfs", paths[i], "tmpfs", MS_RDONLY, "size=0k"));
	}
}

static void protect(void)
{
	static const char *const paths[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" };
	for (size_t i = 0; i < COUNT(paths); i++) {
		if (mount(paths[i], paths[i], NULL, MS_BIND | MS_REC, NULL) < 0) {
			must(errno == ENOENT ? 0 : -1);
			continue;
		}
		must(mount(NULL, paths[i], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | (docker ? PLAIN : 0), NULL));
	}
}

/* ---- the process ---- */

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	must(ioctl(fd, SIOCSIFFLAGS, &request));
	close(fd);
}

#define BIT(n) (1ULL << (n))

static void drop_capabilities(void)
{
	uint64_t keep = BIT(CAP_AUDIT_WRITE) | BIT(CAP_KILL) | BIT(CAP_NET_BIND_SERVICE);
	if (docker)
		keep |= BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) | BIT(CAP_FOWNER) | BIT(CAP_MKNOD) |
			BIT(CAP_NET_RAW) | BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETFCAP) | BIT(CAP_SETPCAP) |
			BIT(CAP_SYS_CHROOT);
	for (int c = 0; c <= CAP_LAST_CAP; c++)
		if (!(keep & BIT(c)))
			must(prctl(PR_CAPBSET_DROP, c, 0, 0, 0));
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = keep, .permitted = keep },
		{ .effective = keep >> 32, .permitted = keep >> 32 },
	};
	must(syscall(SYS_capset, &head, data));
}

/* The child: everything between its birth in the new namespaces and the user's program. */
static void become(const struct sock_fprog *seccomp)
{
	static char *const env[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm", NULL };
	if (v2)
		must(unshare(CLONE_NEWCGROUP)); /* not in clone: it would be rooted at the parent's cgroup */
	else
		join_v1();
	must(setsid());
	umask(0);
	must(sethostname("bench", 5));
	loopback_up();

	must(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL));
	must(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL)); /* pivot_root(2) wants a mount point */
	must(chdir(rootfs));
	mount_all();
	make_devices();
	must(syscall(SYS_pivot_root, ".", "."));
	must(umount2(".", MNT_DETACH));
	must(chdir("/"));
	if (docker) {
		put(AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
		put(AT_FDCWD, "/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
		put(AT_FDCWD, "/proc/self/oom_score_adj", "0");
	}
	protect();
	mask();
	if (!docker) {
		must(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
		must(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 1024, 1024 }));
	}
	umask(022);
	must(syscall(SYS_setgroups, docker ? 1 : 0, &(gid_t){ 0 }));
	if (docker && seccomp->len) /* without no_new_privs a filter takes CAP_SYS_ADMIN, so it comes before the drop */
		must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, seccomp));
	drop_capabilities();
	if (!docker)
		must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	must(execve(program[0], program, env));
}

static void parse(int argc, char **argv)
{
	int i = 6;
	while (i < argc && strcmp(argv[i], "--") != 0)
		i++;
	if (i < 7 || i + 1 >= argc) {
		fprintf(stderr, "usage: floor v1|v2 default|docker ROOTFS CGROUP FILTER|- ENTRY... -- PROGRAM [ARG...]\n");
		exit(2);
	}
	v2 = strcmp(argv[1], "v2") == 0;
	docker = strcmp(argv[2], "docker") == 0;
	rootfs = argv[3];
	cgroup = argv[4];
	filter = argv[5];
	entry = argv + 6;
	entries = i - 6;
	program = argv + i + 1;
}

static struct sock_fprog read_filter(void)
{
	static struct sock_filter code[BPF_MAXINSNS];
	if (strcmp(filter, "-") == 0)
		return (struct sock_fprog){ 0 };
	int fd = must(open(filter, O_RDONLY | O_CLOEXEC));
	return (struct sock_fprog){ .len = must(read(fd, code, sizeof code)) / sizeof code[0], .filter = code };
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	struct sock_fprog seccomp = read_filter();
	int dir = make_cgroups();
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS | (v2 ? CLONE_INTO_CGROUP : 0),
		.exit_signal = SIGCHLD,
		.cgroup = v2 ? dir : 0,
	};
	pid_t pid = must(syscall(SYS_clone3, &args, sizeof args));
	if (pid == 0)
		become(&seccomp);
	int status;
	must(waitpid(pid, &status, 0));
	remove_cgroups();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
