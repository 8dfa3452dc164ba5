// SPDX-License-Identifier: GPL-2.0-only
/* i8042_oracle: what i8042_inorder reads, by its tracepoint */

#include <linux/module.h>
#include <linux/tracepoint.h>

#include "oracle.h"

extern struct tracepoint __tracepoint_i8042_inorder_read;
static struct tracepoint *read_elsewhere;

static void inorder_read(PROBE_DATA unsigned int port, u8 data, bool taken, unsigned int depth)
{
	oracle_read(&streams[port ? AUX : KBD], data);
}

/* @error is that of i8042_install_filter(). */
int inorder_installed(int error)
{
	if (error != -EBUSY)
		return error;

	read_elsewhere = symbol_get(__tracepoint_i8042_inorder_read);
	if (!read_elsewhere)
		return error;
	error = tracepoint_probe_register(read_elsewhere, inorder_read, NULL);
	if (error) {
		symbol_put(__tracepoint_i8042_inorder_read);
		read_elsewhere = NULL;
	}
	return error;
}

bool inorder_removed(void)
{
	if (!read_elsewhere)
		return false;

	tracepoint_probe_unregister(read_elsewhere, inorder_read, NULL);
	tracepoint_synchronize_unregister();
	symbol_put(__tracepoint_i8042_inorder_read);
	read_elsewhere = NULL;
	return true;
}
