// SPDX-License-Identifier: GPL-2.0-only
/*
 * i8042_oracle: the delay in the window, between reading and delivering a byte
 *
 * A probe of serio_interrupt() spins there, as a vCPU would stand still that
 * its hypervisor has taken away.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "oracle.h"

static unsigned int spin_us;
module_param(spin_us, uint, 0644);
MODULE_PARM_DESC(spin_us, "delay between reading and delivering a byte (0: none)");

static unsigned int spin_every = 1;
module_param(spin_every, uint, 0644);
MODULE_PARM_DESC(spin_every, "delay one byte of so many");

static unsigned int spin_max;
module_param(spin_max, uint, 0644);
MODULE_PARM_DESC(spin_max, "delay no more bytes than this (0: no limit)");

static unsigned int spin_in = 7;
module_param(spin_in, uint, 0644);
MODULE_PARM_DESC(spin_in, "delay in polls (1), timers (2), interrupt handlers (4)");

static unsigned int spin_ports = 3;
module_param(spin_ports, uint, 0644);
MODULE_PARM_DESC(spin_ports, "delay bytes of these ports (1: KBD, 2: AUX)");

static char *spin_comm;
module_param(spin_comm, charp, 0444);
MODULE_PARM_DESC(spin_comm, "delay only in tasks whose name begins like this");

static char *stopper;
module_param_named(stop, stopper, charp, 0444);
MODULE_PARM_DESC(stop, "the driver's method that stops a port: no delivery that was delayed may go on after it");

static atomic_t spins, spin_turn, stops, stops_delayed, stopped_early;
static struct serio *delayed;		/* port whose byte is being delayed */

unsigned int delays(void)
{
	return atomic_read(&spins);
}

static int spin_handler(struct kprobe *p, struct pt_regs *regs)
{
	struct serio *serio = (void *)regs_get_kernel_argument(regs, 0);

	if (!(spin_in & BIT(oracle_context())) || !(spin_ports & BIT(port_of(serio))))
		return 0;
	if (spin_comm && strncmp(current->comm, spin_comm, strlen(spin_comm)))
		return 0;
	if (atomic_inc_return(&spin_turn) % max(spin_every, 1U))
		return 0;

	if (atomic_inc_return(&spins) > (spin_max ?: INT_MAX)) {
		atomic_dec(&spins);
		return 0;
	}
	WRITE_ONCE(delayed, serio);
	mdelay(spin_us / 1000);
	udelay(spin_us % 1000);
	WRITE_ONCE(delayed, NULL);
	return 0;
}

static struct kprobe spin_probe;
static bool spinning;

/*
 * Is a delivery to a port that was delayed when the driver began to stop that port
 * still to come when it has done so?
 */

struct stop {
	struct serio *serio;
	unsigned int delay;		/* number of the one that it met, or 0 */
};

static int stop_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct stop *stop = (void *)ri->data;

	stop->serio = (void *)regs_get_kernel_argument(regs, 0);
	stop->delay = READ_ONCE(delayed) == stop->serio ? delays() : 0;
	return 0;
}

static int stop_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct stop *stop = (void *)ri->data;

	atomic_inc(&stops);
	if (!stop->delay)
		return 0;
	atomic_inc(&stops_delayed);
	if (READ_ONCE(delayed) == stop->serio && delays() == stop->delay)
		atomic_inc(&stopped_early);
	return 0;
}

static struct kretprobe stop_probe = {
	.entry_handler = stop_entry,
	.handler = stop_return,
	.data_size = sizeof(struct stop),
};

int delay_start(void)
{
	int error;

	atomic_set(&spins, 0);
	atomic_set(&spin_turn, 0);
	atomic_set(&stops, 0);
	atomic_set(&stops_delayed, 0);
	atomic_set(&stopped_early, 0);
	if (!spin_us)
		return 0;

	memset(&spin_probe, 0, sizeof(spin_probe));
	spin_probe.symbol_name = "serio_interrupt";
	spin_probe.pre_handler = spin_handler;
	error = register_kprobe(&spin_probe);
	spinning = !error;
	if (error)
		pr_err("cannot probe serio_interrupt: %d\n", error);
	return error;
}

void delay_stop(void)
{
	if (spinning)
		unregister_kprobe(&spin_probe);
	spinning = false;
}

void delay_show(struct seq_file *m)
{
	seq_printf(m, "spins %u\n", delays());
	seq_printf(m, "stops %u\n", atomic_read(&stops));
	seq_printf(m, "stops_delayed %u\n", atomic_read(&stops_delayed));
	seq_printf(m, "stopped_early %u\n", atomic_read(&stopped_early));
}

int delay_init(void)
{
	return oracle_probe(&stop_probe, stopper);
}

void delay_exit(void)
{
	oracle_unprobe(&stop_probe);
}
