// SPDX-License-Identifier: GPL-2.0-only
/*
 * i8042_inorder - in-order delivery for an i8042 driver that is built in
 *
 * The i8042 driver reads a byte under its lock and delivers it without. This
 * module has the driver's filter, which is called for every byte under that
 * lock: it takes the byte, puts it into a queue, and has one context at a time
 * deliver from the queue.
 *
 * That context is a second handler on the driver's interrupt lines. It runs
 * right after the driver's own, in the same interrupt, and so costs neither an
 * interrupt of its own nor time. Bytes that are read outside of an interrupt
 * are delivered by irq_work or, if interrupts are threads, by the thread of the
 * second handler.
 *
 * Locks: i8042_lock (the driver's, around the filter), then inorder.lock.
 */

#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/i8042.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kprobes.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/platform_device.h>
#include <linux/rcupdate.h>
#include <linux/sched/clock.h>
#include <linux/seq_file.h>
#include <linux/serio.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

/*
 * A filter cannot leave a byte in the controller, so the queue must not get
 * full: two ports send 2500 bytes a second at most.
 */
#define I8042_RXQ_SIZE	4096
#include "i8042-rxq.h"

#define CREATE_TRACE_POINTS
#include "i8042_inorder_trace.h"

/* For the self tests, which cannot have the filter, too */
EXPORT_TRACEPOINT_SYMBOL_GPL(i8042_inorder_read);

MODULE_DESCRIPTION("In-order delivery for the i8042 (PS/2) controller");
MODULE_LICENSE("GPL");

#define STR_AUXDATA	0x20	/* status: the byte is from the AUX port */
#define STR_TIMEOUT	0x40
#define STR_PARITY	0x80

#define POLL_MAX_MS	60000

enum inorder_port { KBD, AUX, NPORTS };

static unsigned int irqs[NPORTS] = { 1, 12 };
module_param_array_named(irq, irqs, uint, NULL, 0444);
MODULE_PARM_DESC(irq, "interrupt lines of KBD and AUX (default 1,12)");

static bool notimeout;
module_param(notimeout, bool, 0444);
MODULE_PARM_DESC(notimeout, "ignore timeouts signalled by the controller: as i8042.notimeout");

static bool share = true;
module_param(share, bool, 0444);
MODULE_PARM_DESC(share, "deliver from a second handler on the interrupt lines (default), else from irq_work");

/**
 * struct inorder_stats - what an administrator can read
 * @bytes: bytes taken, by port
 * @passed: bytes left to the driver although this module is to deliver
 * @behind: bytes read while an earlier one was not yet delivered
 * @prevented: those of them whose earlier byte was of the same port: more than
 *	would have overtaken it
 * @observed: bytes that overtook an earlier one of the same port ("observe")
 * @watched: bytes whose delivery was observed
 * @overflow: bytes that found the queue full
 * @polls: interrupts injected
 * @poll_found: bytes read in one of them
 * @depth_max: most bytes in the queue
 * @wait_max: longest time from reading to delivery, ns
 */
struct inorder_stats {
	unsigned long bytes[NPORTS];
	unsigned long passed, behind, prevented, observed, watched, overflow;
	unsigned long polls, poll_found;
	unsigned int depth_max;
	u64 wait_max;
};

/* A byte that the driver itself is about to deliver ("observe") */
struct inorder_reader {
	const void *context;
	enum inorder_port port;
};

static struct {
	raw_spinlock_t lock;		/* all of this */
	struct i8042_rxq rxq;
	struct serio *ports[NPORTS];	/* with a reference */
	struct inorder_stats stats;
	bool taking;			/* bytes go through the queue */
	bool held;			/* but are not delivered yet */
	bool observing;
	unsigned int task_reads;	/* bytes read outside of interrupts */
	unsigned long injected;		/* lines, a bit each */
	unsigned long proven;		/* lines whose second handler found bytes */
	struct inorder_reader readers[16];
	unsigned int nreaders;
} inorder = {
	.lock = __RAW_SPIN_LOCK_UNLOCKED(inorder.lock),
};

static DEFINE_MUTEX(mode_mutex);	/* one switch of the mode at a time */
static DEFINE_MUTEX(ports_mutex);	/* one port comes or goes at a time */
static bool requested[NPORTS];		/* lines that have the second handler */
static bool threaded;			/* and it runs in a thread */

/* Delivery */

