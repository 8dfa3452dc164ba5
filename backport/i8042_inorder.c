// SPDX-License-Identifier: GPL-2.0-only
/*
 * i8042_inorder - in-order delivery for an i8042 driver that is built in
 *
 * The i8042 driver reads a byte under its lock and delivers it without. This
 * module has the driver's filter, which is called for every byte under that
 * lock. In a hard interrupt it leaves the byte to the driver, if nobody delivers
 * to that port; else it takes the byte into a queue (see i8042-rxq.h).
 *
 * A second handler on the driver's interrupt lines runs right after the
 * driver's own, in the same interrupt: it ends what the filter has begun, and
 * delivers from the queue. Bytes that are read outside of hard interrupts are
 * delivered by irq_work or, where interrupts are threads, by the thread of the
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
#include <linux/platform_device.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/serio.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#define I8042_RXQ_READ		READ_ONCE
#define I8042_RXQ_CMPXCHG	cmpxchg
#include "i8042-rxq.h"

#define CREATE_TRACE_POINTS
#include "i8042_inorder_trace.h"

/* For the self tests, which cannot have the filter, too */
EXPORT_TRACEPOINT_SYMBOL_GPL(i8042_inorder_read);

MODULE_DESCRIPTION("In-order delivery for the i8042 (PS/2) controller");
MODULE_AUTHOR("Seed 87f2ce42 maintainers <maintainers@users.noreply.r-seed-87f2ce42.example>");
MODULE_VERSION("1.0");
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

/**
 * struct inorder_stats - what an administrator can read
 * @passed: bytes of ports that this module does not know, left to the driver
 * @queued: bytes that went through the queue
 * @prevented: those of them that were read while an earlier one of the same port was
 *	not delivered: more than would have overtaken it
 * @observed: bytes that overtook an earlier one of the same port ("observe")
 * @watched: bytes whose delivery was observed
 * @overflow: bytes that found the queue full
 * @polls: interrupts injected
 * @depth_max: most bytes in a queue
 * @wait_max: longest time in a queue, ns
 */
struct inorder_stats {
	unsigned long passed, queued, prevented, observed, watched, overflow, polls;
	unsigned int depth_max;
	u64 wait_max;
};

/* A byte that the driver itself is about to deliver ("observe") */
struct inorder_reader {
	const void *context;
	enum inorder_port port;
};

/*
 * OFF: bytes are left to the driver, and no more said about it. HOLD: all are queued,
 * none delivered. DELIVER: as the protocol says. DRAIN: all are queued and delivered.
 */
enum inorder_state { OFF, HOLD, DELIVER, DRAIN };

/**
 * struct inorder_line - a port, and its interrupt line
 * @rxq: who delivers to the port, and what waits; see i8042-rxq.h
 * @passes: the port, if its bytes may be passed; else NOT_ANY
 * @serio: the port, with a reference; written under inorder.lock, as is @passes
 * @bytes: bytes that were read; under the driver's lock
 * @found: of both ports, those that were read when an interrupt had been injected
 * @injected: an interrupt was injected and has not been handled
 * @before: bytes of both ports before that
 * @requested: the line has the second handler
 * @threaded: which has a thread, as the driver's has
 */
struct inorder_line {
	struct serio *passes;
	struct i8042_rxq rxq;
	struct serio *serio;
	unsigned long bytes;
	unsigned long found;
	unsigned long injected;
	unsigned long before;
	bool requested;
	bool threaded;
};

static struct inorder_line lines[NPORTS];

/* A byte without a port has none, either. */
#define NOT_ANY		((struct serio *)&lines)

static struct {
	raw_spinlock_t lock;		/* all of this, and the queues */
	enum inorder_state state;
	struct inorder_stats stats;
	bool observing;
	struct inorder_reader readers[16];
	unsigned int nreaders;
} inorder;

static DEFINE_MUTEX(mode_mutex);	/* one switch of the mode at a time */
static DEFINE_MUTEX(ports_mutex);	/* one port comes or goes at a time */

/* Delivery */

/* This CPU, as i8042-rxq.h has it; 0 outside of hard interrupts */
static unsigned int inorder_me(void)
{
	return COMPAT_MAY_PASS && in_hardirq() ? smp_processor_id() + 1 : 0;
}

static void inorder_delivered(enum inorder_port port, const struct i8042_rxq_byte *byte)
{
	/* Clocks of two CPUs may differ a little. */
	u64 wait = max_t(s64, local_clock() - byte->stamp, 0);

	if (wait > inorder.stats.wait_max)
		inorder.stats.wait_max = wait;
	trace_i8042_inorder_deliver(port, i8042_rxq_depth(&lines[port].rxq), wait);
}

