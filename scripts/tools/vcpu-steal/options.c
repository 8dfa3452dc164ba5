// SPDX-License-Identifier: GPL-2.0-only
/* What the user asks for */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include "steal.h"
#include "util.h"

struct options opt = {
	.way = &way_ptrace,
	.length = { 5, 5 },
	.period = { 10, 30 },
};

static const struct way *const ways[] = { &way_ptrace, &way_hog, &way_cgroup };

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

/*
 * One number of no other characters than DIGITS. Returns what follows it, or
 * NULL.
 */
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

	for (i = 0; i < ARRAY_SIZE(ways); i++)
		if (!strcmp(name, ways[i]->name)) {
			opt.way = ways[i];
			return true;
		}
	return false;
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

static noreturn void wrong_usage(void)
{
	fputs(usage, stderr);
	exit(2);
}

void parse_options(int argc, char **argv)
{
	int c, i = 0;

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
