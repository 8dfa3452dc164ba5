// SPDX-License-Identifier: GPL-2.0-only
/*
 * i8042_oracle - does every byte reach its serio port in the order in which
 * it was read from the controller?
 *
 * A byte is seen three times: when it is put into the controller, when the
 * driver reads it (by a filter, which runs under the driver's lock and hence
 * in read order), and when the serio driver of its port receives it. So what
 * the controller or its emulation does to the stream can be told from what
 * the driver does to it. Bytes lost, duplicated and late are counted apart.
 *
 * "run" puts numbered bytes into the controller (commands 0xD2 and 0xD3 of the
 * 8042: write keyboard and auxiliary output buffer) and gives them to a serio
 * driver of its own. It is bound by hand, through drvctl:
 *
 *	echo -n i8042_oracle > /sys/bus/serio/devices/serio0/drvctl
 *
 * Writing 1 to "run" starts it, and "injecting" in "result" becomes 0 when all
 * bytes have arrived or are lost. Writing 0 ends it and keeps the result.
 *
 * "watch" leaves the ports to whatever driver has them and compares the bytes
 * of real devices, as read and as received by the driver's interrupt method.
 *
 * Control and results are in debugfs, i8042_oracle/. Results are counts and
 * times; the bytes themselves are never shown.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/i8042.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/serio.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/vmalloc.h>

MODULE_DESCRIPTION("Order oracle for the i8042 driver");
MODULE_LICENSE("GPL");
MODULE_INFO(test, "Y");

#define STR_AUXDATA		0x20	/* status: byte is from the AUX port */
#define CTR_INTS		0x03	/* CTR: interrupts of both ports */
#define CMD_READ_CTR		0x0120
#define CMD_WRITE_CTR		0x1060
#define CMD_KBD_LOOP		0x10d2	/* one parameter, no result */
#define CMD_AUX_LOOP		0x10d3
#define CMD_AUX_DISABLE		0x00a7
#define CMD_KBD_DISABLE		0x00ad

static unsigned int bytes = 10000;
module_param(bytes, uint, 0644);
MODULE_PARM_DESC(bytes, "run: bytes for each port");

static unsigned int enough;
module_param(enough, uint, 0644);
MODULE_PARM_DESC(enough, "run: end when so many bytes were late, lost or received twice (0: do not)");

static unsigned int ports = 3;
module_param(ports, uint, 0644);
MODULE_PARM_DESC(ports, "run: ports that get bytes (1: KBD, 2: AUX)");

static bool filter = true;
module_param(filter, bool, 0444);
MODULE_PARM_DESC(filter, "observe what the driver reads; N leaves its filter to others");

static bool hold;
module_param(hold, bool, 0644);
MODULE_PARM_DESC(hold, "run: the filter takes every other byte, and delivers it at the sight of the next");

static unsigned int packet = 3;
module_param(packet, uint, 0644);
MODULE_PARM_DESC(packet, "watch: bytes in a packet of the mouse");

static unsigned int depth = 5;
module_param(depth, uint, 0644);
MODULE_PARM_DESC(depth, "run: bytes of one port that may be on their way, 1 to 100");

static unsigned int gap_us;
module_param(gap_us, uint, 0644);
MODULE_PARM_DESC(gap_us, "run: pause between two bytes");

static bool packets;
module_param(packets, bool, 0644);
MODULE_PARM_DESC(packets, "run: send scan codes and mouse packets instead of numbers, for the drivers that are bound");

static unsigned int poll_us;
module_param(poll_us, uint, 0644);
MODULE_PARM_DESC(poll_us, "run: pause between polls from process context (0: none)");

static bool poll_thaw;
module_param(poll_thaw, bool, 0644);
MODULE_PARM_DESC(poll_thaw, "run: poll by the driver's thaw, which touches no setting, not by closing the AUX port");

static int poll_cpu = -1;
module_param(poll_cpu, int, 0644);
MODULE_PARM_DESC(poll_cpu, "run: CPU that polls, while another one injects (-1: any)");

static bool poll_once;
module_param(poll_once, bool, 0644);
MODULE_PARM_DESC(poll_once, "run: poll only until a byte was delayed");

static unsigned int edge_us;
module_param(edge_us, uint, 0644);
MODULE_PARM_DESC(edge_us, "run: pause between spare interrupt edges (0: none)");

static bool unbind;
module_param(unbind, bool, 0644);
MODULE_PARM_DESC(unbind, "run: unbind the driver from the controller while a byte is delayed");

static bool mute;
module_param(mute, bool, 0644);
MODULE_PARM_DESC(mute, "run: the controller raises no interrupts, with poll_once until all bytes were injected");

static unsigned int hog_us;
module_param(hog_us, uint, 0644);
MODULE_PARM_DESC(hog_us, "run: length of the bursts of a SCHED_FIFO hog on poll_cpu (0: none)");

static unsigned int fuzz_us;
module_param(fuzz_us, uint, 0644);
MODULE_PARM_DESC(fuzz_us, "run: pause between random commands to the controller (0: none)");

static bool fuzz_any;
module_param(fuzz_any, bool, 0644);
MODULE_PARM_DESC(fuzz_any, "run: also those commands that cost, yield or forge bytes");

