/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VCPU_STEAL_H
#define VCPU_STEAL_H

#include <jansson.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#define MAX_VCPUS 1024

struct vcpu {
	int index;
	pid_t tid;
	unsigned long count;
	double sum, max;		/* seconds */
	long long delay_before, delay;	/* nanoseconds, -1: unknown */

	bool wanted, stopped;		/* ptrace */

	bool pinned;			/* hog */
	int cpu;
	cpu_set_t affinity;

	bool moved, enabled;		/* cgroup */
	char parent[PATH_MAX], group[PATH_MAX], cpu_max[64];
};

/* One way to steal. Its functions return 0 or -1. */
struct way {
	const char *name;
	int (*prepare)(struct vcpu *v);
	int (*begin)(struct vcpu *v);
	int (*end)(struct vcpu *v);
	int (*restore)(void);		/* run by the keeper */
	bool spin;
	clockid_t clock;		/* of what was stolen */
};

struct range {
	double min, max;
};

struct options {
	const char *qmp, *domain;
	pid_t pid;
	const struct way *way;
	struct range length, period;	/* milliseconds */
	double duration;		/* seconds, 0: no limit */
	unsigned long seed;
	bool json, quiet;
	int wanted[MAX_VCPUS], n_wanted;
};

/* options.c */
extern struct options opt;

void parse_options(int argc, char **argv);

/* find.c. The keeper shares the vCPUs and reads what is to be restored. */
extern struct vcpu *vcpus;
extern int n_vcpus;

int add_vcpu(int n, int index, pid_t tid);
int find_vcpus(void);

/*
 * These return the number of vCPUs, 0 if the guest does not have them yet, or
 * -1. END is when they give up.
 */
int parse_vcpus(json_t *answer, const char *from);	/* qmp.c */
int find_by_qmp(double end);
int find_by_domain(double end);				/* libvirt.c */

/* guest.c */
extern bool guest_gone;
extern double deadline;

int watch_guest(int *lock);
long long run_delay(pid_t tid);
void sample_delay(struct vcpu *v);
bool ended(void);
void watch(double seconds);
void pass_time(double seconds, bool spin);
int give_up(const struct vcpu *v, const char *what);

/* ptrace.c, hog.c, cgroup.c */
extern const struct way way_ptrace, way_hog, way_cgroup;

void trace_event(pid_t tid, int status);

/* keeper.c */
int start_keeper(int lock);
void keeper_ended(pid_t pid);
void restore(void);

/* report.c */
unsigned long count_steals(double *seconds);
void report_progress(double start);
void print_result(double seconds);

#endif
