// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-park - park a vCPU at an exact place of an unmodified guest kernel
 *
 * A plugin for QEMU's TCG. Whenever a vCPU is about to execute the instruction
 * at a given place, its thread sleeps for a while, and the other vCPUs run on.
 * A hypervisor, an SMI or a slow bus stops a CPU at a random place, and rarely
 * at the one that matters. The plugin does it there, every time.
 *
 * See Documentation/vcpu-park.1.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/types.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_BYTES	15		/* the longest x86 instruction */
#define MAX_NAMES	8		/* in an error message */
#define ELF_MAGIC	0x7f		/* first byte of an ELF file */
/* Versions of the plugin API since which ... */
#define API_COPIES_DATA	3		/* insn_data copies */
#define API_NO_ID	7		/* callbacks get what they were registered with */

/*
 * What is needed of QEMU's plugin API. Distributions do not package its header, and
 * some functions differ between versions: all are looked up by name.
 */
struct qemu_plugin_tb;
struct qemu_plugin_insn;

typedef void (*qemu_exec_cb)(unsigned int vcpu, void *data);
typedef void (*qemu_exit_cb)(void);	/* has arguments, which we do not need */

struct qemu_info {
	const char *target_name;
	struct {
		int min, cur;
	} api;
	bool system_emulation;
	int smp_vcpus, max_vcpus;	/* of system emulation only */
};

static struct {
	union {
		void (*with_id)(__u64 id, void (*cb)(__u64 id, struct qemu_plugin_tb *tb));
		void (*with_data)(__u64 id, void (*cb)(struct qemu_plugin_tb *tb, void *data),
				  void *data);
	} on_translation;
	void (*on_execution)(struct qemu_plugin_insn *insn, qemu_exec_cb cb,
			     int registers, void *data);
	void (*on_exit)(__u64 id, qemu_exit_cb cb, void *data);
	size_t (*count)(const struct qemu_plugin_tb *tb);
	struct qemu_plugin_insn *(*insn)(const struct qemu_plugin_tb *tb, size_t n);
	__u64 (*vaddr)(const struct qemu_plugin_insn *insn);
	size_t (*size)(const struct qemu_plugin_insn *insn);
	union {
		const void *(*get)(const struct qemu_plugin_insn *insn);
		size_t (*copy)(const struct qemu_plugin_insn *insn, void *to, size_t size);
	} data;
	int api;
} qemu;

static const struct {
	const char *name;
	void *pointer;
} qemu_functions[] = {
	{ "qemu_plugin_register_vcpu_tb_trans_cb", &qemu.on_translation },
	{ "qemu_plugin_register_vcpu_insn_exec_cb", &qemu.on_execution },
	{ "qemu_plugin_register_atexit_cb", &qemu.on_exit },
	{ "qemu_plugin_tb_n_insns", &qemu.count },
	{ "qemu_plugin_tb_get_insn", &qemu.insn },
	{ "qemu_plugin_insn_vaddr", &qemu.vaddr },
	{ "qemu_plugin_insn_size", &qemu.size },
	{ "qemu_plugin_insn_data", &qemu.data },
};

/* Read by QEMU after it has loaded us. 1 serves for QEMU before 9.0. */
int qemu_plugin_version = 1;

/*
 * QEMU wants a certain version, but tells which only after it has read ours. So look for
 * functions that came with a version: 9.0 wants 2 and brought scoreboards, 11.1 wants 7.
 */
static void __attribute__((constructor)) choose_version(void)
{
	if (dlsym(RTLD_DEFAULT, "qemu_plugin_scoreboard_new"))
		qemu_plugin_version = 2;
	if (dlsym(RTLD_DEFAULT, "qemu_plugin_set_pc"))
		qemu_plugin_version = API_NO_ID;
}

struct symbol {
	__u64 addr;
	char *name;
};

static struct symbol *symbols;	/* while the arguments are read */
static size_t nsymbols;

/* Places first, in the order in which they count if they are one instruction */
enum arg { AT, UNTIL, AFTER, NPLACES, MAP = NPLACES, VCPU, PROBABILITY, TIMES,
	   LENGTH, SEED, REPORT, NARGS };

