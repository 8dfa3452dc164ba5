// SPDX-License-Identifier: GPL-2.0-only
/* i8042_fuzz - random commands to the controller, for as long as it is loaded */

#include <linux/delay.h>
#include <linux/err.h>
#include <linux/i8042.h>
#include <linux/kthread.h>
#include <linux/module.h>

MODULE_DESCRIPTION("Random commands to the i8042");
MODULE_LICENSE("GPL");
MODULE_INFO(test, "Y");

#define CMD_READ_CTR		0x0120
#define CMD_WRITE_CTR		0x1060
#define CMD_AUX_DISABLE		0x00a7
#define CMD_KBD_DISABLE		0x00ad

static unsigned int pause_us = 500;
module_param(pause_us, uint, 0444);
MODULE_PARM_DESC(pause_us, "pause between two commands");

static bool any;
module_param(any, bool, 0444);
MODULE_PARM_DESC(any, "also those commands that cost, yield or forge bytes");

static unsigned int seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "the same commands for the same number");

static unsigned int sent;
module_param(sent, uint, 0444);
MODULE_PARM_DESC(sent, "commands so far");

static struct task_struct *task;
static u8 ctr;				/* the controller's, read at load */

/* A port that is switched off keeps its bytes, and has an edge when it is on again. */
static void harmless(u32 random)
{
	int off = random & 1 ? CMD_KBD_DISABLE : CMD_AUX_DISABLE;

	i8042_command(NULL, off);
	i8042_command(NULL, off + 1);
}

/*
 * Answers are left to pass for data, and where one is awaited a byte of the flow
 * may pass for it.
 */
static void harmful(u32 random)
{
	static const u16 commands[] = {
		0x0020, 0x0120, 0x1060, 0x00a7, 0x00a8, 0x00a9, 0x00aa, 0x00ab,
		0x00ad, 0x00ae, 0x00c0, 0x00d0, 0x10d2, 0x10d3, 0x10d4,
	};
	u8 data = random;

	/* A mouse that echoes all that it is sent would answer no probe any more. */
	if (data == 0xee)
		data = 0xec;
	i8042_command(&data, commands[(random >> 8) % ARRAY_SIZE(commands)]);
}

static int fuzzer(void *unused)
{
	u32 random = seed;

	while (!kthread_should_stop()) {
		random = random * 1664525 + 1013904223;
		if (any)
			harmful(random >> 8);
		else
			harmless(random >> 31);
		WRITE_ONCE(sent, sent + 1);
		usleep_range(pause_us, pause_us + 50);
	}
	return 0;
}

/* Before bytes flow: one of them would pass for the answer. */
static int __init fuzz_init(void)
{
	if (i8042_command(&ctr, CMD_READ_CTR))
		return -ENODEV;
	task = kthread_run(fuzzer, NULL, "i8042_fuzz");
	return PTR_ERR_OR_ZERO(task);
}

static void __exit fuzz_exit(void)
{
	kthread_stop(task);
	i8042_command(&ctr, CMD_WRITE_CTR);
}

module_init(fuzz_init);
module_exit(fuzz_exit);