static unsigned int fuzz_seed;
module_param(fuzz_seed, uint, 0644);
MODULE_PARM_DESC(fuzz_seed, "run: the same commands for the same number");

static unsigned int patience_ms = 5000;
module_param(patience_ms, uint, 0644);
MODULE_PARM_DESC(patience_ms, "run: if nothing is received for so long, what is on its way is lost");

static unsigned int long_us;
module_param(long_us, uint, 0644);
MODULE_PARM_DESC(long_us, "count bytes that waited, and calls of \"timed\" that took, at least so long (0: do not)");

static unsigned int gap_min_us;
module_param(gap_min_us, uint, 0644);
MODULE_PARM_DESC(gap_min_us, "run: count the times when a CPU did not run for so long (0: do not look)");

static unsigned int spin_us;
module_param(spin_us, uint, 0644);
MODULE_PARM_DESC(spin_us, "delay between reading and delivering a byte (0: none)");

static unsigned int spin_every = 1;
module_param(spin_every, uint, 0644);
MODULE_PARM_DESC(spin_every, "delay one byte of so many");

static unsigned int spin_max;
module_param(spin_max, uint, 0644);
MODULE_PARM_DESC(spin_max, "delay no more bytes than this (0: no limit)");

static unsigned int spin_in = 7;
module_param(spin_in, uint, 0644);
MODULE_PARM_DESC(spin_in, "delay in polls (1), timers (2), interrupt handlers (4)");

static unsigned int spin_ports = 3;
module_param(spin_ports, uint, 0644);
MODULE_PARM_DESC(spin_ports, "delay bytes of these ports (1: KBD, 2: AUX)");

static char *spin_comm;
module_param(spin_comm, charp, 0444);
MODULE_PARM_DESC(spin_comm, "delay only in tasks whose name begins like this");

static int timed_irq;
module_param(timed_irq, int, 0444);
MODULE_PARM_DESC(timed_irq, "record \"timed\" only if its first argument is this (0: always)");

static char *timed;
module_param(timed, charp, 0444);
MODULE_PARM_DESC(timed, "function whose run time and errors are recorded");

static char *stopper;
module_param_named(stop, stopper, charp, 0444);
MODULE_PARM_DESC(stop, "the driver's method that stops a port: no delivery that was delayed may go on after it");

static char *since;
module_param(since, charp, 0444);
MODULE_PARM_DESC(since, "function of an interrupt from which on the time to the receipt is recorded; no delays then");

static char *until;
module_param(until, charp, 0444);
MODULE_PARM_DESC(until, "with since: function of an interrupt up to which the time after the receipt is recorded");

enum oracle_port { KBD, AUX, NPORTS };
static const char * const port_name[NPORTS] = { "kbd", "aux" };

enum oracle_context { POLL, TIMER, IRQ, NCONTEXTS };

/* What "packets" sends: key A pressed and released, motion to the right */
static const u8 key[] = { 0x1e, 0x9e };
static const u8 motion[] = { 0x08, 0x01, 0x00 };

#define WINDOW	256		/* numbers are bytes */
#define LOG	65536		/* bytes that "watch" compares */

/**
 * struct stream - the bytes of one port
 * @lock: protects all below but @injected
 * @serio: the port, if our driver is bound to it
 * @injected: bytes put into the controller; written by the injector only
 * @read: bytes read by the driver
 * @answers: those of them that only a device can have sent ("packets")
 * @misread: bytes that were not read in the order in which they were injected
 * @received: bytes received by the serio driver
 * @base: number of the oldest byte that was not received
 * @top: one more than the highest number received
 * @late: bytes received after one with a higher number
 * @dup: bytes received twice
 * @lost: bytes given up
 * @held: bytes that the filter took and delivered; as the next two under the
 *	lock of the driver, not @lock
 * @holding: it has one at present
 * @held_byte: which
 * @seen: received, by number modulo WINDOW
 * @injected_at: time of injection, ns, likewise
 * @read_at: time of reading, ns, likewise
 * @wait_max: longest time between reading and receiving, ns
 * @way_max: longest time between injecting and receiving, ns
 * @wait_sum: sum of the times between reading and receiving, ns
 * @waited_long: bytes for which it was at least long_us
 * @read_in: bytes read, by context
 * @received_in: bytes received, by context
 * @log_read: what was read ("watch")
 * @log_received: what was received ("watch")
 */
struct stream {
	raw_spinlock_t lock;
	struct serio *serio;
	unsigned int injected;
	unsigned int read;
	unsigned int answers;
	unsigned int misread;
	unsigned int received;
	unsigned int base;
	unsigned int top;
	unsigned int late;
	unsigned int dup;
	unsigned int lost;
	unsigned int held;
	bool holding;
	u8 held_byte;
	bool seen[WINDOW];
	u64 injected_at[WINDOW];
	u64 read_at[WINDOW];
	u64 wait_max;
	u64 way_max;
	u64 wait_sum;
	unsigned int waited_long;
	unsigned int read_in[NCONTEXTS];
	unsigned int received_in[NCONTEXTS];
	u8 *log_read;
	u8 *log_received;
};

static struct stream streams[NPORTS];
static DEFINE_MUTEX(oracle_mutex);	/* one run or watch at a time */
static struct dentry *oracle_dir;
static bool watching;
static bool count_reads, count_receipts, injecting;
static u8 ctr;				/* the controller's, read at load */

