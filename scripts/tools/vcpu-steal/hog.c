// SPDX-License-Identifier: GPL-2.0-only
/* Steal by running, as a SCHED_FIFO task, on the CPU that a thread is pinned to */
#define _GNU_SOURCE
#include "steal.h"
#include "util.h"

static int pin(pid_t tid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(tid, sizeof(set), &set);
}

/* The vCPUs get the CPUs that they may run on in turn. */
static int choose_cpu(const struct vcpu *v)
{
	int skip = (v - vcpus) % CPU_COUNT(&v->affinity), cpu;

	for (cpu = 0; skip || !CPU_ISSET(cpu, &v->affinity); cpu++)
		skip -= !!CPU_ISSET(cpu, &v->affinity);
	return cpu;
}

/* Pin the thread, or it would move to another CPU. */
static int hog_prepare(struct vcpu *v)
{
	const struct sched_param param = { .sched_priority = sched_get_priority_min(SCHED_FIFO) };

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		return fail("cannot become a SCHED_FIFO task: %s: needs CAP_SYS_NICE, be root",
			    strerror(errno));
	if (sched_getaffinity(v->tid, sizeof(v->affinity), &v->affinity))
		return give_up(v, "read its affinity");
	v->cpu = choose_cpu(v);
	v->pinned = true;
	return pin(v->tid, v->cpu) ? give_up(v, "pin it") : 0;
}

static int hog_begin(struct vcpu *v)
{
	if (pin(0, v->cpu))
		return fail("cannot run on CPU %d: %s", v->cpu, strerror(errno));
	return 0;
}

static int hog_restore(void)
{
	const struct vcpu *v;
	int status = 0;

	for (v = vcpus; v < vcpus + n_vcpus; v++)
		if (v->pinned && sched_setaffinity(v->tid, sizeof(v->affinity), &v->affinity) &&
		    errno != ESRCH)
			status = 1;
	return status;
}

/* Count its own run time as stolen: the kernel does not let it run all the time. */
const struct way way_hog = {
	.name = "hog",
	.prepare = hog_prepare,
	.begin = hog_begin,
	.restore = hog_restore,
	.spin = true,
	.clock = CLOCK_PROCESS_CPUTIME_ID,
};
