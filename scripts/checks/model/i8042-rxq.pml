/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * i8042-rxq.pml - the receive queue, the driver that uses it and what is
 * around them, as a model for spin; see checks/model/check
 *
 * Two CPUs, two ports with a line each, a task on each CPU that polls the
 * controller; the task on CPU 1 also stops the port AUX. Between any two steps
 * a context may stand still for as long as it takes: that is the vCPU that the
 * hypervisor has taken away. What is done under the lock is one step, for nobody
 * else sees what is between, but no step accesses the controller twice.
 *
 * -DSIZE=n: slots of the queue; -DBYTES=n: bytes that the devices send;
 * -DFILTER: a filter takes some; -DFAULT_...: something is wrong, and has to be
 * found.
 */

#define NPORTS	2
#define KBD	0
#define AUX	1

/* Contexts that run on a CPU are the first processes; a line is its port */
#define POLLER	2
#define STOPPER	3
#define NOBODY	4

#define NO_CPU	2

/* The controller: a byte is its number, from 1; 0 is none */
byte obf;			/* output buffer */
bit port[BYTES + 1];		/* whose a byte is, in the status register */
bool filtered[BYTES + 1];	/* a filter will take it */
bool edge[NPORTS];		/* of a line, not yet handled */

/* CPUs, and who runs there: interrupts nest */
byte cpu[NOBODY] = {NO_CPU, NO_CPU, 0, 1};
byte top[NO_CPU + 1] = {POLLER, STOPPER, NOBODY};
byte below[NPORTS];		/* whom the handler of a line has interrupted */
bool irqoff[NO_CPU];
#define RUNS	(top[cpu[_pid]] == _pid)

/* The driver */
bool locked;
bool exists[NPORTS] = true;
bool waiting;			/* i8042_rxq_wait has somebody */

/* struct i8042_rxq */
byte head;
byte tail;
bool draining;
bit delivering;
bool unread;
byte ring[SIZE];
#define DEPTH	(tail - head)

/* What is checked */
byte last[NPORTS];		/* byte that the port has received */
byte done;			/* bytes delivered, or taken by a filter, or without a port */
byte drainers;
bool gone[NPORTS];		/* i8042_stop() has returned */

#ifdef FAULT_UNLOCKED_POP
#define POP			/* each statement is a step */
#else
#define POP	atomic
#endif
#ifdef FAULT_LATE_PUT
#define READ
#else
#define READ	atomic
#endif

#define LOCALS	bool saved, drainer; byte b

/* spin_lock_irqsave() and its end; no byte is left behind when the lock is free */
inline lock()
{
	saved = irqoff[cpu[_pid]];
#ifndef FAULT_IRQS_ON
	irqoff[cpu[_pid]] = true;
#endif
	atomic { !locked; locked = true }
}

inline unlock()
{
	assert(DEPTH == 0 || draining);
	assert(!unread || draining);
	locked = false;
	irqoff[cpu[_pid]] = saved;
	saved = false
}

/* A byte that is done with; spin need not tell apart whose it was */
inline forget()
{
	port[b] = 0;
	filtered[b] = false;
	b = 0;
	done++
}

/* The end of serio_interrupt(): ORDER, STOP */
inline deliver()
{
	atomic {
		assert(!gone[port[b]]);
		assert(b > last[port[b]]);
		last[port[b]] = b;
		done++;
		b = 0
	}
}

/* i8042_read_byte() */
inline read_byte()
{
	if
#ifdef FAULT_FULL_DROPS
	:: DEPTH == SIZE -> obf = 0
#else
	:: DEPTH == SIZE -> unread = true
#endif
	:: else ->
		d_step { b = obf; obf = 0 };
		if
		:: b == 0
		:: b && (filtered[b] || !exists[port[b]]) -> forget()
		:: else ->
#ifdef FAULT_LATE_PUT
			unlock();
			lock();
#endif
			ring[tail % SIZE] = b;
			tail++
		fi
	fi
}

/*
 * The rest of i8042_rxq_start(): whoever has put a byte keeps it, as b, and
 * becomes the drainer, or leaves it to the drainer
 */
inline start()
{
	if
	:: b == 0
#ifdef FAULT_TWO_DRAINERS
	:: b ->
#else
	:: b && draining -> b = 0
	:: b && !draining ->
#endif
		draining = true;
		drainers++;
		assert(drainers == 1);
		drainer = true;
#ifdef FAULT_POP_FIRST
		head++
#else
		delivering = 1
#endif
	fi
}

inline let_go()
{
	d_step { draining = false; drainers-- };
	drainer = false
}

/*
 * i8042_next_byte() with i8042_rxq_next(): the byte is b, or it has let go; with
 * the read of what was left in the controller
 */