static const struct {
	const char *name, *wanted;
} args[NARGS] = {
	[AT]		= { "at", "a place" },
	[UNTIL]		= { "until", "a place" },
	[AFTER]		= { "after", "a place" },
	[MAP]		= { "map", "a file" },
	[VCPU]		= { "vcpu", "the number of one of the guest's vCPUs" },
	[PROBABILITY]	= { "probability", "a number from 0 to 1" },
	[TIMES]		= { "times", "a whole number from 1" },
	[LENGTH]	= { "length", "MS or MS-MS, at most an hour" },
	[SEED]		= { "seed", "a whole number up to 9e15" },
	[REPORT]	= { "report", "a file" },
};

static const char *value[NARGS];	/* what the user wrote, or NULL */

struct place {
	__u64 addr;			/* 0: to be found by its bytes */
	__u64 start, end;		/* where to look for them */
	unsigned char bytes[MAX_BYTES];	/* what the instruction begins with */
	size_t nbytes;
};

static struct place places[NPLACES];

/* What a vCPU did. Written by its own thread only, and read at the end. */
struct vcpu {
	unsigned long passed[NPLACES];
	unsigned long armings, parks;
	__u64 sum, max;			/* time parked, ns */
	__u64 random;
	bool armed;			/* parks at the next pass */
	char unshared[128];		/* the next one has other cache lines */
};

static struct vcpu *vcpus;
static int nvcpus;

static FILE *report;
static double only_vcpu = -1, probability = 1, limit, seed;
static double shortest = 5, longest = 5;	/* ms */
static unsigned long total;	/* parks of all vCPUs, if there is a limit */

#define fail(format, ...) (fprintf(stderr, "vcpu-park: " format "\n", ##__VA_ARGS__), -1)

/* Symbols */

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static int add_symbol(__u64 addr, const char *name)
{
	struct symbol *more = symbols;

	if (!(nsymbols % 4096))
		more = realloc(symbols, (nsymbols + 4096) * sizeof(*more));
	if (!more)
		return fail("out of memory");
	symbols = more;
	symbols[nsymbols].addr = addr;
	symbols[nsymbols].name = strdup(name);
	return symbols[nsymbols++].name ? 0 : fail("out of memory");
}

/* Lines "address type name [module]"; only code is of interest. */
static int read_symbols(FILE *in)
{
	__u64 addr, any = 0;
	char *line = NULL;
	char type[3], name[512];
	size_t size = 0;
	int error = 0;

	while (!error && getline(&line, &size, in) > 0) {
		if (sscanf(line, "%llx %2s %511s", &addr, type, name) != 3 ||
		    !strchr("tTwW", type[0]) || type[1])
			continue;
		any |= addr;
		error = add_symbol(addr, name);
	}
	free(line);
	if (error)
		return error;
	if (!nsymbols)
		return fail("%s: no symbols of code in it", value[MAP]);
	if (!any)
		return fail("%s: all addresses are 0 (kernel.kptr_restrict)", value[MAP]);
	qsort(symbols, nsymbols, sizeof(*symbols), by_address);
	return 0;
}

