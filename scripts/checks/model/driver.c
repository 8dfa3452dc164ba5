// SPDX-License-Identifier: GPL-2.0-only
/*
 * driver.c - the driver's own text, patched, run by threads under ThreadSanitizer; see
 * checks/model/check
 *
 * drain.pml assumes which steps are atomic. Here nothing is assumed, but only few orders
 * of steps happen. There is a thread for each line, one that closes KBD, one that polls,
 * and one that stops and starts AUX. A port is plain memory, which is freed once the port
 * is stopped. So two drainers, or a late delivery, are data races. A delivery sleeps now
 * and then, so that the other threads run meanwhile, even on one CPU.
 *
 * -DDRIVER="FILE": the text of the driver; -DPOLL_ONLY: its close does not wait;
 * -DNO_STOP: AUX stays, for a run without ThreadSanitizer.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BYTES	20000

static void wrong(const char *what)
{
	puts(what);
	fflush(stdout);
	_exit(1);
}

#include "shims.h"

/* i8042_port_close() looks without the lock whether a port is AUX, as it always has. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) { return "race_top:i8042_port_close"; }

/*
 * The controller, under the lock. As soon as a byte is read the next one arrives, until
 * all were sent.
 */
static bool obf;
static unsigned char obf_port;
static unsigned int sent, seed;
static unsigned char data_of[2];
static atomic_uint read_of[2], done_of[2];	/* bytes */
static unsigned int dropped;

/* How often each thread is still asked to look at the controller */
enum { LINE_KBD, LINE_AUX, CLOSER, POLLER, NTHREADS };
static sem_t asked[NTHREADS];
static atomic_int pending;
static atomic_bool finished;

static void ask(int i)
{
	atomic_fetch_add_explicit(&pending, 1, memory_order_relaxed);
	sem_post(&asked[i]);
}

/* A byte gets to the output buffer; edges may be spurious. */
static void send(void)
{
	unsigned int luck;

	if (sent == BYTES)
		return;
	sent++;
	seed = seed * 1103515245 + 12345;
	luck = seed >> 16;
	obf = true;
	obf_port = luck & 1;
	ask(obf_port);
	if (luck & 2)
		ask(CLOSER + (luck >> 2 & 1));
	if (!(luck & 0x70))
		ask(!obf_port);
}

static unsigned char i8042_read_status(void)
{
	return obf ? I8042_STR_OBF | (obf_port ? I8042_STR_AUXDATA : 0) : 0;
}

static unsigned char i8042_read_data(void)
{
	unsigned char data = ++data_of[obf_port];

	atomic_fetch_add_explicit(&read_of[obf_port], 1, memory_order_relaxed);
	obf = false;
	send();
	return data;
}

static void end_of(int port)
{
	atomic_fetch_add_explicit(&done_of[port], 1, memory_order_relaxed);
}

static inline void no_port(struct i8042_port *port)
{
	end_of(port - i8042_ports);
	__atomic_fetch_add(&dropped, 1, __ATOMIC_RELAXED);
}

static inline bool i8042_filter(unsigned char data, unsigned char str, struct serio *serio)
{
	if (serio && data % 16)
		return false;
	no_port(&i8042_ports[!!(str & I8042_STR_AUXDATA)]);
	return true;
}

static void serio_interrupt(struct serio *serio, unsigned char data, unsigned int dfl)
{
	unsigned char ahead = data - serio->last;

	(void)dfl;
	if (!irqs_off)
		wrong("RUNNING: a delivery with interrupts on");
	if (data % 4 == 1)
		usleep(1);
	if (serio->received && (!ahead || ahead > 127))
		wrong("ORDER: a byte is delivered after a later one, or twice");
	serio->last = data;
	serio->received++;
	end_of((struct i8042_port *)serio->port_data - i8042_ports);
}

#include DRIVER

static void close_kbd(void)
{
#ifdef POLL_ONLY
	i8042_interrupt(0, NULL);
#else
	unsigned int before = atomic_load_explicit(&read_of[0], memory_order_relaxed);

	i8042_port_close(i8042_ports[I8042_KBD_PORT_NO].serio);
	if (atomic_load_explicit(&done_of[0], memory_order_relaxed) < before)
		wrong("STOP: a byte that was read before the close is not delivered after it");
#endif
}

/* When no thread is asked to look any more, a byte that is left stays there for ever. */
static void looked(void)
{
	bool is_left;
	int i;

	if (atomic_fetch_sub_explicit(&pending, 1, memory_order_relaxed) > 1)
		return;
	spin_lock(&i8042_lock);
	is_left = obf;
	spin_unlock(&i8042_lock);
	if (is_left)
		wrong("LOSSLESS: a byte is left in the controller");
	atomic_store_explicit(&finished, true, memory_order_relaxed);
	for (i = 0; i < NTHREADS; i++)
		sem_post(&asked[i]);
}

static void *thread(void *number)
{
	static const int irq_of[NTHREADS] = { I8042_KBD_IRQ, I8042_AUX_IRQ };
	sem_t *my = number;
	int i = my - asked;

	for (;;) {
		sem_wait(my);
		if (atomic_load_explicit(&finished, memory_order_relaxed))
			return NULL;
		if (i == CLOSER)
			close_kbd();
		else
			i8042_interrupt(irq_of[i], NULL);
		looked();
	}
}

static void start(int i)
{
	struct serio *serio = calloc(1, sizeof(*serio));

	if (!serio)
		abort();
	serio->port_data = &i8042_ports[i];
	spin_lock_irq(&i8042_lock);
	i8042_ports[i].serio = serio;
	/* with the port, for who looks without the lock */
	smp_store_release(&i8042_ports[i].exists, true);
	spin_unlock_irq(&i8042_lock);
}

static unsigned int stop_aux(void)
{
	struct serio *serio = i8042_ports[I8042_AUX_PORT_NO].serio;
	unsigned int received;

	i8042_stop(serio);
	received = serio->received;
	free(serio);
	return received;
}

int main(void)
{
	unsigned int received = 0;
	pthread_t threads[NTHREADS];
	int i;

	start(I8042_KBD_PORT_NO);
	start(I8042_AUX_PORT_NO);
	for (i = 0; i < NTHREADS; i++)
		sem_init(&asked[i], 0, 0);
	spin_lock(&i8042_lock);
	send();
	spin_unlock(&i8042_lock);
	for (i = 0; i < NTHREADS; i++)
		pthread_create(&threads[i], NULL, thread, &asked[i]);
	while (!atomic_load_explicit(&finished, memory_order_relaxed)) {
#ifndef NO_STOP
		received += stop_aux();
		sched_yield();
		start(I8042_AUX_PORT_NO);
#endif
		usleep(100);
	}
	for (i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);

	received += stop_aux() + i8042_ports[I8042_KBD_PORT_NO].serio->received;
	if (received + dropped != BYTES)
		wrong("LOSSLESS: a byte is lost or delivered twice");
	printf("%u bytes delivered, %u filtered or without a port\n", received, dropped);
	return 0;
}