static void inorder_delivered(const struct i8042_rxq_byte *byte)
{
	/* Clocks of two CPUs may differ a little. */
	u64 wait = max_t(s64, local_clock() - byte->stamp, 0);

	if (wait > inorder.stats.wait_max)
		inorder.stats.wait_max = wait;
	trace_i8042_inorder_deliver(byte->port, i8042_rxq_depth(&inorder.rxq), wait);
}

/* Context: interrupt, or the thread of one; not to be scheduled out for long */
static void inorder_drain(void)
{
	struct i8042_rxq_byte byte;
	struct serio *serio;
	unsigned long flags;

	raw_spin_lock_irqsave(&inorder.lock, flags);
	if (!inorder.held && i8042_rxq_begin(&inorder.rxq)) {
		while (i8042_rxq_next(&inorder.rxq, &byte)) {
			serio = inorder.ports[byte.port];
			inorder_delivered(&byte);
			raw_spin_unlock_irqrestore(&inorder.lock, flags);
			serio_interrupt(serio, byte.data, byte.dfl);
			raw_spin_lock_irqsave(&inorder.lock, flags);
		}
	}
	raw_spin_unlock_irqrestore(&inorder.lock, flags);
}

static void inorder_work_fn(struct irq_work *work)
{
	inorder_drain();
}

static struct irq_work inorder_work = { .func = inorder_work_fn };

/* There are calls of handlers from elsewhere: for a stuck line, to debug. */
static bool in_irq_thread(void)
{
	return !in_hardirq() && !in_serving_softirq() &&
		(current->flags & PF_KTHREAD) && !strncmp(current->comm, "irq/", 4);
}

/*
 * The second handler. The driver's own, which was requested earlier, has run
 * and says whether the interrupt was ours; but for one that was injected, or an
 * idle line would be taken for stuck and disabled.
 */
static irqreturn_t inorder_interrupt(int irq, void *dev_id)
{
	enum inorder_port port = (bool *)dev_id - requested;
	irqreturn_t ret = IRQ_NONE;

	if (!READ_ONCE(threaded) && in_irq_thread())
		WRITE_ONCE(threaded, true);
	if (READ_ONCE(inorder.injected) && test_and_clear_bit(port, &inorder.injected))
		ret = IRQ_HANDLED;
	if (READ_ONCE(inorder.rxq.head) != READ_ONCE(inorder.rxq.tail)) {
		if (!test_bit(port, &inorder.proven))
			set_bit(port, &inorder.proven);
		inorder_drain();
	}
	return ret;
}

/* That of the port, which may be awake already, or else the other one */
static bool inorder_wake_thread(enum inorder_port port)
{
	if (!READ_ONCE(requested[port]))
		port = !port;
	if (!READ_ONCE(requested[port]))
		return false;
	irq_wake_thread(irqs[port], &requested[port]);
	return true;
}

/*
 * Somebody has to deliver what is in the queue: the second handler if we are in
 * the interrupt. Until it was seen to run (the line may be another one) there is
 * irq_work as well.
 */
static void inorder_kick(enum inorder_port port)
{
	if (in_hardirq() && test_bit(port, &inorder.proven))
		return;
	if (!READ_ONCE(threaded) || !inorder_wake_thread(port))
		irq_work_queue(&inorder_work);
}

/* The filter */

static bool port_is_waiting(enum inorder_port port)
{
	return i8042_rxq_depth(&inorder.rxq) && i8042_rxq_holds(&inorder.rxq, port);
}

/*
 * The driver may ignore timeouts, by a quirk of the machine: it computes the flags
 * of such a byte, unless that would overtake another.
 */
static bool inorder_may_take(u8 str)
{
	return inorder.taking &&
		(!(str & STR_TIMEOUT) || notimeout || i8042_rxq_depth(&inorder.rxq));
}

static void inorder_put(enum inorder_port port, u8 data, u8 str)
{
	struct i8042_rxq_byte byte = {
		.stamp = local_clock(),	/* ktime_get() may be a VM exit */
		.port = port,
		.data = data,
	};
	struct inorder_stats *stats = &inorder.stats;

	if (str & STR_PARITY)
		byte.dfl |= SERIO_PARITY;
	if (str & STR_TIMEOUT && !notimeout)
		byte.dfl |= SERIO_TIMEOUT;

	stats->bytes[port]++;
	stats->behind += i8042_rxq_depth(&inorder.rxq) > 0;
	stats->prevented += port_is_waiting(port);
	i8042_rxq_put(&inorder.rxq, &byte);
	if (i8042_rxq_depth(&inorder.rxq) > stats->depth_max)
		stats->depth_max = i8042_rxq_depth(&inorder.rxq);
}

