// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-steal - take run time away from the vCPUs of a running QEMU guest
 *
 * Keeps one vCPU thread at a time from running, for real and without the
 * guest's help, as a host does that has something else to run. SIGSTOP would
 * stop all of them.
 *
 * Whatever ends this program, SIGKILL included, the threads are left as they
 * were: ptrace is undone by the kernel, the rest by a second process.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <mntent.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_VCPUS 1024
#define ANSWER_TIMEOUT 10		/* seconds */
#define PROGRESS_INTERVAL 5		/* seconds */

struct vcpu {
	int index;
	pid_t tid;
	unsigned long count;
	double sum, max;		/* seconds */
	long long delay_before, delay;	/* nanoseconds, -1: unknown */

	bool wanted, stopped;		/* ptrace */

	bool pinned;			/* hog */
	int cpu;
	cpu_set_t affinity;

	bool moved, enabled;		/* cgroup */
	char parent[PATH_MAX], group[PATH_MAX], cpu_max[64];
};

/* One way to steal; functions return 0 or -1. */
struct way {
	const char *name;
	int (*prepare)(struct vcpu *v);
	int (*begin)(struct vcpu *v);
	int (*end)(struct vcpu *v);
	int (*restore)(void);		/* run by the keeper */
	bool spin;
	clockid_t clock;		/* of what was stolen */
};

struct range {
	double min, max;
};

static struct {
	const char *qmp, *domain;
	pid_t pid;
	const struct way *way;
	struct range length, period;	/* milliseconds */
	double duration;		/* seconds, 0: no limit */
	unsigned long seed;
	bool json, quiet;
	int wanted[MAX_VCPUS], n_wanted;
} opt = {
	.length = { 5, 5 },
	.period = { 10, 30 },
};

static const char usage[] =
	"Usage: vcpu-steal --qmp SOCKET|--pid PID|--domain NAME [OPTION...]\n";

static const char help[] =
	"Take run time away from the vCPUs of a running QEMU guest, in turn.\n\n"
	"  --qmp SOCKET         the guest with this QMP socket\n"
	"  --pid PID            the guest of this QEMU process\n"
	"  --domain NAME        the guest that libvirt knows by this name\n"
	"  --how WAY            ptrace (default), hog or cgroup\n"
	"  --length MS|MIN-MAX  how long a vCPU is kept from running (default 5)\n"
	"  --period MS|MIN-MAX  pause between two steals (default 10-30)\n"
	"  --vcpu N[,N...]      only these vCPUs\n"
	"  --duration S         end after S seconds (default: when the guest ends)\n"
	"  --seed N             seed of the random numbers\n"
	"  --json               print the result as a JSON object\n"
	"  --quiet              report no progress\n"
	"  --help               print this\n\n"
	"Prints how often and how long each vCPU was kept from running. Exit status: 0,\n"
	"1 if nothing could be stolen or something failed, 2 for a wrong option.\n";

/* Shared with the keeper, which reads what is to be restored. */
static struct vcpu *vcpus;
static int n_vcpus;

static sig_atomic_t interrupted;	/* changes only within ppoll() */
static sigset_t unblocked;
static bool guest_gone, failed;
static double deadline = INFINITY;
static int guest_fd = -1;
static pid_t keeper;
static int keeper_fd = -1;

static int failure(void)
{
	failed = true;
	return -1;
}

#define note(format, ...) fprintf(stderr, "vcpu-steal: " format "\n", ##__VA_ARGS__)
#define fail(...) (note(__VA_ARGS__), failure())

static double clock_now(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double now(void)
{
	return clock_now(CLOCK_MONOTONIC);
}

static double pick(const struct range *range)
{
	return (range->min + drand48() * (range->max - range->min)) / 1e3;
}

static void on_signal(int sig)
{
	if (sig != SIGCHLD)
		interrupted = 1;
}

/*
 * Signals get in only while this program waits, so none can be missed between
 * a look at the flag and the wait. SIGCHLD, which tells of a traced thread,
 * only has to end the wait.
 */
static void catch_signals(void)
{
	static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };
	struct sigaction sa = { .sa_handler = on_signal };
	struct sigaction old;
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(caught) / sizeof(*caught); i++) {
		/* As nohup wants it */
		sigaction(caught[i], NULL, &old);
		if (caught[i] == SIGHUP && old.sa_handler == SIG_IGN)
			continue;
		sigaction(caught[i], &sa, NULL);
		sigaddset(&set, caught[i]);
	}
	sigprocmask(SIG_BLOCK, &set, &unblocked);
	for (i = 0; i < sizeof(caught) / sizeof(*caught); i++)
		sigdelset(&unblocked, caught[i]);
}

