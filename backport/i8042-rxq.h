/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * i8042-rxq.h - receive queue of the i8042, drained by one context at a time
 *
 * A byte is read from the controller under the driver's lock, but it has to
 * be delivered without it. Bytes of one port stay in order if they pass
 * through a queue: whoever reads a byte appends it under the same hold of the
 * driver's lock, so queue order is read order, and only one context at a time,
 * the drainer, takes bytes out. Whoever finds a drainer leaves the byte to it
 * and returns; nobody ever waits for the drainer.
 *
 * The queue has no lock of its own: for every function below the caller holds
 * one that all users of the queue take. None of them sleeps, so that lock may be
 * a spinlock taken in hard interrupt context.
 *
 *	lock
 *	if (!i8042_rxq_full(q))
 *		i8042_rxq_put(q, &byte)
 *	unlock
 *
 *	lock
 *	if (i8042_rxq_begin(q))
 *		while (i8042_rxq_next(q, &byte)) {
 *			unlock; deliver byte; lock
 *		}
 *	unlock
 *
 * Used like this, whoever has put a byte, begins later, and finds no drainer,
 * drains what is there.
 */
#ifndef _I8042_RXQ_H
#define _I8042_RXQ_H

/*
 * Slots of the queue, a power of two. A PS/2 line carries some 1000 bytes a
 * second, so 64 slots bridge about 30 ms in which the drainer is stopped and
 * both ports are busy.
 */
#ifndef I8042_RXQ_SIZE
#define I8042_RXQ_SIZE	64
#endif

#if I8042_RXQ_SIZE < 1 || (I8042_RXQ_SIZE & (I8042_RXQ_SIZE - 1))
#error "I8042_RXQ_SIZE must be a power of two"
#endif

/**
 * struct i8042_rxq_byte - a byte on its way from the controller to its port
 * @stamp: for the caller's use, for example the time at which it was read
 * @dfl: SERIO_PARITY, SERIO_TIMEOUT or 0
 * @port: number of the port that the byte is for
 * @data: the byte
 */
struct i8042_rxq_byte {
	unsigned long long stamp;
	unsigned int dfl;
	unsigned char port;
	unsigned char data;
};

/**
 * struct i8042_rxq - receive queue; all zero is an empty queue
 * @head: the oldest byte; free running, the slot is the remainder
 * @tail: the slot for the next byte, likewise
 * @draining: somebody is the drainer
 * @delivering: the drainer is delivering the byte at @head
 * @ring: the bytes
 */
struct i8042_rxq {
	unsigned int head;
	unsigned int tail;
	unsigned char draining;
	unsigned char delivering;
	struct i8042_rxq_byte ring[I8042_RXQ_SIZE];
};

/**
 * i8042_rxq_depth() - number of bytes not yet delivered
 * @q: the queue
 *
 * Context: any; the caller holds the lock.
 * Return: the bytes queued, including one that is being delivered.
 */
static inline unsigned int i8042_rxq_depth(const struct i8042_rxq *q)
{
	return q->tail - q->head;
}

/**
 * i8042_rxq_full() - is there no room for one more byte?
 * @q: the queue
 *
 * Context: any; the caller holds the lock.
 * Return: nonzero if a byte must not be put.
 */
static inline int i8042_rxq_full(const struct i8042_rxq *q)
{
	return i8042_rxq_depth(q) >= I8042_RXQ_SIZE;
}

/**
 * i8042_rxq_put() - append a byte
 * @q: the queue
 * @byte: the byte; copied
 *
 * Context: any; the caller holds the lock, and the queue is not full.
 */
static inline void i8042_rxq_put(struct i8042_rxq *q,
				 const struct i8042_rxq_byte *byte)
{
	q->ring[q->tail++ % I8042_RXQ_SIZE] = *byte;
}

/**
 * i8042_rxq_begin() - become the drainer, unless somebody is
 * @q: the queue
 *
 * Context: any; the caller holds the lock.
 * Return: 0 if another context is; nonzero if the caller is now the drainer and
 * has to call i8042_rxq_next() until that returns 0.
 */
static inline int i8042_rxq_begin(struct i8042_rxq *q)
{
	if (q->draining)
		return 0;

	q->draining = 1;
	return 1;
}

/**
 * i8042_rxq_next() - done with one byte, on to the next
 * @q: the queue
 * @byte: filled in if there is one
 *
 * Context: the drainer only; it holds the lock. It drops the lock to deliver,
 * and must not be scheduled out before it is released: what others read
 * meanwhile waits for it.
 * Return: nonzero if the caller has to deliver @byte, with the lock dropped; 0
 * if it is no longer the drainer.
 */
static inline int i8042_rxq_next(struct i8042_rxq *q, struct i8042_rxq_byte *byte)
{
	q->head += q->delivering;
	q->delivering = 0;

	if (!i8042_rxq_depth(q)) {
		q->draining = 0;
		return 0;
	}

	*byte = q->ring[q->head % I8042_RXQ_SIZE];
	q->delivering = 1;
	return 1;
}

/**
 * i8042_rxq_holds() - is a byte for this port still on its way?
 * @q: the queue
 * @port: number of the port
 *
 * A port that accepts no new bytes may go away once this returns 0.
 *
 * Context: any; the caller holds the lock.
 * Return: nonzero while a byte for @port is queued or being delivered.
 */
static inline int i8042_rxq_holds(const struct i8042_rxq *q, unsigned char port)
{
	unsigned int i;

	for (i = q->head; i != q->tail; i++)
		if (q->ring[i % I8042_RXQ_SIZE].port == port)
			return 1;

	return 0;
}

#endif /* _I8042_RXQ_H */
