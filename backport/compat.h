/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compat.h - what older kernels do not have; included before everything else
 *
 * Kbuild looks into the target's headers, not at its version, so that what a
 * distribution has backported is met. i8042_inorder.c is written against the
 * newest kernel.
 */
#ifndef _I8042_INORDER_COMPAT_H
#define _I8042_INORDER_COMPAT_H

#include <linux/i8042.h>
#include <linux/preempt.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 10, 0)
#error "i8042_inorder needs Linux 5.10 or newer: nothing older was tested"
#endif

/* 6.14: a context for the filter */
#ifndef HAVE_FILTER_CONTEXT
typedef bool (*i8042_filter_t)(unsigned char data, unsigned char str,
			       struct serio *serio, void *context);

static i8042_filter_t compat_filter;

static bool compat_call_filter(unsigned char data, unsigned char str,
			       struct serio *serio)
{
	return compat_filter(data, str, serio, NULL);
}

static inline int compat_install_filter(i8042_filter_t filter, void *context)
{
	compat_filter = filter;
	return i8042_install_filter(compat_call_filter);
}

static inline int compat_remove_filter(i8042_filter_t filter)
{
	return i8042_remove_filter(compat_call_filter);
}

#define i8042_install_filter compat_install_filter
#define i8042_remove_filter compat_remove_filter
#endif

/* 5.11: in_irq() is a name for it before */
#ifndef in_hardirq
#define in_hardirq() in_irq()
#endif

#endif /* _I8042_INORDER_COMPAT_H */
