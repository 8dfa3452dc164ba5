/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * i8042-rxq.h - receive queue of the i8042, drained by one context at a time
 *
 * A byte is read from the controller under the driver's lock, but it has to
 * be delivered without it. Bytes of one port stay in order if they pass
 * through a queue: whoever reads a byte appends it under the same hold of the
 * lock, so queue order is read order, and only one context at a time, the
 * drainer, takes bytes out. Whoever finds a drainer leaves the byte to it and
 * returns; nobody ever waits for the drainer.
 *
 * The queue has no lock of its own: for every function below the caller holds
 * the lock that also serializes access to the controller's registers. None of
 * them sleeps, so that lock may be a spinlock taken in hard interrupt context.
 *
 *	lock
 *	do {
 *		step = I8042_RXQ_RELEASED
 *		if (i8042_rxq_may_read(q)) {
 *			read status and data
 *			if (i8042_rxq_start(q, &byte))
 *				step = I8042_RXQ_DELIVER
 *		}
 *		while (step == I8042_RXQ_DELIVER) {
 *			unlock; deliver byte; lock
 *			step = i8042_rxq_next(q, &byte)
 *		}
 *	} while (step == I8042_RXQ_READ)
 *	unlock
 *
 * Used like this, a queue that is not empty has a drainer whenever the lock is
 * free.
 */
#ifndef _I8042_RXQ_H
#define _I8042_RXQ_H

/*
 * Slots of the queue, a power of two. A PS/2 line carries some 1000 bytes a
 * second, so 64 slots bridge about 30 ms in which the drainer is stopped and
 * both ports are busy. When they are used up nothing is lost: see
 * i8042_rxq_may_read().
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
 * @unread: somebody was not allowed to read, and left a byte if there was one
 * @ring: the bytes
 */
struct i8042_rxq {
	unsigned int head;
	unsigned int tail;
	unsigned char draining;
	unsigned char delivering;
	unsigned char unread;
	struct i8042_rxq_byte ring[I8042_RXQ_SIZE];
};

/**
 * enum i8042_rxq_step - what the drainer has to do next
 * @I8042_RXQ_RELEASED: nothing, the caller is no longer the drainer
 * @I8042_RXQ_DELIVER: deliver the byte, with the lock dropped
 * @I8042_RXQ_READ: the caller is no longer the drainer, but a byte may have
 *	been left in the controller: read that before dropping the lock, if it
 *	is there, and go on as with any byte
 */
enum i8042_rxq_step {
	I8042_RXQ_RELEASED,
	I8042_RXQ_DELIVER,
	I8042_RXQ_READ
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
 * i8042_rxq_may_read() - is there room for one more byte?
 * @q: the queue
 *
 * To be asked before the controller is touched. When there is no room the
 * byte has to stay in the controller. An edge-triggered line raises no further
 * interrupt for it, so the queue notes this and has the drainer read it. (A
 * level-triggered line interrupts again and again until that is done.)
 *
 * Context: any; the caller holds the lock.
 * Return: nonzero if a byte may be read and put, 0 if it must not.
 */
static inline int i8042_rxq_may_read(struct i8042_rxq *q)
{
	if (i8042_rxq_depth(q) < I8042_RXQ_SIZE)
		return 1;

	q->unread = 1;
	return 0;
}

/**
 * i8042_rxq_may_read_alone() - the same for a byte that must not be read ahead
 * @q: the queue
 *
 * For a reader that may deliver another byte than the one it reads, and not
 * through the queue: all that was read before has to be delivered by then.
 *
 * Context: any; the caller holds the lock.
 * Return: nonzero if a byte may be read and put, 0 if it must not.
 */
static inline int i8042_rxq_may_read_alone(struct i8042_rxq *q)
{
	if (!i8042_rxq_depth(q))
		return 1;

	q->unread = 1;
	return 0;
}

/**
 * i8042_rxq_put() - append a byte
 * @q: the queue
 * @byte: the byte; copied
 *
 * Context: any; the caller holds the lock since i8042_rxq_may_read() let it
 * read this byte.
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
 * has to call i8042_rxq_next() until it does not return I8042_RXQ_DELIVER.
 */
static inline int i8042_rxq_begin(struct i8042_rxq *q)
{
	if (q->draining)
		return 0;

	q->draining = 1;
	return 1;
}

/**
 * i8042_rxq_start() - append a byte, and become the drainer, unless somebody is
 * @q: the queue. If it holds anything it must have a drainer: not for those who
 *	put bytes under one hold of the lock and begin to drain under another.
 * @byte: the byte; copied
 *
 * What i8042_rxq_put(), i8042_rxq_begin() and i8042_rxq_next() do in turn, for
 * the usual case that no byte is ahead of this one: the caller has it already
 * and need not copy it back. It keeps its slot until i8042_rxq_next().
 *
 * Context: any; the caller holds the lock since i8042_rxq_may_read() let it
 * read this byte.
 * Return: nonzero if the caller is now the drainer and has to deliver @byte,
 * and then to go on with i8042_rxq_next(); 0 if another context will.
 */
static inline int i8042_rxq_start(struct i8042_rxq *q,
				  const struct i8042_rxq_byte *byte)
{
	i8042_rxq_put(q, byte);
	if (!i8042_rxq_begin(q))
		return 0;

	q->delivering = 1;
	return 1;
}

/**
 * i8042_rxq_next() - done with one byte, on to the next
 * @q: the queue
 * @byte: filled in if the return value is I8042_RXQ_DELIVER
 *
 * Context: the drainer only; it holds the lock. It may drop the lock to
 * deliver, and must not be scheduled out before it is released: what others
 * read meanwhile waits for it.
 * Return: what to do before the next call, see enum i8042_rxq_step.
 */
static inline enum i8042_rxq_step i8042_rxq_next(struct i8042_rxq *q,
						 struct i8042_rxq_byte *byte)
{
	q->head += q->delivering;
	q->delivering = 0;

	if (i8042_rxq_depth(q)) {
		*byte = q->ring[q->head % I8042_RXQ_SIZE];
		q->delivering = 1;
		return I8042_RXQ_DELIVER;
	}

	q->draining = 0;
	if (q->unread) {
		q->unread = 0;
		return I8042_RXQ_READ;
	}
	return I8042_RXQ_RELEASED;
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
