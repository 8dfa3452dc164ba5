// SPDX-License-Identifier: GPL-2.0-only
/*
 * tsc-khz - print the frequency of this machine's time stamp counter, in kHz; nothing if
 * there is none. The guests of QEMU's TCG see this counter.
 */
#include <limits.h>
#include <stdio.h>
#include <time.h>

#ifdef __x86_64__
#include <x86intrin.h>

struct sample {
	long long ns;
	unsigned long long tsc;
};

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Read both clocks at once: take the try in which the least time passed */
static struct sample take(void)
{
	struct sample best = { 0 };
	long long shortest = LLONG_MAX;
	int i;

	for (i = 0; i < 20; i++) {
		long long begin = now();
		unsigned long long tsc = __rdtsc();
		long long end = now();

		if (end - begin < shortest) {
			shortest = end - begin;
			best.ns = begin + shortest / 2;
			best.tsc = tsc;
		}
	}
	return best;
}

int main(void)
{
	const struct timespec pause = { .tv_nsec = 50000000 };
	struct sample first = take(), last;

	nanosleep(&pause, NULL);
	last = take();
	printf("%.0f\n", (last.tsc - first.tsc) * 1e6 / (last.ns - first.ns));
	return 0;
}
#else
int main(void)
{
	return 0;
}
#endif
