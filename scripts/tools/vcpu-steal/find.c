// SPDX-License-Identifier: GPL-2.0-only
/* Find the vCPU threads of a guest, and keep those that were asked for */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "steal.h"
#include "util.h"

#define ANSWER_TIMEOUT 10		/* seconds */

struct vcpu *vcpus;
int n_vcpus;

/* Adds one to N of them. Returns how many there are then, or -1. */
int add_vcpu(int n, int index, pid_t tid)
{
	if (n == MAX_VCPUS)
		return fail("more than %d vCPUs", MAX_VCPUS);
	vcpus[n].index = index;
	vcpus[n].tid = tid;
	return n + 1;
}

/* QEMU names its vCPU threads if it was asked to. */
static int find_by_pid(void)
{
	char path[64], name[32], comm[32];
	struct dirent *entry;
	int index, n = 0;
	pid_t tid;
	DIR *dir;

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

static int by_index(const void *a, const void *b)
{
	return ((const struct vcpu *)a)->index - ((const struct vcpu *)b)->index;
}

/* TCG may have one thread for all vCPUs, which then counts as one vCPU. */
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

int find_vcpus(void)
{
	double end = now() + ANSWER_TIMEOUT;

	vcpus = mmap(NULL, MAX_VCPUS * sizeof(*vcpus), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vcpus == MAP_FAILED)
		return fail("mmap: %s", strerror(errno));
	n_vcpus = opt.qmp ? find_by_qmp(end) : opt.domain ? find_by_domain(end) : find_by_pid();
	if (!n_vcpus)
		fail("%s", interrupted ? "interrupted" : "the vCPUs do not come up");
	if (n_vcpus <= 0)
		return -1;
	qsort(vcpus, n_vcpus, sizeof(*vcpus), by_index);
	return select_vcpus();
}
