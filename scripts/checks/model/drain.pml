/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drain.pml - a model for spin of the patches, the controller and the CPUs; see
 * checks/model/check
 *
 * Two CPUs and two sources, KBD and AUX, with a port and a line each. The task on
 * CPU 0 polls the controller and waits for KBD, as i8042_port_close() does. The task on
 * CPU 1 takes AUX away, as i8042_stop() does, and polls. Between any two steps a context
 * may stand still for any time, as on a vCPU that the hypervisor has taken away. All that
 * is done under one hold of the lock is one step, because no other context can see a part
 * of it; so the model has no lock. A step reads the status once, and data at most once.
 *
 * -DBYTES=n: bytes that the devices send; -DSPURIOUS=n: edges without a byte;
 * -DEATEN=n: bytes that a command reads, under the lock; -DLEVEL: the lines are
 * level-triggered, else edge-triggered; -DNESTED: interrupts may be on when a
 * handler starts, as they were up to 2.6.34; -DTIMER: a timer polls, too; -DFILTER: a
 * filter takes bytes of KBD, or holds one and delivers it before the next;
 * -DSTOLEN: a CPU that delivers stands still until nothing else can happen.
 * -DMARK_ALWAYS: a byte that is not delivered sets the mark, too, with the lock
 * dropped in between (6.12 and 2.6.32); -DLATE: the port of a byte is looked up after
 * that, and stop waits by synchronize_sched() (2.6.32).
 * -DONLY=PROPERTY: assert this property only; for STOP_ENDS spin reports an invalid end
 * state. -DFAULT_...: a fault, which must be found.
 */

#define NPORTS	2
#define KBD	0
#define AUX	1

/* Contexts that run on a CPU are the first processes; a line is its port */
#define POLLER	2
#define STOPPER	3
#define TICK	4
#define NOBODY	5

#define NO_CPU	2
#define OVER	3

#ifndef SPURIOUS
#define SPURIOUS	0
#endif
#ifndef EATEN
#define EATEN	0
#endif

mtype = { ALL, ORDER, LOSSLESS, ONE_DRAINER, LEFT_BEHIND, ISOLATION, NOWAIT, RUNNING, STOP,
	STOP_ENDS };
#ifndef ONLY
#define ONLY	ALL
#endif
#define CHECK(property, x)	assert((ONLY != ALL && ONLY != property) || (x))

/* The controller: a byte is its number, from 1; 0 is none */
byte obf;			/* output buffer */
bit port[BYTES + 1];		/* whose a byte is, in the status register */
bool filtered[BYTES + 1];	/* the filter wants it */
bool edge[NPORTS];		/* of a line, not yet handled */
byte sent;
byte spurious;
byte eaten;
bool ticked;

/* CPUs, and who runs there: interrupts nest */
byte cpu[NOBODY] = {NO_CPU, NO_CPU, 0, 1, NO_CPU};
byte top[NO_CPU + 1] = {POLLER, STOPPER, NOBODY};
byte below[NOBODY];		/* whom a handler has interrupted */
bool irqoff[NO_CPU];
byte stolen = NO_CPU;		/* the CPU that stands still */
#define CPU	cpu[_pid]
#define RUNS	(top[CPU] == _pid && stolen != CPU)

/* The driver: its sources are ports here, for none is multiplexed */
bool mark[NPORTS];
bool unread[NPORTS];
bool exists[NPORTS] = true;
bool asleep[NPORTS];		/* who waits for the port */
byte held;			/* byte that the filter has */

#ifdef FAULT_ONE_MARK
#define SOURCE(p)	0
#else
#define SOURCE(p)	p
#endif

/* What is checked */
byte last[NPORTS];		/* byte that the port has received */
byte done;			/* bytes delivered, or filtered, eaten or without a port */
byte drainers[NPORTS];		/* contexts that have read a byte of the source, */
bool drains[NO_CPU];		/* by CPU */
byte inside[NO_CPU];		/* contexts in handle_data() */
bool left;			/* somebody has seen the byte, and left it */
bool gone[NPORTS];		/* i8042_stop() has returned */

/* s is the source of which this context is the drainer, plus 1 */
#define LOCALS	bool saved; byte b, s

/* serio_interrupt(): the byte is done with, so spin need not store whose it was */
inline receive(x)
{
	CHECK(STOP, !gone[port[x]]);
	CHECK(ORDER, x > last[port[x]]);
	last[port[x]] = x;
	port[x] = 0;
	done++
}

inline forget()
{
	port[b] = 0;
	filtered[b] = false;
	b = 0;
	done++
}

