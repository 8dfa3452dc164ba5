// SPDX-License-Identifier: GPL-2.0-only
/*
 * queue.c - the module's protocol, i8042-rxq.h as the kernel compiles it, in every order
 * of steps of its users; see checks/model/check
 *
 * There are one port, two CPUs, and two lines whose handlers may each read a byte of the
 * port. A CPU runs a task that polls, and on top of it a hard interrupt: the handler of a
 * line, an irq_work, or a call from the other CPU. A step is one call of a function of
 * the protocol, or what the driver and the module do between two calls. A vCPU that
 * stands still is one of the orders that are tried. A state is explored only once.
 *
 * -DBYTES=n: bytes that the device sends; -DFIRES=n: interrupts of each line; -DPOLLS=n:
 * of each CPU. -DMISSING: line 0 has no second handler. -DOFFLINE: CPU 1 may go offline
 * when it runs nothing. -DTHREADED: handlers are threads, each with its own second one,
 * which runs at any time. -DQUEUED: no byte is passed. Faults: -DNESTED: hard interrupts
 * nest, which is none with -DQUEUED; -DFAULT_POLL_PASSES, -DFAULT_NO_CALL: a poll passes
 * its byte, the owner is not called; -DFAULT_BLIND: the owner's mark is cleared by a store.
 *
 * Exit status: 0 if nothing is wrong; else 1, after the steps that lead to the fault.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A step is one call. */
static unsigned int cmpxchg(unsigned int *p, unsigned int old, unsigned int new)
{
	unsigned int was = *p;

	if (was == old)
		*p = new;
	return was;
}

#define I8042_RXQ_READ(v)	(v)
#define I8042_RXQ_CMPXCHG	cmpxchg
#ifndef I8042_RXQ_SIZE
#define I8042_RXQ_SIZE	8
#endif
#include "i8042-rxq.h"

#ifndef FIRES
#define FIRES	3
#endif
#ifndef POLLS
#define POLLS	1
#endif
#ifndef BYTES
#define BYTES	4
#endif

#define MAX_STATES	4000000
#define MAX_DEPTH	1000
#define NCPUS		2
#define NLINES		2
#ifdef NESTED
#define NLEVELS		3
#else
#define NLEVELS		2	/* a task, and a hard interrupt */
#endif

/* What a context does next */
enum pc {
	NOTHING, READ, FILTER, PUT, TELL, DELIVER, DONE, BLIND, BEGIN, NEXT, DELIVER_QUEUED, RETURN,
	NPCS
};

static const char * const pc_names[NPCS] = {
	"starts", "reads", "filters", "queues", "tells", "delivers", "done", "clears",
	"begins", "next", "delivers from the queue", "returns",
};

enum kind { TASK, HANDLER, WORK };

/* @line: the line of a HANDLER; @byte: the byte on its way; @holds: has the lock */
struct context {
	unsigned char pc, kind, line, byte, holds;
	unsigned int who;
};

/* A byte is its number, from 1; 0 is none. */
struct state {
	struct i8042_rxq q;
	struct context contexts[NCPUS][NLEVELS];
	unsigned char nread, last, driver_locked, locked;
	unsigned char fires[NLINES], active[NLINES], polls[NCPUS], work[NCPUS], call[NCPUS];
	unsigned char woken, thread_runs, offline;
};

static struct state *states;
static unsigned int *table, nstates, transitions, deepest;
static struct { unsigned char cpu, level, pc; } path[MAX_DEPTH];
static unsigned int depth;

static void wrong(const char *what)
{
	unsigned int i;

	printf("%s after %u states\n", what, nstates);
	for (i = 0; i < depth; i++)
		printf("\tCPU %u, %s: %s\n", path[i].cpu, path[i].level ? "interrupt" : "task",
		       pc_names[path[i].pc]);
	exit(1);
}

/* serio_interrupt() */
static void deliver(struct state *s, unsigned char byte)
{
	if (byte <= s->last)
		wrong("ORDER: a byte is delivered after a later one, or twice");
	if (byte != s->last + 1)
		wrong("ORDER: a byte is delivered before an earlier one");
	s->last = byte;
}

static void check_wiped(const struct i8042_rxq *q)
{
	unsigned int i;

	for (i = q->tail; i != q->head + I8042_RXQ_SIZE; i++)
		if (q->ring[i % I8042_RXQ_SIZE].data)
			wrong("PRIVATE: a byte stays in the queue when it was taken out");
}

/* In a hard interrupt, as the protocol counts CPUs */
static unsigned int me(int cpu, int level)
{
#if defined(THREADED) || defined(QUEUED)
	(void)cpu;
	(void)level;
	return 0;
#else
	return level ? cpu + 1 : 0;
#endif
}

