// SPDX-License-Identifier: GPL-2.0-only
/*
 * queue-threads.c - the receive queue of the module, i8042-rxq.h, used by threads
 * as the module uses it, for ThreadSanitizer; see checks/model/check
 *
 * What a step is, queue.c assumes; here nothing is assumed, but few orders
 * happen. A thread for each line, two that poll, one that stops and
 * starts the port AUX. A port is plain memory that is freed when it has been
 * stopped: two drainers, or a delivery too late, are data races.
 *
 * -DFAULT_UNLOCKED_NEXT, -DFAULT_NO_WAIT: something wrong, that has to be found.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* There is always room: one byte is in the controller, others wait for the drainer. */
#define I8042_RXQ_SIZE	131072
#include "i8042-rxq.h"

#define BYTES	100000

enum { KBD, AUX, NPORTS };

struct port {
	unsigned int received;
	unsigned char last;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Under the lock; there is always a byte in the controller until all were sent. */
static struct i8042_rxq q;
static struct port *ports[NPORTS];
static unsigned int sent, read_of[NPORTS], received, dropped, seed;
static unsigned char obf_port, stopped;

static sem_t edges[NPORTS];
static atomic_uint done;	/* bytes; relaxed, not to order what the lock has to */

static void add_done(void)
{
	atomic_fetch_add_explicit(&done, 1, memory_order_relaxed);
}

static int is_done(void)
{
	return atomic_load_explicit(&done, memory_order_relaxed) == BYTES;
}

/* The next byte gets to the output buffer. */
static void send(void)
{
	if (sent == BYTES)
		return;
	sent++;
	seed = seed * 1103515245 + 12345;
	obf_port = seed >> 16 & 1;
	sem_post(&edges[obf_port]);
}

static void read_byte(void)
{
	struct i8042_rxq_byte byte = { 0 };
	static unsigned int taken;

	if (taken == sent)
		return;
	taken++;
	byte.port = obf_port;
	byte.data = ++read_of[obf_port];
	if (obf_port != AUX || !stopped) {
		i8042_rxq_put(&q, &byte);
	} else {
		dropped++;
		add_done();
	}
	send();
}

static void deliver(struct port *port, unsigned char data)
{
	if (data % 8 == 0)
		sched_yield();
	if (data != (unsigned char)(port->last + 1)) {
		fprintf(stderr, "ORDER: %d after %d\n", data, port->last);
		exit(1);
	}
	port->last = data;
	port->received++;
	add_done();
}

#ifdef FAULT_UNLOCKED_NEXT
#define lock_next(l)	((void)(l))
#define unlock_next(l)	((void)(l))
#else
#define lock_next	pthread_mutex_lock
#define unlock_next	pthread_mutex_unlock
#endif

static void handle_data(void)
{
	struct i8042_rxq_byte byte;
	int drainer, more;

	pthread_mutex_lock(&lock);
	read_byte();
	pthread_mutex_unlock(&lock);

	pthread_mutex_lock(&lock);
	drainer = i8042_rxq_begin(&q);
	pthread_mutex_unlock(&lock);
	if (!drainer)
		return;
	do {
		struct port *port;

		lock_next(&lock);
		more = i8042_rxq_next(&q, &byte);
		port = more ? ports[byte.port] : NULL;
		unlock_next(&lock);
		if (more)
			deliver(port, byte.data);
	} while (more);
}

static void *line(void *edge)
{
	for (;;) {
		sem_wait(edge);
		if (is_done())
			return NULL;
		handle_data();
	}
}

static void *poller(void *unused)
{
	while (!is_done()) {
		handle_data();
		sched_yield();
	}
	return unused;
}

/* The driver puts no more bytes for it, then the module waits, and forgets it. */
static void stop_aux(void)
{
	struct port *port = ports[AUX];
	int held;

	pthread_mutex_lock(&lock);
	stopped = 1;
	pthread_mutex_unlock(&lock);
	do {
		pthread_mutex_lock(&lock);
#ifdef FAULT_NO_WAIT
		held = 0;
#else
		held = i8042_rxq_holds(&q, AUX);
#endif
		if (!held)
			ports[AUX] = NULL;
		pthread_mutex_unlock(&lock);
		if (held)
			sched_yield();
	} while (held);
	received += port->received;
	free(port);
}

static void start(int i)
{
	struct port *port = calloc(1, sizeof(*port));

	if (!port)
		abort();
	pthread_mutex_lock(&lock);
	port->last = read_of[i];
	ports[i] = port;
	stopped = 0;
	pthread_mutex_unlock(&lock);
}

int main(void)
{
	pthread_t threads[4];
	int i;

	for (i = 0; i < NPORTS; i++) {
		sem_init(&edges[i], 0, 0);
		start(i);
	}
	send();
	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, i < NPORTS ? line : poller,
			       i < NPORTS ? &edges[i] : NULL);
	while (!is_done()) {
		stop_aux();
		sched_yield();
		start(AUX);
		sched_yield();
	}
	for (i = 0; i < 4; i++) {
		if (i < NPORTS)
			sem_post(&edges[i]);
		pthread_join(threads[i], NULL);
	}

	received += ports[KBD]->received + ports[AUX]->received;
	if (received + dropped != BYTES || i8042_rxq_depth(&q)) {
		fprintf(stderr, "LOSSLESS: %u and %u of %u\n", received, dropped, BYTES);
		return 1;
	}
	printf("%u bytes received, %u without a port\n", received, dropped);
	return 0;
}