static atomic_t spins, spin_turn, polls, edges, fuzzed;
static atomic_t timed_calls, timed_errors, timed_long, stops, stopped_early;
static atomic64_t timed_max;
static atomic_t gaps;
static atomic64_t gaps_sum, gaps_max;	/* ns */

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

static void set_max(atomic64_t *max, s64 value)
{
	s64 old = atomic64_read(max);

	while (value > old && !atomic64_try_cmpxchg(max, &old, value))
		;
}

static enum oracle_context oracle_context(void)
{
	unsigned int hard = hardirq_count();

	/* A breakpoint counts as one level of both. */
	if (in_nmi())
		hard -= HARDIRQ_OFFSET;
	if (hard)
		return IRQ;
	if (in_serving_softirq())
		return TIMER;
	if ((current->flags & PF_KTHREAD) && !strncmp(current->comm, "irq/", 4))
		return IRQ;
	return POLL;
}

/* Observation 2: the byte is read. Called in read order. */
static void oracle_read(struct stream *s, u8 data)
{
	unsigned long flags;

	if (!READ_ONCE(count_reads))
		return;

	raw_spin_lock_irqsave(&s->lock, flags);
	if (watching) {
		if (s->read < LOG)
			s->log_read[s->read] = data;
	} else if (!packets) {
		s->misread += data != (u8)s->read;
	} else if (!memchr(key, data, sizeof(key)) && !memchr(motion, data, sizeof(motion))) {
		s->answers++;
	}
	s->read_at[s->read++ % WINDOW] = ktime_get_ns();
	s->read_in[oracle_context()]++;
	raw_spin_unlock_irqrestore(&s->lock, flags);
}

static void oracle_number(struct stream *s, u8 data)
{
	unsigned int ahead = (u8)(data - s->base);
	unsigned int n = s->base + ahead;
	u64 now, wait;

	/* Less than half a window is on its way: the rest is from before. */
	if (ahead >= WINDOW / 2 || s->seen[n % WINDOW]) {
		s->dup++;
		return;
	}

	s->seen[n % WINDOW] = true;
	if ((int)(n - s->top) < 0)
		s->late++;
	else
		s->top = n + 1;

	now = ktime_get_ns();
	s->way_max = max(s->way_max, now - s->injected_at[n % WINDOW]);
	wait = now - s->read_at[n % WINDOW];
	s->wait_sum += wait;
	if (wait > s->wait_max)
		s->wait_max = wait;
	if (long_us && wait >= long_us * (u64)NSEC_PER_USEC)
		s->waited_long++;

	while (s->seen[s->base % WINDOW]) {
		s->seen[s->base % WINDOW] = false;
		s->base++;
	}
}

/* Observation 3: the byte is received. Called under serio->lock. */
static void oracle_received(struct stream *s, u8 data)
{
	unsigned long flags;

	if (!READ_ONCE(count_receipts))
		return;

	raw_spin_lock_irqsave(&s->lock, flags);
	if (!watching)
		oracle_number(s, data);
	else if (s->received == s->read)	/* read before we began */
		goto unlock;
	else if (s->received < LOG)
		s->log_received[s->received] = data;
	s->received++;
	s->received_in[oracle_context()]++;
unlock:
	raw_spin_unlock_irqrestore(&s->lock, flags);
}

/* Whatever is not received by now will not be. */
static void oracle_give_up(struct stream *s)
{
	raw_spin_lock_irq(&s->lock);
	while (s->base != s->injected) {
		if (!s->seen[s->base % WINDOW])
			s->lost++;
		s->seen[s->base % WINDOW] = false;
		s->base++;
	}
	s->top = s->base;
	raw_spin_unlock_irq(&s->lock);
}

/*
 * What some platform filters do with the first byte of a scan code that turns
 * out not to be for them: they deliver it themselves, under the driver's lock.
 */
static bool oracle_hold(struct stream *s, u8 data, struct serio *serio)
{
	if (s->holding) {
		s->holding = false;
		if (serio)	/* the port may have gone */
			serio_interrupt(serio, s->held_byte, 0);
		return false;
	}
	/* Nothing follows the last one. */
	if (!serio || !READ_ONCE(count_reads) || s->read >= READ_ONCE(bytes))
		return false;

	s->held++;
	s->holding = true;
	s->held_byte = data;
	return true;
}

#ifdef I8042_FILTER_HAS_CONTEXT
static bool oracle_filter(unsigned char data, unsigned char str,
			  struct serio *serio, void *context)
#else
static bool oracle_filter(unsigned char data, unsigned char str,
			  struct serio *serio)
#endif
{
	struct stream *s = &streams[str & STR_AUXDATA ? AUX : KBD];

	oracle_read(s, data);
	return READ_ONCE(hold) && oracle_hold(s, data, serio);
}

/* A module that delivers in the driver's stead has the filter, and says what it read. */
static void oracle_read_elsewhere(void *unused, unsigned int port, u8 data,
				  bool taken, unsigned int depth)
{
	oracle_read(&streams[port ? AUX : KBD], data);
}

extern struct tracepoint __tracepoint_i8042_inorder_read;
static struct tracepoint *elsewhere;