/* Somebody has to call i8042_rxq_begin(). */
static void kick(struct state *s, int cpu)
{
#ifdef THREADED
	(void)cpu;
	s->woken = 1;
#else
	s->work[cpu] = 1;
#endif
}

static void tell(struct state *s, int cpu, unsigned int who)
{
	if (who == I8042_RXQ_PENDING)
		kick(s, cpu);
#ifdef OFFLINE
	else if (who == 2 && s->offline) {
		if (i8042_rxq_orphan(&s->q, who))
			kick(s, cpu);
	}
#endif
#ifndef FAULT_NO_CALL
	else
		s->call[who - 1] = 1;
#endif
}

/* Is there a second handler behind this one? */
static int has_second(const struct context *c)
{
#ifdef THREADED
	return c->kind == WORK;
#elif defined(MISSING)
	return c->kind == WORK || (c->kind == HANDLER && c->line);
#else
	return c->kind != TASK;
#endif
}

static enum pc end_of(const struct context *c)
{
	return has_second(c) ? DONE : RETURN;
}

/* One step of a context. Return: 0 if it has to wait. */
static int step(struct state *s, int cpu, int level)
{
	struct context *c = &s->contexts[cpu][level];
	struct i8042_rxq_byte byte;

	switch ((enum pc)c->pc) {
	case READ:
		if (s->driver_locked)
			return 0;
		if (s->nread == BYTES) {
			c->pc = end_of(c);
			return 1;
		}
		s->driver_locked = 1;
		c->byte = ++s->nread;
		c->pc = FILTER;
		return 1;
	case FILTER:
#ifdef FAULT_POLL_PASSES
		if (i8042_rxq_pass(&s->q, cpu + 1)) {
#else
		if (me(cpu, level) && i8042_rxq_pass(&s->q, me(cpu, level))) {
#endif
			s->driver_locked = 0;
			c->pc = DELIVER;
		} else {
			c->pc = PUT;
		}
		return 1;
	case PUT:
		if (s->locked)
			return 0;
		memset(&byte, 0, sizeof(byte));
		byte.data = c->byte;
		c->who = i8042_rxq_put(&s->q, &byte, cpu + 1);
		c->byte = 0;
		c->pc = TELL;
		return 1;
	case TELL:
		if (c->who)
			tell(s, cpu, c->who);
		c->who = 0;
		s->driver_locked = 0;
		c->pc = end_of(c);
		return 1;
	case DELIVER:
		deliver(s, c->byte);
		c->byte = 0;
		c->pc = end_of(c);
		return 1;
	case DONE:
#ifdef FAULT_BLIND
		if (me(cpu, level) && s->q.owner == me(cpu, level)) {
			c->pc = BLIND;
			return 1;
		}
#endif
		c->pc = i8042_rxq_done(&s->q, me(cpu, level)) ? BEGIN : RETURN;
		return 1;
	case BLIND:
		s->q.owner = I8042_RXQ_IDLE;
		c->pc = RETURN;
		return 1;
	case BEGIN:
		if (s->locked)
			return 0;
		c->holds = !!i8042_rxq_begin(&s->q, me(cpu, level));
		s->locked = c->holds;
		c->pc = c->holds ? NEXT : RETURN;
		return 1;
	case NEXT:
		if (s->locked && !c->holds)
			return 0;
		c->pc = RETURN;
		if (i8042_rxq_next(&s->q, &byte)) {
			c->byte = byte.data;
			c->pc = DELIVER_QUEUED;
		}
		c->holds = 0;
		s->locked = 0;
		check_wiped(&s->q);
		return 1;
	case DELIVER_QUEUED:
		deliver(s, c->byte);
		c->byte = 0;
		c->pc = NEXT;
		return 1;
	case RETURN:
		if (c->kind == HANDLER)
			s->active[c->line] = 0;
#ifdef THREADED
		if (c->kind == WORK)
			s->thread_runs = 0;
#endif
		memset(c, 0, sizeof(*c));
		return 1;
	default:
		return 0;
	}
}

/* The highest context that a CPU runs; -1: none */
static int running(const struct state *s, int cpu)
{
	int level;

	for (level = NLEVELS - 1; level >= 0; level--)
		if (s->contexts[cpu][level].pc)
			return level;
	return -1;
}

/* Interrupts are off in hard interrupts, and where a lock is held. */
static int interrupts_on(const struct state *s, int cpu, int level)
{
	enum pc pc;

	if (level < 0)
		return 1;
	pc = s->contexts[cpu][level].pc;
#if !defined(NESTED) && !defined(THREADED)
	if (level > 0)
		return 0;
#endif
	return pc != FILTER && pc != PUT && pc != TELL;
}

static void start(struct state *s, int cpu, int level, enum kind kind, int line, enum pc pc)
{
	struct context *c = &s->contexts[cpu][level];

	c->pc = pc;
	c->kind = kind;
	c->line = line;
}

static void explore(const struct state *s);

static void follow(const struct state *to, int cpu, int level, enum pc pc)
{
	path[depth].cpu = cpu;
	path[depth].level = level;
	path[depth].pc = pc;
	depth++;
	transitions++;
	explore(to);
	depth--;
}

/* What can begin on a CPU that runs @level: an interrupt above it, or a task */
static int begin_something(const struct state *s, int cpu, int level)
{
	int line, any = 0, above = level < 1 ? 1 : level + 1;
	struct state to;

	if (s->offline && cpu == 1)
		return 0;
	if (above < NLEVELS && interrupts_on(s, cpu, level)) {
		for (line = 0; line < NLINES; line++) {
			if (!s->fires[line] || s->active[line])
				continue;
			to = *s;
			to.fires[line]--;
			to.active[line] = 1;
			start(&to, cpu, above, HANDLER, line, READ);
			follow(&to, cpu, above, NOTHING);
		}
		if (s->work[cpu] || s->call[cpu]) {
			any = 1;
			to = *s;
			to.work[cpu] = 0;
			to.call[cpu] = 0;
			start(&to, cpu, above, WORK, 0, DONE);
			follow(&to, cpu, above, NOTHING);
		}
		if (s->woken && !s->thread_runs) {
			any = 1;
			to = *s;
			to.woken = 0;
			to.thread_runs = 1;
			start(&to, cpu, above, WORK, 0, DONE);
			follow(&to, cpu, above, NOTHING);
		}
	}
	if (level < 0 && s->polls[cpu]) {
		to = *s;
		to.polls[cpu]--;
		start(&to, cpu, 0, TASK, 0, READ);
		follow(&to, cpu, 0, NOTHING);
	}
#ifdef OFFLINE
	/* Not before CPU 1 has run what is pending there */
	if (level < 0 && cpu == 1 && !s->call[1] && !s->work[1]) {
		to = *s;
		to.offline = 1;
		follow(&to, cpu, 0, RETURN);
	}
#endif
	return any;
}

static void check_end(const struct state *s)
{
	struct i8042_rxq q = s->q;

	if (i8042_rxq_depth(&s->q))
		wrong("LEFT BEHIND: a byte is queued, and nobody comes");
	if (s->last != s->nread)
		wrong("LOSSLESS: a byte is lost");
	if (!i8042_rxq_forget_owner(&q) || q.owner != I8042_RXQ_IDLE)
		wrong("END: the module could not be unloaded");
}

/* Return: nonzero if it was not seen before */
static int is_new(const struct state *s)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned long long hash = 14695981039346656037ull;
	unsigned int slot, i;

	for (i = 0; i < sizeof(*s); i++)
		hash = (hash ^ p[i]) * 1099511628211ull;
	slot = (hash ^ hash >> 32) % (2 * MAX_STATES);
	while (table[slot]) {
		if (!memcmp(&states[table[slot]], s, sizeof(*s)))
			return 0;
		slot = (slot + 1) % (2 * MAX_STATES);
	}
	if (++nstates == MAX_STATES) {
		puts("INCOMPLETE: too many states");
		exit(2);
	}
	table[slot] = nstates;
	states[nstates] = *s;
	return 1;
}

