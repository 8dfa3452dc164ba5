/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * i8042_oracle: what its parts know of each other
 *
 * A byte is seen three times: when it is put into the controller, when the
 * driver reads it, and when the serio driver of its port receives it.
 */

#ifndef I8042_ORACLE_H
#define I8042_ORACLE_H

#include <linux/serio.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/types.h>

struct kretprobe;
struct seq_file;
struct task_struct;

enum oracle_port { KBD, AUX, NPORTS };

enum oracle_context { POLL, TIMER, IRQ, NCONTEXTS };

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
 * @waited_long: bytes that waited for at least long_us between them
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
	unsigned int waited_long;
	unsigned int read_in[NCONTEXTS];
	unsigned int received_in[NCONTEXTS];
	u8 *log_read;
	u8 *log_received;
};

extern struct stream streams[NPORTS];

static inline enum oracle_port port_of(const struct serio *serio)
{
	return strstr(serio->phys, "serio0") ? KBD : AUX;
}

/* oracle.c: may sleep */
struct task_struct *oracle_thread(int (*fn)(void *), const char *name, int cpu);
void oracle_end_thread(struct task_struct **task);
struct serio *oracle_find_port(enum oracle_port port);
int oracle_probe(struct kretprobe *probe, const char *name);
void oracle_unprobe(struct kretprobe *probe);

/* injector.c: may sleep */
extern unsigned int bytes;
extern bool packets;
extern const u8 oracle_key[2], oracle_motion[3];

int injector_init(void);
int injector_check(void);
int injector_start(int cpu);
void injector_stop(void);
bool injector_runs(void);
bool injecting(void);
void set_interrupts(bool on);

/* observer.c: the first three from any context, the others may sleep */
extern unsigned int long_us;
extern bool watching;

enum oracle_context oracle_context(void);
void oracle_read(struct stream *s, u8 data);
void oracle_received(struct stream *s, u8 data);
void oracle_give_up(struct stream *s);
bool observer_sees_reads(void);
int observer_init(void);
void observer_exit(void);
void observer_reset(void);
void observer_start(void);
void observer_stop(void);
void observer_show(struct seq_file *m);

/* watch.c: real bytes for real drivers. May sleep. */
int watch_start(void);
void watch_stop(void);

/* delay.c: may sleep, but for delays() */
int delay_init(void);
void delay_exit(void);
int delay_start(void);
void delay_stop(void);
void delay_show(struct seq_file *m);
unsigned int delays(void);

/* stress.c: may sleep */
extern int poll_cpu;
extern bool poll_once;

int stress_start(void);
void stress_stop(void);
void stress_show(struct seq_file *m);

/* timing.c: may sleep */
int timing_init(void);
void timing_exit(void);
void timing_start(void);
void timing_stop(void);
void timing_show(struct seq_file *m);

#endif
