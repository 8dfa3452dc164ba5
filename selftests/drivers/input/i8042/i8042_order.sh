#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Usage: i8042_order.sh [-n BYTES] [-s SECONDS] [-l] [TEST...]
#
# Does the i8042 driver deliver every byte once and in the order in which it
# was read? Each test puts numbered bytes into the controller, or has real
# ones come, and provokes one kind of trouble meanwhile. -l lists the tests,
# -n sets the bytes for each port (default 10000).
#
# Two more tests need somebody outside who uses the real keyboard and mouse:
# watch, for -s seconds (default 20), and s2idle.
#
# Needs root, debugfs, and the modules test_modules/i8042_oracle.ko, atkbd and
# psmouse. Unbinds the keyboard and the mouse while it runs.

dir=$(cd "$(dirname "$0")" && pwd)
for helpers in "$dir/../../../kselftest/ktap_helpers.sh" "$dir/ktap_helpers.sh"; do
	# shellcheck disable=SC1090	# where it is depends on the installation
	[ -f "$helpers" ] && . "$helpers" && break
done

tests="irq poll poll_spin irq_spin edge edge_spin timer queue_full nowait running
       lost_irq led stop_serio stop_device suspend private kunit"
param=/sys/module/i8042_oracle/parameters
oracle=/sys/kernel/debug/i8042_oracle
serio=/sys/bus/serio/devices
tracing=/sys/kernel/debug/tracing
bytes=10000
seconds=20

usage() { sed -n '/^# Usage/,/^$/s/^# \{0,1\}//p' "$0"; }

# The oracle

load_oracle() { # [PARAMETER=VALUE...]
	for ko in "$dir/test_modules/i8042_oracle.ko" "$dir/i8042_oracle.ko"; do
		[ -f "$ko" ] && break
	done
	rmmod i8042_oracle 2>/dev/null
	insmod "$ko" "$@" && bind_oracle
}

bind_oracle() {
	for port in KBD AUX; do
		bind $port i8042_oracle || return 1
	done
}

# The ports are registered, and drivers bound to them, by a worker.
wait_for_ports() {
	tries=0
	until port_dir KBD && port_dir AUX; do
		[ $((tries += 1)) -lt 50 ] || return 1
		usleep 100000
	done >/dev/null
}

unload_oracle() {
	[ -d "$param" ] || return 0
	for port in KBD AUX; do
		bind $port none
	done
	rmmod i8042_oracle
}

