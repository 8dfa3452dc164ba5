// SPDX-License-Identifier: GPL-2.0-only
/*
 * i8042_oracle: what becomes of the bytes
 *
 * A filter, which runs under the driver's lock and hence in read order, sees
 * what is read; a serio driver of our own sees what its port receives. So what
 * the controller or its emulation does to the stream can be told from what the
 * driver does to it. Bytes lost, received twice and late are counted apart.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/i8042.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/vmalloc.h>

#include "oracle.h"

#define STR_AUXDATA		0x20	/* status: byte is from the AUX port */
#define PACKET			3	/* bytes of a packet of a mouse without a wheel */

static bool filter = true;
module_param(filter, bool, 0444);
MODULE_PARM_DESC(filter, "observe what the driver reads; N leaves its filter to others");

static bool hold;
module_param(hold, bool, 0644);
MODULE_PARM_DESC(hold, "run: the filter takes every other byte, and delivers it at the sight of the next");

unsigned int long_us;
module_param(long_us, uint, 0644);
MODULE_PARM_DESC(long_us, "count bytes that waited, and calls of \"timed\" that took, at least so long (0: do not)");

struct stream streams[NPORTS];
bool watching;
static bool count_reads, count_receipts;

bool observer_sees_reads(void)
{
	return filter;
}

enum oracle_context oracle_context(void)
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

static bool of_packets(u8 data)
{
	return memchr(oracle_key, data, sizeof(oracle_key)) ||
	       memchr(oracle_motion, data, sizeof(oracle_motion));
}

/* The byte is read. Called in read order. */
void oracle_read(struct stream *s, u8 data)
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
	} else if (!of_packets(data)) {
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
	s->wait_max = max(s->wait_max, wait);
	if (long_us && wait >= long_us * (u64)NSEC_PER_USEC)
		s->waited_long++;

	while (s->seen[s->base % WINDOW]) {
		s->seen[s->base % WINDOW] = false;
		s->base++;
	}
}

/* The byte is received. Called under serio->lock. */
void oracle_received(struct stream *s, u8 data)
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
void oracle_give_up(struct stream *s)
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

static bool oracle_filter(unsigned char data, unsigned char str,
			  struct serio *serio, void *context)
{
	struct stream *s = &streams[str & STR_AUXDATA ? AUX : KBD];

	oracle_read(s, data);
	return READ_ONCE(hold) && oracle_hold(s, data, serio);
}

static irqreturn_t oracle_interrupt(struct serio *serio, unsigned char data,
				    unsigned int flags)
{
	oracle_received(&streams[port_of(serio)], data);
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

void observer_reset(void)
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
}

/* A byte that was read is also received, if it ever is, while we count. */
void observer_start(void)
{
	WRITE_ONCE(count_receipts, true);
	WRITE_ONCE(count_reads, true);
}

void observer_stop(void)
{
	WRITE_ONCE(count_reads, false);
	msleep(200);
	WRITE_ONCE(count_receipts, false);
}

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

static void show_stream(struct seq_file *m, const char *name, const struct stream *s)
{
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
	seq_printf(m, "%s_waited_long %u\n", name, s->waited_long);
	seq_printf(m, "%s_read_in %u %u %u\n", name, s->read_in[POLL],
		   s->read_in[TIMER], s->read_in[IRQ]);
	seq_printf(m, "%s_received_in %u %u %u\n", name, s->received_in[POLL],
		   s->received_in[TIMER], s->received_in[IRQ]);
	seq_printf(m, "%s_misplaced %u\n", name, differing(s, 1));
	seq_printf(m, "%s_torn %u\n", name, differing(s, PACKET));
}

void observer_show(struct seq_file *m)
{
	show_stream(m, "kbd", &streams[KBD]);
	show_stream(m, "aux", &streams[AUX]);
}

static void free_logs(void)
{
	enum oracle_port port;

	for (port = 0; port < NPORTS; port++) {
		vfree(streams[port].log_read);
		vfree(streams[port].log_received);
	}
}

int observer_init(void)
{
	enum oracle_port port;
	int error = -ENOMEM;

	for (port = 0; port < NPORTS; port++) {
		struct stream *s = &streams[port];

		raw_spin_lock_init(&s->lock);
		s->log_read = vzalloc(LOG);
		s->log_received = vzalloc(LOG);
		if (!s->log_read || !s->log_received)
			goto err_logs;
	}

	error = filter ? i8042_install_filter(oracle_filter, NULL) : 0;
	if (error) {
		pr_err("another module has a filter on the i8042: %d\n", error);
		goto err_logs;
	}
	error = serio_register_driver(&oracle_driver);
	if (error)
		goto err_filter;
	return 0;

err_filter:
	if (filter)
		i8042_remove_filter(oracle_filter);
err_logs:
	free_logs();
	return error;
}

void observer_exit(void)
{
	serio_unregister_driver(&oracle_driver);
	if (filter)
		i8042_remove_filter(oracle_filter);
	free_logs();
}
