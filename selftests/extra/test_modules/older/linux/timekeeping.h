/* SPDX-License-Identifier: GPL-2.0-only */
/* 3.17 */
#include <linux/ktime.h>