static int oracle_watch_elsewhere(void)
{
	int error = -EBUSY;

	elsewhere = symbol_get(__tracepoint_i8042_inorder_read);
	if (elsewhere)
		error = tracepoint_probe_register(elsewhere, oracle_read_elsewhere, NULL);
	if (error && elsewhere) {
		symbol_put(__tracepoint_i8042_inorder_read);
		elsewhere = NULL;
	}
	return error;
}

static int oracle_install_filter(void)
{
	int error;

	if (!filter)
		return 0;

#ifdef I8042_FILTER_HAS_CONTEXT
	error = i8042_install_filter(oracle_filter, NULL);
#else
	error = i8042_install_filter(oracle_filter);
#endif
	return error == -EBUSY ? oracle_watch_elsewhere() : error;
}

static void oracle_remove_filter(void)
{
	if (elsewhere) {
		tracepoint_probe_unregister(elsewhere, oracle_read_elsewhere, NULL);
		tracepoint_synchronize_unregister();
		symbol_put(__tracepoint_i8042_inorder_read);
	} else if (filter) {
		i8042_remove_filter(oracle_filter);
	}
}

static enum oracle_port port_of(const struct serio *serio)
{
	return strstr(serio->phys, "serio0") ? KBD : AUX;
}

/* The delay in the window, and the port whose byte is being delayed */

static struct serio *delayed;

static int spin_handler(struct kprobe *p, struct pt_regs *regs)
{
	unsigned int us = READ_ONCE(spin_us);

	if (!us || !(READ_ONCE(spin_in) & BIT(oracle_context())))
		return 0;
	if (!(READ_ONCE(spin_ports) & BIT(port_of((void *)regs_get_kernel_argument(regs, 0)))))
		return 0;
	if (spin_comm && strncmp(current->comm, spin_comm, strlen(spin_comm)))
		return 0;
	if (atomic_inc_return(&spin_turn) % max(READ_ONCE(spin_every), 1U))
		return 0;

	if (atomic_inc_return(&spins) > (READ_ONCE(spin_max) ?: INT_MAX)) {
		atomic_dec(&spins);
		return 0;
	}
	WRITE_ONCE(delayed, (void *)regs_get_kernel_argument(regs, 0));
	mdelay(us / 1000);
	udelay(us % 1000);
	WRITE_ONCE(delayed, NULL);
	return 0;
}

static struct kprobe spin_probe = {
	.symbol_name = "serio_interrupt",
	.pre_handler = spin_handler,
};

/* Times that are measured, and how they are distributed */

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

/* Percentiles, once the run is over: the order of the samples is lost. */
static void show_samples(struct seq_file *m, const char *name, struct samples *samples)
{
	static const unsigned int permille[] = { 500, 900, 990, 999, 1000 };
	unsigned int n = min_t(unsigned int, atomic_read(&samples->count),
			       ARRAY_SIZE(samples->ns));
	unsigned int i;

	if (!n || READ_ONCE(injecting))
		return;
	sort(samples->ns, n, sizeof(samples->ns[0]), compare_u32, NULL);
	seq_printf(m, "%s_permille_ns", name);
	for (i = 0; i < ARRAY_SIZE(permille); i++)
		seq_printf(m, " %u %u", permille[i], samples->ns[(n - 1) * permille[i] / 1000]);
	seq_putc(m, '\n');
}

/* The time that a function takes. */

/* A probe that is a breakpoint is like an NMI: ktime_get() is not for it. */
static u64 probe_clock(void)
{
	return ktime_get_mono_fast_ns();
}

static int timed_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (timed_irq && (int)regs_get_kernel_argument(regs, 0) != timed_irq)
		return 1;
	*(u64 *)ri->data = probe_clock();
	return 0;
}

static int timed_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	u64 ns = probe_clock() - *(u64 *)ri->data;

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

/* Is a delivery to a port still to come when the driver has stopped that port? */

static int stop_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	*(struct serio **)ri->data = (void *)regs_get_kernel_argument(regs, 0);
	return 0;
}

static int stop_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	atomic_inc(&stops);
	if (READ_ONCE(delayed) == *(struct serio **)ri->data)
		atomic_inc(&stopped_early);
	return 0;
}

static struct kretprobe stop_probe = {
	.entry_handler = stop_entry,
	.handler = stop_return,
	.data_size = sizeof(struct serio *),
};

/* The time from one function to the receipt of a byte on the same CPU */

static int since_handler(struct kprobe *p, struct pt_regs *regs)
{
	__this_cpu_write(receipt_at, 0);
	__this_cpu_write(since_at, probe_clock());
	return 0;
}

static struct kprobe since_probe = {
	.pre_handler = since_handler,
};

static void since_receipt(void)
{
	u64 at = __this_cpu_read(since_at);

	if (at)
		add_sample(&since_samples, probe_clock() - at);
	__this_cpu_write(since_at, 0);
}

/* What this tool does with the byte is in neither time. */
static int until_handler(struct kprobe *p, struct pt_regs *regs)
{
	u64 at = __this_cpu_read(receipt_at);

	if (at)
		add_sample(&until_samples, probe_clock() - at);
	__this_cpu_write(receipt_at, 0);
	return 0;
}

static struct kprobe until_probe = {
	.pre_handler = until_handler,
};

/* The serio driver that receives numbered bytes. */