/* Where a byte is read and delivered: a task, or the interrupts of a CPU */
static const void *inorder_context(bool hardirq)
{
	return hardirq ? (void *)(smp_processor_id() + 1UL) : (void *)current;
}

static void inorder_forget_reader(unsigned int i)
{
	struct inorder_reader *r = &inorder.readers[i];

	inorder.nreaders--;
	memmove(r, r + 1, (inorder.nreaders - i) * sizeof(*r));
}

static void inorder_observe_read(enum inorder_port port)
{
	const void *context = inorder_context(in_hardirq());
	unsigned int i;

	/* The probe misses a delivery that interrupts another: it is over. */
	for (i = 0; i < inorder.nreaders; i++)
		if (inorder.readers[i].context == context)
			inorder_forget_reader(i);
	if (inorder.nreaders == ARRAY_SIZE(inorder.readers))
		inorder_forget_reader(0);

	inorder.readers[inorder.nreaders++] = (struct inorder_reader) {
		.context = context,
		.port = port,
	};
}

/*
 * Context: called by the i8042 driver for each byte that it has read, in that
 * order, under its lock: interrupts are off, but not on PREEMPT_RT.
 * Return: true if the byte is taken.
 */
static bool inorder_filter(unsigned char data, unsigned char str,
			   struct serio *serio, void *context)
{
	enum inorder_port port = str & STR_AUXDATA ? AUX : KBD;
	bool taken = false, kick = false;
	unsigned long flags;

	raw_spin_lock_irqsave(&inorder.lock, flags);
	/* Ports that are multiplexed, or not registered yet, are not there. */
	if (serio && serio == inorder.ports[port]) {
		inorder.task_reads += !in_hardirq() && !in_irq_thread();
		inorder.stats.poll_found += !!READ_ONCE(inorder.injected);
		if (inorder.observing)
			inorder_observe_read(port);
		if (!inorder_may_take(str)) {
			inorder.stats.passed += inorder.taking;
		} else if (!i8042_rxq_full(&inorder.rxq)) {
			inorder_put(port, data, str);
			taken = true;
			kick = !inorder.rxq.draining && !inorder.held;
		} else {
			inorder.stats.overflow++;
			pr_warn_once("the queue is full: bytes may be delivered out of order\n");
		}
		trace_i8042_inorder_read(port, data, taken, i8042_rxq_depth(&inorder.rxq));
	} else if (serio) {
		inorder.stats.passed++;
	}
	raw_spin_unlock_irqrestore(&inorder.lock, flags);

	if (kick)
		inorder_kick(port);
	return taken;
}

/* Observing: which byte is delivered while an earlier one is not? */

static int inorder_observe(struct kprobe *probe, struct pt_regs *regs)
{
	struct serio *serio = (void *)regs_get_kernel_argument(regs, 0);
	unsigned int hard = hardirq_count();
	struct inorder_reader *r = inorder.readers;
	bool overtakes = false;
	enum inorder_port port;
	const void *context;
	unsigned long flags;
	unsigned int i;

	if (in_nmi())		/* a breakpoint counts as one level of both */
		hard -= HARDIRQ_OFFSET;

	/*
	 * A breakpoint is like an NMI, in which lockdep wants no waiting for a
	 * lock. But nobody calls serio_interrupt() with this one held.
	 */
	while (!raw_spin_trylock_irqsave(&inorder.lock, flags))
		cpu_relax();
	port = serio == inorder.ports[AUX] ? AUX : KBD;
	context = inorder_context(hard);
	for (i = 0; i < inorder.nreaders && r[i].context != context; i++)
		overtakes |= r[i].port == port;
	if (i < inorder.nreaders && serio == inorder.ports[port]) {
		inorder.stats.watched++;
		inorder.stats.observed += overtakes;
		inorder_forget_reader(i);
	}
	raw_spin_unlock_irqrestore(&inorder.lock, flags);
	return 0;
}

static struct kprobe inorder_probe = {
	.symbol_name = "serio_interrupt",
	.pre_handler = inorder_observe,
};

static int inorder_start_observing(void)
{
	int error;

	/* Left from the last time; a symbol and an address are one too many. */
	inorder_probe.addr = NULL;
	inorder_probe.flags = 0;
	error = register_kprobe(&inorder_probe);
	if (error) {
		pr_err("cannot observe: kprobes: %d\n", error);
		return error;
	}
	raw_spin_lock_irq(&inorder.lock);
	inorder.nreaders = 0;
	inorder.observing = true;
	raw_spin_unlock_irq(&inorder.lock);
	return 0;
}

