// SPDX-License-Identifier: GPL-2.0-only
/*
 * i8042_oracle: how long a function takes, and whether this machine's CPUs ran
 * all the time
 */

#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/irqflags.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "oracle.h"

static char *timed;
module_param(timed, charp, 0444);
MODULE_PARM_DESC(timed, "function whose run time and errors are recorded");

static int timed_irq;
module_param(timed_irq, int, 0444);
MODULE_PARM_DESC(timed_irq, "record \"timed\" only if its first argument is this (0: always)");

static unsigned int gap_min_us;
module_param(gap_min_us, uint, 0644);
MODULE_PARM_DESC(gap_min_us, "count the times when a CPU did not run for so long (0: do not look)");

static atomic_t timed_calls, timed_errors, timed_long, gaps;
static atomic64_t timed_max, gaps_sum, gaps_max;	/* ns */
static DEFINE_PER_CPU(struct task_struct *, gap_task);

static void set_max(atomic64_t *max, s64 value)
{
	s64 old = atomic64_read(max);

	while (value > old && !atomic64_try_cmpxchg(max, &old, value))
		;
}

/* A probe that is a breakpoint is like an NMI: ktime_get() is not for it. */
static int timed_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (timed_irq && (int)regs_get_kernel_argument(regs, 0) != timed_irq)
		return 1;
	*(u64 *)ri->data = ktime_get_mono_fast_ns();
	return 0;
}

static int timed_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	u64 ns = ktime_get_mono_fast_ns() - *(u64 *)ri->data;

	set_max(&timed_max, ns);
	if (long_us && ns >= long_us * (u64)NSEC_PER_USEC)
		atomic_inc(&timed_long);
	if ((int)regs_return_value(regs) < 0)
		atomic_inc(&timed_errors);
	atomic_inc(&timed_calls);
	return 0;
}

static struct kretprobe timed_probe = {
	.entry_handler = timed_entry,
	.handler = timed_return,
	.data_size = sizeof(u64),
	.maxactive = 16,
};

/*
 * Looks at the clock all the time. While interrupts are off nothing in this
 * machine can hold it up: if the clock jumps, the CPU was not there.
 */
static int gap_watcher(void *unused)
{
	sched_set_normal(current, MAX_NICE);
	while (!kthread_should_stop()) {
		u64 last, now, end;

		local_irq_disable();
		last = ktime_get_ns();
		end = last + 100 * NSEC_PER_USEC;
		do {
			now = ktime_get_ns();
			if (now - last > gap_min_us * (u64)NSEC_PER_USEC) {
				atomic_inc(&gaps);
				atomic64_add(now - last, &gaps_sum);
				set_max(&gaps_max, now - last);
			}
			last = now;
		} while (now < end);
		local_irq_enable();
		cond_resched_tasks_rcu_qs();
	}
	return 0;
}

void timing_start(void)
{
	int cpu;

	atomic_set(&timed_calls, 0);
	atomic_set(&timed_errors, 0);
	atomic_set(&timed_long, 0);
	atomic64_set(&timed_max, 0);
	atomic_set(&gaps, 0);
	atomic64_set(&gaps_sum, 0);
	atomic64_set(&gaps_max, 0);
	if (!gap_min_us)
		return;
	for_each_online_cpu(cpu)
		per_cpu(gap_task, cpu) = oracle_thread(gap_watcher, "gap", cpu);
}

void timing_stop(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		oracle_end_thread(&per_cpu(gap_task, cpu));
}

void timing_show(struct seq_file *m)
{
	seq_printf(m, "timed_calls %u\ntimed_errors %u\ntimed_long %u\ntimed_max_us %llu\n",
		   atomic_read(&timed_calls), atomic_read(&timed_errors), atomic_read(&timed_long),
		   div_u64(atomic64_read(&timed_max), 1000));
	seq_printf(m, "gaps %u\ngaps_us %llu\ngaps_max_us %llu\n", atomic_read(&gaps),
		   div_u64(atomic64_read(&gaps_sum), 1000),
		   div_u64(atomic64_read(&gaps_max), 1000));
}

int timing_init(void)
{
	return oracle_probe(&timed_probe, timed);
}

void timing_exit(void)
{
	oracle_unprobe(&timed_probe);
}