/* Returns whether FD, if any, can be read. Signals end the wait. */
static bool wait_for(int fd, double seconds)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct timespec t = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (time_t)seconds) * 1e9),
	};

	return ppoll(&p, 1, &t, &unblocked) > 0;
}

static int open_in(const char *dir, const char *file, int flags)
{
	int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (at < 0)
		return -1;
	fd = openat(at, file, flags | O_CLOEXEC);
	close(at);
	return fd;
}

static int read_in(const char *dir, const char *file, char *text, size_t size)
{
	int fd = open_in(dir, file, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n < 0 ? -1 : 0;
}

static int write_in(const char *dir, const char *file, const char *text)
{
	int fd = open_in(dir, file, O_WRONLY);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -1 : 0;
}

/* A file of /proc/TID, which is there for every thread, if not listed. */
static int read_proc(pid_t tid, const char *file, char *text, size_t size)
{
	char dir[32];

	snprintf(dir, sizeof(dir), "/proc/%d", tid);
	return read_in(dir, file, text, size);
}

static long long run_delay(pid_t tid)
{
	long long delay;
	char text[128];

	if (read_proc(tid, "schedstat", text, sizeof(text)) ||
	    sscanf(text, "%*u %lld", &delay) != 1)
		return -1;
	return delay;
}

/* A vCPU that is gone keeps what was seen last. */
static void sample_delay(struct vcpu *v)
{
	long long delay = run_delay(v->tid);

	if (delay >= 0)
		v->delay = delay;
}

/*
 * Finding the vCPUs. These functions return the number of vCPUs, 0 if they are
 * not there yet, or -1.
 */

static int add_vcpu(int n, int index, pid_t tid)
{
	if (n == MAX_VCPUS)
		return fail("more than %d vCPUs", MAX_VCPUS);
	vcpus[n].index = index;
	vcpus[n].tid = tid;
	return n + 1;
}

/* The "thread-id" in the "props" of an element is something else. */
static int parse_vcpus(json_t *answer, const char *from)
{
	json_t *list = json_object_get(answer, "return"), *cpu;
	json_int_t tid;
	const char *why;
	int n = 0;
	size_t i;

	if (!json_is_array(list)) {
		why = json_string_value(json_object_get(json_object_get(answer, "error"), "desc"));
		return fail("%s: no answer about vCPUs: %s", from, why ? why : "none to be read");
	}
	if (!json_array_size(list))
		return fail("%s: the guest has no vCPU", from);
	json_array_foreach(list, i, cpu) {
		tid = json_integer_value(json_object_get(cpu, "thread-id"));
		if (tid <= 0 || tid > INT_MAX)
			return 0;
		n = add_vcpu(n, json_integer_value(json_object_get(cpu, "cpu-index")), tid);
		if (n < 0)
			return -1;
	}
	return n;
}

struct qmp {
	int fd;
	double end;
	bool late;
};

/* One byte at a time: a second one could be of the next message. */
static size_t qmp_read(void *buffer, size_t size, void *data)
{
	struct qmp *q = data;
	ssize_t n;

	(void)size;
	while (!interrupted && now() < q->end) {
		if (!wait_for(q->fd, 0.5))
			continue;
		n = read(q->fd, buffer, 1);
		return n > 0 ? (size_t)n : (size_t)-1;
	}
	q->late = true;
	return (size_t)-1;
}

/* Sends a command, if any, and returns the answer to it. */
static json_t *qmp_answer(struct qmp *q, const char *command)
{
	json_t *answer;

	if (command && send(q->fd, command, strlen(command), MSG_NOSIGNAL) < 0)
		return NULL;
	while ((answer = json_load_callback(qmp_read, q, JSON_DISABLE_EOF_CHECK, NULL)) &&
	       json_object_get(answer, "event"))
		json_decref(answer);
	return answer;
}

static int qmp_connect(const char *path, double end)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return fail("%s: name too long for a socket", path);
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail("socket: %s", strerror(errno));
	while (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		int error = errno;

		if (error == ECONNREFUSED && !stat(path, &st) && !S_ISSOCK(st.st_mode))
			error = ENOTSOCK;
		if ((error != ENOENT && error != ECONNREFUSED && error != EAGAIN) ||
		    interrupted || now() > end) {
			close(fd);
			return fail("%s: %s%s", path, strerror(error), error == EAGAIN ?
				    ": other clients hold this socket" : "");
		}
		wait_for(-1, 0.05);
	}
	return fd;
}