static int read_elf(void)
{
	char *argv[4] = { "nm", "--", (char *)value[MAP], NULL };
	posix_spawn_file_actions_t actions;
	FILE *list = tmpfile();
	int error, status;
	pid_t pid;

	if (!list)
		return fail("temporary file: %s", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fileno(list), STDOUT_FILENO);
	error = posix_spawnp(&pid, "nm", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (error)
		error = fail("cannot run nm: %s", strerror(error));
	else if (waitpid(pid, &status, 0) != pid || status)
		error = fail("%s: nm failed", value[MAP]);
	else if (!fseek(list, 0, SEEK_SET))
		error = read_symbols(list);
	fclose(list);
	return error;
}

static int read_map(void)
{
	FILE *map = fopen(value[MAP], "re");
	int error, first;

	if (!map)
		return fail("%s: %s", value[MAP], strerror(errno));
	first = getc(map);
	ungetc(first, map);
	error = first == ELF_MAGIC ? read_elf() : read_symbols(map);
	fclose(map);
	return error;
}

static void free_symbols(void)
{
	while (nsymbols)
		free(symbols[--nsymbols].name);
	free(symbols);
	symbols = NULL;
}

/* Suggest the symbols whose names agree in @length characters. */
static int reject_symbol(const char *name, const char *why, size_t length)
{
	size_t i, n = 0;

	fprintf(stderr, "vcpu-park: %s: %s:", name, why);
	for (i = 0; i < nsymbols && n < MAX_NAMES; i++)
		if (!strncmp(symbols[i].name, name, length))
			fprintf(stderr, "%s %#llx %s", n++ ? "," : "",
				symbols[i].addr, symbols[i].name);
	fputs(n ? "\n" : " none\n", stderr);
	return -1;
}

static int find_symbol(const char *name, __u64 *addr)
{
	size_t i;

	if (!symbols)
		return fail("%s: a symbol needs map=FILE", name);
	*addr = 0;
	for (i = 0; i < nsymbols; i++) {
		if (strcmp(symbols[i].name, name) || symbols[i].addr == *addr)
			continue;
		if (*addr)
			return reject_symbol(name, "several functions, give an address",
					     strlen(name) + 1);
		*addr = symbols[i].addr;
	}
	/* The compiler gives a function that it made of another one a suffix. */
	return *addr ? 0 : reject_symbol(name, "no such function, those like it",
					  strlen(name));
}

/* A function ends where the next one begins. */
static __u64 end_of(__u64 addr)
{
	size_t i;

	for (i = 0; i < nsymbols; i++)
		if (symbols[i].addr > addr)
			return symbols[i].addr;
	return ~0ULL;
}

/* Arguments */

static int parse_bytes(struct place *p, const char *hex)
{
	size_t length = strlen(hex);

	if (!length || length % 2 || length > 2 * MAX_BYTES)
		return -1;
	for (p->nbytes = 0; p->nbytes < length / 2; hex += 2)
		if (!isxdigit(hex[0]) || !isxdigit(hex[1]) ||
		    sscanf(hex, "%2hhx", &p->bytes[p->nbytes++]) != 1)
			return -1;
	return 0;
}

static int parse_integer(const char *text, __u64 *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 0);
	return !isdigit(*text) || *end || errno ? -1 : 0;
}

/* SYMBOL[+OFFSET][/BYTES], or an address for the symbol */
static int parse_place(struct place *p, const char *spec)
{
	char *text = strdupa(spec);
	char *bytes = strchr(text, '/'), *plus = strchr(text, '+');
	__u64 base = 0, offset = 0;

	if (bytes)
		*bytes++ = '\0';
	if (bytes && parse_bytes(p, bytes))
		return fail("%s: /BYTES are 1 to %d bytes in hexadecimal", spec, MAX_BYTES);
	if (plus)
		*plus++ = '\0';
	if (plus && parse_integer(plus, &offset))
		return fail("%s: +OFFSET is a number, hexadecimal with 0x", spec);
	if (!strncmp(text, "0x", 2) && (parse_integer(text, &base) || !base))
		return fail("%s: not an address", spec);
	if (!base && find_symbol(text, &base))
		return -1;
	if (bytes && !symbols)
		return fail("%s: /BYTES needs map=FILE, for the function's end", spec);

	p->start = base + offset;
	p->end = end_of(base);
	if (p->start < base || p->start >= p->end)
		return fail("%s: the function ends at +%#llx", spec, p->end - base);
	p->addr = bytes ? 0 : p->start;
	return 0;
}

static int bad_value(enum arg a)
{
	return fail("%s=%s: must be %s", args[a].name, value[a], args[a].wanted);
}

/* A number from @low to @high; @number keeps its value if it is not given. */
static int parse_number(enum arg a, double low, double high, bool whole, double *number)
{
	char *end;

	if (!value[a])
		return 0;
	*number = strtod(value[a], &end);
	if (end == value[a] || *end || !(*number >= low && *number <= high))
		return bad_value(a);
	return whole && *number != (long)*number ? bad_value(a) : 0;
}

static int parse_length(void)
{
	const char *text = value[LENGTH];
	char *end, *to;

	if (!text)
		return 0;
	shortest = strtod(text, &end);
	longest = *end == '-' ? strtod(end + 1, &to) : shortest;
	if (end == text || (*end == '-' ? to == end + 1 || *to : *end) ||
	    !(shortest >= 0 && longest >= shortest && longest <= 3.6e6))
		return bad_value(LENGTH);
	return 0;
}

