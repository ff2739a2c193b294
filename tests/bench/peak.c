//go:build ignore

/*
 * peak: run a program and write its peak memory, as "peak BYTES", to descriptor 3.
 *
 * The figure is ru_maxrss of wait4(2): the largest resident set of the program and of every descendant that was waited
 * for. bench cannot ask for it itself. A process that was made by vfork and then execs is charged with
 * the peak of the memory it shared with its parent (exec_mmap keeps the old high-water mark), so every program bench starts seems as large as
 * bench. This one is small, and forks.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	pid_t pid = fork();
	if (pid == 0) {
		close(3);
		execv(argv[1], argv + 1);
		_exit(127);
	}
	int status;
	struct rusage usage;
	if (pid < 0 || wait4(pid, &status, 0, &usage) < 0)
		return 1;
	dprintf(3, "peak %ld\n", usage.ru_maxrss * 1024);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