static int qmp_greeting(struct qmp *q, const char *path)
{
	json_t *greeting = qmp_answer(q, NULL);
	bool good = json_object_get(greeting, "QMP");

	json_decref(greeting);
	if (good)
		return 0;
	if (interrupted)
		return fail("%s: interrupted", path);
	if (q->late)
		return fail("%s: no greeting: another client holds it, give QEMU one more -qmp",
			    path);
	return fail("%s: not a QMP socket", path);
}

static int find_by_qmp(double end)
{
	struct qmp q = { .fd = qmp_connect(opt.qmp, end), .end = end };
	json_t *answer;
	int n = 0;

	if (q.fd < 0)
		return -1;
	if (qmp_greeting(&q, opt.qmp)) {
		close(q.fd);
		return -1;
	}
	json_decref(qmp_answer(&q, "{\"execute\":\"qmp_capabilities\"}\n"));
	while (!n && !interrupted && now() < end) {
		answer = qmp_answer(&q, "{\"execute\":\"query-cpus-fast\"}\n");
		n = parse_vcpus(answer, opt.qmp);
		json_decref(answer);
		if (!n)
			wait_for(-1, 0.1);
	}
	close(q.fd);
	return n;
}

static int find_by_pid(double end)
{
	char path[64], name[32], comm[32];
	struct dirent *entry;
	int index, n = 0;
	pid_t tid;
	DIR *dir;

	(void)end;
	snprintf(path, sizeof(path), "/proc/%d/task", opt.pid);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? fail("there is no process %d", opt.pid) :
		       fail("%s: %s", path, strerror(errno));
	while (n >= 0 && (entry = readdir(dir))) {
		tid = atoi(entry->d_name);
		if (tid > 0 && !read_proc(tid, "comm", comm, sizeof(comm)) &&
		    sscanf(comm, "CPU %d/%31s", &index, name) == 2 &&
		    (!strcmp(name, "KVM") || !strcmp(name, "TCG")))
			n = add_vcpu(n, index, tid);
	}
	closedir(dir);
	if (!n)
		return fail("process %d has no vCPU threads: %s", opt.pid,
			    "start QEMU with -name NAME,debug-threads=on or use --qmp");
	return n;
}

static noreturn void exec_virsh(int out)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigprocmask(SIG_SETMASK, &unblocked, NULL);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execlp("virsh", "virsh", "qemu-monitor-command", opt.domain,
	       "{\"execute\":\"query-cpus-fast\"}", (char *)NULL);
	dprintf(STDERR_FILENO, "cannot be run: %s\n", strerror(errno));
	_exit(127);
}

/* Returns the exit status, or -1 if there is none, with what virsh printed. */
static int run_virsh(char *out, size_t size, double end)
{
	int fds[2], status;
	ssize_t n = 1;
	size_t len = 0;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid)
		exec_virsh(fds[1]);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return -1;
	}
	while (n > 0 && len < size - 1 && !interrupted && now() < end)
		if (wait_for(fds[0], 0.5)) {
			n = read(fds[0], out + len, size - 1 - len);
			len += n > 0 ? n : 0;
		}
	close(fds[0]);
	out[len] = '\0';
	if (n)
		kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	return n || !WIFEXITED(status) ? -1 : WEXITSTATUS(status);
}