static int parse_arg(const char *text)
{
	size_t length = strcspn(text, "=");
	enum arg a;

	for (a = 0; a < NARGS; a++)
		if (strlen(args[a].name) == length && !strncmp(text, args[a].name, length))
			break;
	if (a == NARGS || !text[length])
		return fail("%s: no such argument", text);
	if (value[a])
		return fail("%s: given twice", args[a].name);
	value[a] = text + length + 1;
	return *value[a] ? 0 : bad_value(a);
}

static int parse_args(int argc, char **argv)
{
	struct timespec now;
	int i;

	clock_gettime(CLOCK_REALTIME, &now);
	seed = now.tv_sec * 1e6 + now.tv_nsec / 1000;
	for (i = 0; i < argc; i++)
		if (parse_arg(argv[i]))
			return -1;
	if (!value[AT])
		return fail("at=PLACE is missing");
	if (value[UNTIL] && !value[AFTER])
		return fail("until=PLACE needs after=PLACE");
	return parse_number(VCPU, 0, nvcpus - 1, true, &only_vcpu) ||
	       parse_number(PROBABILITY, 0, 1, false, &probability) ||
	       parse_number(TIMES, 1, 1e15, true, &limit) ||
	       parse_number(SEED, 0, 9e15, true, &seed) || parse_length();
}

static int find_places(void)
{
	enum arg role;
	int error = value[MAP] ? read_map() : 0;

	for (role = 0; role < NPLACES && !error; role++)
		if (value[role])
			error = parse_place(&places[role], value[role]);
	free_symbols();
	return error;
}

/* Parking, in the vCPU's thread */

static double random_below_1(struct vcpu *v)
{
	v->random ^= v->random << 13;
	v->random ^= v->random >> 7;
	v->random ^= v->random << 17;
	return (v->random >> 11) / 9007199254740992.0;	/* 2^53 */
}

static __u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void park(struct vcpu *v)
{
	__u64 start = now_ns();
	__u64 end = start + 1e6 * (shortest + (longest - shortest) * random_below_1(v));
	struct timespec t = { .tv_sec = end / 1000000000, .tv_nsec = end % 1000000000 };
	__u64 slept;

	/* Sleep until the end, even if a signal interrupts. */
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
	slept = now_ns() - start;
	v->sum += slept;
	if (slept > v->max)
		v->max = slept;
	v->parks++;
}

static void pass_at(struct vcpu *v, unsigned int vcpu)
{
	if (value[AFTER] && !v->armed)
		return;
	if (only_vcpu >= 0 && only_vcpu != vcpu)
		return;
	if (random_below_1(v) >= probability)
		return;
	/* Never exceed the limit, even if vCPUs race for the last park. */
	if (limit && __atomic_fetch_add(&total, 1, __ATOMIC_RELAXED) >= limit)
		return;
	v->armed = false;
	park(v);
}

/* Before the instruction. @data: the roles of this place, a bit each */
static void on_pass(unsigned int vcpu, void *data)
{
	unsigned long roles = (unsigned long)data;
	struct vcpu *v = &vcpus[vcpu];
	enum arg role;

	if (vcpu >= (unsigned int)nvcpus)
		return;
	for (role = 0; role < NPLACES; role++)
		v->passed[role] += roles >> role & 1;
	if (roles & 1UL << AT)
		pass_at(v, vcpu);
	if (roles & 1UL << UNTIL)
		v->armed = false;
	if (roles & 1UL << AFTER) {
		v->armings += !v->armed;
		v->armed = true;
	}
}

/* Translation */

static bool begins_with(const struct qemu_plugin_insn *insn, const struct place *p)
{
	unsigned char code[MAX_BYTES];

	if (qemu.size(insn) < p->nbytes)
		return false;
	if (qemu.api < API_COPIES_DATA)
		return !memcmp(qemu.data.get(insn), p->bytes, p->nbytes);
	return qemu.data.copy(insn, code, p->nbytes) == p->nbytes &&
	       !memcmp(code, p->bytes, p->nbytes);
}

