/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * i8042-rxq.h - who delivers to a port, and what waits behind: one for each port
 *
 * A byte is read from the controller under the driver's lock, but it has to be
 * delivered without it. Bytes of one port stay in order if one context at a
 * time delivers to it. It is the protocol of the series, which marks a source
 * while a byte of it is delivered; there the controller keeps what is left
 * behind, here a queue does.
 *
 * Pass first: in a hard interrupt, when nobody delivers to the port, its CPU
 * becomes the owner, and the byte is left to the driver, which delivers it in
 * the same interrupt. Afterwards, in that interrupt, i8042_rxq_done() ends the
 * ownership.
 *
 * Queue behind: a byte that is read while the port has an owner, and each byte
 * that is read outside of hard interrupts, is put into the queue. Whoever puts
 * it behind an owner on another CPU sets MORE and has that CPU look again. So
 * nothing is left behind even where i8042_rxq_done() was not called: a hard
 * interrupt on the owner's CPU that finds the mark comes after that delivery, for
 * hard interrupts do not nest. Where they do, nobody may pass first.
 *
 * For all but i8042_rxq_pass() and _done() the caller holds a lock that all users
 * of the queue take. None sleeps.
 * The owner is changed by I8042_RXQ_CMPXCHG(pointer, old, new), a full barrier
 * that returns what was there, and read by I8042_RXQ_READ(variable).
 */
#ifndef _I8042_RXQ_H
#define _I8042_RXQ_H

/*
 * Slots of the queue, a power of two. A PS/2 line carries some 1000 bytes a
 * second, and a filter cannot leave a byte in the controller.
 */
#ifndef I8042_RXQ_SIZE
#define I8042_RXQ_SIZE	2048
#endif

#if I8042_RXQ_SIZE < 1 || (I8042_RXQ_SIZE & (I8042_RXQ_SIZE - 1))
#error "I8042_RXQ_SIZE must be a power of two"
#endif

/* Owners: none, a CPU (its number plus 1), or one of these */
#define I8042_RXQ_IDLE		0u
#define I8042_RXQ_MORE		0x10000000u	/* with a CPU: bytes wait behind it */
#define I8042_RXQ_DRAINER	0x20000000u	/* somebody delivers from the queue */
#define I8042_RXQ_PENDING	0x40000000u	/* somebody has to become the drainer */

/**
 * struct i8042_rxq_byte - a byte that waits
 * @stamp: for the caller's use, for example the time at which it was read
 * @to: the same, for example whom it is for
 * @dfl: SERIO_PARITY, SERIO_TIMEOUT or 0
 * @data: the byte
 */
struct i8042_rxq_byte {
	unsigned long long stamp;
	const void *to;
	unsigned char dfl;
	unsigned char data;
};

/**
 * struct i8042_rxq - the bytes of a port; all zero is one for which nothing waits
 * @owner: who delivers
 * @head: the oldest byte; free running, the slot is the remainder
 * @tail: the slot for the next byte, likewise
 * @ring: the bytes
 */
struct i8042_rxq {
	unsigned int owner;
	unsigned int head;
	unsigned int tail;
	struct i8042_rxq_byte ring[I8042_RXQ_SIZE];
};

/**
 * i8042_rxq_depth() - number of bytes in the queue
 * @q: the queue
 *
 * Context: any; the caller holds the lock.
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
 * i8042_rxq_pass() - become the owner, unless somebody is
 * @q: the queue
 * @me: this CPU, its number plus 1
 *
 * A mark of this CPU is from an earlier interrupt, whose delivery is over.
 *
 * Context: hard interrupt, in which the driver delivers the byte.
 * Return: nonzero if the byte is to be left to the driver, else it has to be put.
 */
static inline int i8042_rxq_pass(struct i8042_rxq *q, unsigned int me)
{
	return I8042_RXQ_READ(q->owner) == me ||
	       I8042_RXQ_CMPXCHG(&q->owner, I8042_RXQ_IDLE, me) == I8042_RXQ_IDLE;
}

/**
 * i8042_rxq_done() - no longer the owner, if this CPU was
 * @q: the queue
 * @me: this CPU, its number plus 1; 0 outside of hard interrupts
 *
 * Context: any in which this CPU delivers nothing to the port.
 * Return: nonzero if there may be bytes for i8042_rxq_begin().
 */
static inline int i8042_rxq_done(struct i8042_rxq *q, unsigned int me)
{
	unsigned int owner = I8042_RXQ_READ(q->owner);

	if (owner == I8042_RXQ_IDLE)
		return 0;
	if (owner == me)
		owner = I8042_RXQ_CMPXCHG(&q->owner, me, I8042_RXQ_IDLE);
	return owner == I8042_RXQ_PENDING || owner == (me | I8042_RXQ_MORE);
}