/* i8042_filter() */
inline filter()
{
#ifdef FILTER
	if
	:: port[b] == KBD && filtered[b] ->
		filtered[b] = false;
		if
		:: held -> held = 0; done = done + 2
		:: else -> held = b
		fi;
		b = 0
	:: port[b] == KBD && !filtered[b] && held ->
		receive(held);
		held = 0
	:: else
	fi
#else
	skip
#endif
}

inline set_mark()
{
	mark[SOURCE(s - 1)] = true
}

inline read_data()
{
	d_step {
		b = obf;
		obf = 0;
		left = false;
		s = port[b] + 1
	};
#ifndef LATE
	filter();
	if
	:: b && !exists[port[b]] -> forget()
	:: else
	fi;
#endif
	if
#ifndef MARK_ALWAYS
	:: !b ->
#ifdef FAULT_MARK_KEPT
		set_mark();
#endif
		s = 0
#endif
	:: else ->
#ifndef FAULT_LATE_MARK
		set_mark();
#endif
		drains[CPU] = true;
		drainers[s - 1]++;
		CHECK(ONE_DRAINER, drainers[s - 1] == 1)
	fi
}

#if defined(FAULT_NO_MARK)
#define MUST_LEAVE	false
#elif defined(FAULT_FILTER_FIRST)
#define MUST_LEAVE	(mark[SOURCE(port[obf])] && !(port[obf] == KBD && (filtered[obf] || held)))
#else
#define MUST_LEAVE	mark[SOURCE(port[obf])]
#endif

/* Read the status, and the byte unless it must be left */
inline look()
{
	if
	:: obf && MUST_LEAVE ->
		CHECK(ISOLATION, drainers[port[obf]]);
		unread[SOURCE(port[obf])] = true;
		left = true
	:: obf && !MUST_LEAVE -> read_data()
	:: else
	fi
}

inline unlock()
{
	CHECK(LEFT_BEHIND, !left || (drainers[port[obf]] && unread[SOURCE(port[obf])]));
	if
	:: s
	:: else ->
		irqoff[CPU] = saved;
		saved = false;
		inside[CPU]--
	fi
}

/* The end of a delivery */
inline clear_mark()
{
	mark[SOURCE(s - 1)] = false;
	drains[CPU] = false;
	drainers[s - 1]--;
#ifndef FAULT_NO_WAKE_UP
	asleep[KBD] = false;
	asleep[AUX] = false
#endif
}

/* and the second look */
inline look_again()
{
#ifdef FAULT_UNREAD_CLEARED
	unread[SOURCE(s - 1)] = false;
#endif
	if
#ifndef FAULT_NO_SECOND_LOOK
	:: unread[SOURCE(s - 1)] ->
		unread[SOURCE(s - 1)] = false;
		s = 0;
		look()
#endif
	:: else -> s = 0
	fi
}

/* i8042_handle_data(), or i8042_interrupt() */
inline handle_data()
{
	atomic {
		saved = irqoff[CPU];
		irqoff[CPU] = true;
		inside[CPU]++;
		look();
#ifdef FAULT_WAITS
		do
		:: left && !s -> !mark[SOURCE(port[obf])]; look()
		:: else -> break
		od;
#endif
#ifdef FAULT_IRQS_ON
		irqoff[CPU] = saved;
#endif
		unlock()
	}
	do
	:: s ->
#ifdef FAULT_LATE_MARK
		atomic { set_mark() };
#endif
#ifdef LATE
		if
		:: atomic { !exists[port[b]] -> forget() }
		:: exists[port[b]]
		fi;
#endif
		if
		:: atomic { b -> receive(b); b = 0 }
		:: !b
		fi;
#if defined(FAULT_LOOK_UNLOCKED)
		atomic { clear_mark() };
		look_again();		/* each statement is a step */
		unlock()
#elif defined(FAULT_CLEAR_UNLOCKED)
		if
		:: unread[SOURCE(s - 1)] -> atomic { clear_mark(); look_again(); unlock() }
		:: else -> atomic { clear_mark(); s = 0; unlock() }
		fi
#else
		atomic { clear_mark(); look_again(); unlock() }
#endif
	:: else -> break
	od
}

/* Nobody delivers to the port p any more: the end of i8042_stop() and of a close */
inline wait_delivered(p)
{
	do
	:: true ->
#ifdef FAULT_LOST_WAKE_UP
		if
		:: atomic { !mark[SOURCE(p)] -> break }
		:: mark[SOURCE(p)]
		fi;
		asleep[p] = true;
#else
		asleep[p] = true;
		if
		:: atomic { !mark[SOURCE(p)] -> asleep[p] = false; break }
		:: mark[SOURCE(p)]
		fi;
#endif
		!asleep[p]
	od
}

