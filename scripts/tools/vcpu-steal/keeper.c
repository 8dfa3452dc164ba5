// SPDX-License-Identifier: GPL-2.0-only
/*
 * The keeper is a second process. It restores the guest when the first process
 * has ended, even by SIGKILL.
 */
#define _GNU_SOURCE
#include <stdnoreturn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "steal.h"
#include "util.h"

static pid_t keeper;
static int keeper_fd = -1;

/*
 * If the parent dies, its end of the socket is closed, too. Signals stay blocked
 * here. The keeper has its own session, so that a signal to the process group
 * does not kill it.
 */
static noreturn void keep(int fd, int lock)
{
	char byte = 0;

	setsid();
	if (dup2(fd, 0) < 0 || dup2(lock, 1) < 0)
		_exit(1);
	syscall(__NR_close_range, 2, ~0U, 0);
	if (write(0, &byte, 1) == 1)
		while (read(0, &byte, 1) > 0)
			;
	_exit(opt.way->restore());
}

/* Returns when the keeper is ready: before that nothing may be changed. */
int start_keeper(int lock)
{
	int fds[2];
	char byte;

	if (!opt.way->restore)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return fail("socketpair: %s", strerror(errno));
	keeper = fork();
	if (keeper < 0)
		return fail("fork: %s", strerror(errno));
	if (!keeper)
		keep(fds[1], lock);
	close(fds[1]);
	keeper_fd = fds[0];
	return read(keeper_fd, &byte, 1) == 1 ? 0 : fail("no keeper");
}

/* Process PID has ended, which should not have been the keeper. */
void keeper_ended(pid_t pid)
{
	if (pid != keeper)
		return;
	keeper = 0;
	fail("the process that restores the guest was killed");
}

void restore(void)
{
	int status = 0;

	if (keeper_fd < 0)
		return;
	close(keeper_fd);
	if (!keeper || waitpid(keeper, &status, 0) != keeper || WIFSIGNALED(status))
		status = opt.way->restore();
	if (status)
		fail("not all affinities or cgroups of the guest could be restored");
}
