// SPDX-License-Identifier: GPL-2.0-only
/*
 * queue.c - the receive queue of the module, i8042-rxq.h as the kernel compiles it,
 * under every order of steps of those who use it; see checks/model/check
 *
 * A step is one call of a function of the queue, or what the driver and the module do
 * between two of them, or a byte that gets to the controller. Contexts are not
 * bound to CPUs: whatever interrupts whatever, and whichever vCPU stands still,
 * is one of the orders that are tried. A state that was seen is not left again.
 * A byte that finds the queue full is the driver's, and no order is promised for it.
 *
 * -DI8042_RXQ_SIZE=n: slots of the queue; -DBYTES=n: bytes that the devices send.
 *
 * Exit status: 0 if nothing is wrong, 1 if something is, with the steps that
 * lead there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "i8042-rxq.h"

#define MAX_STATES	16000000
#define MAX_DEPTH	1000

enum { KBD, AUX, NPORTS };
enum { LINE_KBD, LINE_AUX, POLLER, STOPPER, NCONTEXTS };

/* What a context does next */
enum pc { IDLE, LOCK, READ, LOCK_AGAIN, BEGIN, NEXT, UNLOCK, DELIVER, STOP, WAIT };

static const char * const context_names[] = { "line KBD", "line AUX", "poll", "stop", "device" };
static const char * const pc_names[] = {
	"starts", "locks", "reads", "locks again", "begins", "next", "unlocks", "delivers",
	"stops AUX", "waits for AUX",
};

struct context {
	unsigned char pc, drainer, byte, polls;
};

/* A byte is its number, from 1; 0 is none. */
struct state {
	struct i8042_rxq q;
	struct context contexts[NCONTEXTS];
	unsigned char obf, sent, done, locked;
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

/*
 * The driver and the filter, under the lock. Return: nonzero if the context has to
 * begin: the second handler of a line does so anyway, a poll has it done
 */
static int read_byte(struct state *s, int line)
{
	unsigned char number = s->obf;
	struct i8042_rxq_byte byte;

	s->obf = 0;
	if (!number)
		return line;
	if (!s->exists[s->port[number]] || i8042_rxq_full(&s->q)) {
		s->done++;
		return line;
	}
	memset(&byte, 0, sizeof(byte));
	byte.port = s->port[number];
	byte.data = number;
	i8042_rxq_put(&s->q, &byte);
	return line || !s->q.draining;
}

static enum pc next(struct state *s, struct context *c)
{
	struct i8042_rxq_byte byte;

	if (!i8042_rxq_next(&s->q, &byte)) {
		c->drainer = 0;
		return UNLOCK;
	}
	if (byte.port != s->port[byte.data])
		wrong("LOSSLESS: a byte has changed");
	c->byte = byte.data;
	s->locked = 0;
	return DELIVER;
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
		c->pc = read_byte(s, i < NPORTS) ? LOCK_AGAIN : IDLE;
		s->locked = 0;
		return 1;
	case LOCK_AGAIN:
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
		s->locked = 0;
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
		/* or it looks again later */
		if (s->locked || i8042_rxq_holds(&s->q, AUX))
			return 0;
		s->gone[AUX] = 1;
		c->pc = IDLE;
		return 1;
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
	if (s->done != BYTES || i8042_rxq_depth(&s->q))
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
		perror("queue");
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