/*
 * The handler of a line, which never runs twice at a time, or the timer. It returns to
 * the context that it has interrupted.
 */
inline handler()
{
	handle_data();
	atomic {
		irqoff[CPU] = false;
		d_step {
			top[CPU] = below[_pid];
			below[_pid] = 0;
			CPU = NO_CPU
		}
	}
}

active [NPORTS] proctype line() provided (RUNS)
{
	LOCALS;

end:	do
	:: handler()
	od
}

/* The end of i8042_port_close(), which begins to wait under the lock, as in 7.3 */
active proctype poller() provided (RUNS)
{
	LOCALS;

	handle_data();
#ifndef LATE
	atomic {
#ifndef FAULT_CLOSE_NO_WAIT
		wait_delivered(KBD);
#endif
		CHECK(STOP, !drainers[KBD])
	}
#endif
}

/* i8042_stop(), which begins to wait and then takes the lock, as in 6.12; and a poll */
active proctype stopper() provided (RUNS)
{
	LOCALS;

	exists[AUX] = false;
#if defined(FAULT_STOP_NO_WAIT)
	skip;
#elif defined(LATE)
	!irqoff[0];		/* synchronize_sched() */
#else
	wait_delivered(AUX);
#endif
	gone[AUX] = true
#ifndef TIMER
	;
	handle_data()
#endif
}

#ifdef TIMER
active proctype tick() provided (RUNS)
{
	LOCALS;

end:	do
	:: handler()
	od
}
#endif

/* Handler l interrupts the context that runs on CPU c. */
inline enter(l, c)
{
	CHECK(RUNNING, !drains[c]);
	below[l] = top[c];
	cpu[l] = c;
	top[c] = l
}

/*
 * An interrupt comes to any CPU that has interrupts on. A level-triggered line
 * interrupts again as long as its byte is in the output buffer.
 */
#ifdef LEVEL
#define RAISED(l)	(obf && port[obf] == l)
#else
#define RAISED(l)	edge[l]
#endif
#define INTERRUPT(l, c) \
	atomic { \
		RAISED(l) && cpu[l] == NO_CPU && !irqoff[c] -> \
		edge[l] = false; \
		enter(l, c); \
		if \
		:: irqoff[c] = true \
		:: NESTS \
		fi \
	}
#ifdef NESTED
#define NESTS	true
#else
#define NESTS	false
#endif

inline raise(l)
{
#ifndef LEVEL
	edge[l] = true
#else
	skip
#endif
}

active proctype world()
{
end:	do
	:: INTERRUPT(KBD, 0)
	:: INTERRUPT(KBD, 1)
	:: INTERRUPT(AUX, 0)
	:: INTERRUPT(AUX, 1)
#ifdef TIMER
	/* a softirq: it interrupts tasks only, and interrupts may interrupt it */
	:: atomic { !ticked && top[0] == POLLER && !irqoff[0] -> ticked = true; enter(TICK, 0) }
	:: atomic { !ticked && top[1] == STOPPER && !irqoff[1] -> ticked = true; enter(TICK, 1) }
#endif
	/* A byte gets to the output buffer. */
	:: atomic { sent < BYTES && !obf ->
		sent++;
		if
		:: port[sent] = KBD
		:: port[sent] = AUX
		fi;
#ifdef FILTER
		if
		:: port[sent] == KBD -> filtered[sent] = true
		:: true
		fi;
#endif
		obf = sent;
		raise(port[obf]) }
	:: atomic { spurious < SPURIOUS && !edge[KBD] -> spurious++; raise(KBD) }
	:: atomic { spurious < SPURIOUS && !edge[AUX] -> spurious++; raise(AUX) }
	/* i8042_command() or i8042_flush() reads it. */
	:: atomic { eaten < EATEN && obf ->
		eaten++;
		filtered[obf] = false;
		port[obf] = 0;
		obf = 0;
		left = false;
		done++ }
#ifdef STOLEN
	:: atomic { stolen == NO_CPU && drains[0] -> stolen = 0 }
	:: atomic { stolen == NO_CPU && drains[1] -> stolen = 1 }
#endif
	od
}

/*
 * When nothing can happen any more, only a context that takes a port away may wait for a
 * CPU that stands still. When that CPU has gone on, every handler must have returned, and
 * no byte may be left. spin itself checks that the tasks have ended.
 */
active proctype quiet()
{
	timeout;
	if
	:: stolen < NO_CPU ->
		CHECK(NOWAIT, !inside[1 - stolen]);
		stolen = OVER;
		timeout
	:: else
	fi;
	CHECK(NOWAIT, !inside[0] && !inside[1]);
	CHECK(LOSSLESS, !obf && done + (held != 0) == BYTES)
}