# A port that was registered again has another number in sysfs.
port_dir() { # KBD|AUX
	for d in "$serio"/*; do
		[ "$(cat "$d/description" 2>/dev/null)" != "i8042 $1 port" ] || { echo "$d"; return; }
	done
	return 1
}

bind() { # KBD|AUX DRIVER
	d=$(port_dir "$1") && printf %s "$2" >"$d/drvctl"
}

# Start with the given parameters, all others at their defaults.
oracle_start() { # PARAMETER=VALUE...
	for p in "bytes=$bytes" ports=3 depth=5 gap_us=0 packets=N unbind=N mute=N poll_us=0 poll_port=1 \
		 poll_cpu=-1 edge_us=0 hog_us=0 spin_us=0 spin_every=1 spin_max=0 spin_in=7 "$@"; do
		echo "${p#*=}" >"$param/${p%%=*}" || return 1
	done
	echo 1 >$oracle/run
}

oracle_run() { # PARAMETER=VALUE...
	oracle_start "$@" || return 1
	while [ "$(result injecting)" = 1 ]; do
		usleep 20000
	done
	echo 0 >$oracle/run
}

# A number from the result; field 2 unless told
result() { # NAME [FIELD]
	awk -v n="$1" -v f="${2:-2}" '$1 == n { print $f }' $oracle/result
}

report() {
	for port in kbd aux; do
		ktap_print_msg "$port: $(result ${port}_received) of $(result ${port}_injected) bytes," \
			"$(result ${port}_lost) lost, $(result ${port}_dup) twice," \
			"$(result ${port}_late) late, waited at most $(result ${port}_wait_max_us) us," \
			"read/received in poll $(result ${port}_read_in)/$(result ${port}_received_in)" \
			"timer $(result ${port}_read_in 3)/$(result ${port}_received_in 3)" \
			"irq $(result ${port}_read_in 4)/$(result ${port}_received_in 4)"
	done
	ktap_print_msg "$(result polls) polls, $(result edges) spare edges, $(result spins) delays"
}

# All bytes there, once and in order?
in_order() {
	report
	for port in kbd aux; do
		[ "$(result ${port}_misread)" = 0 ] ||
			{ ktap_print_msg "the controller itself mixed up bytes"; return 1; }
		[ "$(result ${port}_received)" = "$(result ${port}_injected)" ] || return 1
		for fault in late lost dup; do
			[ "$(result ${port}_$fault)" = 0 ] || return 1
		done
	done
}

# The verdict of a test: pass, fail or skip; $why says why.
verdict() { # TEST pass|fail|skip
	case $2 in
	pass)	ktap_test_pass "$1" ;;
	fail)	ktap_test_fail "$1" ;;
	skip)	ktap_test_skip "$1 $why" ;;
	esac
}

order_test() { # PARAMETER=VALUE...
	oracle_run "$@" && in_order
}

# Tests. Each returns 0 (pass), 1 (fail) or 4 (skip, $why).

test_irq() { order_test; }
test_poll() { order_test poll_us=500; }
test_poll_spin() { order_test poll_us=500 spin_us=200 spin_in=1; }
test_irq_spin() { order_test poll_us=500 spin_us=200 spin_in=4 spin_every=10; }
test_edge() { order_test edge_us=500; }
test_edge_spin() { order_test edge_us=500 spin_us=200 spin_in=4 spin_every=10; }

# A timer that polls, as the driver itself did up to 2.6.18
poll_ms=/sys/module/i8042/parameters/poll_ms
have_poll_ms() {
	[ -e $poll_ms ] && return
	why="this driver has no poll timer"
	return 1
}

test_timer() {
	have_poll_ms || return 4
	old=$(cat $poll_ms)
	echo 1 >$poll_ms
	order_test spin_us=6000 spin_in=6 spin_every=100
	ret=$?
	echo "$old" >$poll_ms
	# On PREEMPT_RT the timer has the interrupt thread do it.
	realtime || [ "$(($(result kbd_read_in 3) + $(result aux_read_in 3)))" -gt 0 ] ||
		{ ktap_print_msg "the timer never found a byte"; return 1; }
	return $ret
}

# Bytes stay in the controller when the queue is full. The kernel for this test
# has a queue of one byte.
test_queue_full() {
	[ -d $tracing/events/i8042/i8042_full ] ||
		{ why="this driver has no queue"; return 4; }
	echo >$tracing/trace
	echo 1 >$tracing/events/i8042/i8042_full/enable
	order_test poll_us=500 edge_us=500 spin_us=200 spin_every=10
	ret=$?
	echo 0 >$tracing/events/i8042/i8042_full/enable
	full=$(grep -c i8042_full: $tracing/trace)
	ktap_print_msg "queue full: $full times"
	[ "$full" -gt 0 ] || { why="the queue was never full"; return 4; }
	return $ret
}

realtime() { uname -v | grep -q PREEMPT_RT; }

# Keyboard data is in the trace only if it may be in the log.
traced() { # Y|N, unmasked or not: prints how many bytes of the KBD are traced with their data
	echo "$1" >/sys/module/i8042/parameters/unmask_kbd_data
	echo >$tracing/trace
	oracle_run bytes=100
	echo N >/sys/module/i8042/parameters/unmask_kbd_data
	grep 'i8042_.*port=0' $tracing/trace | grep -cv 'data=-1'
}

test_private() {
	[ -d $tracing/events/i8042 ] || { why="this driver has no trace events"; return 4; }
	echo 1 >$tracing/events/i8042/enable
	masked=$(traced N)
	unmasked=$(traced Y)
	echo 0 >$tracing/events/i8042/enable
	ktap_print_msg "trace events with keyboard data: $masked, and $unmasked with unmask_kbd_data"
	[ "$masked" = 0 ] && [ "$unmasked" -ge 300 ]
}

# Does a handler wait for a drainer that was stopped for 100 ms? The drainer is
# the poll or, on PREEMPT_RT, the thread that polls: that of IRQ 1.
test_nowait() {
	if realtime; then
		set -- spin_in=4
		comm="spin_comm=irq/1-"
	else
		set -- spin_in=1
		comm=
	fi
	load_oracle timed=i8042_interrupt timed_irq=12 $comm ||
		{ load_oracle; why="cannot time i8042_interrupt()"; return 4; }
	oracle_run
	idle=$(result timed_max_us)
	in_order || return 1
	oracle_run "bytes=$((bytes / 20))" poll_us=500 poll_cpu=0 spin_us=100000 spin_every=5 "$@"
	busy=$(result timed_max_us)
	delays=$(result spins)
	ktap_print_msg "longest handler of IRQ 12: $idle us idle, $busy us with $delays delays of 100 ms elsewhere"
	load_oracle
	[ "$delays" -gt 0 ] || { why="no byte was delayed"; return 4; }
	[ "$busy" -lt 50000 ]
}

# Does a hog of higher priority keep the drainer from its work?
test_running() {
	# The delay in the poll outlasts the hog's pauses.
	set -- "bytes=$((bytes / 5))" gap_us=500 poll_us=100 poll_cpu=0 spin_us=3000 spin_in=1
	oracle_run "$@"
	idle=$(result aux_wait_max_us)
	oracle_run "$@" hog_us=100000
	report
	ktap_print_msg "longest wait of a byte: $idle us without a hog that runs for 100 ms," \
		"$(result aux_wait_max_us) us with"
	# On PREEMPT_RT, in order to pass, the poll must not deliver at all.
	realtime || [ "$(result spins)" -gt 0 ] || { why="no byte was delayed"; return 4; }
	[ "$(result aux_wait_max_us)" -lt 50000 ] && [ "$(result kbd_wait_max_us)" -lt 50000 ]
}

# A byte whose interrupt was lost is found by the poll timer.
test_lost_irq() {
	if [ -e $poll_ms ]; then
		old=$(cat $poll_ms)
		echo 1 >$poll_ms
	fi
	order_test "bytes=$((bytes / 100))" mute=Y
	ret=$?
	[ -e $poll_ms ] && echo "$old" >$poll_ms
	return $ret
}

# Real drivers

# Ports go away while bytes flow. A lockup, a splat or KASAN would tell.
flow() { # PARAMETER=VALUE...: as packets, to whoever is there
	oracle_start "bytes=$((bytes * 10))" packets=Y "$@" || return 1
	until [ $(($(result kbd_read) + $(result aux_read))) -gt 100 ]; do
		[ "$(result injecting)" = 1 ] || return 1
		usleep 10000
	done
}

flow_delays="edge_us=500 spin_us=200 spin_every=20"

stop_flow() {
	echo 0 >$oracle/run
	ktap_print_msg "$(result kbd_read) KBD and $(result aux_read) AUX bytes were read meanwhile," \
		"$(result spins) delayed"
}

# LED commands wait for an answer that has to come through the same driver.
test_led() {
	modprobe -a atkbd psmouse || { why="no atkbd or psmouse"; return 4; }
	load_oracle timed=ps2_command || { load_oracle; why="cannot time ps2_command()"; return 4; }
	bind KBD atkbd && bind AUX psmouse || return 1
	led=$(echo /sys/class/leds/input*::numlock/brightness)
	[ -e "$led" ] || { why="no Num Lock LED"; return 4; }
	flow "bytes=$bytes" $flow_delays || return 1
	n=0
	while [ "$(result injecting)" = 1 ]; do
		for l in numlock capslock scrolllock; do
			echo $((n & 1)) >"${led%numlock/*}$l/brightness"
		done
		n=$((n + 1))
		sleep 0.05
	done
	echo 0 >$oracle/run
	ktap_print_msg "$(result timed_calls) PS/2 commands in $n rounds, $(result timed_errors) failed," \
		"longest $(result timed_max_us) us; $(result kbd_read) KBD and $(result aux_read) AUX bytes"
	calls=$(result timed_calls) errors=$(result timed_errors) longest=$(result timed_max_us)
	load_oracle || return 1
	[ "$calls" -gt 0 ] || { why="no LED command was sent"; return 4; }
	[ "$errors" = 0 ] && [ "$longest" -lt 200000 ]
}

test_stop_serio() {
	flow $flow_delays || return 1
	i=0
	while [ $i -lt 10 ]; do
		for port in KBD AUX; do
			bind $port none
			bind $port i8042_oracle
		done
		i=$((i + 1))
	done
	ktap_print_msg "$i times unbound and bound"
	stop_flow
}

test_stop_device() {
	driver=/sys/bus/platform/drivers/i8042
	in=1	# On PREEMPT_RT the poll is done by the interrupt thread.
	! realtime || in=4
	i=0
	while [ $i -lt 5 ]; do
		# Somebody is delivering a byte when the port goes away.
		oracle_start "bytes=$((bytes * 10))" packets=Y poll_us=100 poll_port=0 \
			spin_us=200000 spin_in=$in spin_max=1 unbind=Y || return 1
		tries=0
		while [ -e $driver/i8042 ]; do
			[ $((tries += 1)) -lt 100 ] || return 1
			usleep 50000
		done
		stop_flow
		# Bytes of the flow that came too late for anybody are taken
		# for answers by the probe, which may then fail.
		for _ in 1 2 3; do
			printf i8042 2>/dev/null >$driver/bind && break
		done
		wait_for_ports || return 1
		bind_oracle || return 1
		i=$((i + 1))
	done
	ktap_print_msg "$i times unbound and bound"
	order_test
}

# All phases of a suspend but the last, which would need somebody to wake us
test_suspend() {
	pm_test=/sys/power/pm_test
	delay=/sys/module/suspend/parameters/pm_test_delay
	[ -e $pm_test ] && grep -q freeze /sys/power/state ||
		{ why="no suspend-to-idle or no pm_test"; return 4; }
	old=$(cat $delay)
	echo 1 >$delay
	echo platform >$pm_test
	suspend_rounds 3
	ret=$?
	echo none >$pm_test
	echo "$old" >$delay
	[ $ret = 0 ] && order_test
}

# A real one, in which bytes of the keyboard, from outside, wake us up
test_s2idle() {
	grep -q freeze /sys/power/state || { why="no suspend-to-idle"; return 4; }
	# Both: a byte of one port that wakes nobody keeps the other's out.
	for port in KBD AUX; do
		echo enabled >"$(port_dir $port)/power/wakeup"
	done
	suspend_rounds 3
	ret=$?
	for port in KBD AUX; do
		echo disabled >"$(port_dir $port)/power/wakeup"
	done
	return $ret
}

suspend_rounds() { # ROUNDS
	flow $flow_delays || return 1
	suspended=0
	i=0
	while [ $i -lt "$1" ]; do
		# Fails if a byte comes that should wake us up: not a fault.
		echo freeze 2>/dev/null >/sys/power/state && suspended=$((suspended + 1))
		i=$((i + 1))
	done
	ktap_print_msg "suspended and resumed $suspended times, prevented $((i - suspended)) times"
	stop_flow
	[ $suspended -gt 0 ]
}

# Real drivers and, from outside, real events. for a while
test_watch() {
	modprobe atkbd && modprobe psmouse proto=bare || { why="no atkbd or psmouse"; return 4; }
	load_oracle || return 1
	bind KBD atkbd && bind AUX psmouse || return 1
	for p in poll_us=500 edge_us=0 hog_us=0 spin_us=0 mute=N; do
		echo "${p#*=}" >"$param/${p%%=*}"
	done
	sleep 1
	echo 1 >$oracle/watch || return 1
	sleep "$seconds"
	echo 0 >$oracle/watch
	for port in kbd aux; do
		ktap_print_msg "$port: $(result ${port}_read) bytes read, $(result ${port}_received) received," \
			"$(result ${port}_misplaced) misplaced," \
			"$(result ${port}_torn) of $(($(result ${port}_read) / 3)) packets torn"
	done
	[ "$(result kbd_read)" -gt 100 ] && [ "$(result aux_read)" -gt 100 ] ||
		{ why="nobody moves the mouse and presses keys"; return 4; }
	for port in kbd aux; do
		[ "$(result ${port}_read)" = "$(result ${port}_received)" ] || return 1
		[ "$(result ${port}_misplaced)" = 0 ] || return 1
	done
}

test_kunit() {
	[ -n "$(find "/lib/modules/$(uname -r)" -name 'i8042_rxq_kunit.ko*')" ] ||
		{ why="no KUnit tests for this driver"; return 4; }
	echo "i8042_order: kunit" >/dev/kmsg
	modprobe i8042_rxq_kunit || return 1
	rmmod i8042_rxq_kunit
	dmesg | sed '1,/i8042_order: kunit/d; s/^[^]]*\] */# /' | grep -E '(not )?ok ' >/tmp/kunit
	cat /tmp/kunit
	grep -q '^# ok .*i8042_rxq' /tmp/kunit
}

while getopts n:s:lh opt; do
	case $opt in
	n)	bytes=$OPTARG ;;
	s)	seconds=$OPTARG ;;
	l)	echo $tests; exit ;;
	h)	usage; exit ;;
	*)	usage >&2; exit 1 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- $tests

ktap_print_header
[ "$(id -u)" = 0 ] || { ktap_skip_all "needs root"; exit "$KSFT_SKIP"; }
wait_for_ports || { ktap_skip_all "no i8042 with two ports"; exit "$KSFT_SKIP"; }
load_oracle || { ktap_skip_all "the oracle cannot be loaded"; exit "$KSFT_SKIP"; }
trap unload_oracle EXIT

ktap_set_plan $#
for t; do
	why=
	[ "$(result injecting)" = 0 ] || echo 0 >$oracle/run
	wait_for_ports && bind_oracle && "test_$t"
	case $? in
	0)	verdict "$t" pass ;;
	4)	verdict "$t" skip ;;
	*)	verdict "$t" fail ;;
	esac
done
ktap_finished