/* Two vCPUs may translate at the same time: one of them fixes the address. */
static bool is_place(struct place *p, const struct qemu_plugin_insn *insn)
{
	__u64 vaddr = qemu.vaddr(insn), addr = __atomic_load_n(&p->addr, __ATOMIC_RELAXED);

	if (addr)
		return addr == vaddr;
	if (vaddr < p->start || vaddr >= p->end || !begins_with(insn, p))
		return false;
	return __atomic_compare_exchange_n(&p->addr, &addr, vaddr, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED) ||
	       addr == vaddr;
}

/* Look at every instruction: a place may be inside a block, and in several blocks. */
static void on_translation(struct qemu_plugin_tb *tb, void *data)
{
	size_t n = qemu.count(tb), i;

	(void)data;
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu.insn(tb, i);
		unsigned long roles = 0;
		enum arg role;

		for (role = 0; role < NPLACES; role++)
			if (is_place(&places[role], insn))
				roles |= 1UL << role;
		if (roles)
			qemu.on_execution(insn, on_pass, 0, (void *)roles);
	}
}

static void on_translation_with_id(__u64 id, struct qemu_plugin_tb *tb)
{
	(void)id;
	on_translation(tb, NULL);
}

/* The report */

static void report_place(enum arg role)
{
	const struct place *p = &places[role];
	unsigned long passed = 0;
	int i;

	if (!value[role])
		return;
	for (i = 0; i < nvcpus; i++)
		passed += vcpus[i].passed[role];
	fprintf(report, "%s %s", args[role].name, value[role]);
	if (p->addr)
		fprintf(report, " (%#llx)", p->addr);
	if (passed)
		fprintf(report, ": passed %lu times\n", passed);
	else
		fputs(": never reached\n", report);
}

static void report_vcpu(int i)
{
	const struct vcpu *v = &vcpus[i];

	fprintf(report, "vCPU %d: hits %lu, ", i, v->passed[AT]);
	if (value[AFTER])
		fprintf(report, "armed %lu, ", v->armings);
	fprintf(report, "parks %lu, mean %.1f ms, max %.1f ms\n", v->parks,
		v->parks ? v->sum / 1e6 / v->parks : 0.0, v->max / 1e6);
}

static void on_exit_report(void)
{
	int i;

	report_place(AT);
	report_place(AFTER);
	report_place(UNTIL);
	for (i = 0; i < nvcpus; i++)
		report_vcpu(i);
	fflush(report);
}

/* Start */

static int find_functions(void)
{
	size_t i;

	for (i = 0; i < sizeof(qemu_functions) / sizeof(*qemu_functions); i++) {
		void *function = dlsym(RTLD_DEFAULT, qemu_functions[i].name);

		if (!function)
			return fail("this QEMU has no %s()", qemu_functions[i].name);
		memcpy(qemu_functions[i].pointer, &function, sizeof(function));
	}
	return 0;
}

static int make_vcpus(void)
{
	int i;

	vcpus = calloc(nvcpus, sizeof(*vcpus));
	if (!vcpus)
		return fail("out of memory");
	/* Spread, so that neighbouring seeds differ; the state must not be 0. */
	for (i = 0; i < nvcpus; i++)
		vcpus[i].random = (((__u64)seed << 7) + i + 1) * 0x9e3779b97f4a7c15ULL ?: 1;
	return 0;
}

int qemu_plugin_install(__u64 id, const struct qemu_info *info, int argc, char **argv)
{
	if (!info->system_emulation)
		return fail("serves system emulation only");
	qemu.api = info->api.cur;
	nvcpus = info->max_vcpus;
	if (find_functions() || parse_args(argc, argv) || find_places() || make_vcpus())
		return -1;

	report = value[REPORT] ? fopen(value[REPORT], "we") : stderr;
	if (!report)
		return fail("%s: %s", value[REPORT], strerror(errno));
	fprintf(report, "vcpu-park: seed %.0f\n", seed);
	fflush(report);

	if (qemu.api < API_NO_ID)
		qemu.on_translation.with_id(id, on_translation_with_id);
	else
		qemu.on_translation.with_data(id, on_translation, NULL);
	qemu.on_exit(id, on_exit_report, NULL);
	return 0;
}
