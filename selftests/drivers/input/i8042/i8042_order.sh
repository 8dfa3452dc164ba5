#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Usage: i8042_order.sh [-H] [-n BYTES] [-e BYTES] [-l] [TEST...]
#
# Does the i8042 driver deliver every byte once and in the order in which it
# was read? Each test puts numbered bytes into the controller and provokes one
# kind of trouble meanwhile. Ends with a verdict on this kernel: affected=yes if
# bytes overtook each other, no if none did where it was provoked, else unknown.
#
#	-H	a host takes run time away from the vCPUs meanwhile: provoke no
#		delays here, measure the stolen time instead, and skip a test
#		in which there was none
#	-n N	bytes for each port (default 10000)
#	-e N	end a test once N bytes were late, lost or received twice, and delay
#		more in edge_spin: to see the fault, not its rate
#	-l	list the tests
#
# Verdicts are KTAP. Figures are lines "# NAME: KEY=VALUE KEY=VALUE...", NAME being
# the test, or the test and a port.
#
# Needs root, debugfs, kprobes and the module test_modules/i8042_oracle.ko. The
# keyboard and the mouse are dead while it runs, and back when it ends. Do not touch
# them: a test fails in which other bytes come, too.

# shellcheck disable=SC2034,SC2154	# what i8042_lib.sh uses, and what it sets

# shellcheck source=i8042_lib.sh
. "$(dirname "$0")/i8042_lib.sh"

tests="irq poll poll_spin irq_spin edge edge_spin left filter nowait running"
host_tests="irq poll edge"
more_options=e:

# order_test leaves in $late how many bytes were, and counts in $provoked that it
# might have been.

test_irq() { order_test; }
test_poll() { order_test poll_us=500; }
test_poll_spin() { order_test poll_us=500 spin_us=200 spin_in=1; }
test_irq_spin() { order_test poll_us=500 spin_us=200 spin_in=4 spin_every=10; }
test_edge() { order_test edge_us=500; }
test_edge_spin() { order_test edge_us=500 spin_us=200 spin_in=4 spin_every=$edge_spin_every; }

# A poll is stopped while it delivers the first of ten bytes, and nobody polls after it.
# Only then the controller raises an interrupt, on the other CPU, which finds the second
# byte: the poll has to read that, for it is not announced again.
test_left() {
	need_two_cpus && need_thaw || return 4
	rounds=0 lost=0 delays=0
	while [ $rounds -lt 4 ] && [ $lost = 0 ]; do
		oracle_run bytes=10 depth=10 ports=1 mute=Y poll_us=100 poll_once=Y poll_thaw=Y \
			poll_cpu=$((rounds % 2)) spin_us=200000 spin_in=1 spin_max=1 || return 1
		lost=$((lost + r_kbd_lost))
		delays=$((delays + r_spins))
		rounds=$((rounds + 1))
	done
	figures "rounds=$rounds delays=$delays lost=$lost"
	# As on PREEMPT_RT, where the poll does not deliver
	[ $delays -gt 0 ] || { why="no byte was delayed"; return 4; }
	[ $lost = 0 ]
}

# A filter that delivers bytes itself, as some laptops' do
test_filter() {
	order_test hold=Y poll_us=500 spin_us=200 spin_every=10
	ret=$?
	held=$((r_kbd_held + r_aux_held))
	figures "held=$held"
	[ $ret != 0 ] || [ $held -gt 0 ] || { why="the filter took no byte"; return 4; }
	return $ret
}

# Does a handler wait for a drainer that was stopped for 100 ms? The drainer is
# the poll or, on PREEMPT_RT, the thread that polls: that of IRQ 1. A host that pauses
# the machine may keep one handler or another for as long, a driver that waits keeps
# one for each delay.
test_nowait() {
	comm='' ports=3
	need_two_cpus && need_thaw || return 4
	find_delivers_in || return 1
	# Not in the handler that is timed
	[ $delivers_in = 1 ] || ports=1
	[ $delivers_in = 1 ] || ! realtime || comm="spin_comm=irq/1-"
	load_oracle "timed=$(driver_symbol i8042_interrupt)" timed_irq=12 $comm ||
		{ load_oracle; why="cannot time i8042_interrupt()"; return 4; }
	nowait_runs
	ret=$?
	load_oracle || return 1
	return $ret
}

nowait_runs() {
	oracle_run && in_order || return 1
	idle=$r_timed_max_us
	delays=0 handlers=0 long=0 max=0
	# How many bytes a poll finds depends on the machine.
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		oracle_run "bytes=$((bytes / 20))" poll_us=500 poll_cpu=0 spin_us=100000 \
			spin_max=20 long_us=50000 spin_in=$delivers_in spin_ports=$ports || return 1
		delays=$((delays + r_spins))
		handlers=$((handlers + r_timed_calls))
		long=$((long + r_timed_long))
		[ $max -gt "$r_timed_max_us" ] || max=$r_timed_max_us
		[ $delays -lt 10 ] || break
	done
	figures "handlers=$handlers handlers_long=$long long_us=50000" \
		"delays=$delays delay_us=100000" \
		"handler_max_us=$max handler_max_idle_us=$idle"
	[ $delays -gt 0 ] || { why="no byte was delayed"; return 4; }
	[ $handlers -gt 0 ] || { why="no handler was timed"; return 4; }
	[ $((2 * long)) -lt $delays ]
}

# Does a hog of higher priority keep the drainer from its work for as long as it runs?
# Then bytes wait for one burst after another. The controller raises no interrupts, so
# that the poll finds each byte; the delay outlasts the hog's pauses. A host that pauses
# the machine makes one byte or another wait for as long, so they are counted.
test_running() {
	need_two_cpus && need_thaw || return 4
	set -- bytes=20 mute=Y poll_us=100 poll_thaw=Y poll_cpu=0 spin_us=3000 spin_in=1
	oracle_run "$@" || return 1
	idle=$r_aux_wait_max_us
	oracle_run "$@" hog_us=100000 long_us=50000 || return 1
	report
	waited=$((r_kbd_waited_long + r_aux_waited_long))
	figures "waited_long=$waited long_us=50000 hog_us=100000" \
		"wait_max_us=$r_aux_wait_max_us wait_max_idle_us=$idle"
	# On PREEMPT_RT, in order to pass, the poll must not deliver at all.
	realtime || [ "$r_spins" -gt 0 ] || { why="no byte was delayed"; return 4; }
	[ $waited -lt 10 ]
}

run_tests "$@"
if [ $affected -gt 0 ]; then
	ktap_print_msg "verdict: affected=yes tests=$affected"
elif [ $provoked -gt 0 ]; then
	ktap_print_msg "verdict: affected=no tests=$provoked"
else
	ktap_print_msg "verdict: affected=unknown tests=0"
fi
ktap_finished
