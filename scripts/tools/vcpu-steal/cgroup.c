// SPDX-License-Identifier: GPL-2.0-only
/* Steal by cpu.max of a cgroup (version 2) that has nothing but the thread */
#define _GNU_SOURCE
#include <mntent.h>
#include <sys/stat.h>
#include <unistd.h>
#include "steal.h"
#include "util.h"

static bool has_cpu(const char *group, const char *file)
{
	char text[1024] = " ", *c;

	if (read_in(group, file, text + 1, sizeof(text) - 1))
		return false;
	for (c = text; (c = strchr(c, '\n')); )
		*c = ' ';
	return strstr(text, " cpu ");
}

/* Returns 0 with the directory of the thread's cgroup, or -1. */
static int cgroup_of(pid_t tid, char *group, size_t size)
{
	char text[2 * PATH_MAX], *path;
	struct mntent *mount;
	int n = 0;
	FILE *in;

	if (read_proc(tid, "cgroup", text, sizeof(text)))
		return -1;
	path = strncmp(text, "0::", 3) ? strstr(text, "\n0::") : text;
	if (!path)
		return -1;
	path = strstr(path, "0::") + 3;
	path[strcspn(path, "\n")] = '\0';
	in = setmntent("/proc/self/mounts", "r");
	if (!in)
		return -1;
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

/* Processes in the parent do not hinder: the child is a threaded one. */
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

	if (cgroup_of(v->tid, v->group, sizeof(v->group)))
		return fail("no cgroup of version 2 for thread %d; %s", v->tid, others);
	if (!has_cpu(v->group, "cgroup.controllers"))
		return fail("%s: no cpu controller of cgroup version 2 here; %s", v->group, others);
	if (cgroup_is_own(v) && !read_in(v->group, "cpu.max", v->cpu_max, sizeof(v->cpu_max)))
		return 0;
	return cgroup_make(v) ? fail("%s: %s; %s", v->group, strerror(errno), others) : 0;
}

/* These are the least run time and the longest period that the kernel takes. */
static int cgroup_begin(struct vcpu *v)
{
	return write_in(v->group, "cpu.max", "1000 1000000") ? give_up(v, "throttle it") : 0;
}

static int cgroup_end(struct vcpu *v)
{
	return write_in(v->group, "cpu.max", v->cpu_max) ? give_up(v, "unthrottle it") : 0;
}

/* A thread or a cgroup that is gone has nothing to restore. */
static bool is_lost(int result)
{
	return result && errno != ESRCH && errno != ENOENT && errno != ENODEV;
}

static bool cgroup_move_back(const struct vcpu *v)
{
	char tid[16];
	bool lost;
	int i;

	snprintf(tid, sizeof(tid), "%d", v->tid);
	lost = is_lost(write_in(v->parent, "cgroup.threads", tid));
	/* Threads that are just ending keep it busy. */
	for (i = 0; rmdir(v->group) && errno == EBUSY && i < 100; i++)
		usleep(10000);
	return lost || !access(v->group, F_OK);
}

static int cgroup_restore(void)
{
	const struct vcpu *v;
	bool lost = false;

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

const struct way way_cgroup = {
	.name = "cgroup",
	.prepare = cgroup_prepare,
	.begin = cgroup_begin,
	.end = cgroup_end,
	.restore = cgroup_restore,
	.clock = CLOCK_MONOTONIC,
};