static int find_by_domain(double end)
{
	static char out[1 << 20];
	json_t *answer;
	int n = 0, status;
	char *line = out;

	while (!n && !interrupted && now() < end) {
		status = run_virsh(out, sizeof(out), end);
		if (status) {
			line += strspn(line, "\n");
			line[strcspn(line, "\n")] = '\0';
			return fail("virsh: %s", *line ? line : "no answer");
		}
		line = strchr(out, '{');
		answer = line ? json_loads(line, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
		n = parse_vcpus(answer, "virsh");
		json_decref(answer);
		if (!n)
			wait_for(-1, 0.2);
	}
	return n;
}

static int by_index(const void *a, const void *b)
{
	return ((const struct vcpu *)a)->index - ((const struct vcpu *)b)->index;
}

/* Keeps those that were asked for. With one TCG thread for all, it is one. */
static int select_vcpus(void)
{
	bool exists[MAX_VCPUS] = { }, wanted;
	int i, j, n = 0;

	for (i = 0; i < n_vcpus; i++) {
		wanted = !opt.n_wanted;
		for (j = 0; j < opt.n_wanted; j++) {
			if (opt.wanted[j] != vcpus[i].index)
				continue;
			exists[j] = true;
			wanted = true;
		}
		if (wanted && n && vcpus[i].tid == vcpus[n - 1].tid)
			note("vCPU %d has the same thread as vCPU %d and stops with it",
			     vcpus[i].index, vcpus[n - 1].index);
		else if (wanted)
			vcpus[n++] = vcpus[i];
	}
	for (j = 0; j < opt.n_wanted; j++)
		if (!exists[j])
			return fail("there is no vCPU %d, the guest has %d",
				    opt.wanted[j], n_vcpus);
	n_vcpus = n;
	return 0;
}

static int find_vcpus(void)
{
	double end = now() + ANSWER_TIMEOUT;

	n_vcpus = opt.qmp ? find_by_qmp(end) : opt.domain ? find_by_domain(end) : find_by_pid(end);
	if (!n_vcpus)
		fail("%s", interrupted ? "interrupted" : "the vCPUs do not come up");
	if (n_vcpus <= 0)
		return -1;
	qsort(vcpus, n_vcpus, sizeof(*vcpus), by_index);
	return select_vcpus();
}

/* Returns the id of the process that thread TID is of, or -1. */
static pid_t process_of(pid_t tid)
{
	char text[4096], *line;

	if (read_proc(tid, "status", text, sizeof(text)))
		return -1;
	line = strstr(text, "\nTgid:");
	return line ? atoi(line + 6) : -1;
}

/*
 * Watch the guest's process, and let no second vcpu-steal change it: that one
 * would take what this one does for the state to go back to.
 */
static int watch_guest(int *lock)
{
	pid_t pid = process_of(vcpus[0].tid);
	char dir[32];
	int i;

	for (i = 0; i < n_vcpus; i++)
		if (pid < 0 || process_of(vcpus[i].tid) != pid)
			return fail("vCPU %d: no thread %d of the same guest is here: %s",
				    vcpus[i].index, vcpus[i].tid,
				    "it has ended, or is in a container");
	guest_fd = syscall(__NR_pidfd_open, pid, 0);
	snprintf(dir, sizeof(dir), "/proc/%d", pid);
	*lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (guest_fd < 0 || *lock < 0)
		return fail("process %d: %s", pid, strerror(errno));
	if (flock(*lock, LOCK_EX | LOCK_NB))
		return fail("process %d: another vcpu-steal is at work on it", pid);
	return 0;
}

/*
 * A thread that was seized also stops for every signal it gets and must be
 * sent on, or more would be stolen than is counted.
 */
static void trace_event(struct vcpu *v, int status)
{
	if (!WIFSTOPPED(status)) {
		guest_gone = true;
	} else if (status >> 16 != PTRACE_EVENT_STOP) {
		ptrace(PTRACE_CONT, v->tid, 0, WSTOPSIG(status));
	} else if (WSTOPSIG(status) != SIGTRAP) {
		/* SIGSTOP or the like: stays stopped until SIGCONT */
		ptrace(PTRACE_LISTEN, v->tid, 0, 0);
	} else if (v->wanted) {
		v->stopped = true;
	} else {
		ptrace(PTRACE_CONT, v->tid, 0, 0);
	}
}

static void reap(void)
{
	int status, i;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		if (tid == keeper) {
			keeper = 0;
			fail("the process that restores the guest was killed");
		}
		for (i = 0; i < n_vcpus; i++)
			if (vcpus[i].tid == tid)
				trace_event(&vcpus[i], status);
	}
}

static bool ended(void)
{
	return interrupted || guest_gone || failed || now() >= deadline;
}

/* Until something happens, or for as long */
static void watch(double seconds)
{
	if (wait_for(guest_fd, seconds))
		guest_gone = true;
	reap();
}

static void pass_time(double seconds, bool spin)
{
	double end = now() + seconds, left;

	if (end > deadline)
		end = deadline;
	while (!ended() && (left = end - now()) > 0)
		watch(spin ? 0 : left);
}

/* Says why it failed, unless only the guest has ended. Returns -1. */
static int give_up(const struct vcpu *v, const char *what)
{
	int error = errno;

	if (error == ESRCH || process_of(v->tid) < 0)
		guest_gone = true;
	else
		fail("vCPU %d, thread %d: failed to %s: %s", v->index, v->tid, what,
		     strerror(error));
	return -1;
}

static int trace_prepare(struct vcpu *v)
{
	if (!ptrace(PTRACE_SEIZE, v->tid, 0, 0))
		return 0;
	if (errno != EPERM)
		return give_up(v, "trace it");
	return fail("thread %d must not be traced: %s", v->tid,
		    "be root, or the same user with kernel.yama.ptrace_scope=0; one tracer only");
}