inline next_byte()
{
	do
	:: true ->
		if
		:: delivering ->	/* cleared as in forget() */
			port[ring[head % SIZE]] = 0;
			ring[head % SIZE] = 0;
			head++;
			delivering = 0
		:: else
		fi;
#ifndef FAULT_NO_WAKE_UP
		waiting = false;
#endif
		if
		:: DEPTH ->
			b = ring[head % SIZE];
#ifdef FAULT_POP_FIRST
			head++;
#else
			delivering = 1;
#endif
			if
			:: exists[port[b]] -> break
			:: else -> forget()
			fi
#ifndef FAULT_NO_REREAD
		:: !DEPTH && unread ->
			let_go();
			unread = false;
			read_byte();
			start();
			break
#endif
		:: else ->
			let_go();
			break
		fi
	od
}

/* i8042_handle_data() */
inline handle_data()
{
#ifdef FAULT_NO_QUEUE
	/* the driver without the series */
	atomic {
		lock();
		b = obf;
		obf = 0;
		if
		:: b && (filtered[b] || !exists[port[b]]) -> forget()
		:: else
		fi;
		unlock()
	}
	if
	:: b -> deliver()
	:: else
	fi
#else
	READ { lock(); read_byte() };
	atomic {
		start();
#ifdef FAULT_WAITS
		if
		:: draining && !drainer ->
			unlock();
			!draining;
			lock()
		:: else
		fi;
#endif
		unlock()
	}
	do
	:: drainer ->
		deliver();
#ifdef FAULT_UNLOCKED_POP
		POP { next_byte() }
#else
		POP { lock(); next_byte(); unlock() }
#endif
	:: else -> break
	od
#endif
}

/*
 * The handler of a line, which does not run twice at a time. It returns to
 * whom it has interrupted.
 */
active [NPORTS] proctype line() provided (RUNS)
{
	LOCALS;

end:	do
	:: handle_data();
		atomic {
			irqoff[cpu[_pid]] = false;
			d_step {
				top[cpu[_pid]] = below[_pid];
				below[_pid] = 0;
				cpu[_pid] = NO_CPU
			}
		}
	od
}

/*
 * A poll from process context, with interrupts off as in the complete series,
 * or on, as it is up to patch 3.
 */
inline poll()
{
	if
	:: irqoff[cpu[_pid]] = true
	:: true
	fi;
	handle_data();
	irqoff[cpu[_pid]] = false
}

active proctype poller() provided (RUNS)
{
	LOCALS;

	poll()
}

/* i8042_rxq_holds(): the first byte of AUX, or the tail */
inline find_aux()
{
	i = head;
	do
	:: i != tail && port[ring[i % SIZE]] != AUX -> i++
	:: else -> break
	od
}

active proctype stopper() provided (RUNS)
{
	LOCALS;
	byte i;

	/* i8042_stop() */
	atomic {
		lock();
		exists[AUX] = false;
#ifndef FAULT_NO_WAIT
		do
		:: true ->
			find_aux();
			if
			:: i == tail -> break
			:: else
			fi;
			waiting = true;
			unlock();
			!waiting;
			lock()
		od;
#endif
		unlock();
		i = 0;
		gone[AUX] = true
	}

	/* and the poll of i8042_port_close() */
	poll()
}

/* A byte that gets to the output buffer raises the edge of its line. */
active proctype devices()
{
	byte n = 1;

	do
	:: atomic { n <= BYTES && !obf ->
		if
		:: port[n] = KBD
		:: port[n] = AUX
		fi;
#ifdef FILTER
		if
		:: filtered[n] = true
		:: true
		fi;
#endif
		obf = n;
		edge[port[n]] = true;
		n++ }
	:: n > BYTES -> break
	od
}

/*
 * An interrupt comes to any CPU that lets it. Its handler runs with interrupts
 * off, or on, as it did in 2.6.
 */
#define INTERRUPT(l, c) \
	atomic { \
		edge[l] && cpu[l] == NO_CPU && !irqoff[c] -> \
		edge[l] = false; \
		below[l] = top[c]; \
		cpu[l] = c; \
		top[c] = l; \
		if \
		:: irqoff[c] = true \
		:: true \
		fi \
	}

active proctype interrupts()
{
end:	do
	:: INTERRUPT(KBD, 0)
	:: INTERRUPT(KBD, 1)
	:: INTERRUPT(AUX, 0)
	:: INTERRUPT(AUX, 1)
	od
}

/*
 * When nothing can happen any more, every handler has returned, and no byte is
 * left: LOSSLESS. That the tasks have ended, spin checks.
 */
active proctype quiet()
{
	timeout;
	assert(cpu[KBD] == NO_CPU && cpu[AUX] == NO_CPU);
	assert(done == BYTES)
}
