// SPDX-License-Identifier: GPL-2.0-only
/*
 * init of the guest hvm-own of lab/xen-check, whose kernel may be as old as 2.6.16: too old
 * for the busybox and the C library of the other guests. It records what /dev/input/mice
 * and the keyboard give while dom0 sends motions and keys, and prints it as vm/guest/xen.sh
 * does, but with a number: "row N M X Y", "row N B BUTTON VALUE", "row N K CODE VALUE".
 *
 * It prints them at the end, because the console is slow, and by way of the kernel's log,
 * because the interrupts of these kernels' serial ports may get lost in a virtual machine.
 * As characters do, too, it prints them twice, and how many there are.
 *
 * The environment, which is what the kernel's command line has and the kernel does not
 * know, has events=, the number of motions to ask for.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#define INPUT_MAJOR	13
#define MICE		63	/* minors of /dev/input/mice and event0 */
#define EVENT0		64
#define DEVICES		2	/* event devices: keyboard and mouse */
#define TRIES		600	/* to open them, 0.1 s apart */
#define ROUNDS		4
#define MAX_LINES	100000
#define BUTTONS		3	/* bits of a packet's first byte */
#define EV_KEY		1
#define KEY_ESC		1	/* dom0 sends it last, again and again */
#define FIRST_BUTTON	0x100	/* smaller codes are keys */

struct event {			/* as x86-64 has it since the beginning */
	long sec, usec;
	unsigned short type, code;
	int value;
};

static struct line {
	char what;
	int a, b;
} lines[MAX_LINES];

static int nlines, ended, kmsg;

static void record(char what, int a, int b)
{
	if (nlines < MAX_LINES)
		lines[nlines++] = (struct line){ what, a, b };
}

/* Its y points upwards, that of an event downwards. */
static void record_packet(const signed char *packet)
{
	static int old;
	int buttons = packet[0] & ((1 << BUTTONS) - 1);
	int i;

	for (i = 0; i < BUTTONS; i++)
		if ((buttons ^ old) >> i & 1)
			record('B', i, buttons >> i & 1);
	old = buttons;
	if (packet[1] || packet[2])
		record('M', packet[1], -packet[2]);
}

static void record_key(const struct event *event)
{
	if (event->type != EV_KEY || event->code >= FIRST_BUTTON || event->value > 1)
		return;
	record('K', event->code, event->value);
	if (event->code == KEY_ESC && !event->value)
		ended = 1;
}

/* Level 1, which is on the console even with the option "quiet" */
#define say(format, ...) dprintf(kmsg, "<1>" format "\n", ##__VA_ARGS__)

static void must(int ok, const char *what)
{
	if (ok)
		return;
	say("cannot open %s", what);
	reboot(RB_AUTOBOOT);
}

static int open_device(const char *path, int major, int minor)
{
	mknod(path, S_IFCHR | 0600, makedev(major, minor));
	return open(path, O_RDWR | O_NONBLOCK);
}

/* How often psmouse threw a packet away because its bytes were too far apart */
static int time_limits(void)
{
	static char log[1 << 18];
	int length = klogctl(3, log, sizeof(log) - 1);
	const char *at = log;
	int n = 0;

	log[length > 0 ? length : 0] = 0;
	while ((at = strstr(at, "lost synchronization, throwing"))) {
		at++;
		n++;
	}
	return n;
}

/* dom0 may have sent Escape once more before it saw "input end". */
static void forget_rest(struct pollfd *fds, int n)
{
	char rest[64];
	int i;

	sleep(10);
	for (i = 0; i < n; i++)
		while (read(fds[i].fd, rest, i ? sizeof(struct event) : 3) > 0)
			;
}

static void watch(struct pollfd *fds, int n)
{
	int i;

	nlines = 0;
	ended = 0;
	while (!ended) {
		poll(fds, n, -1);
		for (i = 0; i < n; i++) {
			signed char packet[3];
			struct event event;

			if (!(fds[i].revents & POLLIN))
				continue;
			if (!i && read(fds[i].fd, packet, sizeof(packet)) == sizeof(packet))
				record_packet(packet);
			if (i && read(fds[i].fd, &event, sizeof(event)) == sizeof(event))
				record_key(&event);
		}
	}
}

int main(void)
{
	struct pollfd fds[1 + DEVICES];
	struct utsname uts;
	int i, n, tries = 0, limits, round;

	mkdir("/dev", 0755);
	kmsg = open_device("/dev/kmsg", 1, 11);
	uname(&uts);
	say("# kernel %s, %ld CPUs", uts.release, sysconf(_SC_NPROCESSORS_ONLN));

	fds[0].fd = open_device("/dev/mice", INPUT_MAJOR, MICE);
	must(fds[0].fd >= 0, "/dev/input/mice");
	/* The keyboard and the mouse are probed by a thread. */
	for (n = 1; n <= DEVICES; n += fds[n].fd >= 0) {
		char path[] = "/dev/event0";

		path[sizeof(path) - 2] += n - 1;
		fds[n].fd = open_device(path, INPUT_MAJOR, EVENT0 + n - 1);
		must(fds[n].fd >= 0 || tries++ < TRIES, "two event devices");
		usleep(100000);
	}
	for (i = 0; i < n; i++)
		fds[i].events = POLLIN;

	say("# phase circle");
	say("# steal");
	for (round = 1; ; round++) {
		limits = time_limits();
		say("# input %s circle", getenv("events") ?: "60");
		watch(fds, n);
		say("# input end");
		limits = time_limits() - limits;
		/* psmouse threw packets away, which says nothing about the driver. */
		if (!limits || round == ROUNDS)
			break;
		say("# circle: again, psmouse lost packets by its time limit, %d times", limits);
		forget_rest(fds, n);
	}
	say("# steal end");
	for (round = 0; round < 2; round++) {
		say("# circle: time_limits=%d rows=%d", limits, nlines);
		for (i = 0; i < nlines; i++)
			say("row %d %c %d %d", i, lines[i].what, lines[i].a, lines[i].b);
	}
	say("# end");
	reboot(RB_AUTOBOOT);
	return 0;
}