static int trace_begin(struct vcpu *v)
{
	v->wanted = true;
	if (ptrace(PTRACE_INTERRUPT, v->tid, 0, 0))
		return give_up(v, "stop it");
	while (!v->stopped && !ended())
		watch(0.01);
	return v->stopped ? 0 : -1;
}

static int trace_end(struct vcpu *v)
{
	v->wanted = false;
	v->stopped = false;
	return ptrace(PTRACE_CONT, v->tid, 0, 0) ? give_up(v, "continue it") : 0;
}

static int pin(pid_t tid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(tid, sizeof(set), &set);
}

/* A vCPU thread that is pinned cannot flee to another CPU. */
static int hog_prepare(struct vcpu *v)
{
	const struct sched_param param = { .sched_priority = sched_get_priority_min(SCHED_FIFO) };
	int skip, cpu;

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		return fail("cannot become a SCHED_FIFO task: %s: needs CAP_SYS_NICE, be root",
			    strerror(errno));
	if (sched_getaffinity(v->tid, sizeof(v->affinity), &v->affinity))
		return give_up(v, "read its affinity");
	skip = (v - vcpus) % CPU_COUNT(&v->affinity);
	for (cpu = 0; skip || !CPU_ISSET(cpu, &v->affinity); cpu++)
		skip -= !!CPU_ISSET(cpu, &v->affinity);
	v->cpu = cpu;
	v->pinned = true;
	return pin(v->tid, cpu) ? give_up(v, "pin it") : 0;
}

static int hog_begin(struct vcpu *v)
{
	if (pin(0, v->cpu))
		return fail("cannot run on CPU %d: %s", v->cpu, strerror(errno));
	return 0;
}

static int hog_restore(void)
{
	int i, status = 0;

	for (i = 0; i < n_vcpus; i++)
		if (vcpus[i].pinned &&
		    sched_setaffinity(vcpus[i].tid, sizeof(cpu_set_t), &vcpus[i].affinity) &&
		    errno != ESRCH)
			status = 1;
	return status;
}

static bool has_cpu(const char *group, const char *file)
{
	char text[1024] = " ", *c;

	if (read_in(group, file, text + 1, sizeof(text) - 1))
		return false;
	for (c = text; (c = strchr(c, '\n')); )
		*c = ' ';
	return strstr(text, " cpu ");
}

/* Returns 0 with the directory of the thread's cgroup of version 2, or -1. */
static int cgroup_of(pid_t tid, char *group, size_t size)
{
	char text[2 * PATH_MAX], *path;
	struct mntent *mount;
	int n = 0;
	FILE *in;

	if (read_proc(tid, "cgroup", text, sizeof(text)))
		return -1;
	path = strncmp(text, "0::", 3) ? strstr(text, "\n0::") : text;
	in = setmntent("/proc/self/mounts", "r");
	if (!path || !in)
		return -1;
	path = strstr(path, "0::") + 3;
	path[strcspn(path, "\n")] = '\0';
	while (!n && (mount = getmntent(in)))
		if (!strcmp(mount->mnt_type, "cgroup2"))
			n = snprintf(group, size, "%s%s", mount->mnt_dir, path);
	endmntent(in);
	return n > 0 && (size_t)n < size ? 0 : -1;
}

/* libvirt, for one, gives every vCPU a cgroup already. */
static bool cgroup_is_own(const struct vcpu *v)
{
	char text[64], tid[16];

	snprintf(tid, sizeof(tid), "%d\n", v->tid);
	return !read_in(v->group, "cgroup.threads", text, sizeof(text)) && !strcmp(text, tid);
}

/* Also with processes in the parent: a threaded child makes that possible. */
static int cgroup_enable(struct vcpu *v)
{
	if (has_cpu(v->parent, "cgroup.subtree_control"))
		return 0;
	v->enabled = true;
	return write_in(v->parent, "cgroup.subtree_control", "+cpu");
}

static int cgroup_make(struct vcpu *v)
{
	char tid[16], name[64];

	memcpy(v->parent, v->group, sizeof(v->parent));
	snprintf(tid, sizeof(tid), "%d", v->tid);
	snprintf(name, sizeof(name), "/vcpu-steal.%d.%d", getpid(), v->index);
	errno = ENAMETOOLONG;
	if (strlen(v->group) + strlen(name) >= sizeof(v->group))
		return -1;
	strcat(v->group, name);
	v->moved = true;
	return mkdir(v->group, 0755) || write_in(v->group, "cgroup.type", "threaded") ||
	       cgroup_enable(v) || write_in(v->group, "cgroup.threads", tid) ||
	       read_in(v->group, "cpu.max", v->cpu_max, sizeof(v->cpu_max)) ? -1 : 0;
}

