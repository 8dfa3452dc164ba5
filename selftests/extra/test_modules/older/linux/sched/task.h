/* SPDX-License-Identifier: GPL-2.0-only */
/* 4.11 */
#include <linux/sched.h>
