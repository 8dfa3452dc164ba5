// SPDX-License-Identifier: GPL-2.0-only
/*
 * i8042_oracle - does every byte reach its serio port in the order in which
 * it was read from the controller?
 *
 * "run" puts numbered bytes into the controller (injector.c) and gives them to
 * a serio driver of its own (observer.c). It is bound by hand, through drvctl:
 *
 *	echo -n i8042_oracle > /sys/bus/serio/devices/serio0/drvctl
 *
 * Writing 1 to "run" starts it, and "injecting" in "result" becomes 0 when all
 * bytes have arrived or are lost. Writing 0 ends it and keeps the result.
 *
 * "watch" compares the bytes of real devices (watch.c), from the writing of 1
 * to that of 0.
 *
 * Meanwhile deliveries are delayed (delay.c), and there is other trouble
 * (stress.c). Each file has the module's parameters for what it does. Results
 * are counts and times; the bytes themselves are never shown.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>

#include "oracle.h"

MODULE_DESCRIPTION("Order oracle for the i8042 driver");
MODULE_LICENSE("GPL");
MODULE_INFO(test, "Y");

static DEFINE_MUTEX(oracle_mutex);	/* one run or watch at a time */
static struct dentry *oracle_dir;

/* On @cpu, or on any if that is negative. NULL on failure. */
struct task_struct *oracle_thread(int (*fn)(void *), const char *name, int cpu)
{
	struct task_struct *task = kthread_create(fn, NULL, "oracle_%s", name);

	if (IS_ERR(task))
		return NULL;
	if (cpu >= 0)
		kthread_bind(task, cpu);
	get_task_struct(task);
	wake_up_process(task);
	return task;
}

void oracle_end_thread(struct task_struct **task)
{
	if (*task) {
		kthread_stop(*task);
		put_task_struct(*task);
	}
	*task = NULL;
}

struct port_search {
	enum oracle_port port;
	struct serio *found;
};

static int match_port(struct device *dev, void *data)
{
	struct port_search *search = data;

	if (dev->bus != &serio_bus || port_of(to_serio_port(dev)) != search->port)
		return 0;
	search->found = to_serio_port(get_device(dev));
	return 1;
}

/* Holds a reference to the port: it must not be freed while it is used. */
struct serio *oracle_find_port(enum oracle_port port)
{
	struct port_search search = { .port = port };
	struct device *i8042;

	i8042 = bus_find_device_by_name(&platform_bus_type, NULL, "i8042");
	if (!i8042)
		return NULL;
	device_for_each_child(i8042, &search, match_port);
	put_device(i8042);
	return search.found;
}

/* Of the function that a parameter names, if it names one */
int oracle_probe(struct kretprobe *probe, const char *name)
{
	int error;

	if (!name)
		return 0;
	probe->kp.symbol_name = name;
	error = register_kretprobe(probe);
	if (error)
		pr_err("cannot probe %s: %d\n", name, error);
	return error;
}

void oracle_unprobe(struct kretprobe *probe)
{
	if (probe->kp.symbol_name)
		unregister_kretprobe(probe);
}

static void stop_trouble(void)
{
	timing_stop();
	stress_stop();
	delay_stop();
}

static int start_trouble(void)
{
	int error = delay_start();

	if (!error)
		error = stress_start();
	if (error)
		delay_stop();
	else
		timing_start();
	return error;
}

static void run_stop(void)
{
	injector_stop();
	stop_trouble();
	observer_stop();
}

static int run_start(void)
{
	int cpu = -1, error = injector_check();

	if (error)
		return error;
	/* Bytes have to come while the poll is delayed. */
	if (poll_cpu >= 0) {
		cpu = cpumask_any_but(cpu_online_mask, poll_cpu);
		if (cpu >= nr_cpu_ids)
			return -EINVAL;
	}
	observer_reset();
	error = start_trouble();
	if (error)
		return error;
	observer_start();
	error = injector_start(cpu);
	if (error)
		run_stop();
	return error;
}

static int run_switch(bool on)
{
	if (watching || (on && injector_runs()))
		return -EBUSY;
	if (on)
		return run_start();
	if (injector_runs())
		run_stop();
	return 0;
}

static int watch_switch(bool on)
{
	int error;

	if (injector_runs())
		return -EBUSY;
	if (on == watching)
		return 0;
	if (!on) {
		observer_stop();
		stop_trouble();
		watch_stop();
		watching = false;
		return 0;
	}

	watching = true;
	observer_reset();
	error = watch_start();
	if (!error) {
		error = start_trouble();
		if (error)
			watch_stop();
	}
	watching = !error;
	if (!error)
		observer_start();
	return error;
}

static ssize_t switch_write(struct file *file, const char __user *buf, size_t count, loff_t *ppos)
{
	int (*turn)(bool on) = file->private_data;
	bool on;
	int error = kstrtobool_from_user(buf, count, &on);

	if (error)
		return error;
	if (mutex_lock_interruptible(&oracle_mutex))
		return -EINTR;
	error = turn(on);
	mutex_unlock(&oracle_mutex);
	return error ?: count;
}

static const struct file_operations switch_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= switch_write,
};

static int result_show(struct seq_file *m, void *unused)
{
	observer_show(m);
	seq_printf(m, "injecting %d\n", injecting());
	delay_show(m);
	stress_show(m);
	timing_show(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(result);

static int __init oracle_init(void)
{
	int error = injector_init();

	if (error)
		return error;
	error = timing_init();
	if (error)
		return error;
	error = delay_init();
	if (error)
		goto err_timing;
	error = observer_init();
	if (error)
		goto err_delay;

	oracle_dir = debugfs_create_dir("i8042_oracle", NULL);
	debugfs_create_file("run", 0200, oracle_dir, run_switch, &switch_fops);
	debugfs_create_file("watch", 0200, oracle_dir, watch_switch, &switch_fops);
	debugfs_create_file("result", 0400, oracle_dir, NULL, &result_fops);
	return 0;

err_delay:
	delay_exit();
err_timing:
	timing_exit();
	return error;
}

static void __exit oracle_exit(void)
{
	debugfs_remove_recursive(oracle_dir);
	if (watching)
		watch_switch(false);
	else if (injector_runs())
		run_stop();
	observer_exit();
	delay_exit();
	timing_exit();
}

module_init(oracle_init);
module_exit(oracle_exit);
