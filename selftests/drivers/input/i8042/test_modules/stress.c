// SPDX-License-Identifier: GPL-2.0-only
/*
 * i8042_oracle: what runs beside the stream of bytes. Polls from process
 * context, spurious interrupt edges, a hog, and a driver that goes away.
 */

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/platform_device.h>
#include <linux/pm.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "oracle.h"

static unsigned int poll_us;
module_param(poll_us, uint, 0644);
MODULE_PARM_DESC(poll_us, "pause between polls from process context (0: none)");

static bool poll_thaw;
module_param(poll_thaw, bool, 0644);
MODULE_PARM_DESC(poll_thaw, "poll by the driver's thaw, which touches no setting, not by closing the AUX port");

int poll_cpu = -1;
module_param(poll_cpu, int, 0644);
MODULE_PARM_DESC(poll_cpu, "CPU that polls, while another one injects (-1: any)");

bool poll_once;
module_param(poll_once, bool, 0644);
MODULE_PARM_DESC(poll_once, "poll only until a byte was delayed");

static unsigned int edge_us;
module_param(edge_us, uint, 0644);
MODULE_PARM_DESC(edge_us, "pause between spurious interrupt edges (0: none)");

static unsigned int hog_us;
module_param(hog_us, uint, 0644);
MODULE_PARM_DESC(hog_us, "length of the bursts of a SCHED_FIFO hog on poll_cpu (0: none)");

static bool unbind;
module_param(unbind, bool, 0644);
MODULE_PARM_DESC(unbind, "unbind the driver from the controller while a byte is delayed");

static struct task_struct *poll_task, *edge_task, *hog_task, *unbind_task;
static atomic_t polls, edges;

static struct serio *poll_serio;	/* may go away meanwhile, but is not freed */
static int (*thaw_method)(struct device *dev);

static int poller(void *unused)
{
	while (!kthread_should_stop()) {
		if (!poll_once || !delays()) {
			if (thaw_method)
				thaw_method(NULL);	/* it does not look at the device */
			else
				poll_serio->close(poll_serio);
			atomic_inc(&polls);
		}
		usleep_range(poll_us, poll_us + 50);
	}
	return 0;
}

static int edger(void *unused)
{
	while (!kthread_should_stop()) {
		set_interrupts(false);
		set_interrupts(true);
		atomic_inc(&edges);
		usleep_range(edge_us, edge_us + 50);
	}
	return 0;
}

static int hog(void *unused)
{
	sched_set_fifo_low(current);
	while (!kthread_should_stop()) {
		u64 end = ktime_get_ns() + hog_us * 1000ULL;

		while (ktime_get_ns() < end)
			cpu_relax();
		usleep_range(2000, 3000);
	}
	return 0;
}

/*
 * From here and not from user space: a CPU that is stopped with interrupts off
 * soon holds up every process, but not this thread.
 */
static int unbinder(void *unused)
{
	struct device *i8042;

	while (!delays()) {
		if (kthread_should_stop())
			return 0;
		usleep_range(100, 200);
	}

	i8042 = bus_find_device_by_name(&platform_bus_type, NULL, "i8042");
	if (i8042) {
		device_release_driver(i8042);
		put_device(i8042);
	}
	return 0;
}

static int find_thaw_method(void)
{
	struct device *i8042 = bus_find_device_by_name(&platform_bus_type, NULL, "i8042");

	if (i8042 && i8042->driver && i8042->driver->pm)
		thaw_method = i8042->driver->pm->thaw;
	put_device(i8042);
	return thaw_method ? 0 : -ENODEV;
}

static int find_poll_method(void)
{
	thaw_method = NULL;
	if (poll_thaw)
		return find_thaw_method();
	poll_serio = oracle_find_port(AUX);
	if (!poll_serio || poll_serio->close)
		return poll_serio ? 0 : -ENODEV;
	put_device(&poll_serio->dev);
	poll_serio = NULL;
	return -ENODEV;
}

int stress_start(void)
{
	int error;

	atomic_set(&polls, 0);
	atomic_set(&edges, 0);
	if (poll_cpu >= (int)nr_cpu_ids || (poll_cpu >= 0 && !cpu_online(poll_cpu)))
		return -EINVAL;
	if (poll_us) {
		error = find_poll_method();
		if (error)
			return error;
		poll_task = oracle_thread(poller, "poll", poll_cpu);
	}
	if (edge_us)
		edge_task = oracle_thread(edger, "edge", -1);
	if (unbind)
		unbind_task = oracle_thread(unbinder, "unbind", -1);
	if (hog_us)
		hog_task = oracle_thread(hog, "hog", max(poll_cpu, 0));
	return 0;
}

void stress_stop(void)
{
	oracle_end_thread(&poll_task);
	if (poll_serio)
		put_device(&poll_serio->dev);
	poll_serio = NULL;
	oracle_end_thread(&edge_task);
	oracle_end_thread(&hog_task);
	oracle_end_thread(&unbind_task);
}

void stress_show(struct seq_file *m)
{
	seq_printf(m, "polls %u\nedges %u\n", atomic_read(&polls), atomic_read(&edges));
}