static int cgroup_prepare(struct vcpu *v)
{
	static const char others[] = "use --how ptrace or --how hog";
	char text[sizeof(v->cpu_max)];

	if (cgroup_of(v->tid, v->group, sizeof(v->group)))
		return fail("no cgroup of version 2 for thread %d; %s", v->tid, others);
	if (!has_cpu(v->group, "cgroup.controllers"))
		return fail("%s: no cpu controller of cgroup version 2 here; %s", v->group, others);
	if (cgroup_is_own(v) && !read_in(v->group, "cpu.max", text, sizeof(text)))
		memcpy(v->cpu_max, text, sizeof(text));
	else if (cgroup_make(v))
		return fail("%s: %s; %s", v->group, strerror(errno), others);
	return 0;
}

/* The least run time and the longest period that the kernel takes */
static int cgroup_begin(struct vcpu *v)
{
	return write_in(v->group, "cpu.max", "1000 1000000") ? give_up(v, "throttle it") : 0;
}

static int cgroup_end(struct vcpu *v)
{
	return write_in(v->group, "cpu.max", v->cpu_max) ? give_up(v, "unthrottle it") : 0;
}

/* A thread or a cgroup that is gone has nothing to restore. */
static int is_lost(int result)
{
	return result && errno != ESRCH && errno != ENOENT && errno != ENODEV;
}

static int cgroup_move_back(const struct vcpu *v)
{
	char tid[16];
	int i, lost;

	snprintf(tid, sizeof(tid), "%d", v->tid);
	lost = is_lost(write_in(v->parent, "cgroup.threads", tid));
	/* Threads that are just ending keep it busy. */
	for (i = 0; rmdir(v->group) && errno == EBUSY && i < 100; i++)
		usleep(10000);
	return lost | !access(v->group, F_OK);
}

static int cgroup_restore(void)
{
	const struct vcpu *v;
	int lost = 0;

	for (v = vcpus; v < vcpus + n_vcpus; v++) {
		if (v->cpu_max[0])
			lost |= is_lost(write_in(v->group, "cpu.max", v->cpu_max));
		if (v->moved)
			lost |= cgroup_move_back(v);
	}
	for (v = vcpus; v < vcpus + n_vcpus; v++)
		if (v->enabled)
			lost |= is_lost(write_in(v->parent, "cgroup.subtree_control", "-cpu"));
	return lost;
}

static const struct way ways[] = {
	{
		.name = "ptrace",
		.prepare = trace_prepare,
		.begin = trace_begin,
		.end = trace_end,
		.clock = CLOCK_MONOTONIC,
	}, {
		/* Its own run time: the kernel lets no such task run all the time. */
		.name = "hog",
		.prepare = hog_prepare,
		.begin = hog_begin,
		.restore = hog_restore,
		.spin = true,
		.clock = CLOCK_PROCESS_CPUTIME_ID,
	}, {
		.name = "cgroup",
		.prepare = cgroup_prepare,
		.begin = cgroup_begin,
		.end = cgroup_end,
		.restore = cgroup_restore,
		.clock = CLOCK_MONOTONIC,
	},
};

/*
 * The keeper waits until the parent closes its end of the socket, or is dead,
 * which closes it, too. It inherits that signals are blocked. A session of its
 * own keeps it out of the way of what kills the process group.
 */
static noreturn void keep(int fd, int lock)
{
	char byte = 0;

	setsid();
	if (dup2(fd, 0) < 0 || dup2(lock, 1) < 0)
		_exit(1);
	syscall(__NR_close_range, 2, ~0U, 0);
	if (write(0, &byte, 1) == 1)
		while (read(0, &byte, 1) > 0)
			;
	_exit(opt.way->restore());
}

/* Returns when the keeper is ready: before that nothing may be changed. */
static int start_keeper(int lock)
{
	int fds[2];
	char byte;

	if (!opt.way->restore)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return fail("socketpair: %s", strerror(errno));
	keeper = fork();
	if (keeper < 0)
		return fail("fork: %s", strerror(errno));
	if (!keeper)
		keep(fds[1], lock);
	close(fds[1]);
	keeper_fd = fds[0];
	return read(keeper_fd, &byte, 1) == 1 ? 0 : fail("no keeper");
}

static void restore(void)
{
	int status = 0;

	if (keeper_fd < 0)
		return;
	close(keeper_fd);
	if (!keeper || waitpid(keeper, &status, 0) != keeper || WIFSIGNALED(status))
		status = opt.way->restore();
	if (status)
		fail("not all affinities or cgroups of the guest could be restored");
}

