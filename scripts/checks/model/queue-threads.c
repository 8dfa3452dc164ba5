// SPDX-License-Identifier: GPL-2.0-only
/*
 * queue-threads.c - the module's protocol, i8042-rxq.h, run by threads under
 * ThreadSanitizer; see checks/model/check
 *
 * queue.c assumes which steps are atomic. Here nothing is assumed, but only few orders of
 * steps happen. A thread is a CPU: in turn it handles an interrupt, handles a call from
 * another CPU, or polls. One more thread stops the port and starts it again. The port is
 * plain memory, which is freed once the port is stopped. So two deliveries at once, or a
 * late delivery, are data races.
 *
 * -DFAULT_NO_OWNER, -DFAULT_UNLOCKED_NEXT, -DFAULT_NO_WAIT: faults, which must be found.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* There is always room. */
#define I8042_RXQ_SIZE	131072
#define I8042_RXQ_READ(v)	__atomic_load_n(&(v), __ATOMIC_RELAXED)
#define I8042_RXQ_CMPXCHG(p, old, new)						\
({										\
	unsigned int was = (old);						\
	__atomic_compare_exchange_n(p, &was, new, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
	was;									\
})
#include "i8042-rxq.h"

#define BYTES	100000
#define NCPUS	3

struct port {
	unsigned int received;
	unsigned char last;
};

static pthread_mutex_t driver_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct i8042_rxq q;		/* under the lock, but for the owner */
static struct port *port;		/* the queue's: under the lock, too */
/* Under the driver's lock */
static struct port *driver_port;
static unsigned int nread, dropped;
static atomic_uint done;	/* bytes; relaxed, not to order what the protocol has to */
static atomic_int called[NCPUS], work;

static void add_done(void)
{
	atomic_fetch_add_explicit(&done, 1, memory_order_relaxed);
}

static int is_done(void)
{
	return atomic_load_explicit(&done, memory_order_relaxed) == BYTES;
}

static void deliver(struct port *to, unsigned char data)
{
	if (data % 8 == 0)
		sched_yield();
	if (data != (unsigned char)(to->last + 1)) {
		fprintf(stderr, "ORDER: %d after %d\n", data, to->last);
		exit(1);
	}
	to->last = data;
	to->received++;
	add_done();
}

#ifdef FAULT_UNLOCKED_NEXT
#define lock_next(l)	((void)(l))
#define unlock_next(l)	((void)(l))
#else
#define lock_next	pthread_mutex_lock
#define unlock_next	pthread_mutex_unlock
#endif

static void drain(unsigned int me)
{
	struct i8042_rxq_byte byte;
	struct port *to;
	int drainer, more;

	pthread_mutex_lock(&lock);
	drainer = i8042_rxq_begin(&q, me);
	pthread_mutex_unlock(&lock);
	if (!drainer)
		return;
	do {
		lock_next(&lock);
		more = i8042_rxq_next(&q, &byte);
		to = port;
		unlock_next(&lock);
		if (more)
			deliver(to, byte.data);
	} while (more);
}

static void look(unsigned int me)
{
	if (i8042_rxq_done(&q, me))
		drain(me);
}

static void tell(unsigned int who)
{
	if (who == I8042_RXQ_PENDING)
		atomic_store_explicit(&work, 1, memory_order_relaxed);
	else if (who)
		atomic_store_explicit(&called[who - 1], 1, memory_order_relaxed);
}

/* @me: in an interrupt of that CPU. The driver's handler, and the filter in it */
static void read_byte(unsigned int cpu, unsigned int me)
{
	struct i8042_rxq_byte byte = { 0 };
	struct port *to = NULL;

	pthread_mutex_lock(&driver_lock);
	if (nread == BYTES)
		goto unlock;
	byte.data = ++nread;
	if (!driver_port) {
		dropped++;
		add_done();
		usleep(1);
#ifdef FAULT_NO_OWNER
	} else if (me) {
#else
	} else if (me && i8042_rxq_pass(&q, me)) {
#endif
		to = driver_port;
	} else {
		pthread_mutex_lock(&lock);
		tell(i8042_rxq_put(&q, &byte, cpu + 1));
		pthread_mutex_unlock(&lock);
	}
unlock:
	pthread_mutex_unlock(&driver_lock);
	if (to)
		deliver(to, byte.data);
}

static void *run_cpu(void *number)
{
	unsigned int cpu = (unsigned long)number, me = cpu + 1, seed = cpu;

	while (!is_done()) {
		seed = seed * 1103515245 + 12345;
		if (seed >> 16 & 1) {
			read_byte(cpu, me);
			look(me);
		} else {
			read_byte(cpu, 0);
		}
		if (atomic_exchange_explicit(&called[cpu], 0, memory_order_relaxed) ||
		    atomic_exchange_explicit(&work, 0, memory_order_relaxed))
			look(me);
	}
	return NULL;
}

/*
 * The driver reads no more bytes for it, and waits for what it delivers itself; the
 * module waits for what is queued, and forgets it.
 */
static unsigned int stop(void)
{
	struct port *old = port;
	unsigned int received;
	int waits;

	pthread_mutex_lock(&driver_lock);
	driver_port = NULL;
	pthread_mutex_unlock(&driver_lock);
	do {
		pthread_mutex_lock(&lock);
#ifdef FAULT_NO_WAIT
		waits = 0;
#else
		waits = i8042_rxq_waits(&q) ||
			__atomic_load_n(&q.owner, __ATOMIC_SEQ_CST) != I8042_RXQ_IDLE;
#endif
		if (!waits)
			port = NULL;
		pthread_mutex_unlock(&lock);
		if (waits)
			sched_yield();
	} while (waits);
	received = old->received;
	free(old);
	return received;
}

static void start(void)
{
	struct port *new = calloc(1, sizeof(*new));

	if (!new)
		abort();
	pthread_mutex_lock(&driver_lock);
	pthread_mutex_lock(&lock);
	new->last = nread;
	port = new;
	pthread_mutex_unlock(&lock);
	driver_port = new;
	pthread_mutex_unlock(&driver_lock);
}

int main(void)
{
	unsigned int received = 0;
	pthread_t threads[NCPUS];
	unsigned long i;

	start();
	for (i = 0; i < NCPUS; i++)
		pthread_create(&threads[i], NULL, run_cpu, (void *)i);
	while (!is_done()) {
		received += stop();
		start();
		usleep(500);
	}
	for (i = 0; i < NCPUS; i++)
		pthread_join(threads[i], NULL);

	received += port->received;
	if (received + dropped != BYTES || i8042_rxq_depth(&q)) {
		fprintf(stderr, "LOSSLESS: %u and %u of %u\n", received, dropped, BYTES);
		return 1;
	}
	printf("%u bytes received, %u without a port\n", received, dropped);
	return 0;
}
