// SPDX-License-Identifier: GPL-2.0-only
/*
 * i8042_oracle: "watch" leaves the ports to whatever driver has them and
 * compares the bytes of real devices, as read and as received by the driver's
 * interrupt method
 */

#include <linux/device.h>
#include <linux/kprobes.h>

#include "oracle.h"

static int watch_handler(struct kprobe *p, struct pt_regs *regs)
{
	struct serio *serio = (void *)regs_get_kernel_argument(regs, 0);
	u8 data = regs_get_kernel_argument(regs, 1);

	oracle_received(&streams[port_of(serio)], data);
	return 0;
}

static struct kprobe watch_probes[NPORTS];
static void *watched[NPORTS];	/* kprobes may move the address of a probe */

static int probe_port(struct serio *serio)
{
	struct kprobe *p = &watch_probes[port_of(serio)];
	void *method;
	int error;

	spin_lock_irq(&serio->lock);
	method = serio->drv ? serio->drv->interrupt : NULL;
	spin_unlock_irq(&serio->lock);

	/* Both drivers may have the same interrupt method. */
	if (!method || method == watched[KBD])
		return 0;

	memset(p, 0, sizeof(*p));
	p->addr = method;
	p->pre_handler = watch_handler;
	error = register_kprobe(p);
	if (!error)
		watched[port_of(serio)] = method;
	return error;
}

void watch_stop(void)
{
	enum oracle_port port;

	for (port = 0; port < NPORTS; port++) {
		if (watched[port])
			unregister_kprobe(&watch_probes[port]);
		watched[port] = NULL;
	}
}

int watch_start(void)
{
	enum oracle_port port;
	int error = 0;

	for (port = 0; port < NPORTS && !error; port++) {
		struct serio *serio = oracle_find_port(port);

		if (serio) {
			error = probe_port(serio);
			put_device(&serio->dev);
		}
	}
	if (!error && !watched[KBD] && !watched[AUX])
		error = -ENODEV;
	if (error)
		watch_stop();
	return error;
}