static void inorder_stop_observing(void)
{
	raw_spin_lock_irq(&inorder.lock);
	inorder.observing = false;
	raw_spin_unlock_irq(&inorder.lock);
	unregister_kprobe(&inorder_probe);
}

/*
 * From passing bytes to taking them. What was passed must have been delivered
 * before the first byte is that was taken. Whoever is in an interrupt can be
 * waited for. Tasks that poll the controller, which is rare, can be waited for
 * only while no more of them do.
 */
static void inorder_take(void)
{
	unsigned int reads, tries = 0;
	bool polled;

	do {
		reads = READ_ONCE(inorder.task_reads);
		synchronize_rcu_tasks();

		raw_spin_lock_irq(&inorder.lock);
		polled = inorder.task_reads != reads;
		inorder.taking = !polled || ++tries == 3;
		inorder.held = inorder.taking;
		raw_spin_unlock_irq(&inorder.lock);
	} while (!inorder.taking);

	synchronize_irq(irqs[KBD]);
	synchronize_irq(irqs[AUX]);
	if (polled)
		synchronize_rcu_tasks();

	raw_spin_lock_irq(&inorder.lock);
	inorder.held = false;
	raw_spin_unlock_irq(&inorder.lock);
	irq_work_queue(&inorder_work);
}

/* And back: the next byte is passed once the last that was taken is delivered. */
static void inorder_leave(void)
{
	bool left;

	do {
		raw_spin_lock_irq(&inorder.lock);
		left = !inorder.rxq.draining && !i8042_rxq_depth(&inorder.rxq);
		if (left)
			inorder.taking = false;
		raw_spin_unlock_irq(&inorder.lock);
		if (!left) {
			irq_work_queue(&inorder_work);
			usleep_range(50, 100);
		}
	} while (!left);
}

enum inorder_mode { DELIVER, OBSERVE, NMODES };
static const char * const mode_names[NMODES] = { "deliver", "observe" };
static enum inorder_mode mode;
static bool running;

/* Context: process; mode_mutex is held */
static int inorder_start(enum inorder_mode new)
{
	if (new == OBSERVE)
		return inorder_start_observing();
	inorder_take();
	return 0;
}

static void inorder_end(void)
{
	if (mode == OBSERVE)
		inorder_stop_observing();
	else
		inorder_leave();
}

static int mode_set(const char *value, const struct kernel_param *kp)
{
	int new = sysfs_match_string(mode_names, value);
	int error = 0;

	if (new < 0) {
		pr_err("mode=%s: there are deliver and observe\n", value);
		return new;
	}
	mutex_lock(&mode_mutex);
	if (running && new != mode) {
		inorder_end();
		error = inorder_start(new);
		if (error) {
			new = mode;
			inorder_start(mode);
		}
	}
	mode = new;
	mutex_unlock(&mode_mutex);
	return error;
}

static int mode_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", mode_names[mode]);
}

static const struct kernel_param_ops mode_ops = { .set = mode_set, .get = mode_get };
module_param_cb(mode, &mode_ops, NULL, 0600);
MODULE_PARM_DESC(mode, "deliver (default), or observe: count how often bytes overtake each other, change nothing");

/* Polling for bytes whose interrupt was lost, by way of the interrupt */

static unsigned int poll_ms;

static void inorder_poll_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(inorder_poll_work, inorder_poll_fn);

static void inorder_poll_fn(struct work_struct *work)
{
	unsigned int ms = READ_ONCE(poll_ms);
	enum inorder_port port;
	int error;

	if (!IS_ENABLED(CONFIG_GENERIC_IRQ_INJECTION) || !ms)
		return;
	for (port = 0; port < NPORTS; port++) {
		if (!READ_ONCE(requested[port]))
			continue;
		set_bit(port, &inorder.injected);
		error = irq_inject_interrupt(irqs[port]);
		if (error == -EBUSY)	/* the last one is still to come */
			continue;
		if (error) {
			clear_bit(port, &inorder.injected);
			pr_warn_once("poll_ms: interrupt %u cannot be injected: %d\n",
				     irqs[port], error);
		}
		raw_spin_lock_irq(&inorder.lock);
		inorder.stats.polls += !error;
		raw_spin_unlock_irq(&inorder.lock);
	}
	queue_delayed_work(system_freezable_wq, &inorder_poll_work, msecs_to_jiffies(ms));
}

