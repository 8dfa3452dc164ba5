// SPDX-License-Identifier: GPL-2.0-only
/* Ask libvirt for the vCPUs of a guest, by virsh */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdnoreturn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "steal.h"
#include "util.h"

static noreturn void exec_virsh(int out)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	unblock_signals();
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execlp("virsh", "virsh", "qemu-monitor-command", opt.domain,
	       "{\"execute\":\"query-cpus-fast\"}", (char *)NULL);
	dprintf(STDERR_FILENO, "cannot be run: %s\n", strerror(errno));
	_exit(127);
}

/* Returns the exit status, or -1 if there is none, with what virsh printed. */
static int run_virsh(char *out, size_t size, double end)
{
	int fds[2], status;
	ssize_t n = 1;
	size_t len = 0;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid)
		exec_virsh(fds[1]);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return -1;
	}
	while (n > 0 && len < size - 1 && !interrupted && now() < end)
		if (wait_for(fds[0], 0.5)) {
			n = read(fds[0], out + len, size - 1 - len);
			len += n > 0 ? n : 0;
		}
	close(fds[0]);
	out[len] = '\0';
	if (n)
		kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	return n || !WIFEXITED(status) ? -1 : WEXITSTATUS(status);
}

int find_by_domain(double end)
{
	static char out[1 << 20];
	json_t *answer;
	int n = 0, status;
	char *line = out;

	while (!n && !interrupted && now() < end) {
		status = run_virsh(out, sizeof(out), end);
		if (status) {
			line += strspn(line, "\n");
			line[strcspn(line, "\n")] = '\0';
			return fail("virsh: %s", *line ? line : "no answer");
		}
		line = strchr(out, '{');
		answer = line ? json_loads(line, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
		n = parse_vcpus(answer, "virsh");
		json_decref(answer);
		if (!n)
			wait_for(-1, 0.2);
	}
	return n;
}
