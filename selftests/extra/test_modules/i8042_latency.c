// SPDX-License-Identifier: GPL-2.0-only
/*
 * i8042_latency - the time from a function of an interrupt to the receipt of
 * its byte, and from there to another function
 *
 * A serio driver, bound through drvctl. What it does with a byte is in neither
 * time. debugfs, i8042_latency: percentiles; once read, samples are taken anew.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>
#include <linux/serio.h>
#include <linux/sort.h>
#include <linux/timekeeping.h>

MODULE_DESCRIPTION("Latency of the i8042 driver");
MODULE_LICENSE("GPL");
MODULE_INFO(test, "Y");

static char *since;
module_param(since, charp, 0444);
MODULE_PARM_DESC(since, "function from which on the time to the receipt is recorded");

static char *until;
module_param(until, charp, 0444);
MODULE_PARM_DESC(until, "function up to which the time after the receipt is recorded");

/* When this CPU last passed "since", ns; 0 once a byte was received */
static DEFINE_PER_CPU(u64, since_at);
/* When it last received one, ns; 0 once it has passed "until" */
static DEFINE_PER_CPU(u64, receipt_at);

/* The first so many of the times that were measured */
struct samples {
	atomic_t count;
	u32 ns[16384];
};

static struct samples since_samples, until_samples;
static struct dentry *file;

static void add_sample(struct samples *samples, u64 ns)
{
	unsigned int i = atomic_inc_return(&samples->count) - 1;

	if (i < ARRAY_SIZE(samples->ns))
		samples->ns[i] = min_t(u64, ns, U32_MAX);
}

static int compare_u32(const void *a, const void *b)
{
	return *(const u32 *)a < *(const u32 *)b ? -1 : *(const u32 *)a > *(const u32 *)b;
}

static void show_samples(struct seq_file *m, const char *name, struct samples *samples)
{
	static const unsigned int permille[] = { 500, 900, 990, 999, 1000 };
	unsigned int n = min_t(unsigned int, atomic_read(&samples->count),
			       ARRAY_SIZE(samples->ns));
	unsigned int i;

	if (!n)
		return;
	sort(samples->ns, n, sizeof(samples->ns[0]), compare_u32, NULL);
	seq_printf(m, "%s_permille_ns", name);
	for (i = 0; i < ARRAY_SIZE(permille); i++)
		seq_printf(m, " %u %u", permille[i], samples->ns[(n - 1) * permille[i] / 1000]);
	seq_putc(m, '\n');
	atomic_set(&samples->count, 0);
}

static int latency_show(struct seq_file *m, void *unused)
{
	show_samples(m, "since", &since_samples);
	show_samples(m, "until", &until_samples);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(latency);

/* A probe that is a breakpoint is like an NMI: ktime_get() is not for it. */
static u64 probe_clock(void)
{
	return ktime_get_mono_fast_ns();
}

static int since_handler(struct kprobe *p, struct pt_regs *regs)
{
	__this_cpu_write(receipt_at, 0);
	__this_cpu_write(since_at, probe_clock());
	return 0;
}

static int until_handler(struct kprobe *p, struct pt_regs *regs)
{
	u64 at = __this_cpu_read(receipt_at);

	if (at)
		add_sample(&until_samples, probe_clock() - at);
	__this_cpu_write(receipt_at, 0);
	return 0;
}

static struct kprobe since_probe = { .pre_handler = since_handler };
static struct kprobe until_probe = { .pre_handler = until_handler };

static irqreturn_t latency_interrupt(struct serio *serio, unsigned char data, unsigned int flags)
{
	u64 at = __this_cpu_read(since_at);

	if (at)
		add_sample(&since_samples, probe_clock() - at);
	__this_cpu_write(since_at, 0);
	__this_cpu_write(receipt_at, probe_clock());
	return IRQ_HANDLED;
}

static int latency_connect(struct serio *serio, struct serio_driver *drv)
{
	return serio_open(serio, drv);
}

static void latency_disconnect(struct serio *serio)
{
	serio_close(serio);
}

static const struct serio_device_id latency_ids[] = {
	{ .type = SERIO_8042, .proto = SERIO_ANY, .id = SERIO_ANY, .extra = SERIO_ANY },
	{ .type = SERIO_8042_XL, .proto = SERIO_ANY, .id = SERIO_ANY, .extra = SERIO_ANY },
	{ }
};

static struct serio_driver latency_driver = {
	.driver		= { .name = "i8042_latency" },
	.description	= "Latency of the i8042 driver",
	.id_table	= latency_ids,
	.interrupt	= latency_interrupt,
	.connect	= latency_connect,
	.disconnect	= latency_disconnect,
	.manual_bind	= true,
};

static int __init latency_init(void)
{
	int error;

	since_probe.symbol_name = since;
	until_probe.symbol_name = until;
	error = register_kprobe(&since_probe);
	if (error) {
		pr_err("cannot probe %s: %d\n", since ?: "without since=", error);
		return error;
	}
	error = register_kprobe(&until_probe);
	if (error) {
		pr_err("cannot probe %s: %d\n", until ?: "without until=", error);
		goto err_since;
	}
	error = serio_register_driver(&latency_driver);
	if (error)
		goto err_until;
	file = debugfs_create_file("i8042_latency", 0400, NULL, NULL, &latency_fops);
	return 0;

err_until:
	unregister_kprobe(&until_probe);
err_since:
	unregister_kprobe(&since_probe);
	return error;
}

static void __exit latency_exit(void)
{
	debugfs_remove(file);
	serio_unregister_driver(&latency_driver);
	unregister_kprobe(&until_probe);
	unregister_kprobe(&since_probe);
}

module_init(latency_init);
module_exit(latency_exit);
