/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before each file of i8042_oracle: where i8042_inorder has the
 * driver's filter, its tracepoint says what was read.
 */

#ifndef I8042_ORACLE_INORDER_H
#define I8042_ORACLE_INORDER_H

#include <linux/i8042.h>
#include <linux/types.h>

int inorder_installed(int error);
bool inorder_removed(void);

/* By whatever name the driver has them here */
static typeof(i8042_install_filter) *const install_filter __maybe_unused = i8042_install_filter;
static typeof(i8042_remove_filter) *const remove_filter __maybe_unused = i8042_remove_filter;

#undef i8042_install_filter
#define i8042_install_filter(...) inorder_installed(install_filter(__VA_ARGS__))
#undef i8042_remove_filter
#define i8042_remove_filter(filter) (inorder_removed() ? 0 : remove_filter(filter))

#endif
