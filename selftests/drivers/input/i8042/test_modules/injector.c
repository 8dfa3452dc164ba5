// SPDX-License-Identifier: GPL-2.0-only
/*
 * i8042_oracle: numbered bytes for both ports, put into the controller by
 * commands 0xD2 and 0xD3 of the 8042 (write keyboard and auxiliary output
 * buffer)
 */

#include <linux/delay.h>
#include <linux/i8042.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>

#include "oracle.h"

#define CTR_INTS		0x03	/* CTR: interrupts of both ports */
#define CMD_READ_CTR		0x0120
#define CMD_WRITE_CTR		0x1060
#define CMD_KBD_LOOP		0x10d2	/* one parameter, no result */
#define CMD_AUX_LOOP		0x10d3

unsigned int bytes = 10000;
module_param(bytes, uint, 0644);
MODULE_PARM_DESC(bytes, "run: bytes for each port");

static unsigned int enough;
module_param(enough, uint, 0644);
MODULE_PARM_DESC(enough, "run: end when so many bytes were late, lost or received twice (0: do not)");

static unsigned int ports = 3;
module_param(ports, uint, 0644);
MODULE_PARM_DESC(ports, "run: ports that get bytes (1: KBD, 2: AUX)");

static unsigned int depth = 5;
module_param(depth, uint, 0644);
MODULE_PARM_DESC(depth, "run: bytes of one port that may be on their way, 1 to 100");

static unsigned int gap_us;
module_param(gap_us, uint, 0644);
MODULE_PARM_DESC(gap_us, "run: pause between two bytes");

bool packets;
module_param(packets, bool, 0644);
MODULE_PARM_DESC(packets, "run: send scan codes and mouse packets instead of numbers, for the drivers that are bound");

static bool mute;
module_param(mute, bool, 0644);
MODULE_PARM_DESC(mute, "run: the controller raises no interrupts, with poll_once until all bytes were injected");

static unsigned int patience_ms = 5000;
module_param(patience_ms, uint, 0644);
MODULE_PARM_DESC(patience_ms, "run: if nothing is received for so long, what is on its way is lost");

/* What "packets" sends: key A pressed and released, motion to the right */
const u8 oracle_key[2] = { 0x1e, 0x9e };
const u8 oracle_motion[3] = { 0x08, 0x01, 0x00 };

static struct task_struct *inject_task;
static bool inject_more;
static bool muted;
static u8 ctr;				/* the controller's, read at load */

bool injector_runs(void)
{
	return inject_task;
}

bool injecting(void)
{
	return READ_ONCE(inject_more);
}

void set_interrupts(bool on)
{
	u8 new = on ? ctr | CTR_INTS : ctr & ~CTR_INTS;

	i8042_command(&new, CMD_WRITE_CTR);
}

static unsigned int on_its_way(const struct stream *s)
{
	unsigned int arrived = READ_ONCE(s->base);

	if (packets && !observer_sees_reads())	/* gap_us is the limit */
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
		data = oracle_key[s->injected % ARRAY_SIZE(oracle_key)];
	else if (packets)
		data = oracle_motion[s->injected % ARRAY_SIZE(oracle_motion)];

	s->injected_at[data] = ktime_get_ns();
	/* Counted before, as it may be read at once. */
	WRITE_ONCE(s->injected, s->injected + 1);
	i8042_command(&data, port == KBD ? CMD_KBD_LOOP : CMD_AUX_LOOP);
}

/* Returns when not more than @left bytes are on their way. */
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

/*
 * One for each port that may have one. False when all were injected, or when nobody
 * receives them, as the port was taken away.
 */
static bool inject_round(void)
{
	enum oracle_port port;
	bool more = false;

	for (port = 0; port < NPORTS; port++) {
		struct stream *s = &streams[port];

		if (!(ports & BIT(port)) || s->injected >= READ_ONCE(bytes))
			continue;
		if (!packets && !READ_ONCE(s->serio))
			return false;
		more = true;
		if (on_its_way(s) < depth)
			inject(port);
		else if (ports != 3 || on_its_way(&streams[!port]) >= depth)
			wait_for_stream(s, depth - 1);
	}
	return more;
}

static int injector(void *unused)
{
	enum oracle_port port;

	while (!kthread_should_stop() && inject_round()) {
		/* Packets have no numbers. */
		if (enough && !packets && faults(KBD) + faults(AUX) >= enough)
			break;
		if (gap_us)
			usleep_range(gap_us, gap_us + 50);
		else	/* A module that is unloaded may wait for each task. */
			cond_resched_tasks_rcu_qs();
	}

	if (muted && poll_once) {
		while (!delays() && !kthread_should_stop() &&
		       on_its_way(&streams[KBD]) + on_its_way(&streams[AUX]))
			usleep_range(20, 50);
		/* This edge finds what the delayed poll has not read yet. */
		set_interrupts(true);
	}
	for (port = 0; port < NPORTS; port++)
		wait_for_stream(&streams[port], 0);
	WRITE_ONCE(inject_more, false);
	return 0;
}

/* Only now: while data flows a byte of it would pass for the answer. */
int injector_init(void)
{
	return i8042_command(&ctr, CMD_READ_CTR) ? -ENODEV : 0;
}

/* Can a run start? */
int injector_check(void)
{
	if (depth < 1 || depth > 100 || !(ports & 3) || ports > 3)
		return -EINVAL;
	if (!packets && (((ports & 1) && !streams[KBD].serio) ||
			 ((ports & 2) && !streams[AUX].serio)))
		return -ENODEV;
	return 0;
}

int injector_start(int cpu)
{
	muted = mute;
	if (muted)
		set_interrupts(false);
	WRITE_ONCE(inject_more, true);
	inject_task = oracle_thread(injector, "inject", cpu);
	if (inject_task)
		return 0;
	WRITE_ONCE(inject_more, false);
	injector_stop();
	return -ENOMEM;
}

void injector_stop(void)
{
	oracle_end_thread(&inject_task);
	if (muted)
		set_interrupts(true);
	muted = false;
}