/* Returns 0, or -1 at the end. */
static int steal(struct vcpu *v)
{
	const struct way *way = opt.way;
	double stolen;

	sample_delay(v);
	if (way->begin(v))
		return -1;
	stolen = -clock_now(way->clock);
	pass_time(pick(&opt.length), way->spin);
	if (way->end)
		way->end(v);
	stolen += clock_now(way->clock);

	v->count++;
	v->sum += stolen;
	if (stolen > v->max)
		v->max = stolen;
	return 0;
}

static double total(unsigned long *count)
{
	double sum = 0;
	int i;

	*count = 0;
	for (i = 0; i < n_vcpus; i++) {
		*count += vcpus[i].count;
		sum += vcpus[i].sum;
	}
	return sum;
}

static void report_progress(double start)
{
	static double next = PROGRESS_INTERVAL;
	unsigned long count;
	double sum;

	if (opt.quiet || now() - start < next)
		return;
	next += PROGRESS_INTERVAL;
	sum = total(&count);
	note("%.0f s, %lu steals, %.1f ms stolen", now() - start, count, sum * 1e3);
}

/* In slices, so that progress is reported in a long pause, too */
static void take_pause(double start)
{
	double end = now() + pick(&opt.period), left;

	while (!ended() && (left = end - now()) > 0) {
		pass_time(left < 1 ? left : 1, false);
		report_progress(start);
	}
}

static double steal_all(void)
{
	double start = now();
	int i;

	if (opt.duration)
		deadline = start + opt.duration;
	for (i = 0; !ended(); i = (i + 1) % n_vcpus) {
		take_pause(start);
		if (ended() || steal(&vcpus[i]))
			break;
	}
	return now() - start;
}

static int attach(void)
{
	int i, lock = -1, error;

	if (watch_guest(&lock))
		return -1;
	error = start_keeper(lock);
	for (i = 0; !error && i < n_vcpus; i++) {
		vcpus[i].delay_before = run_delay(vcpus[i].tid);
		vcpus[i].delay = vcpus[i].delay_before;
		error = opt.way->prepare(&vcpus[i]);
	}
	if (!error && !opt.quiet)
		note("--how %s, seed %lu", opt.way->name, opt.seed);
	return error;
}

static double mean(const struct vcpu *v)
{
	return v->count ? v->sum / v->count : 0;
}

static void print_text(double seconds)
{
	const struct vcpu *v;

	for (v = vcpus; v < vcpus + n_vcpus; v++) {
		printf("vCPU %d stopped %lu times, mean %.1f ms, max %.1f ms, ",
		       v->index, v->count, mean(v) * 1e3, v->max * 1e3);
		printf("total %.1f ms, run delay ", v->sum * 1e3);
		if (v->delay_before < 0)
			puts("unknown");
		else
			printf("%.1f ms\n", (v->delay - v->delay_before) / 1e6);
	}
	printf("in %.1f s, --how %s, seed %lu\n", seconds, opt.way->name, opt.seed);
}

static json_t *vcpu_json(const struct vcpu *v)
{
	return json_pack("{s:i, s:i, s:I, s:f, s:f, s:f, s:o}", "vcpu", v->index, "thread", v->tid,
			 "count", (json_int_t)v->count, "mean_ms", mean(v) * 1e3,
			 "max_ms", v->max * 1e3, "total_ms", v->sum * 1e3, "run_delay_ms",
			 v->delay_before < 0 ? json_null() :
			 json_real((v->delay - v->delay_before) / 1e6));
}

