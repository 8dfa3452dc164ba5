#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Usage: i8042_optional.sh [-H] [-n BYTES] [-e BYTES] [-l] [TEST...]
#
# A driver with a poll timer for interrupts that were lost: does it deliver in order,
# and does it find such bytes? A driver with trace events: do they hide what is typed?
# A test of what the driver does not have is skipped.
#
#	-H	a host takes run time away from the vCPUs meanwhile: provoke no
#		delays here, measure the stolen time instead, and skip a test
#		in which there was none
#	-n N	bytes for each port (default 10000)
#	-e N	end a test once N bytes were late, lost or received twice: to see the
#		fault, not its rate
#	-l	list the tests
#
# Verdicts and figures are those of i8042_order.sh, and so is what it needs.

# shellcheck disable=SC2034,SC2154	# what i8042_lib.sh uses, and what it sets

# shellcheck source=../drivers/input/i8042/i8042_lib.sh
. "$(dirname "$0")/i8042_lib.sh"

tests="timer lost_irq private"
host_tests=timer
more_options=e:
tracing=/sys/kernel/debug/tracing

# A timer that polls, as the driver itself did up to 2.6.18
poll_ms=/sys/module/i8042/parameters/poll_ms
have_poll_ms() {
	[ -e $poll_ms ] && return
	why="this driver has no poll timer"
	return 1
}

test_timer() {
	have_poll_ms || return 4
	set_param $poll_ms 1
	if [ -n "$host" ]; then
		order_test
	else
		order_test spin_us=6000 spin_in=6 spin_every=100
	fi
	ret=$?
	restore_param $poll_ms
	# On PREEMPT_RT the timer has the interrupt thread do it.
	realtime || [ "$((r_kbd_read_in_2 + r_aux_read_in_2))" -gt 0 ] ||
		{ ktap_print_msg "the timer never found a byte"; return 1; }
	return $ret
}

# Bytes whose interrupt was lost are found by the poll timer, and by nobody else.
test_lost_irq() {
	have_poll_ms || return 4
	oracle_run bytes=10 mute=Y patience_ms=1000
	alone=$((r_kbd_lost + r_aux_lost))
	oracle_run bytes=10	# reads what that has left in the controller
	set_param $poll_ms 1
	order_test "bytes=$((bytes / 100))" mute=Y
	ret=$?
	restore_param $poll_ms
	figures "lost_without_timer=$alone of=20"
	[ $alone -gt 0 ] || { why="no interrupt was lost"; return 4; }
	return $ret
}

# Keyboard data is in the trace only if it may be in the log.
traced() { # Y|N, unmasked or not: prints how many events show data of the KBD
	set_param /sys/module/i8042/parameters/unmask_kbd_data "$1"
	echo >$tracing/trace
	oracle_run bytes=100
	restore_param /sys/module/i8042/parameters/unmask_kbd_data
	grep 'i8042_.*port=0' $tracing/trace | grep -cv 'data=-1'
}

test_private() {
	[ -d $tracing/events/i8042 ] || { why="this driver has no trace events"; return 4; }
	set_param $tracing/events/i8042/enable 1
	masked=$(traced N)
	unmasked=$(traced Y)
	restore_param $tracing/events/i8042/enable
	figures "masked=$masked unmasked=$unmasked"
	# Each byte is read and delivered.
	[ "$masked" = 0 ] && [ "$unmasked" -ge 200 ]
}

run_tests "$@"
ktap_finished
