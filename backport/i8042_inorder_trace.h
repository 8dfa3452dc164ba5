/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM i8042_inorder

#if !defined(_I8042_INORDER_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _I8042_INORDER_TRACE_H

#include <linux/tracepoint.h>

/* A byte may be a key: probes see it, no event has it. */

TRACE_EVENT(i8042_inorder_read,

	TP_PROTO(unsigned int port, u8 data, bool taken, unsigned int depth),

	TP_ARGS(port, data, taken, depth),

	TP_STRUCT__entry(
		__field(unsigned int, port)
		__field(bool, taken)
		__field(unsigned int, depth)
	),

	TP_fast_assign(
		__entry->port = port;
		__entry->taken = taken;
		__entry->depth = depth;
	),

	TP_printk("port=%u taken=%d depth=%u", __entry->port, __entry->taken,
		  __entry->depth)
);

TRACE_EVENT(i8042_inorder_deliver,

	TP_PROTO(unsigned int port, unsigned int depth, u64 wait),

	TP_ARGS(port, depth, wait),

	TP_STRUCT__entry(
		__field(unsigned int, port)
		__field(unsigned int, depth)
		__field(u64, wait)
	),

	TP_fast_assign(
		__entry->port = port;
		__entry->depth = depth;
		__entry->wait = wait;
	),

	TP_printk("port=%u depth=%u wait_ns=%llu", __entry->port,
		  __entry->depth, __entry->wait)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE i8042_inorder_trace
#include <trace/define_trace.h>