/**
 * i8042_rxq_put() - append a byte
 * @q: the queue
 * @byte: the byte; copied
 * @me: this CPU, its number plus 1, if interrupts are off and it delivers nothing
 *	to the port; else 0
 *
 * Context: any; the caller holds the lock, and the queue is not full.
 * Return: 0, I8042_RXQ_PENDING if the caller has to have somebody call
 * i8042_rxq_begin(), or the CPU that has to be interrupted, its number plus 1, and to
 * call i8042_rxq_done() then.
 */
static inline unsigned int i8042_rxq_put(struct i8042_rxq *q, const struct i8042_rxq_byte *byte,
					 unsigned int me)
{
	unsigned int owner, next;

	q->ring[q->tail++ % I8042_RXQ_SIZE] = *byte;
	do {
		owner = I8042_RXQ_READ(q->owner);
		if (owner & (I8042_RXQ_MORE | I8042_RXQ_DRAINER | I8042_RXQ_PENDING))
			return 0;
		next = I8042_RXQ_PENDING;
		if (owner != I8042_RXQ_IDLE && owner != me)
			next = owner | I8042_RXQ_MORE;
	} while (I8042_RXQ_CMPXCHG(&q->owner, owner, next) != owner);

	return next == I8042_RXQ_PENDING ? next : owner;
}

/**
 * i8042_rxq_orphan() - the owner is no more: its CPU went offline
 * @q: the queue
 * @cpu: that CPU, its number plus 1
 *
 * Context: any; the caller holds the lock.
 * Return: nonzero if the caller has to have somebody call i8042_rxq_begin().
 */
static inline int i8042_rxq_orphan(struct i8042_rxq *q, unsigned int cpu)
{
	cpu |= I8042_RXQ_MORE;
	return I8042_RXQ_CMPXCHG(&q->owner, cpu, I8042_RXQ_PENDING) == cpu;
}

/**
 * i8042_rxq_forget_owner() - no CPU passes bytes any more: what it has begun is over
 * @q: the queue
 *
 * Context: any; the caller holds the lock.
 * Return: nonzero if nobody delivers, and no byte waits.
 */
static inline int i8042_rxq_forget_owner(struct i8042_rxq *q)
{
	unsigned int owner = I8042_RXQ_READ(q->owner);

	if (owner & (I8042_RXQ_MORE | I8042_RXQ_DRAINER | I8042_RXQ_PENDING))
		return 0;
	I8042_RXQ_CMPXCHG(&q->owner, owner, I8042_RXQ_IDLE);
	return 1;
}

/**
 * i8042_rxq_begin() - become the drainer, unless it is for somebody else
 * @q: the queue
 * @me: this CPU, its number plus 1; 0 outside of hard interrupts
 *
 * Context: as i8042_rxq_done(); the caller holds the lock.
 * Return: nonzero if the caller is now the drainer, and has to call
 * i8042_rxq_next() until that returns 0.
 */
static inline int i8042_rxq_begin(struct i8042_rxq *q, unsigned int me)
{
	unsigned int owner = I8042_RXQ_READ(q->owner);

	if (owner != I8042_RXQ_PENDING && owner != (me | I8042_RXQ_MORE))
		return 0;
	return I8042_RXQ_CMPXCHG(&q->owner, owner, I8042_RXQ_DRAINER) == owner;
}

/**
 * i8042_rxq_next() - take the oldest byte out
 * @q: the queue
 * @byte: filled in if there is one; its slot is wiped
 *
 * Context: the drainer only; it holds the lock. It drops the lock to deliver, and
 * must not be scheduled out before it is released: what others read meanwhile
 * waits for it.
 * Return: nonzero if the caller has to deliver @byte, with the lock dropped; 0
 * if it is no longer the drainer.
 */
static inline int i8042_rxq_next(struct i8042_rxq *q, struct i8042_rxq_byte *byte)
{
	static const struct i8042_rxq_byte wiped;

	if (!i8042_rxq_depth(q)) {
		I8042_RXQ_CMPXCHG(&q->owner, I8042_RXQ_DRAINER, I8042_RXQ_IDLE);
		return 0;
	}

	*byte = q->ring[q->head % I8042_RXQ_SIZE];
	q->ring[q->head++ % I8042_RXQ_SIZE] = wiped;
	return 1;
}

/**
 * i8042_rxq_waits() - is a byte queued, or delivered by the drainer?
 * @q: the queue
 *
 * A port that accepts no new bytes may go away once this returns 0: what the
 * driver delivers itself it waits for itself.
 *
 * Context: any; the caller holds the lock.
 */
static inline int i8042_rxq_waits(const struct i8042_rxq *q)
{
	return i8042_rxq_depth(q) || I8042_RXQ_READ(q->owner) == I8042_RXQ_DRAINER;
}

#endif /* _I8042_RXQ_H */
