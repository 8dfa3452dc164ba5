/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before each file of the test modules: what older kernels do not have, besides
 * what i8042_inorder needs (compat.h). The number at each is the release that has it.
 */

#ifndef I8042_ORACLE_OLDER_H
#define I8042_ORACLE_OLDER_H

#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/tracepoint.h>
#include <uapi/linux/sched/types.h>

/* 5.9 */
#ifndef HAVE_SET_FIFO
static inline void sched_set_fifo_low(struct task_struct *task)
{
	const struct sched_param param = { .sched_priority = 1 };

	sched_setscheduler(task, SCHED_FIFO, &param);
}

#define sched_set_normal(task, nice) set_user_nice(task, nice)
#endif

/* 5.0 */
#ifndef cond_resched_tasks_rcu_qs
#define cond_resched_tasks_rcu_qs() cond_resched()
#endif

/* 4.15 */
#ifndef HAVE_TRY_CMPXCHG
static inline bool atomic64_try_cmpxchg(atomic64_t *v, s64 *old, s64 new)
{
	s64 was = *old;

	*old = atomic64_cmpxchg(v, was, new);
	return *old == was;
}
#endif

/* 4.6: exported. Later it is inline, and this does the same. */
#ifndef HAVE_ANY_BUT
#define cpumask_any_but compat_any_but
static inline unsigned int compat_any_but(const struct cpumask *mask, unsigned int but)
{
	unsigned int cpu;

	for_each_cpu(cpu, mask)
		if (cpu != but)
			break;
	return cpu;
}
#endif

/* 3.15 */
#ifndef MAX_NICE
#define MAX_NICE 19
#endif

/* 3.15: takes the tracepoint. Before, its name. */
#ifndef HAVE_TRACEPOINT_ADDRESS
#define tracepoint_probe_register(tp, ...) tracepoint_probe_register((tp)->name, __VA_ARGS__)
#define tracepoint_probe_unregister(tp, ...) tracepoint_probe_unregister((tp)->name, __VA_ARGS__)
#endif

#endif
