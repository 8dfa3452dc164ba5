// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-steal - take run time away from the vCPUs of a running QEMU guest
 *
 * Keeps one vCPU thread at a time from running, without the guest's help, like
 * a host that has something else to run. SIGSTOP would stop all threads.
 *
 * The threads are left as they were, whatever ends this program, SIGKILL
 * included. The kernel undoes ptrace. A second process undoes the rest.
 *
 * See Documentation/vcpu-steal.1.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "steal.h"
#include "util.h"

/* Nothing that is opened later may take the place of the standard files. */
static void open_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);
}

/* Gets hold of the guest. Only then may something be changed. */
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

static double pick(const struct range *range)
{
	return (range->min + drand48() * (range->max - range->min)) / 1e3;
}

/* A long pause has slices, so that progress is reported meanwhile. */
static void take_pause(double start)
{
	double end = now() + pick(&opt.period), left;

	while (!ended() && (left = end - now()) > 0) {
		pass_time(left < 1 ? left : 1, false);
		report_progress(start);
	}
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

/* Returns how long it took. */
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

static void report(double seconds)
{
	double sum;
	int i;

	for (i = 0; i < n_vcpus; i++)
		sample_delay(&vcpus[i]);
	if (count_steals(&sum))
		print_result(seconds);
	else if (!failed)
		fail("nothing was stolen: %s", guest_gone ? "the guest has ended" :
		     interrupted ? "interrupted" : "the duration is too short");
	if (fflush(stdout) || ferror(stdout))
		fail("standard output: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	double seconds = 0;

	parse_options(argc, argv);
	open_standard_files();
	catch_signals();
	srand48(opt.seed);
	if (find_vcpus())
		return 1;
	if (!attach())
		seconds = steal_all();
	restore();
	report(seconds);
	return failed ? 1 : 0;
}
