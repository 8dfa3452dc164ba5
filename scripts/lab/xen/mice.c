// SPDX-License-Identifier: GPL-2.0-only
/*
 * init of the guest hvm-own of lab/xen-check, whose kernel may be as old as 2.6.16: too old
 * for the busybox and the C library of the other guests. It records what /dev/input/mice
 * and the keyboard give while dom0 sends motions and keys, and prints it as vm/guest/xen.sh
 * does, but with a number: "row N M X Y", "row N B BUTTON VALUE", "row N K CODE VALUE".
 *
 * It prints them at the end, because the console is slow, and by way of the kernel's log,
 * because the interrupts of these kernels' serial ports may get lost in a virtual machine.
 * As characters do, too, it prints them twice, and how many there are. It prints none, and
 * no "# end", if psmouse lost packets by its time limit; dom0 starts it again then.
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
#define MAX_LINES	100000
#define BUTTONS		3	/* bits of a packet's first byte */
#define EV_KEY		1
#define KEY_F1		59	/* dom0 sends it last, again and again */
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
	if (event->code == KEY_F1 && !event->value)
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

/* The timer of an old i8042 driver is where the last interrupt was: give each port a CPU. */
static void set_affinity(const char *path, char mask)
{
	int fd = open(path, O_WRONLY);

	must(fd >= 0 && write(fd, &mask, 1) == 1, path);
	close(fd);
}

/* Did psmouse throw a packet away because its bytes were too far apart? */
static int time_limit_struck(void)
{
	static char log[1 << 18];
	int length = klogctl(3, log, sizeof(log) - 1);

	log[length > 0 ? length : 0] = 0;
	return !!strstr(log, "lost synchronization, throwing");
}

static void watch(struct pollfd *fds, int n)
{
	int i;

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
	int i, n, tries = 0, round;

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

	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	set_affinity("/proc/irq/1/smp_affinity", '1');
	set_affinity("/proc/irq/12/smp_affinity", '2');

	say("# phase circle");
	say("# input %s circle", getenv("events"));
	watch(fds, n);
	say("# input end");
	if (time_limit_struck()) {
		say("# spoilt: psmouse lost packets by its time limit");
		reboot(RB_AUTOBOOT);
	}
	for (round = 0; round < 2; round++) {
		say("# circle: rows=%d", nlines);
		for (i = 0; i < nlines; i++)
			say("row %d %c %d %d", i, lines[i].what, lines[i].a, lines[i].b);
	}
	say("# end");
	reboot(RB_AUTOBOOT);
	return 0;
}
