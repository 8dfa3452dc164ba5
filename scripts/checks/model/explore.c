// SPDX-License-Identifier: GPL-2.0-only
/*
 * explore.c - the receive queue itself, i8042-rxq.h as the kernel compiles it,
 * under every order of steps of those who use it; see checks/model/check
 *
 * A step is one call of a function of the queue, or what the driver does
 * between two of them, or a byte that gets to the controller. Contexts are not
 * bound to CPUs: whatever interrupts whatever, and whichever vCPU stands still,
 * is one of the orders that are tried. A state that was seen is not left again.
 *
 * -DI8042_RXQ_SIZE=n: slots of the queue; -DBYTES=n: bytes that the devices
 * send; -DMODULE: as i8042_inorder does it, which puts the byte under one hold
 * of the lock and begins to drain under another; -DFILTER: a filter takes a byte
 * of the KBD and, when it sees the next, delivers it under the lock, or takes that
 * one, too (those whose number is a multiple of 3).
 *
 * Exit status: 0 if nothing is wrong, 1 if something is, with the steps that
 * lead there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "i8042-rxq.h"

#ifndef FILTER
#define FILTER	0
#endif

#define MAX_STATES	16000000
#define MAX_DEPTH	1000

enum { KBD, AUX, NPORTS };
enum { LINE_KBD, LINE_AUX, POLLER, STOPPER, NCONTEXTS };

/* What a context does next */
enum pc { IDLE, LOCK, READ, SPLIT, BEGIN, NEXT, UNLOCK, DELIVER, STOP, WAIT, ASLEEP };

static const char * const context_names[] = { "line KBD", "line AUX", "poll", "stop", "device" };
static const char * const pc_names[] = {
	"starts", "locks", "reads", "locks again", "begins", "next", "unlocks", "delivers",
	"stops AUX", "waits for AUX", "sleeps",
};

struct context {
	unsigned char pc, drainer, byte, polls;
};

/* A byte is its number, from 1; 0 is none. */
struct state {
	struct i8042_rxq q;
	struct context contexts[NCONTEXTS];
	unsigned char obf, sent, done, locked, held, took;
	unsigned char port[BYTES + 1];		/* of a byte */
	unsigned char edge[NPORTS], exists[NPORTS], gone[NPORTS], last[NPORTS];
};

static struct state *states;
static unsigned char *on_path;
static unsigned int *table, nstates, transitions, deepest;
static struct { unsigned char context, pc; } path[MAX_DEPTH];
static unsigned int depth;

static void wrong(const char *what)
{
	unsigned int i;

	printf("%s after %u states\n", what, nstates);
	for (i = 0; i < depth; i++)
		printf("\t%s %s\n", context_names[path[i].context],
		       path[i].context == NCONTEXTS ? "sends" : pc_names[path[i].pc]);
	exit(1);
}

/* serio_interrupt() */
static void deliver(struct state *s, const struct context *c, unsigned char byte)
{
	unsigned char port = s->port[byte];
	int i;

	if (s->gone[port])
		wrong("STOP: a byte is delivered to a port that is gone");
	if (byte <= s->last[port])
		wrong("ORDER: a byte is delivered after a later one, or twice");
	for (i = 0; i < NCONTEXTS; i++)
		if (s->contexts[i].drainer && &s->contexts[i] != c)
			wrong("ONE DRAINER: there are two");
	s->last[port] = byte;
	s->done++;
}

/* i8042_filter(). Return: nonzero if it takes the byte. */
static int filter(struct state *s, const struct context *c)
{
	if (s->port[s->obf] != KBD)
		return 0;
	s->took = 1;
	if (!s->held) {
		s->held = s->obf;
	} else if (s->obf % 3 == 0) {
		s->done += 2;
		s->held = 0;
	} else {
		deliver(s, c, s->held);
		s->held = 0;
		s->took = 0;
	}
	return s->took;
}

