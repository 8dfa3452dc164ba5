# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Trace how the bytes of a mouse are read and delivered in a virtual machine, and print
# the trace with all that trace-cmd needs from the guest.

. /guest/pointer.sh
T=/sys/kernel/debug/tracing

record() { # DEVICE
	modprobe psmouse proto=bare
	modprobe i8042_inorder mode=observe || return
	echo "p:i8042/i8042_deliver serio_interrupt data=\$arg2:x8" >$T/kprobe_events || return
	echo mono >$T/trace_clock
	echo 2 >/proc/irq/12/smp_affinity
	# shellcheck disable=SC2034	# start takes it
	poll_cpu=0
	start "$1" || return
	echo 1 >$T/events/i8042_inorder/i8042_inorder_read/enable
	echo 1 >$T/events/i8042/enable
	wait_for_events
	echo 0 >$T/tracing_on
	for cpu in 0 1; do
		cat $T/per_cpu/cpu$cpu/trace_pipe_raw >/tmp/cpu$cpu &
	done
	sleep 2
	mkdir -p /tmp/trace/tracing
	cd $T || return
	# Copy the files of tracefs: they have no length, so tar would take them for
	# empty.
	for file in events/header_page events/header_event events/ftrace/*/format events/i8042*/*/format \
		    printk_formats saved_cmdlines trace_clock; do
		mkdir -p "$(dirname "/tmp/trace/tracing/$file")"
		cat "$file" >"/tmp/trace/tracing/$file"
	done
	cat /proc/kallsyms >/tmp/trace/kallsyms
	mv /tmp/cpu? /tmp/trace
	echo "# trace"
	tar -cz -C /tmp/trace . | base64
	echo "# end"
}