/* Rarely called: what it needs on the stack is not for each interrupt. */
static noinline void inorder_drain(enum inorder_port port, unsigned int me)
{
	struct inorder_line *line = &lines[port];
	struct i8042_rxq_byte byte;
	struct serio *serio;
	unsigned long flags;

	raw_spin_lock_irqsave(&inorder.lock, flags);
	if (inorder.state != HOLD && i8042_rxq_begin(&line->rxq, me)) {
		while (i8042_rxq_next(&line->rxq, &byte)) {
			serio = line->serio;
			/* Not for a driver that came later, which may wait for an answer */
			if (READ_ONCE(serio->drv) != byte.to)
				continue;
			inorder_delivered(port, &byte);
			raw_spin_unlock_irqrestore(&inorder.lock, flags);
			serio_interrupt(serio, byte.data, byte.dfl);
			raw_spin_lock_irqsave(&inorder.lock, flags);
		}
	}
	raw_spin_unlock_irqrestore(&inorder.lock, flags);
}

/*
 * End what this CPU has begun, and deliver what waits: for both ports, as each line's
 * handler may read a byte of either. @me is as in i8042-rxq.h.
 *
 * Context: interrupt, or the thread of one; not to be scheduled out for long
 */
static void inorder_done(unsigned int me)
{
	enum inorder_port port;

	for (port = 0; port < NPORTS; port++)
		if (i8042_rxq_done(&lines[port].rxq, me))
			inorder_drain(port, me);
}

static void inorder_work_fn(struct irq_work *work)
{
	if (READ_ONCE(inorder.stats.overflow))
		pr_warn_once("a queue was full: bytes may have been delivered out of order\n");
	inorder_done(inorder_me());
}

static struct irq_work inorder_work = { .func = inorder_work_fn };

/*
 * Another CPU's call. A CPU that is idle may call this from its idle loop, where
 * interrupts are off: no hard interrupt, but none goes on here either. On PREEMPT_RT
 * nothing must be delivered here, and no CPU is an owner.
 */
static void inorder_look(void *unused)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return;
	lockdep_hardirq_threaded();
	inorder_done(smp_processor_id() + 1);
}

/**
 * struct inorder_call - what makes a CPU look
 * @csd: the call
 * @sent: it is on its way. Sent once more it would be waited for, up to 5.5.
 */
struct inorder_call {
	call_single_data_t csd;
	int sent;
};

static DEFINE_PER_CPU(struct inorder_call, inorder_calls);

/* From the look on to the end of this interrupt, this CPU owns no port. */
static void inorder_called(void *unused)
{
	inorder_look(NULL);
	xchg(&per_cpu(inorder_calls, smp_processor_id()).sent, 0);
}

/* Return: false if the CPU is offline. Context: interrupts are off */
static bool inorder_call(int cpu)
{
	struct inorder_call *call = &per_cpu(inorder_calls, cpu);

	if (xchg(&call->sent, 1) || smp_call_function_single_async(cpu, &call->csd) != -ENXIO)
		return true;
	xchg(&call->sent, 0);
	return false;
}

static unsigned long bytes_of_both(void)
{
	return READ_ONCE(lines[KBD].bytes) + READ_ONCE(lines[AUX].bytes);
}

/* What has the interrupt found that was injected, if it was? */
static irqreturn_t inorder_found(struct inorder_line *line)
{
	if (!READ_ONCE(line->injected) || !xchg(&line->injected, 0))
		return IRQ_NONE;
	line->found += bytes_of_both() - line->before;
	return IRQ_HANDLED;
}

/*
 * The second handler. The driver's own, which was requested earlier, has run
 * and says whether the interrupt was ours; but for one that was injected, or an
 * idle line would be taken for stuck and disabled.
 */
static irqreturn_t inorder_interrupt(int irq, void *dev_id)
{
	inorder_done(inorder_me());
	return inorder_found(dev_id);
}

/* Where interrupts are threads the filter wakes ours, if there is a byte for it. */
static irqreturn_t inorder_hard_interrupt(int irq, void *dev_id)
{
	struct inorder_line *line = dev_id;

	return READ_ONCE(line->injected) ? IRQ_WAKE_THREAD : IRQ_NONE;
}

static irqreturn_t inorder_thread(int irq, void *dev_id)
{
	inorder_done(0);
	inorder_found(dev_id);
	return IRQ_HANDLED;
}