static void print_json(double seconds)
{
	json_t *list = json_array(), *result;
	unsigned long count;
	double sum = total(&count);
	int i;

	for (i = 0; i < n_vcpus; i++)
		json_array_append_new(list, vcpu_json(&vcpus[i]));
	result = json_pack("{s:s, s:I, s:f, s:I, s:f, s:o}", "how", opt.way->name,
			   "seed", (json_int_t)opt.seed, "seconds", seconds,
			   "count", (json_int_t)count, "total_ms", sum * 1e3, "vcpus", list);
	json_dumpf(result, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(result);
}

/* One number of no more than DIGITS; returns what follows it, or NULL. */
static const char *parse_number(const char *text, const char *digits, double max, double *value)
{
	size_t n = strspn(text, digits);
	char *end;

	*value = strtod(text, &end);
	return n && end == text + n && *value <= max ? end : NULL;
}

static const char *parse_integer(const char *text, double max, double *value)
{
	return parse_number(text, "0123456789", max, value);
}

static const char *parse_real(const char *text, double max, double *value)
{
	return parse_number(text, "0123456789.", max, value);
}

static bool parse_range(const char *text, struct range *range)
{
	const double day = 86400000;

	text = parse_real(text, day, &range->min);
	range->max = range->min;
	if (text && *text == '-')
		text = parse_real(text + 1, day, &range->max);
	return text && !*text && range->min >= 0.001 && range->min <= range->max;
}

static bool parse_list(const char *text)
{
	double value;

	for (opt.n_wanted = 0; opt.n_wanted < MAX_VCPUS; text++) {
		text = parse_integer(text, INT_MAX, &value);
		if (!text)
			return false;
		opt.wanted[opt.n_wanted++] = value;
		if (*text != ',')
			return !*text;
	}
	return false;
}

static bool parse_way(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(name, ways[i].name))
			opt.way = &ways[i];
	return opt.way && !strcmp(name, opt.way->name);
}

static bool parse_option(int option, const char *value)
{
	const char *end;
	double number;

	switch (option) {
	case 'q':
		opt.qmp = value;
		return *value;
	case 'D':
		opt.domain = value;
		return *value;
	case 'P':
		end = parse_integer(value, INT_MAX, &number);
		opt.pid = end ? number : 0;
		return end && !*end && opt.pid;
	case 'h':
		return parse_way(value);
	case 'l':
		return parse_range(value, &opt.length);
	case 'p':
		return parse_range(value, &opt.period);
	case 'j':
		return opt.json = true;
	case 'Q':
		return opt.quiet = true;
	case 'v':
		return parse_list(value);
	case 'd':
		end = parse_real(value, 1e9, &opt.duration);
		return end && !*end && opt.duration >= 0.001;
	case 's':
		end = parse_integer(value, UINT32_MAX, &number);
		opt.seed = end ? number : 0;
		return end && !*end;
	}
	return false;
}

static const struct option options[] = {
	{ "qmp", required_argument, NULL, 'q' },
	{ "pid", required_argument, NULL, 'P' },
	{ "domain", required_argument, NULL, 'D' },
	{ "how", required_argument, NULL, 'h' },
	{ "length", required_argument, NULL, 'l' },
	{ "period", required_argument, NULL, 'p' },
	{ "vcpu", required_argument, NULL, 'v' },
	{ "duration", required_argument, NULL, 'd' },
	{ "seed", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "quiet", no_argument, NULL, 'Q' },
	{ "help", no_argument, NULL, 'H' },
	{ }
};

static noreturn void wrong_usage(void)
{
	fputs(usage, stderr);
	exit(2);
}

static void parse_options(int argc, char **argv)
{
	int c, i = 0;

	opt.way = ways;
	opt.seed = (unsigned long)(clock_now(CLOCK_REALTIME) * 1000) & UINT32_MAX;
	while ((c = getopt_long(argc, argv, "", options, &i)) != -1) {
		if (c == 'H') {
			fputs(usage, stdout);
			fputs(help, stdout);
			exit(0);
		}
		if (c == '?')
			wrong_usage();
		if (!parse_option(c, optarg)) {
			note("--%s: wrong value '%s'", options[i].name, optarg);
			wrong_usage();
		}
	}
	if (optind == argc && !!opt.qmp + !!opt.pid + !!opt.domain == 1)
		return;
	note("%s", optind < argc ? "too many arguments" :
	     "needs exactly one of --qmp, --pid and --domain");
	wrong_usage();
}

/* Nothing that is opened later may take the place of these. */
static void open_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);
}

int main(int argc, char **argv)
{
	double seconds = 0;
	unsigned long count;
	int i;

	parse_options(argc, argv);
	open_standard_files();
	catch_signals();
	srand48(opt.seed);
	vcpus = mmap(NULL, MAX_VCPUS * sizeof(*vcpus), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vcpus == MAP_FAILED) {
		note("mmap: %s", strerror(errno));
		return 1;
	}
	if (find_vcpus())
		return 1;

	if (!attach())
		seconds = steal_all();
	restore();
	for (i = 0; i < n_vcpus; i++)
		sample_delay(&vcpus[i]);

	total(&count);
	if (!count && !failed)
		fail("nothing was stolen: %s", guest_gone ? "the guest has ended" :
		     interrupted ? "interrupted" : "the duration is too short");
	if (count)
		(opt.json ? print_json : print_text)(seconds);
	if (fflush(stdout) || ferror(stdout))
		fail("standard output: %s", strerror(errno));
	return failed ? 1 : 0;
}