static int may_read(struct state *s)
{
	return s->took ? i8042_rxq_may_read_alone(&s->q) : i8042_rxq_may_read(&s->q);
}

/*
 * i8042_read_byte(), or i8042_handle_data() of the driver and the filter; the
 * context may become the drainer, with the byte in its hands.
 */
static void read_byte(struct state *s, struct context *c)
{
	struct i8042_rxq_byte byte;
	int drainer = 0;

	if (!may_read(s))
		return;
	if (FILTER && s->obf && filter(s, c)) {
		s->obf = 0;
		return;
	}
	if (s->obf && s->exists[s->port[s->obf]]) {
		memset(&byte, 0, sizeof(byte));
		byte.port = s->port[s->obf];
		byte.data = s->obf;
#ifdef MODULE
		i8042_rxq_put(&s->q, &byte);
#else
		drainer = !!i8042_rxq_start(&s->q, &byte);
#endif
	} else {
		s->done += !!s->obf;
	}
	c->drainer = drainer;
	c->byte = drainer ? s->obf : 0;
	s->obf = 0;
}

/* i8042_next_byte() up to the next access to the controller */
static enum pc next(struct state *s, struct context *c)
{
	struct i8042_rxq_byte byte;
	enum i8042_rxq_step step = i8042_rxq_next(&s->q, &byte);

#ifndef MODULE
	if (s->contexts[STOPPER].pc == ASLEEP)
		s->contexts[STOPPER].pc = WAIT;
#endif
	switch (step) {
	case I8042_RXQ_DELIVER:
#ifndef MODULE
		if (!s->exists[byte.port]) {
			s->done++;
			return NEXT;
		}
#endif
		if (byte.port != s->port[byte.data])
			wrong("LOSSLESS: a byte has changed");
		c->byte = byte.data;
		s->locked = 0;
		return DELIVER;
	case I8042_RXQ_READ:
		c->drainer = 0;
#ifdef MODULE
		return UNLOCK;	/* it cannot leave a byte in the controller */
#else
		return READ;
#endif
	default:
		c->drainer = 0;
		return UNLOCK;
	}
}

static void unlock(struct state *s)
{
#ifndef MODULE
	if ((i8042_rxq_depth(&s->q) || s->q.unread) && !s->q.draining)
		wrong("LEFT BEHIND: the lock is free, a byte waits, and nobody drains");
#endif
	s->locked = 0;
}

/* One step of a context. Return: 0 if it has to wait. */
static int step(struct state *s, int i)
{
	struct context *c = &s->contexts[i];

	switch ((enum pc)c->pc) {
	case IDLE:
		if (i < NPORTS ? !s->edge[i] : !c->polls)
			return 0;
		if (i < NPORTS)
			s->edge[i] = 0;
		else
			c->polls--;
		c->pc = LOCK;
		return 1;
	case LOCK:
		if (s->locked)
			return 0;
		s->locked = 1;
		c->pc = c->drainer ? NEXT : READ;
		return 1;
	case READ:
		read_byte(s, c);
#ifdef MODULE
		unlock(s);
		c->pc = SPLIT;
#else
		c->pc = UNLOCK;
		if (c->drainer) {
			unlock(s);
			c->pc = DELIVER;
		}
#endif
		return 1;
	case SPLIT:
		if (s->locked)
			return 0;
		s->locked = 1;
		c->pc = BEGIN;
		return 1;
	case BEGIN:
		c->drainer = !!i8042_rxq_begin(&s->q);
		c->pc = c->drainer ? NEXT : UNLOCK;
		return 1;
	case NEXT:
		c->pc = next(s, c);
		return 1;
	case UNLOCK:
		unlock(s);
		c->pc = IDLE;
		return 1;
	case DELIVER:
		deliver(s, c, c->byte);
		c->byte = 0;
		c->pc = LOCK;
		return 1;
	case STOP:
		if (s->locked)
			return 0;
		s->exists[AUX] = 0;
		c->pc = WAIT;
		return 1;
	case WAIT:
		if (s->locked)
			return 0;
		if (i8042_rxq_holds(&s->q, AUX)) {
#ifdef MODULE
			return 0;	/* looks again later */
#endif
			c->pc = ASLEEP;
			return 1;
		}
		s->gone[AUX] = 1;
		c->pc = IDLE;
		return 1;
	case ASLEEP:
		break;
	}
	return 0;
}