static irqreturn_t oracle_interrupt(struct serio *serio, unsigned char data,
				    unsigned int flags)
{
	if (since)
		since_receipt();
	oracle_received(&streams[port_of(serio)], data);
	if (until)
		__this_cpu_write(receipt_at, probe_clock());
	return IRQ_HANDLED;
}

static int oracle_connect(struct serio *serio, struct serio_driver *drv)
{
	int error = serio_open(serio, drv);

	if (!error)
		streams[port_of(serio)].serio = serio;
	return error;
}

static void oracle_disconnect(struct serio *serio)
{
	streams[port_of(serio)].serio = NULL;
	serio_close(serio);
}

/* After a suspend: there is no device to set up again. */
static int oracle_reconnect(struct serio *serio)
{
	return 0;
}

static const struct serio_device_id oracle_ids[] = {
	{ .type = SERIO_8042, .proto = SERIO_ANY, .id = SERIO_ANY, .extra = SERIO_ANY },
	{ .type = SERIO_8042_XL, .proto = SERIO_ANY, .id = SERIO_ANY, .extra = SERIO_ANY },
	{ }
};

static struct serio_driver oracle_driver = {
	.driver		= { .name = "i8042_oracle" },
	.description	= "Order oracle for the i8042 driver",
	.id_table	= oracle_ids,
	.interrupt	= oracle_interrupt,
	.connect	= oracle_connect,
	.reconnect	= oracle_reconnect,
	.disconnect	= oracle_disconnect,
	.manual_bind	= true,
};

/* run: numbered bytes */

static unsigned int on_its_way(const struct stream *s)
{
	unsigned int arrived = READ_ONCE(s->base);

	if (packets && !filter)		/* nobody knows: gap_us is the limit */
		return 0;
	if (packets)
		arrived = READ_ONCE(s->read) - READ_ONCE(s->answers);
	return max_t(int, s->injected - arrived, 0);
}

static void inject(enum oracle_port port)
{
	struct stream *s = &streams[port];
	u8 data = s->injected;

	if (packets && port == KBD)
		data = key[s->injected % ARRAY_SIZE(key)];
	else if (packets)
		data = motion[s->injected % ARRAY_SIZE(motion)];

	s->injected_at[data] = ktime_get_ns();
	/* Observation 1: counted before, as it may be read at once. */
	WRITE_ONCE(s->injected, s->injected + 1);
	i8042_command(&data, port == KBD ? CMD_KBD_LOOP : CMD_AUX_LOOP);
}

/* Returns when all bytes are on their way and not more than @left of them. */
static void wait_for_stream(struct stream *s, unsigned int left)
{
	unsigned long end = jiffies + msecs_to_jiffies(patience_ms);
	unsigned int arrived = READ_ONCE(s->received), now;

	while (on_its_way(s) > left && !kthread_should_stop()) {
		now = READ_ONCE(s->received);
		if (now != arrived) {
			arrived = now;
			end = jiffies + msecs_to_jiffies(patience_ms);
		} else if (time_after(jiffies, end)) {
			if (packets)
				WRITE_ONCE(s->injected, s->injected - on_its_way(s));
			else
				oracle_give_up(s);
			break;
		}
		usleep_range(20, 50);
	}
}

static unsigned int faults(enum oracle_port port)
{
	const struct stream *s = &streams[port];

	return READ_ONCE(s->late) + READ_ONCE(s->lost) + READ_ONCE(s->dup);
}

static void set_interrupts(bool on)
{
	u8 new = on ? ctr | CTR_INTS : ctr & ~CTR_INTS;

	i8042_command(&new, CMD_WRITE_CTR);
}

static int injector(void *unused)
{
	enum oracle_port port;

	while (!kthread_should_stop()) {
		bool more = false;

		for (port = 0; port < NPORTS; port++) {
			struct stream *s = &streams[port];

			if (!(ports & BIT(port)) || s->injected >= READ_ONCE(bytes))
				continue;
			more = true;
			if (on_its_way(s) < depth)
				inject(port);
			else if (ports != 3 || on_its_way(&streams[!port]) >= depth)
				wait_for_stream(s, depth - 1);
		}
		if (!more)
			break;
		/* Packets have no numbers. */
		if (enough && !packets && faults(KBD) + faults(AUX) >= enough)
			break;
		if (gap_us)
			usleep_range(gap_us, gap_us + 50);
		else	/* A module that is unloaded may wait for each task. */
			cond_resched_tasks_rcu_qs();
	}

	if (mute && poll_once) {
		while (!atomic_read(&spins) && !kthread_should_stop() &&
		       on_its_way(&streams[KBD]) + on_its_way(&streams[AUX]))
			usleep_range(20, 50);
		/* This edge finds what the delayed poll has not read yet. */
		set_interrupts(true);
	}
	for (port = 0; port < NPORTS; port++)
		wait_for_stream(&streams[port], 0);
	WRITE_ONCE(injecting, false);
	return 0;
}

static struct serio *poll_serio;	/* may go away meanwhile, but is not freed */
static int (*thaw_method)(struct device *dev);

