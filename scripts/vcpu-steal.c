// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-steal - take run time away from the vCPUs of a running QEMU guest
 *
 * Stops one vCPU thread at a time with ptrace, for real and without the
 * guest's help, as a hypervisor does that has something else to run. Only the
 * one thread stops; SIGSTOP would stop them all.
 *
 * Whatever ends this program, SIGKILL included, the kernel detaches it from
 * the threads and they run on.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_VCPUS 64

static volatile sig_atomic_t stop;

struct vcpu {
	pid_t tid;
	unsigned long count;
	double sum, max;		/* seconds */
};

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static const char usage[] =
	"Usage: vcpu-steal --qmp SOCKET [OPTION...]\n"
	"Stop the vCPUs of a QEMU guest in turn and let them run on.\n\n"
	"  --qmp SOCKET    QMP socket of the guest\n"
	"  --length MS     how long a vCPU stays stopped (default 5)\n"
	"  --period MS     mean time between two stops (default 20)\n"
	"  --vcpu N        only this vCPU\n"
	"  --duration S    end after S seconds (default: when the guest ends)\n"
	"  --seed N        seed of the random intervals (default 1)\n\n"
	"Prints how often and how long each vCPU was stopped. Exit status: 0, 1 if no\n"
	"vCPU was stopped, 2 for a wrong option.\n";

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void pause_for(double seconds)
{
	struct timespec t = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (time_t)seconds) * 1e9),
	};

	nanosleep(&t, NULL);
}

/* Waits up to ten seconds for a guest that is only just being started. */
static int qmp_connect(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	double end = now() + 10;
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		fprintf(stderr, "vcpu-steal: %s: name too long for a socket\n", path);
		return -1;
	}
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	while (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		if (now() > end || stop) {
			fprintf(stderr, "vcpu-steal: %s: %s\n", path, strerror(errno));
			close(fd);
			return -1;
		}
		pause_for(0.05);
	}
	return fd;
}

/* Sends a command, if any, and reads the answer to it. Returns 0 or -1. */
static int qmp_answer(int fd, FILE *in, const char *command, char *line, int size)
{
	if (command)
		dprintf(fd, "{\"execute\":\"%s\"}\n", command);
	do {
		if (!fgets(line, size, in))
			return -1;
	} while (strstr(line, "\"event\""));
	return 0;
}

/*
 * {"return": [{"thread-id": 4711, "props": {"thread-id": 0, ...}, ...}, ...]}
 * The one of the properties, a level further down, is something else. Threads
 * of a guest that is only just being started have no id yet: returns 0 then.
 */
static int parse_vcpus(const char *line, struct vcpu *vcpus)
{
	static const char key[] = "\"thread-id\":";
	int level = 0, n = 0;

	for (; *line && n < MAX_VCPUS; line++) {
		level += (*line == '{') - (*line == '}');
		if (level != 2 || strncmp(line, key, sizeof(key) - 1))
			continue;
		vcpus[n].tid = atoi(line + sizeof(key) - 1);
		if (!vcpus[n++].tid)
			return 0;
	}
	return n;
}

static int find_vcpus(const char *path, struct vcpu *vcpus)
{
	static char line[65536];
	double end = now() + 10;
	int fd, n = 0;
	FILE *in;

	fd = qmp_connect(path);
	if (fd < 0)
		return -1;
	in = fdopen(fd, "r");
	if (in && !qmp_answer(fd, in, NULL, line, sizeof(line)) &&
	    !qmp_answer(fd, in, "qmp_capabilities", line, sizeof(line)))
		while (!n && !stop && now() < end &&
		       !qmp_answer(fd, in, "query-cpus-fast", line, sizeof(line)))
			n = parse_vcpus(line, vcpus);
	if (!n)
		fprintf(stderr, "vcpu-steal: %s: no answer about vCPUs\n", path);
	close(fd);
	return n;
}

/* Returns 0, or -1 if the guest is gone or must not be traced. */
static int steal(struct vcpu *vcpu, double length)
{
	double start, stolen;
	int status;

	if (ptrace(PTRACE_INTERRUPT, vcpu->tid, 0, 0) ||
	    waitpid(vcpu->tid, &status, __WALL) != vcpu->tid ||
	    !WIFSTOPPED(status))
		return -1;

	/* A stop for a signal passes the signal on; the next one is ours. */
	if (status >> 16 != PTRACE_EVENT_STOP)
		return ptrace(PTRACE_CONT, vcpu->tid, 0, WSTOPSIG(status));

	start = now();
	pause_for(length);
	if (ptrace(PTRACE_CONT, vcpu->tid, 0, 0))
		return -1;
	stolen = now() - start;

	vcpu->count++;
	vcpu->sum += stolen;
	if (stolen > vcpu->max)
		vcpu->max = stolen;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "qmp", required_argument, NULL, 'q' },
		{ "length", required_argument, NULL, 'l' },
		{ "period", required_argument, NULL, 'p' },
		{ "vcpu", required_argument, NULL, 'v' },
		{ "duration", required_argument, NULL, 'd' },
		{ "seed", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	static struct vcpu vcpus[MAX_VCPUS];
	double length = 0.005, period = 0.020, end = 0;
	struct sigaction sa = { .sa_handler = on_signal };
	const char *qmp = NULL;
	unsigned long total = 0;
	long only = -1;
	int c, i, n;

	srand48(1);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'q':
			qmp = optarg;
			break;
		case 'l':
			length = atof(optarg) / 1000;
			break;
		case 'p':
			period = atof(optarg) / 1000;
			break;
		case 'v':
			only = atol(optarg);
			break;
		case 'd':
			end = now() + atof(optarg);
			break;
		case 's':
			srand48(atol(optarg));
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (!qmp || optind < argc || length <= 0 || period <= 0) {
		fputs(usage, stderr);
		return 2;
	}

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);

	n = find_vcpus(qmp, vcpus);
	if (n <= 0)
		return 1;
	if (only >= n) {
		fprintf(stderr, "vcpu-steal: no vCPU %ld, the guest has %d\n", only, n);
		return 1;
	}
	for (i = 0; i < n; i++) {
		if (ptrace(PTRACE_SEIZE, vcpus[i].tid, 0, 0)) {
			fprintf(stderr, "vcpu-steal: thread %d: %s\n",
				vcpus[i].tid, strerror(errno));
			return 1;
		}
	}

	for (i = only >= 0 ? only : 0; !stop && (!end || now() < end);
	     i = only >= 0 ? only : (i + 1) % n) {
		/* Evenly distributed around the mean, so as not to lock step. */
		pause_for(period * (0.5 + drand48()));
		if (stop || steal(&vcpus[i], length))
			break;
	}

	for (i = 0; i < n; i++) {
		total += vcpus[i].count;
		printf("vCPU %d stopped %lu times, mean %.1f ms, max %.1f ms\n", i,
		       vcpus[i].count, vcpus[i].count ?
		       vcpus[i].sum / vcpus[i].count * 1e3 : 0.0, vcpus[i].max * 1e3);
	}
	return total ? 0 : 1;
}
