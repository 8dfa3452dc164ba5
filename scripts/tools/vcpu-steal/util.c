// SPDX-License-Identifier: GPL-2.0-only
/* Time, signals, files and failures */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include "util.h"

bool failed;
sig_atomic_t interrupted;

static sigset_t unblocked;

int failure(void)
{
	failed = true;
	return -1;
}

double clock_now(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

double now(void)
{
	return clock_now(CLOCK_MONOTONIC);
}

static void on_signal(int sig)
{
	if (sig != SIGCHLD)
		interrupted = 1;
}

/*
 * Signals are blocked except while this program waits. So none is missed
 * between a look at the flag and the wait. SIGCHLD is for a traced thread; it
 * only has to end the wait.
 */
void catch_signals(void)
{
	static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };
	struct sigaction sa = { .sa_handler = on_signal };
	struct sigaction old;
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(caught); i++) {
		/* nohup makes its programs ignore SIGHUP, and so they should. */
		sigaction(caught[i], NULL, &old);
		if (caught[i] == SIGHUP && old.sa_handler == SIG_IGN)
			continue;
		sigaction(caught[i], &sa, NULL);
		sigaddset(&set, caught[i]);
	}
	sigprocmask(SIG_BLOCK, &set, &unblocked);
	/* The parent may have blocked them, too. */
	for (i = 0; i < ARRAY_SIZE(caught); i++)
		sigdelset(&unblocked, caught[i]);
}

/* For a child that runs another program */
void unblock_signals(void)
{
	sigprocmask(SIG_SETMASK, &unblocked, NULL);
}

/* Returns whether FD, if any, can be read. Signals end the wait. */
bool wait_for(int fd, double seconds)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct timespec t = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (time_t)seconds) * 1e9),
	};

	return ppoll(&p, 1, &t, &unblocked) > 0;
}

static int open_in(const char *dir, const char *file, int flags)
{
	int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (at < 0)
		return -1;
	fd = openat(at, file, flags | O_CLOEXEC);
	close(at);
	return fd;
}

int read_in(const char *dir, const char *file, char *text, size_t size)
{
	int fd = open_in(dir, file, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n < 0 ? -1 : 0;
}

int write_in(const char *dir, const char *file, const char *text)
{
	int fd = open_in(dir, file, O_WRONLY);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -1 : 0;
}

/* /proc/TID is there for every thread, although it is not listed. */
int read_proc(pid_t tid, const char *file, char *text, size_t size)
{
	char dir[32];

	snprintf(dir, sizeof(dir), "/proc/%d", tid);
	return read_in(dir, file, text, size);
}
