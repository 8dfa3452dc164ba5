# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154	# P and O are of oracle.sh
#
# Make the module i8042_inorder do what it does besides delivering in order, for
# checks/module to judge. Bytes flow until the commands that run meanwhile have ended.

. /guest/oracle.sh
. /guest/try.sh

M=/sys/module/i8042_inorder/parameters
S=/sys/kernel/debug/i8042_inorder/stats

# logged NAME COMMAND...: like try, and print the kernel's messages, too
logged() {
	dmesg -c >/dev/null
	try "$@"
	dmesg | sed 's/^\[[^]]*\] //'
}

# meanwhile COMMAND [PARAMETER=VALUE...]: run the command while bytes flow, ten times and
# until more than a thousand bytes have come
meanwhile() {
	command=$1 times=0
	shift
	start bytes=4000000000 "$@"
	while [ $times -lt 10 ] || ! more_than 1000 aux_received $O/result; do
		[ $times -lt 10000 ] && $command || break
		times=$((times + 1))
	done
	echo 1 >$P/bytes
	finish
	echo "times $times"
}

reload() { modprobe i8042_inorder && rmmod i8042_inorder; }
switch() { echo observe >$M/mode && echo deliver >$M/mode; }
prevented() { within 3000 more_than "$(figure_of overtakes_prevented $S)" overtakes_prevented $S; }

late() { awk '/_late / { n += $2 } END { exit n == 0 }' $O/result; }
late_and_seen() { late && more_than 0 overtakes_observed $S; }

observe() {
	start bytes=4000000000 poll_us=500 edge_us=0
	within 3000 late_and_seen
	echo 1 >$P/bytes
	finish
}

nothing_there() {
	polls=$(figure_of polls $S)
	unhandled=$(figure_of unhandled /proc/irq/12/spurious)
	within 3000 more_than $((polls + 100)) polls $S
	echo "polled $(($(figure_of polls $S) - polls))"
	echo "taken_for_stuck $(($(figure_of unhandled /proc/irq/12/spurious) - unhandled))"
}

both_ports() { [ "$(grep -l "i8042 ... port" /sys/bus/serio/devices/*/description | wc -l)" = 2 ]; }
irq_works_of_all() { awk '/^ *IWI:/ { print $2 + $3 }' /proc/interrupts; }

bind_again() {
	echo i8042 >/sys/bus/platform/drivers/i8042/unbind
	echo i8042 >/sys/bus/platform/drivers/i8042/bind
	within 3000 both_ports
	oracle filter=N
	work=$(irq_works_of_all)
	run bytes=500
	echo "irq_work $(($(irq_works_of_all) - work))"
	rmmod i8042_oracle
}

all() {
	keep_probed
	logged "wrong mode" modprobe i8042_inorder mode=none
	logged "negative poll_ms" modprobe i8042_inorder poll_ms=-1
	logged "absurd poll_ms" modprobe i8042_inorder poll_ms=100000

	oracle
	logged "held filter" modprobe i8042_inorder
	rmmod i8042_oracle

	oracle filter=N patience_ms=20000
	logged "loaded and unloaded" meanwhile reload
	rmmod i8042_oracle

	logged "no such lines" modprobe i8042_inorder irq=300,301
	oracle patience_ms=20000
	logged "without second handlers" run bytes=5000 poll_us=500
	rmmod i8042_oracle
	# The CPU that passed the last byte may be offline by then.
	echo 0 >/sys/devices/system/cpu/cpu1/online
	try "unloaded without CPU 1" rmmod i8042_inorder
	echo 1 >/sys/devices/system/cpu/cpu1/online

	modprobe i8042_inorder mode=observe
	oracle patience_ms=20000
	logged observing observe
	echo deliver >$M/mode
	logged delivering meanwhile prevented poll_us=500
	logged "mode switched" meanwhile switch poll_us=0
	logged "wrong mode at run time" sh -c "echo off >$M/mode"
	logged "lost interrupts" run bytes=20 edge_us=0 mute=Y patience_ms=1000
	echo 1 >$M/poll_ms
	logged "lost interrupts, poll_ms=1" run bytes=500 mute=Y patience_ms=20000
	rmmod i8042_oracle
	logged "poll_ms=1, nothing there" nothing_there
	echo 0 >$M/poll_ms
	logged "driver bound again" bind_again
	logged "readable by others" ls -l $M/mode $S
	rmmod i8042_inorder
}