static int poll_ms_set(const char *value, const struct kernel_param *kp)
{
	unsigned int ms;
	int error = kstrtouint(value, 0, &ms);

	if (error || ms > POLL_MAX_MS) {
		pr_err("poll_ms=%s: a number from 0 (off) to %d\n", value, POLL_MAX_MS);
		return error ?: -EINVAL;
	}
	if (ms && !IS_ENABLED(CONFIG_GENERIC_IRQ_INJECTION)) {
		pr_err("poll_ms: this kernel has no CONFIG_GENERIC_IRQ_INJECTION\n");
		return -EOPNOTSUPP;
	}
	mutex_lock(&mode_mutex);
	WRITE_ONCE(poll_ms, ms);
	if (running && ms)
		mod_delayed_work(system_freezable_wq, &inorder_poll_work, 0);
	mutex_unlock(&mode_mutex);
	return 0;
}

static const struct kernel_param_ops poll_ms_ops = { .set = poll_ms_set, .get = param_get_uint };
module_param_cb(poll_ms, &poll_ms_ops, &poll_ms, 0600);
MODULE_PARM_DESC(poll_ms, "look for bytes whose interrupt was lost every so many ms (default 0: never)");

/* Ports that come and go */

static int port_of(const struct serio *serio)
{
	if (!strcmp(serio->name, "i8042 KBD port"))
		return KBD;
	if (!strcmp(serio->name, "i8042 AUX port"))
		return AUX;
	return -1;
}

/* The driver has requested its handler before it registers the port. */
static void inorder_request_irq(enum inorder_port port)
{
	int error;

	if (!share)
		return;
	error = request_irq(irqs[port], inorder_interrupt, IRQF_SHARED,
			    KBUILD_MODNAME, &requested[port]);
	if (error)
		pr_warn("interrupt %u: no second handler (%d): delivering from irq_work\n",
			irqs[port], error);
	WRITE_ONCE(requested[port], !error);
}

static void inorder_free_irq(enum inorder_port port)
{
	if (!READ_ONCE(requested[port]))
		return;
	WRITE_ONCE(requested[port], false);
	free_irq(irqs[port], &requested[port]);
	clear_bit(port, &inorder.proven);
	clear_bit(port, &inorder.injected);
	/* What was left to that handler */
	irq_work_queue(&inorder_work);
}

/* The driver reads no more bytes for it, but some may be in the queue. */
static void inorder_forget_port(enum inorder_port port)
{
	struct serio *serio = inorder.ports[port];
	bool held;

	if (!serio)
		return;
	inorder_free_irq(port);
	do {
		raw_spin_lock_irq(&inorder.lock);
		held = i8042_rxq_holds(&inorder.rxq, port);
		if (!held)
			inorder.ports[port] = NULL;
		raw_spin_unlock_irq(&inorder.lock);
		if (held) {
			irq_work_queue(&inorder_work);
			usleep_range(50, 100);
		}
	} while (held);
	put_device(&serio->dev);
}

static int inorder_add_port(struct device *dev, void *unused)
{
	struct serio *serio = to_serio_port(dev);
	int port = port_of(serio);

	if (port < 0) {
		if (!strncmp(serio->name, "i8042 AUX", 9))
			pr_info_once("ports of an active multiplexer are left to the driver\n");
		return 0;
	}

	mutex_lock(&ports_mutex);
	if (serio != inorder.ports[port]) {
		inorder_forget_port(port);
		get_device(dev);
		inorder_request_irq(port);
		raw_spin_lock_irq(&inorder.lock);
		inorder.ports[port] = serio;
		raw_spin_unlock_irq(&inorder.lock);
	}
	mutex_unlock(&ports_mutex);
	return 0;
}

static void inorder_remove_port(struct device *dev)
{
	struct serio *serio = to_serio_port(dev);
	int port = port_of(serio);

	if (port < 0)
		return;
	mutex_lock(&ports_mutex);
	if (serio == inorder.ports[port])
		inorder_forget_port(port);
	mutex_unlock(&ports_mutex);
}

static int inorder_notify(struct notifier_block *nb, unsigned long action, void *dev)
{
	if (action == BUS_NOTIFY_ADD_DEVICE)
		inorder_add_port(dev, NULL);
	else if (action == BUS_NOTIFY_DEL_DEVICE)
		inorder_remove_port(dev);
	return NOTIFY_DONE;
}

static struct notifier_block inorder_notifier = { .notifier_call = inorder_notify };