/* Have somebody deliver what waits: the thread of the port's line, or else the other's. */
static void inorder_kick(enum inorder_port port)
{
	if (!READ_ONCE(lines[port].threaded))
		port = !port;
	if (READ_ONCE(lines[port].threaded))
		irq_wake_thread(irqs[port], &lines[port]);
	else
		irq_work_queue(&inorder_work);
}

/* @who is what i8042_rxq_put() has returned. Context: interrupts are off */
static void inorder_tell(enum inorder_port port, unsigned int who)
{
	int cpu = who - 1, orphan;

	if (who != I8042_RXQ_PENDING) {
		if (inorder_call(cpu))
			return;
		raw_spin_lock(&inorder.lock);
		orphan = i8042_rxq_orphan(&lines[port].rxq, who);
		raw_spin_unlock(&inorder.lock);
		if (!orphan)
			return;
	}
	inorder_kick(port);
}

/* The filter */

/* Context: under inorder.lock. Return: as i8042_rxq_put() */
static unsigned int inorder_put(enum inorder_port port, u8 data, u8 str)
{
	struct i8042_rxq *rxq = &lines[port].rxq;
	struct i8042_rxq_byte byte = {
		.stamp = local_clock(),	/* ktime_get() may be a VM exit */
		.to = READ_ONCE(lines[port].serio->drv),
		.data = data,
	};
	struct inorder_stats *stats = &inorder.stats;
	unsigned int me = smp_processor_id() + 1, owner = READ_ONCE(rxq->owner);

	/* The driver knows quirks by which it ignores timeouts. */
	if (str & STR_PARITY)
		byte.dfl |= SERIO_PARITY;
	if (str & STR_TIMEOUT && !notimeout)
		byte.dfl |= SERIO_TIMEOUT;

	stats->queued++;
	stats->prevented += i8042_rxq_depth(rxq) || (owner != I8042_RXQ_IDLE && owner != me);
	stats->depth_max = max(stats->depth_max, i8042_rxq_depth(rxq) + 1);
	return i8042_rxq_put(rxq, &byte, me);
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

/* What cannot be passed. Return: as inorder_filter() */
static noinline bool inorder_filter_slow(struct inorder_line *line, u8 data, u8 str,
					 struct serio *serio)
{
	enum inorder_port port = line - lines;
	bool taken = false, full = false;
	unsigned int who = 0;
	unsigned long flags;

	if (!serio)
		return false;
	raw_spin_lock_irqsave(&inorder.lock, flags);
	/* Ports that are multiplexed, or not registered yet, are not there. */
	if (serio != line->serio) {
		inorder.stats.passed++;
		goto unlock;
	}
	line->bytes++;
	if (inorder.observing)
		inorder_observe_read(port);
	if (inorder.state != OFF) {
		full = i8042_rxq_full(&line->rxq);
		taken = !full;
		if (full)
			inorder.stats.overflow++;
		else
			who = inorder_put(port, data, str);
	}
	trace_i8042_inorder_read(port, data, taken, i8042_rxq_depth(&line->rxq));
unlock:
	raw_spin_unlock(&inorder.lock);
	if (who)
		inorder_tell(port, who);
	if (full)
		irq_work_queue(&inorder_work);	/* which says so */
	local_irq_restore(flags);
	return taken;
}

/*
 * Context: called by the i8042 driver for each byte that it has read, in that
 * order, under its lock: interrupts are off, but not on PREEMPT_RT.
 * Return: true if the byte is taken.
 */
static bool inorder_filter(unsigned char data, unsigned char str,
			   struct serio *serio, void *context)
{
	struct inorder_line *line = str & STR_AUXDATA ? &lines[AUX] : &lines[KBD];

	if (!COMPAT_MAY_PASS || serio != READ_ONCE(line->passes) || !in_hardirq() ||
	    !i8042_rxq_pass(&line->rxq, smp_processor_id() + 1))
		return inorder_filter_slow(line, data, str, serio);

	line->bytes++;
	trace_i8042_inorder_read(line - lines, data, false, 0);
	return false;
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
	port = serio == lines[AUX].serio ? AUX : KBD;
	context = inorder_context(hard);
	for (i = 0; i < inorder.nreaders && r[i].context != context; i++)
		overtakes |= r[i].port == port;
	if (i < inorder.nreaders && serio == lines[port].serio) {
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

/* Context: under inorder.lock, when the state or a port has changed */
static void inorder_let_pass(void)
{
	enum inorder_port port;

	for (port = 0; port < NPORTS; port++)
		WRITE_ONCE(lines[port].passes, inorder.state == DELIVER && lines[port].serio ?
			   lines[port].serio : NOT_ANY);
}

static void inorder_set_state(enum inorder_state state)
{
	raw_spin_lock_irq(&inorder.lock);
	inorder.state = state;
	inorder_let_pass();
	raw_spin_unlock_irq(&inorder.lock);
}

/* Each CPU ends what it has begun, and somebody delivers what waits. */
static void inorder_look_everywhere(void)
{
	on_each_cpu(inorder_look, NULL, 1);
	inorder_kick(KBD);
}

/*
 * From bytes that the driver delivers, and nobody counts, to those of the protocol. The
 * former have to be over before one of the latter is delivered. Tasks poll the
 * controller, but for a resume, with the port's drv_mutex held: none does while the state
 * changes. Whoever is in an interrupt can be waited for: some ms.
 */
static void inorder_take(void)
{
	struct serio *kbd, *aux;

	mutex_lock(&ports_mutex);
	kbd = lines[KBD].serio;
	aux = lines[AUX].serio;
	if (kbd)
		mutex_lock(&kbd->drv_mutex);
	if (aux)
		mutex_lock_nested(&aux->drv_mutex, SINGLE_DEPTH_NESTING);
	inorder_set_state(HOLD);
	if (aux)
		mutex_unlock(&aux->drv_mutex);
	if (kbd)
		mutex_unlock(&kbd->drv_mutex);
	mutex_unlock(&ports_mutex);

	synchronize_rcu();
	synchronize_irq(irqs[KBD]);
	synchronize_irq(irqs[AUX]);
	inorder_set_state(DELIVER);
	inorder_kick(KBD);
}

/* And back: when the last byte of the protocol is delivered. */
static void inorder_leave(void)
{
	bool left;

	inorder_set_state(DRAIN);
	synchronize_rcu();
	do {
		inorder_look_everywhere();
		raw_spin_lock_irq(&inorder.lock);
		/* Whoever was in an interrupt was waited for. An owner may be offline. */
		left = i8042_rxq_forget_owner(&lines[KBD].rxq) &&
		       i8042_rxq_forget_owner(&lines[AUX].rxq);
		if (left)
			inorder.state = OFF;
		raw_spin_unlock_irq(&inorder.lock);
		if (!left)
			usleep_range(50, 100);
	} while (!left);
}

enum inorder_mode { MODE_DELIVER, MODE_OBSERVE, NMODES };
static const char * const mode_names[NMODES] = { "deliver", "observe" };
static enum inorder_mode mode;
static bool running;

/* Context: process; mode_mutex is held */
static int inorder_start(enum inorder_mode new)
{
	if (new == MODE_OBSERVE)
		return inorder_start_observing();
	inorder_take();
	return 0;
}

static void inorder_end(void)
{
	if (mode == MODE_OBSERVE)
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

/*
 * Return: false if that cannot be done, as on a level-triggered line. The mutex keeps
 * the line's handler there meanwhile.
 */
static bool inorder_inject(enum inorder_port port)
{
	struct inorder_line *line = &lines[port];
	int error = 0;

	mutex_lock(&ports_mutex);
	if (line->requested) {
		line->before = bytes_of_both();
		xchg(&line->injected, 1);	/* a barrier: @before is for the handler, too */
		error = irq_inject_interrupt(irqs[port]);
	}
	if (error && error != -EBUSY)	/* the last one is still to come */
		WRITE_ONCE(line->injected, 0);
	raw_spin_lock_irq(&inorder.lock);
	inorder.stats.polls += line->requested && !error;
	raw_spin_unlock_irq(&inorder.lock);
	mutex_unlock(&ports_mutex);

	if (error && error != -EBUSY)
		pr_warn_once("poll_ms: interrupt %u cannot be injected: %d\n", irqs[port], error);
	return !error || error == -EBUSY;
}

static void inorder_poll_fn(struct work_struct *work)
{
	unsigned int ms = READ_ONCE(poll_ms);
	bool kbd, aux;

	if (!IS_ENABLED(CONFIG_GENERIC_IRQ_INJECTION) || !ms)
		return;
	kbd = inorder_inject(KBD);
	aux = inorder_inject(AUX);
	if (kbd || aux)
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

/*
 * The driver has requested its handler before it registers the port. If that is a
 * thread (threadirqs, PREEMPT_RT), it is one-shot, and only then a one-shot handler
 * may share the line with it.
 */
static void inorder_request_irq(enum inorder_port port)
{
	struct inorder_line *line = &lines[port];
	int error;

	error = request_threaded_irq(irqs[port], inorder_hard_interrupt, inorder_thread,
				     IRQF_SHARED | IRQF_ONESHOT | IRQF_PROBE_SHARED,
				     KBUILD_MODNAME, line);
	WRITE_ONCE(line->threaded, !error);
	if (error)
		error = request_irq(irqs[port], inorder_interrupt, IRQF_SHARED,
				    KBUILD_MODNAME, line);
	if (error)
		pr_warn("interrupt %u: no second handler (%d): delivering from irq_work\n",
			irqs[port], error);
	line->requested = !error;
}

static void inorder_free_irq(enum inorder_port port)
{
	struct inorder_line *line = &lines[port];

	if (!line->requested)
		return;
	line->requested = false;
	WRITE_ONCE(line->threaded, false);
	free_irq(irqs[port], line);
	line->injected = 0;
}

/* The driver reads no more bytes for it, but some may be in the queue. */
static void inorder_forget_port(enum inorder_port port)
{
	struct inorder_line *line = &lines[port];
	struct serio *serio = line->serio;
	bool waits;

	if (!serio)
		return;
	inorder_free_irq(port);
	do {
		/* Also what was left to that handler */
		inorder_look_everywhere();
		raw_spin_lock_irq(&inorder.lock);
		waits = i8042_rxq_waits(&line->rxq);
		if (!waits)
			line->serio = NULL;
		inorder_let_pass();
		raw_spin_unlock_irq(&inorder.lock);
		if (waits)
			usleep_range(50, 100);
	} while (waits);
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
	/* It may have gone since it was found. */
	if (serio != lines[port].serio && device_is_registered(dev)) {
		inorder_forget_port(port);
		get_device(dev);
		inorder_request_irq(port);
		raw_spin_lock_irq(&inorder.lock);
		lines[port].serio = serio;
		inorder_let_pass();
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
	if (serio == lines[port].serio)
		inorder_forget_port(port);
	mutex_unlock(&ports_mutex);
}

static int inorder_notify(struct notifier_block *nb, unsigned long action, void *dev)
{
	if (action == BUS_NOTIFY_ADD_DEVICE)
		inorder_add_port(dev, NULL);
	else if (action == BUS_NOTIFY_DEL_DEVICE || action == BUS_NOTIFY_REMOVED_DEVICE)
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
		   READ_ONCE(lines[KBD].bytes), READ_ONCE(lines[AUX].bytes), s.passed);
	seq_printf(m, "queued %lu\novertakes_prevented %lu\n", s.queued, s.prevented);
	seq_printf(m, "watched %lu\novertakes_observed %lu\n", s.watched, s.observed);
	seq_printf(m, "overflow %lu\ndepth_max %u\n", s.overflow, s.depth_max);
	seq_printf(m, "wait_max_us %llu\n", div_u64(s.wait_max, 1000));
	seq_printf(m, "polls %lu\npoll_found %lu\n", s.polls,
		   READ_ONCE(lines[KBD].found) + READ_ONCE(lines[AUX].found));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

/* Load and unload */

static const char *filter_holder(void)
{
	static const char * const holders[] = {
		"asus_wmi", "dell_laptop", "hp_accel", "ideapad_slidebar", "msi_laptop",
		"nuc_wmi", "panasonic_laptop", "samsung_galaxybook", "toshiba_acpi",
		"uniwill_wmi", "i8042_oracle",
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(holders); i++)
		if (compat_has_module(holders[i]))
			return holders[i];
	return "unknown";
}

static int inorder_check(void)
{
	struct device *i8042 = bus_find_device_by_name(&platform_bus_type, NULL, "i8042");

	if (!i8042) {
		pr_err("this machine has no i8042\n");
		return -ENODEV;
	}
	put_device(i8042);
	/* The variable of a driver that has the series */
	if (compat_has_variable("i8042_delivering")) {
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
	/* A call that was sent earlier may come after one that is waited for. */
	on_each_cpu(inorder_look, NULL, 1);
	synchronize_rcu();
}

static struct dentry *inorder_dir;

static int __init inorder_init(void)
{
	int cpu, error = inorder_check();

	if (error)
		return error;
	raw_spin_lock_init(&inorder.lock);
	inorder_set_state(OFF);
	for_each_possible_cpu(cpu)
		per_cpu(inorder_calls, cpu).csd.func = inorder_called;
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
		mode == MODE_OBSERVE ? "observed" : "delivered in order");
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
