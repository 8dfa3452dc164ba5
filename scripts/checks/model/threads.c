// SPDX-License-Identifier: GPL-2.0-only
/*
 * threads.c - the receive queue itself, i8042-rxq.h, used by threads as the
 * driver uses it, for ThreadSanitizer; see checks/model/check
 *
 * What a step is, explore.c assumes; here nothing is assumed, but few orders
 * happen. A thread for each line, two that poll, one that stops and
 * starts the port AUX. A port is plain memory that is freed when it has been
 * stopped: two drainers, or a delivery too late, are data races.
 *
 * -DFAULT_UNLOCKED_POP, -DFAULT_NO_WAIT: something wrong, that has to be found.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define I8042_RXQ_SIZE	4
#include "i8042-rxq.h"

#define BYTES	100000

enum { KBD, AUX, NPORTS };

struct port {
	unsigned int received;
	unsigned char last;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t left = PTHREAD_COND_INITIALIZER;
/* Under the lock; there is always a byte in the controller until all were sent. */
static struct i8042_rxq q;
static struct port *ports[NPORTS];
static unsigned int sent, read_of[NPORTS], received, dropped, seed;
static unsigned char obf_port;

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

/* Return: the port to deliver the byte to, as the drainer, or NULL */
static struct port *read_byte(struct i8042_rxq_byte *byte)
{
	static unsigned int taken;
	struct port *port;

	if (!i8042_rxq_may_read(&q) || taken == sent)
		return NULL;
	taken++;
	byte->port = obf_port;
	byte->data = ++read_of[obf_port];
	port = ports[obf_port];
	if (!port) {
		dropped++;
		add_done();
	} else if (!i8042_rxq_start(&q, byte)) {
		port = NULL;
	}
	send();
	return port;
}

/* Likewise */
static struct port *next_byte(struct i8042_rxq_byte *byte)
{
	enum i8042_rxq_step step;

	for (;;) {
		step = i8042_rxq_next(&q, byte);
		pthread_cond_signal(&left);
		if (step != I8042_RXQ_DELIVER)
			return step == I8042_RXQ_READ ? read_byte(byte) : NULL;
		if (ports[byte->port])
			return ports[byte->port];
		dropped++;
		add_done();
	}
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

static void handle_data(void)
{
	struct i8042_rxq_byte byte = { 0 };
	struct port *port;

	pthread_mutex_lock(&lock);
	port = read_byte(&byte);
	pthread_mutex_unlock(&lock);

	while (port) {
		deliver(port, byte.data);
#ifdef FAULT_UNLOCKED_POP
		port = next_byte(&byte);
#else
		pthread_mutex_lock(&lock);
		port = next_byte(&byte);
		pthread_mutex_unlock(&lock);
#endif
	}
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

static void stop_aux(void)
{
	struct port *port = ports[AUX];

	pthread_mutex_lock(&lock);
	ports[AUX] = NULL;
#ifndef FAULT_NO_WAIT
	while (i8042_rxq_holds(&q, AUX))
		pthread_cond_wait(&left, &lock);
#endif
	received += port->received;
	free(port);
	pthread_mutex_unlock(&lock);
}

static void start(int i)
{
	struct port *port = calloc(1, sizeof(*port));

	if (!port)
		abort();
	pthread_mutex_lock(&lock);
	port->last = read_of[i];
	ports[i] = port;
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
