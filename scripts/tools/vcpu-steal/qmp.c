// SPDX-License-Identifier: GPL-2.0-only
/* Ask QEMU for the vCPUs of a guest */
#define _GNU_SOURCE
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "steal.h"
#include "util.h"

struct qmp {
	int fd;
	double end;
	bool late;
};

/* An element has "thread-id" in its "props", too, which is something else. */
int parse_vcpus(json_t *answer, const char *from)
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

/* Reads one byte at a time: a second one could be of the next message. */
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

/* A guest that is just starting has no socket yet, or does not listen yet. */
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

static int qmp_vcpus(struct qmp *q)
{
	json_t *answer;
	int n = 0;

	json_decref(qmp_answer(q, "{\"execute\":\"qmp_capabilities\"}\n"));
	while (!n && !interrupted && now() < q->end) {
		answer = qmp_answer(q, "{\"execute\":\"query-cpus-fast\"}\n");
		n = parse_vcpus(answer, opt.qmp);
		json_decref(answer);
		if (!n)
			wait_for(-1, 0.1);
	}
	return n;
}

int find_by_qmp(double end)
{
	struct qmp q = { .fd = qmp_connect(opt.qmp, end), .end = end };
	int n;

	if (q.fd < 0)
		return -1;
	n = qmp_greeting(&q, opt.qmp) ? -1 : qmp_vcpus(&q);
	/* QEMU serves one client of a socket at a time. */
	close(q.fd);
	return n;
}
