// SPDX-License-Identifier: GPL-2.0-only
/* The guest and its threads while time is stolen from them */
#define _GNU_SOURCE
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "steal.h"
#include "util.h"

bool guest_gone;
double deadline = INFINITY;

static int guest_fd = -1;

/* Returns how long, in ns, the thread could have run and did not, or -1. */
long long run_delay(pid_t tid)
{
	long long delay;
	char text[128];

	if (read_proc(tid, "schedstat", text, sizeof(text)) ||
	    sscanf(text, "%*u %lld", &delay) != 1)
		return -1;
	return delay;
}

/* A vCPU that is gone keeps what was seen last. */
void sample_delay(struct vcpu *v)
{
	long long delay = run_delay(v->tid);

	if (delay >= 0)
		v->delay = delay;
}

/* Returns the id of the process that thread TID is of, or -1. */
static pid_t process_of(pid_t tid)
{
	char text[4096], *line;

	if (read_proc(tid, "status", text, sizeof(text)))
		return -1;
	line = strstr(text, "\nTgid:");
	return line ? atoi(line + 6) : -1;
}

/*
 * The lock keeps a second vcpu-steal away from the guest. It would take the
 * changes of the first one for the state to restore.
 */
int watch_guest(int *lock)
{
	pid_t pid = process_of(vcpus[0].tid);
	char dir[32];
	int i;

	for (i = 0; i < n_vcpus; i++)
		if (pid < 0 || process_of(vcpus[i].tid) != pid)
			return fail("vCPU %d: no thread %d of the same guest is here: %s",
				    vcpus[i].index, vcpus[i].tid,
				    "it has ended, or is in a container");
	guest_fd = syscall(__NR_pidfd_open, pid, 0);
	snprintf(dir, sizeof(dir), "/proc/%d", pid);
	*lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (guest_fd < 0 || *lock < 0)
		return fail("process %d: %s", pid, strerror(errno));
	if (flock(*lock, LOCK_EX | LOCK_NB))
		return fail("process %d: another vcpu-steal is at work on it", pid);
	return 0;
}

bool ended(void)
{
	return interrupted || guest_gone || failed || now() >= deadline;
}

/* Waits until something happens, or for so long. */
void watch(double seconds)
{
	int status;
	pid_t tid;

	if (wait_for(guest_fd, seconds))
		guest_gone = true;
	while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		keeper_ended(tid);
		trace_event(tid, status);
	}
}

void pass_time(double seconds, bool spin)
{
	double end = now() + seconds, left;

	if (end > deadline)
		end = deadline;
	while (!ended() && (left = end - now()) > 0)
		watch(spin ? 0 : left);
}

/* Says why it failed, unless only the guest has ended. Returns -1. */
int give_up(const struct vcpu *v, const char *what)
{
	int error = errno;

	if (error == ESRCH || process_of(v->tid) < 0)
		guest_gone = true;
	else
		fail("vCPU %d, thread %d: failed to %s: %s", v->index, v->tid, what,
		     strerror(error));
	return -1;
}
