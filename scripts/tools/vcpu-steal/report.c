// SPDX-License-Identifier: GPL-2.0-only
/* Tell how often and how long each vCPU was kept from running */
#define _GNU_SOURCE
#include "steal.h"
#include "util.h"

#define PROGRESS_INTERVAL 5		/* seconds */

/* Returns how many there were, of all vCPUs, and how long they took. */
unsigned long count_steals(double *seconds)
{
	unsigned long count = 0;
	int i;

	*seconds = 0;
	for (i = 0; i < n_vcpus; i++) {
		count += vcpus[i].count;
		*seconds += vcpus[i].sum;
	}
	return count;
}

void report_progress(double start)
{
	static double next = PROGRESS_INTERVAL;
	unsigned long count;
	double sum;

	if (opt.quiet || now() - start < next)
		return;
	next += PROGRESS_INTERVAL;
	count = count_steals(&sum);
	note("%.0f s, %lu steals, %.1f ms stolen", now() - start, count, sum * 1e3);
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
	double sum;
	int i;

	for (i = 0; i < n_vcpus; i++)
		json_array_append_new(list, vcpu_json(&vcpus[i]));
	count = count_steals(&sum);
	result = json_pack("{s:s, s:I, s:f, s:I, s:f, s:o}", "how", opt.way->name,
			   "seed", (json_int_t)opt.seed, "seconds", seconds,
			   "count", (json_int_t)count, "total_ms", sum * 1e3, "vcpus", list);
	json_dumpf(result, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(result);
}

void print_result(double seconds)
{
	if (opt.json)
		print_json(seconds);
	else
		print_text(seconds);
}
