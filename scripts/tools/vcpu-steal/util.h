/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VCPU_STEAL_UTIL_H
#define VCPU_STEAL_UTIL_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof(*(array)))

extern bool failed;			/* fail() was called */
extern sig_atomic_t interrupted;	/* changes only within wait_for() */

/* Each is one write(), so that lines of several programs do not mix. */
#define note(format, ...) fprintf(stderr, "vcpu-steal: " format "\n", ##__VA_ARGS__)
/* Has the value -1. */
#define fail(...) (note(__VA_ARGS__), failure())

int failure(void);
double clock_now(clockid_t id);
double now(void);
void catch_signals(void);
void unblock_signals(void);
bool wait_for(int fd, double seconds);
int read_in(const char *dir, const char *file, char *text, size_t size);
int write_in(const char *dir, const char *file, const char *text);
int read_proc(pid_t tid, const char *file, char *text, size_t size);

#endif
