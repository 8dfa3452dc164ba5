# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# A small alternative to i8042_order.sh: "run" prints the result of the test module, and
# the statistics of i8042_inorder if it is loaded.

P=/sys/module/i8042_oracle/parameters
O=/sys/kernel/debug/i8042_oracle

oracle() { # PARAMETER=VALUE...
	insmod test_modules/i8042_oracle.ko "$@"
	bind_ports i8042_oracle
}

bind_ports() { # DRIVER
	for d in /sys/bus/serio/devices/*; do
		grep -q "i8042 ... port" "$d/description" && printf %s "$1" >"$d/drvctl"
	done
}

# Keep a probe on serio_interrupt(). Tests add and remove another probe while bytes flow,
# which patches the function unless one is there already. Under TCG, a CPU that is about
# to call a function that is being patched jumps to address 0 now and then.
keep_probed() {
	echo "p serio_interrupt" >/sys/kernel/debug/tracing/kprobe_events
	echo 1 >/sys/kernel/debug/tracing/events/kprobes/enable
}

start() { # PARAMETER=VALUE...
	for p; do
		echo "${p#*=}" >"$P/${p%%=*}"
	done
	# A worker of serio registers the ports, and may take one back.
	for _ in 1 2 3 4 5; do
		echo 1 2>/dev/null >$O/run && return
		sleep 1
		bind_ports i8042_oracle
	done
	echo 1 >$O/run
}

finish() {
	until grep -q "^injecting 0" $O/result; do
		sleep 0.1
	done
	echo 0 >$O/run
	cat $O/result /sys/kernel/debug/i8042_inorder/stats 2>/dev/null
}

run() { start "$@"; finish; }

# Print the time from the entry of an interrupt to the receipt of its byte, median and
# 99th percentile; the time from there to the end of the interrupt, if it delivers the
# byte itself; and the number of irq_work interrupts. Times are in ns (with vm/run
# --icount: instructions), on one CPU.
irq_works() { awk "/^ *IWI:/ { print \$2 }" /proc/interrupts; }
latency() {
	echo 0 >/sys/devices/system/cpu/cpu1/online
	oracle filter=N
	insmod test_modules/i8042_latency.ko since=handle_edge_irq until=add_interrupt_randomness
	bind_ports i8042_latency
	work=$(irq_works)
	run bytes=1000 packets=Y gap_us=1000 >/dev/null
	awk "/^since_permille/ { line = line \" median=\" \$3 \" p99=\" \$7 }
	     /^until_permille/ { line = line \" rest=\" \$3 }
	     END { printf \"# latency:%s \", line }" /sys/kernel/debug/i8042_latency
	echo "irq_work=$(($(irq_works) - work))"
}