static int poller(void *unused)
{
	while (!kthread_should_stop()) {
		if (!poll_once || !atomic_read(&spins)) {
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

/* A port that is switched off keeps its bytes, and has an edge when it is on again. */
static void fuzz_harmless(u32 random)
{
	int off = random & 1 ? CMD_KBD_DISABLE : CMD_AUX_DISABLE;

	i8042_command(NULL, off);
	i8042_command(NULL, off + 1);
}

/*
 * Answers are left to pass for data, and where one is awaited a byte of the flow
 * may pass for it.
 */
static void fuzz_harmful(u32 random)
{
	static const u16 commands[] = {
		0x0020, 0x0120, 0x1060, 0x00a7, 0x00a8, 0x00a9, 0x00aa, 0x00ab,
		0x00ad, 0x00ae, 0x00c0, 0x00d0, CMD_KBD_LOOP, CMD_AUX_LOOP, 0x10d4,
	};
	u8 data = random;

	/* A mouse that echoes all that it is sent would answer no probe any more. */
	if (data == 0xee)
		data = 0xec;
	i8042_command(&data, commands[(random >> 8) % ARRAY_SIZE(commands)]);
}

static int fuzzer(void *unused)
{
	u32 random = fuzz_seed;

	while (!kthread_should_stop()) {
		random = random * 1664525 + 1013904223;
		if (fuzz_any)
			fuzz_harmful(random >> 8);
		else
			fuzz_harmless(random >> 31);
		atomic_inc(&fuzzed);
		usleep_range(fuzz_us, fuzz_us + 50);
	}
	if (fuzz_any)
		set_interrupts(true);
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

	while (!atomic_read(&spins)) {
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

static struct task_struct *start(int (*fn)(void *), void *data,
				 const char *name, int cpu)
{
	struct task_struct *task = kthread_create(fn, data, "oracle_%s", name);

	if (IS_ERR(task))
		return NULL;
	if (cpu >= 0)
		kthread_bind(task, cpu);
	get_task_struct(task);
	wake_up_process(task);
	return task;
}

static void stop(struct task_struct **task)
{
	if (*task) {
		kthread_stop(*task);
		put_task_struct(*task);
	}
	*task = NULL;
}

/* The trouble: what runs beside the stream of bytes */

static struct task_struct *inject_task, *poll_task, *edge_task, *fuzz_task, *hog_task;
static struct task_struct *unbind_task;
static struct task_struct *gap_task[NR_CPUS];

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
static struct serio *find_port(enum oracle_port port)
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

static void stop_trouble(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		stop(&gap_task[cpu]);
	stop(&poll_task);
	if (poll_serio)
		put_device(&poll_serio->dev);
	poll_serio = NULL;
	stop(&edge_task);
	stop(&fuzz_task);
	stop(&hog_task);
	stop(&unbind_task);
	if (mute)
		set_interrupts(true);
}

/* A byte that was read is also received, if it ever is, while we count. */
static void start_counting(void)
{
	WRITE_ONCE(count_receipts, true);
	WRITE_ONCE(count_reads, true);
}

static void stop_counting(void)
{
	WRITE_ONCE(count_reads, false);
	msleep(200);
	WRITE_ONCE(count_receipts, false);
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
	poll_serio = find_port(AUX);
	if (!poll_serio || poll_serio->close)
		return poll_serio ? 0 : -ENODEV;
	put_device(&poll_serio->dev);
	poll_serio = NULL;
	return -ENODEV;
}

static int start_trouble(void)
{
	int error, cpu;

	if (poll_cpu >= 0 && !cpu_online(poll_cpu))
		return -EINVAL;
	if (poll_us) {
		error = find_poll_method();
		if (error)
			return error;
		poll_task = start(poller, NULL, "poll", poll_cpu);
	}
	if (mute)
		set_interrupts(false);
	if (edge_us)
		edge_task = start(edger, NULL, "edge", -1);
	if (fuzz_us)
		fuzz_task = start(fuzzer, NULL, "fuzz", -1);
	if (unbind)
		unbind_task = start(unbinder, NULL, "unbind", -1);
	if (hog_us)
		hog_task = start(hog, NULL, "hog", max(poll_cpu, 0));
	if (gap_min_us) {
		for_each_online_cpu(cpu)
			gap_task[cpu] = start(gap_watcher, NULL, "gap", cpu);
	}
	return 0;
}

static void reset_streams(void)
{
	enum oracle_port port;

	for (port = 0; port < NPORTS; port++) {
		struct stream *s = &streams[port];

		raw_spin_lock_irq(&s->lock);
		memset((void *)s + offsetof(struct stream, injected), 0,
		       offsetof(struct stream, log_read) -
		       offsetof(struct stream, injected));
		raw_spin_unlock_irq(&s->lock);
	}
	atomic_set(&spins, 0);
	atomic_set(&spin_turn, 0);
	atomic_set(&polls, 0);
	atomic_set(&edges, 0);
	atomic_set(&fuzzed, 0);
	atomic_set(&stops, 0);
	atomic_set(&stopped_early, 0);
	atomic_set(&timed_calls, 0);
	atomic_set(&timed_errors, 0);
	atomic_set(&timed_long, 0);
	atomic64_set(&timed_max, 0);
	atomic_set(&since_samples.count, 0);
	atomic_set(&until_samples.count, 0);
	atomic_set(&gaps, 0);
	atomic64_set(&gaps_sum, 0);
	atomic64_set(&gaps_max, 0);
}

static void run_stop(void)
{
	stop(&inject_task);
	stop_trouble();
	stop_counting();
}

static int run_start(void)
{
	int error;

	if (depth < 1 || depth > 100 || !(ports & 3) || ports > 3)
		return -EINVAL;
	if (!packets && (((ports & 1) && !streams[KBD].serio) ||
			 ((ports & 2) && !streams[AUX].serio)))
		return -ENODEV;

	reset_streams();
	error = start_trouble();
	if (error)
		return error;
	start_counting();
	WRITE_ONCE(injecting, true);
	/* Bytes have to come while the poll is delayed. */
	inject_task = start(injector, NULL, "inject", poll_cpu < 0 ? -1 :
			    cpumask_any_but(cpu_online_mask, poll_cpu));
	if (!inject_task) {
		WRITE_ONCE(injecting, false);
		run_stop();
		return -ENOMEM;
	}
	return 0;
}

static ssize_t run_write(struct file *file, const char __user *buf,
			 size_t count, loff_t *ppos)
{
	bool on;
	int error = kstrtobool_from_user(buf, count, &on);

	if (error)
		return error;
	if (mutex_lock_interruptible(&oracle_mutex))
		return -EINTR;
	if (watching || (on && inject_task))
		error = -EBUSY;
	else if (on)
		error = run_start();
	else if (inject_task)
		run_stop();
	mutex_unlock(&oracle_mutex);

	return error ?: count;
}

static const struct file_operations run_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= run_write,
};

/* watch: real bytes for real drivers */

static int watch_handler(struct kprobe *p, struct pt_regs *regs)
{
	struct serio *serio = (void *)regs_get_kernel_argument(regs, 0);
	u8 data = regs_get_kernel_argument(regs, 1);

	oracle_received(&streams[port_of(serio)], data);
	return 0;
}

static struct kprobe watch_probes[NPORTS];
static void *watched[NPORTS];	/* kprobes may move the address of a probe */

static int probe_port(struct serio *serio)
{
	struct kprobe *p = &watch_probes[port_of(serio)];
	void *method;
	int error;

	spin_lock_irq(&serio->lock);
	method = serio->drv ? serio->drv->interrupt : NULL;
	spin_unlock_irq(&serio->lock);

	/* Both drivers may have the same interrupt method. */
	if (!method || method == watched[KBD])
		return 0;

	memset(p, 0, sizeof(*p));
	p->addr = method;
	p->pre_handler = watch_handler;
	error = register_kprobe(p);
	if (!error)
		watched[port_of(serio)] = method;
	return error;
}

static void watch_stop(void)
{
	enum oracle_port port;

	stop_trouble();
	for (port = 0; port < NPORTS; port++) {
		if (watched[port])
			unregister_kprobe(&watch_probes[port]);
		watched[port] = NULL;
	}
}

static int watch_start(void)
{
	enum oracle_port port;
	int error = 0;

	for (port = 0; port < NPORTS && !error; port++) {
		struct serio *serio = find_port(port);

		if (serio) {
			error = probe_port(serio);
			put_device(&serio->dev);
		}
	}
	if (!error && !watched[KBD] && !watched[AUX])
		error = -ENODEV;
	if (!error)
		error = start_trouble();
	if (error)
		watch_stop();
	return error;
}

static ssize_t watch_write(struct file *file, const char __user *buf,
			   size_t count, loff_t *ppos)
{
	bool on;
	int error = kstrtobool_from_user(buf, count, &on);

	if (error)
		return error;
	if (mutex_lock_interruptible(&oracle_mutex))
		return -EINTR;
	if (inject_task) {
		error = -EBUSY;
	} else if (on && !watching) {
		watching = true;
		reset_streams();
		error = watch_start();
		watching = !error;
		if (!error)
			start_counting();
	} else if (!on && watching) {
		stop_counting();
		watch_stop();
		watching = false;
	}
	mutex_unlock(&oracle_mutex);

	return error ?: count;
}

static const struct file_operations watch_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= watch_write,
};

/* How many units of @size bytes were received otherwise than they were read */
static unsigned int differing(const struct stream *s, unsigned int size)
{
	unsigned int n = min3(s->read, s->received, (unsigned int)LOG);
	unsigned int i, count = 0;

	for (i = 0; i + size <= n; i += size)
		if (memcmp(s->log_read + i, s->log_received + i, size))
			count++;
	return count;
}

static int result_show(struct seq_file *m, void *unused)
{
	enum oracle_port port;

	for (port = 0; port < NPORTS; port++) {
		struct stream *s = &streams[port];
		const char *name = port_name[port];

		seq_printf(m, "%s_injected %u\n", name, s->injected);
		seq_printf(m, "%s_read %u\n", name, s->read);
		seq_printf(m, "%s_misread %u\n", name, s->misread);
		seq_printf(m, "%s_received %u\n", name, s->received);
		seq_printf(m, "%s_late %u\n", name, s->late);
		seq_printf(m, "%s_dup %u\n", name, s->dup);
		seq_printf(m, "%s_lost %u\n", name, s->lost);
		seq_printf(m, "%s_held %u\n", name, s->held);
		seq_printf(m, "%s_wait_max_us %llu\n", name, div_u64(s->wait_max, 1000));
		seq_printf(m, "%s_way_max_us %llu\n", name, div_u64(s->way_max, 1000));
		seq_printf(m, "%s_wait_sum_us %llu\n", name, div_u64(s->wait_sum, 1000));
		seq_printf(m, "%s_waited_long %u\n", name, s->waited_long);
		seq_printf(m, "%s_read_in %u %u %u\n", name, s->read_in[POLL],
			   s->read_in[TIMER], s->read_in[IRQ]);
		seq_printf(m, "%s_received_in %u %u %u\n", name, s->received_in[POLL],
			   s->received_in[TIMER], s->received_in[IRQ]);
		seq_printf(m, "%s_misplaced %u\n", name, differing(s, 1));
		seq_printf(m, "%s_torn %u\n", name, differing(s, max(packet, 1U)));
	}
	seq_printf(m, "injecting %d\n", READ_ONCE(injecting));
	seq_printf(m, "spins %u\npolls %u\nedges %u\nfuzzed %u\n", atomic_read(&spins),
		   atomic_read(&polls), atomic_read(&edges), atomic_read(&fuzzed));
	seq_printf(m, "stops %u\nstopped_early %u\n", atomic_read(&stops),
		   atomic_read(&stopped_early));
	seq_printf(m, "timed_calls %u\ntimed_errors %u\ntimed_long %u\ntimed_max_us %llu\n",
		   atomic_read(&timed_calls), atomic_read(&timed_errors), atomic_read(&timed_long),
		   div_u64(atomic64_read(&timed_max), 1000));
	show_samples(m, "since", &since_samples);
	show_samples(m, "until", &until_samples);
	seq_printf(m, "gaps %u\ngaps_us %llu\ngaps_max_us %llu\n", atomic_read(&gaps),
		   div_u64(atomic64_read(&gaps_sum), 1000),
		   div_u64(atomic64_read(&gaps_max), 1000));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(result);

static void free_logs(void)
{
	enum oracle_port port;

	for (port = 0; port < NPORTS; port++) {
		vfree(streams[port].log_read);
		vfree(streams[port].log_received);
	}
}

/* The probes that a parameter names, or does not */

static int set_kprobe(struct kprobe *probe, const char *name)
{
	int error;

	if (!name)
		return 0;
	probe->symbol_name = name;
	error = register_kprobe(probe);
	if (error)
		pr_err("cannot probe %s: %d\n", name, error);
	return error;
}

static int set_kretprobe(struct kretprobe *probe, const char *name)
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

static void clear_kprobe(struct kprobe *probe)
{
	if (probe->symbol_name)
		unregister_kprobe(probe);
}

static void clear_kretprobe(struct kretprobe *probe)
{
	if (probe->kp.symbol_name)
		unregister_kretprobe(probe);
}

static int __init oracle_init(void)
{
	enum oracle_port port;
	int error;

	for (port = 0; port < NPORTS; port++) {
		struct stream *s = &streams[port];

		raw_spin_lock_init(&s->lock);
		s->log_read = vzalloc(LOG);
		s->log_received = vzalloc(LOG);
		if (!s->log_read || !s->log_received) {
			error = -ENOMEM;
			goto err_logs;
		}
	}

	/* Only now: while data flows a byte of it would pass for the answer. */
	error = i8042_command(&ctr, CMD_READ_CTR);
	if (error) {
		error = -ENODEV;
		goto err_logs;
	}

	if (since)	/* the probe would be part of that time */
		spin_probe.flags = KPROBE_FLAG_DISABLED;
	error = register_kprobe(&spin_probe);
	if (error) {
		pr_err("cannot probe serio_interrupt: %d\n", error);
		goto err_logs;
	}

	error = set_kretprobe(&timed_probe, timed);
	if (error)
		goto err_probe;
	error = set_kretprobe(&stop_probe, stopper);
	if (error)
		goto err_timed;
	error = set_kprobe(&since_probe, since);
	if (error)
		goto err_stop;
	error = set_kprobe(&until_probe, until);
	if (error)
		goto err_since;

	error = oracle_install_filter();
	if (error) {
		pr_err("another module has a filter on the i8042: %d\n", error);
		goto err_until;
	}

	error = serio_register_driver(&oracle_driver);
	if (error)
		goto err_filter;

	oracle_dir = debugfs_create_dir("i8042_oracle", NULL);
	debugfs_create_file("run", 0200, oracle_dir, NULL, &run_fops);
	debugfs_create_file("watch", 0200, oracle_dir, NULL, &watch_fops);
	debugfs_create_file("result", 0400, oracle_dir, NULL, &result_fops);
	return 0;

err_filter:
	oracle_remove_filter();
err_until:
	clear_kprobe(&until_probe);
err_since:
	clear_kprobe(&since_probe);
err_stop:
	clear_kretprobe(&stop_probe);
err_timed:
	clear_kretprobe(&timed_probe);
err_probe:
	unregister_kprobe(&spin_probe);
err_logs:
	free_logs();
	return error;
}

static void __exit oracle_exit(void)
{
	debugfs_remove_recursive(oracle_dir);
	run_stop();
	watch_stop();
	serio_unregister_driver(&oracle_driver);
	oracle_remove_filter();
	clear_kprobe(&until_probe);
	clear_kprobe(&since_probe);
	clear_kretprobe(&stop_probe);
	clear_kretprobe(&timed_probe);
	unregister_kprobe(&spin_probe);
	free_logs();
}

module_init(oracle_init);
module_exit(oracle_exit);