static void explore(const struct state *s)
{
	int cpu, level, quiet = 1;
	struct state to;

	if (!is_new(s))
		return;
	if (depth == MAX_DEPTH) {
		puts("INCOMPLETE: too many steps");
		exit(2);
	}
	if (depth > deepest)
		deepest = depth;
	for (cpu = 0; cpu < NCPUS; cpu++) {
		level = running(s, cpu);
		if (level >= 0) {
			quiet = 0;
			to = *s;
			if (step(&to, cpu, level))
				follow(&to, cpu, level, s->contexts[cpu][level].pc);
		}
		if (begin_something(s, cpu, level))
			quiet = 0;
	}
	if (quiet)
		check_end(s);
}

int main(void)
{
	struct state s;
	int i;

	/* Only what is touched is used. */
	states = calloc(MAX_STATES, sizeof(*states));
	table = calloc(2 * MAX_STATES, sizeof(*table));
	if (!states || !table) {
		perror("queue");
		return 2;
	}

	memset(&s, 0, sizeof(s));
	/* The counters are to pass zero. */
	s.q.head = -1u;
	s.q.tail = -1u;
	for (i = 0; i < NLINES; i++)
		s.fires[i] = FIRES;
	for (i = 0; i < NCPUS; i++)
		s.polls[i] = POLLS;
	explore(&s);
	printf("complete: %u states, %u transitions, %u steps at most\n",
	       nstates, transitions, deepest);
	return 0;
}
