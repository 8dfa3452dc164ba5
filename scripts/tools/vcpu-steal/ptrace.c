// SPDX-License-Identifier: GPL-2.0-only
/* Steal by stopping a thread as a debugger does */
#define _GNU_SOURCE
#include <sys/ptrace.h>
#include <sys/wait.h>
#include "steal.h"
#include "util.h"

/*
 * A thread that was seized also stops for every signal it gets. Pass the signal
 * on at once, or more time would be stolen than is counted.
 */
static void on_event(struct vcpu *v, int status)
{
	if (!WIFSTOPPED(status)) {
		guest_gone = true;
	} else if (status >> 16 != PTRACE_EVENT_STOP) {
		ptrace(PTRACE_CONT, v->tid, 0, WSTOPSIG(status));
	} else if (WSTOPSIG(status) != SIGTRAP) {
		/* SIGSTOP or the like: the thread stays stopped until SIGCONT. */
		ptrace(PTRACE_LISTEN, v->tid, 0, 0);
	} else if (v->wanted) {
		v->stopped = true;
	} else {
		ptrace(PTRACE_CONT, v->tid, 0, 0);
	}
}

void trace_event(pid_t tid, int status)
{
	int i;

	for (i = 0; i < n_vcpus; i++)
		if (vcpus[i].tid == tid)
			on_event(&vcpus[i], status);
}

static int trace_prepare(struct vcpu *v)
{
	if (!ptrace(PTRACE_SEIZE, v->tid, 0, 0))
		return 0;
	if (errno != EPERM)
		return give_up(v, "trace it");
	return fail("thread %d must not be traced: %s", v->tid,
		    "be root, or the same user with kernel.yama.ptrace_scope=0; one tracer only");
}

static int trace_begin(struct vcpu *v)
{
	v->wanted = true;
	if (ptrace(PTRACE_INTERRUPT, v->tid, 0, 0))
		return give_up(v, "stop it");
	while (!v->stopped && !ended())
		watch(0.01);
	return v->stopped ? 0 : -1;
}

static int trace_end(struct vcpu *v)
{
	v->wanted = false;
	v->stopped = false;
	return ptrace(PTRACE_CONT, v->tid, 0, 0) ? give_up(v, "continue it") : 0;
}

const struct way way_ptrace = {
	.name = "ptrace",
	.prepare = trace_prepare,
	.begin = trace_begin,
	.end = trace_end,
	.clock = CLOCK_MONOTONIC,
};