/* Statistics */

static int stats_show(struct seq_file *m, void *unused)
{
	struct inorder_stats s;

	raw_spin_lock_irq(&inorder.lock);
	s = inorder.stats;
	raw_spin_unlock_irq(&inorder.lock);

	seq_printf(m, "kbd_bytes %lu\naux_bytes %lu\npassed %lu\n",
		   s.bytes[KBD], s.bytes[AUX], s.passed);
	seq_printf(m, "queued_behind %lu\novertakes_prevented %lu\n", s.behind, s.prevented);
	seq_printf(m, "watched %lu\novertakes_observed %lu\n", s.watched, s.observed);
	seq_printf(m, "overflow %lu\ndepth_max %u\n", s.overflow, s.depth_max);
	seq_printf(m, "wait_max_us %llu\n", div_u64(s.wait_max, 1000));
	seq_printf(m, "polls %lu\npoll_found %lu\n", s.polls, s.poll_found);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

/* Load and unload */

static bool exists(const char *name)
{
	struct path path;

	if (kern_path(name, 0, &path))
		return false;
	path_put(&path);
	return true;
}

static const char *filter_holder(void)
{
	static const char * const holders[] = {
		"asus_wmi", "dell_laptop", "hp_accel", "ideapad_slidebar", "msi_laptop",
		"panasonic_laptop", "samsung_galaxybook", "toshiba_acpi", "i8042_oracle",
	};
	static char name[64];
	int i;

	for (i = 0; i < ARRAY_SIZE(holders); i++) {
		snprintf(name, sizeof(name), "/sys/module/%s", holders[i]);
		if (exists(name))
			return holders[i];
	}
	return "unknown";
}

/*
 * A driver that delivers in order by itself has the variable i8042_delivering. No probe can
 * be set on a variable, but that is another error than for a name that is not there.
 */
static bool inorder_is_needed(void)
{
	static struct kprobe probe = { .symbol_name = "i8042_delivering" };
	int error = register_kprobe(&probe);

	if (!error)
		unregister_kprobe(&probe);
	return error != -EINVAL;
}

static int inorder_check(void)
{
	struct device *i8042 = bus_find_device_by_name(&platform_bus_type, NULL, "i8042");

	if (!i8042) {
		pr_err("this machine has no i8042\n");
		return -ENODEV;
	}
	put_device(i8042);
	if (!inorder_is_needed()) {
		pr_err("this kernel delivers in order by itself: the module is not needed\n");
		return -ENODEV;	/* which systemd takes for no failure */
	}
	return 0;
}

static void inorder_forget_ports(void)
{
	enum inorder_port port;

	bus_unregister_notifier(&serio_bus, &inorder_notifier);
	for (port = 0; port < NPORTS; port++)
		inorder_forget_port(port);
	irq_work_sync(&inorder_work);
}

static struct dentry *inorder_dir;

static int __init inorder_init(void)
{
	int error = inorder_check();

	if (error)
		return error;
	error = bus_register_notifier(&serio_bus, &inorder_notifier);
	if (error)
		return error;
	bus_for_each_dev(&serio_bus, NULL, NULL, inorder_add_port);
	error = i8042_install_filter(inorder_filter, NULL);
	if (error) {
		pr_err("another module has the filter of the i8042 (%s): unload it first\n",
		       filter_holder());
		goto err_ports;
	}

	mutex_lock(&mode_mutex);
	error = inorder_start(mode);
	running = !error;
	if (running && poll_ms)
		queue_delayed_work(system_freezable_wq, &inorder_poll_work, 0);
	mutex_unlock(&mode_mutex);
	if (error)
		goto err_filter;

	inorder_dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("stats", 0400, inorder_dir, NULL, &stats_fops);
	pr_info("bytes of the i8042 are %s\n",
		mode == OBSERVE ? "observed" : "delivered in order");
	return 0;

err_filter:
	i8042_remove_filter(inorder_filter);
err_ports:
	inorder_forget_ports();
	return error;
}

static void __exit inorder_exit(void)
{
	debugfs_remove_recursive(inorder_dir);
	/* The parameters can still be written. */
	mutex_lock(&mode_mutex);
	running = false;
	inorder_end();
	WRITE_ONCE(poll_ms, 0);
	mutex_unlock(&mode_mutex);
	cancel_delayed_work_sync(&inorder_poll_work);
	i8042_remove_filter(inorder_filter);
	inorder_forget_ports();
}

module_init(inorder_init);
module_exit(inorder_exit);
