//go:build ignore

/*
 * filter: a seccomp profile as the BPF program that floor loads.
 *
 * Standard input is what bench wrote from linux.seccomp, one word or number apart by blanks:
 *
 *   default ACTION                                                first
 *   arch TOKEN                                                    one for each foreign architecture
 *   rule ACTION SYSCALL [INDEX OP VALUE VALUETWO]...              one for each system call name of each rule
 *
 * ACTION is the number of seccomp(2), OP that of libseccomp's enum scmp_compare. Standard output gets the array of
 * struct sock_filter. It is libseccomp's search tree (optimize level 2), the quickest to load of what it can make: the
 * kernel tries every system call on a new filter once (seccomp_cache_prepare, Linux 5.11).
 */
#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void must(int result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "filter: %s: %s\n", what, strerror(-result));
		exit(1);
	}
}

static uint64_t number(void)
{
	return strtoull(strtok(NULL, " \n"), NULL, 0);
}

static void rule(scmp_filter_ctx filter)
{
	uint32_t action = number();
	const char *name = strtok(NULL, " \n");
	int nr = seccomp_syscall_resolve_name(name);
	if (nr == __NR_SCMP_ERROR)
		return; /* newer than this libseccomp: the runtimes leave it out as well */
	struct scmp_arg_cmp args[6];
	unsigned count = 0;
	for (char *word; count < 6 && (word = strtok(NULL, " \n")); count++) {
		args[count].arg = strtoul(word, NULL, 0);
		args[count].op = (enum scmp_compare)number();
		args[count].datum_a = number();
		args[count].datum_b = number();
	}
	must(seccomp_rule_add_array(filter, action, nr, count, args), name);
}

int main(void)
{
	char line[512];
	scmp_filter_ctx filter = NULL;
	while (fgets(line, sizeof line, stdin)) {
		char *word = strtok(line, " \n");
		if (word && strcmp(word, "default") == 0) {
			filter = seccomp_init(number());
			must(filter ? 0 : -ENOMEM, "default");
			must(seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize");
		} else if (word && filter && strcmp(word, "arch") == 0) {
			must(seccomp_arch_add(filter, number()), "arch");
		} else if (word && filter && strcmp(word, "rule") == 0) {
			rule(filter);
		} else {
			must(-EINVAL, "a line that is none of default, arch, rule");
		}
	}
	must(filter ? 0 : -EINVAL, "no input");
	must(seccomp_export_bpf(filter, STDOUT_FILENO), "export");
	return 0;
}