/* The next byte gets to the output buffer. Return: 0 if it cannot. */
static int send(struct state *s, int port)
{
	if (s->obf || s->sent == BYTES)
		return 0;
	s->obf = ++s->sent;
	s->port[s->obf] = port;
	s->edge[port] = 1;
	return 1;
}

static void check_end(const struct state *s)
{
	int i;

	for (i = 0; i < NCONTEXTS; i++)
		if (s->contexts[i].pc != IDLE || s->contexts[i].polls)
			wrong("NOWAIT: a context waits for ever");
	if (s->done + !!s->held != BYTES)
		wrong("LOSSLESS: a byte is lost or left");
}

/* Return: the number of the state; *is_new is set if it was not seen before */
static unsigned int number_of(const struct state *s, int *is_new)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned long long hash = 14695981039346656037ull;
	unsigned int slot, i;

	for (i = 0; i < sizeof(*s); i++)
		hash = (hash ^ p[i]) * 1099511628211ull;
	slot = (hash ^ hash >> 32) % (2 * MAX_STATES);
	while (table[slot]) {
		if (!memcmp(&states[table[slot]], s, sizeof(*s)))
			break;
		slot = (slot + 1) % (2 * MAX_STATES);
	}
	*is_new = !table[slot];
	if (*is_new) {
		if (++nstates == MAX_STATES) {
			puts("INCOMPLETE: too many states");
			exit(2);
		}
		table[slot] = nstates;
		states[nstates] = *s;
	}
	return table[slot];
}

static void explore(const struct state *s)
{
	int i, is_new, moved, end = 1;
	unsigned int number;
	struct state to;

	number = number_of(s, &is_new);
	if (!is_new) {
		if (on_path[number])
			wrong("ENDLESS: it comes back to where it was");
		return;
	}
	if (depth == MAX_DEPTH) {
		puts("INCOMPLETE: too many steps");
		exit(2);
	}
	if (depth > deepest)
		deepest = depth;
	on_path[number] = 1;
	for (i = 0; i < NCONTEXTS + NPORTS; i++) {
		path[depth].context = i < NCONTEXTS ? i : NCONTEXTS;
		path[depth].pc = i < NCONTEXTS ? s->contexts[i].pc : 0;
		depth++;
		to = *s;
		moved = i < NCONTEXTS ? step(&to, i) : send(&to, i - NCONTEXTS);
		if (moved) {
			end = 0;
			transitions++;
			explore(&to);
		}
		depth--;
	}
	if (end)
		check_end(s);
	on_path[number] = 0;
}

int main(void)
{
	struct state s;

	/* Only what is touched is used. */
	states = calloc(MAX_STATES, sizeof(*states));
	on_path = calloc(MAX_STATES, 1);
	table = calloc(2 * MAX_STATES, sizeof(*table));
	if (!states || !on_path || !table) {
		perror("explore");
		return 2;
	}

	memset(&s, 0, sizeof(s));
	/* The counters are to pass zero. */
	s.q.head = -1u;
	s.q.tail = -1u;
	s.exists[KBD] = 1;
	s.exists[AUX] = 1;
	s.contexts[POLLER].polls = 2;
	s.contexts[STOPPER].polls = 1;
	s.contexts[STOPPER].pc = STOP;
	explore(&s);
	printf("complete: %u states, %u transitions, %u steps at most\n",
	       nstates, transitions, deepest);
	return 0;
}
