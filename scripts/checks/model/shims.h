/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the driver's text uses of the kernel, for threads: see driver.c
 */
#ifndef _SHIMS_H
#define _SHIMS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef unsigned char u8;

/* Interrupts: synchronize_sched() waits for who has them off. */

static pthread_rwlock_t irqs = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static __thread bool irqs_off;

static bool irq_save(void)
{
	bool old = irqs_off;

	if (!old)
		pthread_rwlock_rdlock(&irqs);
	irqs_off = true;
	return old;
}

static void irq_restore(bool old)
{
	if (irqs_off && !old)
		pthread_rwlock_unlock(&irqs);
	irqs_off = old;
}

#define local_irq_enable()	irq_restore(false)

static inline void synchronize_sched(void)
{
	pthread_rwlock_wrlock(&irqs);
	pthread_rwlock_unlock(&irqs);
}

/* Locks */

typedef pthread_mutex_t spinlock_t;
static spinlock_t i8042_lock = PTHREAD_MUTEX_INITIALIZER;

#define spin_lock(l)			pthread_mutex_lock(l)
#define spin_unlock(l)			pthread_mutex_unlock(l)
#define spin_lock_irqsave(l, f)		do { f = irq_save(); spin_lock(l); } while (0)
#define spin_unlock_irqrestore(l, f)	do { spin_unlock(l); irq_restore(f); } while (0)
#define spin_lock_irq(l)		do { irq_save(); spin_lock(l); } while (0)
#define spin_unlock_irq(l)		spin_unlock_irqrestore(l, false)

struct guard {
	spinlock_t *lock;
	bool irqs;
};

static inline struct guard guard_enter(spinlock_t *lock)
{
	struct guard guard = { lock, irq_save() };

	if (lock)
		spin_lock(lock);
	return guard;
}

static inline void guard_leave(struct guard *guard)
{
	if (guard->lock)
		spin_unlock(guard->lock);
	irq_restore(guard->irqs);
}

#define GUARD(l) \
	struct guard guarded __attribute__((cleanup(guard_leave), unused)) = guard_enter(l)
#define guard(name)	guard_##name
#define guard_irqsave()			GUARD(NULL)
#define guard_spinlock_irq(l)		GUARD(l)
#define guard_spinlock_irqsave(l)	GUARD(l)
#define scoped_guard(name, l)	for (bool once = true; once;) for (GUARD(l); once; once = false)

/* Waiting */

struct wait_queue_head {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	atomic_int waiters;
	unsigned int woken;
};

#define DECLARE_WAIT_QUEUE_HEAD(q) \
	struct wait_queue_head q = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0 }
#define waitqueue_active(q)	atomic_load_explicit(&(q)->waiters, memory_order_relaxed)

static inline void wake_up(struct wait_queue_head *q)
{
	pthread_mutex_lock(&q->lock);
	q->woken++;
	pthread_cond_broadcast(&q->cond);
	pthread_mutex_unlock(&q->lock);
}

static inline unsigned int wait_prepare(struct wait_queue_head *q)
{
	unsigned int woken;

	pthread_mutex_lock(&q->lock);
	atomic_fetch_add_explicit(&q->waiters, 1, memory_order_relaxed);
	woken = q->woken;
	pthread_mutex_unlock(&q->lock);
	return woken;
}

static inline void wait_finish(struct wait_queue_head *q, unsigned int woken, bool sleep)
{
	pthread_mutex_lock(&q->lock);
	while (sleep && q->woken == woken)
		pthread_cond_wait(&q->cond, &q->lock);
	atomic_fetch_sub_explicit(&q->waiters, 1, memory_order_relaxed);
	pthread_mutex_unlock(&q->lock);
}

#define wait_event(q, condition) \
	for (bool over = false; !over;) { \
		unsigned int woken = wait_prepare(&q); \
		over = condition; \
		wait_finish(&q, woken, !over); \
	}

#define wait_event_lock_irq(q, condition, l) \
	while (!(condition)) { \
		unsigned int woken = wait_prepare(&q); \
		spin_unlock_irq(&l); \
		wait_finish(&q, woken, true); \
		spin_lock_irq(&l); \
	}

/* What else the text needs */

#define likely(x)	(x)
#define unlikely(x)	(x)
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define IS_ENABLED(option)	0
#define IRQ_RETVAL(x)	(x)
#define HZ		100
#define jiffies		0ul
#define time_before(a, b)	((a) < (b))
#define fallthrough	__attribute__((fallthrough))

typedef int irqreturn_t;

enum { IRQ_NONE, IRQ_HANDLED };
enum { I8042_KBD_IRQ = 1, I8042_AUX_IRQ = 12 };
enum { I8042_KBD_PORT_NO, I8042_AUX_PORT_NO, I8042_MUX_PORT_NO, I8042_NUM_PORTS = 6 };
enum { SERIO_TIMEOUT = 1, SERIO_PARITY = 2 };
enum {
	I8042_STR_OBF = 0x01, I8042_STR_MUXERR = 0x04, I8042_STR_AUXDATA = 0x20,
	I8042_STR_TIMEOUT = 0x40, I8042_STR_PARITY = 0x80
};

enum {
	I8042_CTR_KBDINT = 1, I8042_CTR_AUXINT = 2, I8042_CTR_KBDDIS = 0x10, I8042_CTR_AUXDIS = 0x20
};

enum { I8042_CMD_CTL_WCTR = 0x1060 };

struct serio {
	void *port_data;
	unsigned int received;
	unsigned char last;
};

struct i8042_port {
	struct serio *serio;
	bool exists;
	bool driver_bound;
};

static struct i8042_port i8042_ports[I8042_NUM_PORTS];
static unsigned char i8042_ctr;
static const bool i8042_mux_present, i8042_notimeout, i8042_kbd_irq_registered = true;
static void *i8042_platform_device;

static inline void no_dbg(int unused, ...)
{
	(void)unused;
}

#define filter_dbg	no_dbg
#define dbg(...)	no_dbg(0, __VA_ARGS__)
#define pr_warn		dbg
#define pr_err		dbg
#define udelay(us)	((void)(us))
#define i8042_command(param, command)	((void)(param), (void)(command), 0)
#define irq_wake_thread(irq, dev)	((void)(irq), (void)(dev))
/* The driver's own waiting has to do. */
#define synchronize_irq(irq)	((void)(irq))

#endif /* _SHIMS_H */
