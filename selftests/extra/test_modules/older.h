/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before each file of the test modules: what older kernels do not have, besides
 * what i8042_inorder needs (compat.h). The number at each is the release that has it.
 */

#ifndef _I8042_OLDER_H
#define _I8042_OLDER_H

#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>
#include <uapi/linux/sched/types.h>

/* 5.9 */
#ifndef HAVE_SET_FIFO
static inline void sched_set_fifo_low(struct task_struct *task)
{
	struct sched_param param = { .sched_priority = 1 };

	sched_setscheduler(task, SCHED_FIFO, &param);
}

#define sched_set_normal(task, nice) set_user_nice(task, nice)
#endif

/* 5.0 */
#ifndef HAVE_TASKS_RCU_QS
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

/* 4.6: exported; 5.10 still has a function, 6.1 an inline one */
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

/* 4.6 */
#ifndef HAVE_BOOL_FROM_USER
static inline int kstrtobool_from_user(const char __user *text, size_t length, bool *value)
{
	char first[2] = "";

	if (!length || get_user(first[0], text))
		return -EFAULT;
	return strtobool(first, value);
}
#endif

/* 3.17. The other one is also for probes. */
#ifndef HAVE_GET_NS
static inline u64 ktime_get_ns(void)
{
	return ktime_to_ns(ktime_get());
}

#define ktime_get_mono_fast_ns() local_clock()
#endif

/* 3.15 */
#ifndef MAX_NICE
#define MAX_NICE 19
#endif

/* 3.15: takes the tracepoint. Before, its name; before 2.6.35, a probe has no data. */
#ifndef HAVE_TRACEPOINT_ADDRESS
#ifdef DECLARE_TRACE_NOARGS
#define PROBE_DATA void *unused,
#define tracepoint_probe_register(tp, ...) tracepoint_probe_register((tp)->name, __VA_ARGS__)
#define tracepoint_probe_unregister(tp, ...) tracepoint_probe_unregister((tp)->name, __VA_ARGS__)
#else
#define PROBE_DATA
#define tracepoint_probe_register(tp, probe, ...) tracepoint_probe_register((tp)->name, probe)
#define tracepoint_probe_unregister(tp, probe, ...) tracepoint_probe_unregister((tp)->name, probe)
#endif
#else
#define PROBE_DATA void *unused,
#endif

/* 3.14 */
#ifndef U32_MAX
#define U32_MAX ((u32)~0U)
#endif

/* 3.12 */
#ifndef HAVE_PTR_ERR_OR_ZERO
static inline long PTR_ERR_OR_ZERO(const void *pointer)
{
	return IS_ERR(pointer) ? PTR_ERR(pointer) : 0;
}
#endif

#endif
