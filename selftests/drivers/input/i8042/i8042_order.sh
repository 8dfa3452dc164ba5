#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Usage: i8042_order.sh [-H] [-f] [-n BYTES] [-e BYTES] [-s SECONDS] [-l] [TEST...]
#
# Does the i8042 driver deliver every byte once and in the order in which it
# was read? Each test puts numbered bytes into the controller, or has real
# ones come, and provokes one kind of trouble meanwhile. Ends with a verdict on
# this kernel: affected=yes if bytes overtook each other, no if none did where it
# was provoked, else unknown.
#
#	-H	a host takes run time away from the vCPUs meanwhile: provoke no
#		delays here, measure the stolen time instead, and skip a test
#		in which there was none
#	-f	also run stop_device on a driver that may then crash
#	-n N	bytes for each port (default 10000)
#	-e N	end a test once N bytes were late, lost or received twice: to see the
#		fault, not its rate
#	-s N	seconds for watch (default 20)
#	-l	list the tests
#
# Two more tests need somebody outside who uses the real keyboard and mouse:
# watch and s2idle.
#
# Verdicts are KTAP. Figures are lines "# NAME: KEY=VALUE KEY=VALUE...", NAME being
# the test, or the test and a port.
#
# Needs root, debugfs, kprobes and the module test_modules/i8042_oracle.ko. The
# keyboard and the mouse are dead while it runs, and back when it ends.

# shellcheck disable=SC2154	# read_result sets r_*

dir=$(cd "$(dirname "$0")" && pwd)
ktap_helpers=$dir/../../../kselftest/ktap_helpers.sh
if [ -f "$ktap_helpers" ]; then
	# shellcheck disable=SC1090	# part of the kernel's selftests
	. "$ktap_helpers"
else
	# Selftests of kernels before 6.7 have no helpers for shell.
	KSFT_PASS=0 KSFT_FAIL=1 KSFT_SKIP=4 number=0 failures=0
	ktap_print_header() { echo "TAP version 13"; }
	ktap_set_plan() { echo "1..$1"; }
	ktap_skip_all() { echo "1..0 # SKIP $*"; }
	ktap_print_msg() { echo "# $*"; }
	ktap_test_pass() { echo "ok $((number += 1)) $1"; }
	ktap_test_skip() { echo "ok $((number += 1)) $1 # SKIP"; }
	ktap_test_fail() { echo "not ok $((number += 1)) $1"; failures=$((failures + 1)); }
	ktap_finished() { [ $failures = 0 ] && exit $KSFT_PASS || exit $KSFT_FAIL; }
fi

tests="irq poll poll_spin irq_spin edge edge_spin left filter timer nowait
       running lost_irq led stop_serio stop_device suspend private"
host_tests="irq poll edge timer led stop_serio"
param=/sys/module/i8042_oracle/parameters
oracle=/sys/kernel/debug/i8042_oracle
serio=/sys/bus/serio/devices
drivers=/sys/bus/serio/drivers
tracing=/sys/kernel/debug/tracing
bytes=10000
enough=0
edge_spin_every=10
seconds=20
host='' force=''

usage() { sed -n '/^# Usage/,/^$/s/^# \{0,1\}//p' "$0"; }

# What is changed here, and how it was before. None of it has blanks.

saved=''

set_param() { # FILE VALUE [OLD]
	case $saved in
	*" $1="*) ;;
	*)	saved="$saved $1=${3:-$(cat "$1")}" ;;
	esac
	echo "$2" >"$1"
}

restore_param() { # FILE
	for s in $saved; do
		[ "${s%%=*}" != "$1" ] || echo "${s#*=}" >"$1"
	done
}

restore_all() {
	[ ! -e $oracle/run ] || echo 0 >$oracle/run
	rmmod i8042_oracle 2>/dev/null
	for s in $saved; do
		echo "${s#*=}" 2>/dev/null >"${s%%=*}"
	done
	bind KBD "$kbd_driver"
	bind AUX "$aux_driver"
	for m in $loaded; do
		modprobe -r "$m" 2>/dev/null
	done
}

# The driver of a port: a name, or "none"
driver_of() { # KBD|AUX
	d=$(readlink "$(port_dir "$1")/driver") || d=none
	echo "${d##*/}"
}

loaded=''
need_driver() { # MODULE [PARAMETER=VALUE]
	[ ! -d "/sys/module/$1" ] || return 0
	if modprobe "$@" 2>/dev/null; then
		loaded="$loaded $1"
		return
	fi
	why="no $1"
	return 1
}

# The oracle

# On failure $why says why.
load_oracle() { # [PARAMETER=VALUE...]
	for ko in "$dir/test_modules/i8042_oracle.ko" "$dir/i8042_oracle.ko"; do
		[ -f "$ko" ] && break
	done
	[ -f "$ko" ] || { why="i8042_oracle.ko was not built for this kernel"; return 1; }
	rmmod i8042_oracle 2>/dev/null
	if why=$(insmod "$ko" "$@" 2>&1); then
		bind_oracle
		return
	fi
	case $why in
	*busy*)	why="another module has a filter on the i8042: unload it first" ;;
	*)	why="i8042_oracle.ko cannot be loaded: ${why##*: }" ;;
	esac
	return 1
}

# A port on which bytes came while nobody had it is looked at again by a worker, who may
# take it away from us.
bind_oracle() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		bind KBD i8042_oracle
		bind AUX i8042_oracle
		sleep 0.1
		[ "$(driver_of KBD) $(driver_of AUX)" != "i8042_oracle i8042_oracle" ] || return 0
	done 2>/dev/null
	return 1
}

# The ports are registered, and drivers bound to them, by a worker.
wait_for_ports() {
	tries=0
	until port_dir KBD && port_dir AUX; do
		[ $((tries += 1)) -lt 150 ] || return 1
		sleep 0.1
	done >/dev/null
}

# A port that was registered again has another number in sysfs.
port_dir() { # KBD|AUX
	for d in "$serio"/*; do
		read -r description <"$d/description" || continue
		[ "$description" != "i8042 $1 port" ] || { echo "$d"; return; }
	done 2>/dev/null
	return 1
}

bind() { # KBD|AUX DRIVER
	d=$(port_dir "$1") && printf %s "$2" >"$d/drvctl"
}

# Start with the given parameters, all others at their defaults.
oracle_start() { # PARAMETER=VALUE...
	for p in "bytes=$bytes" "enough=$enough" ports=3 depth=5 gap_us=0 packets=N \
		 hold=N unbind=N mute=N poll_us=0 poll_once=N poll_thaw=N poll_cpu=-1 edge_us=0 \
		 fuzz_us=0 hog_us=0 spin_us=0 spin_every=1 spin_max=0 spin_in=7 spin_ports=3 \
		 gap_min_us=0 long_us=0 patience_ms=5000 "$@"; do
		echo "${p#*=}" >"$param/${p%%=*}" || return 1
	done
	for _ in 1 2 3; do
		echo 1 2>/dev/null >$oracle/run && return
		bind_oracle
	done
	return 1
}

oracle_run() { # PARAMETER=VALUE...
	oracle_start "$@" || return 1
	while injecting; do
		sleep 0.1
	done
	oracle_stop
}

oracle_stop() {
	echo 0 >$oracle/run
	read_result
}

injecting() { grep -q '^injecting 1' $oracle/result; }

# A poll that a slow machine, or a hog, leaves little time may find no byte at all.
delayed_run() { # PARAMETER=VALUE...
	for _ in 1 2 3 4 5 6; do
		oracle_run "$@" || return 1
		[ "$r_spins" = 0 ] || return 0
	done
}

# Set $r_NAME to each number of the result; the second and third of a line to $r_NAME_2
# and $r_NAME_3. In a virtual machine without KVM a process for each would take longer than
# most tests.
read_result() {
	eval "$(awk '{ for (i = 2; i <= NF; i++) print "r_" $1 (i > 2 ? "_" i - 1 : "") "=" $i }' \
		$oracle/result)"
}

figures() { # [.PORT] KEY=VALUE...
	name=$t
	case $1 in
	.*)	name=$t$1; shift ;;
	esac
	ktap_print_msg "$name: $*"
}

report() {
	for p in kbd aux; do
		set --
		for key in injected received lost dup late misread wait_max_us; do
			eval "set -- \"\$@\" $key=\$r_${p}_$key"
		done
		for key in read received; do
			eval "set -- \"\$@\" ${key}_poll=\$r_${p}_${key}_in" \
				"${key}_timer=\$r_${p}_${key}_in_2 ${key}_irq=\$r_${p}_${key}_in_3"
		done
		figures .$p "$@"
	done
	figures "polls=$r_polls edges=$r_edges delays=$r_spins"
}

# All bytes there, once and in order?
in_order() {
	report
	[ "$r_kbd_misread $r_aux_misread" = "0 0" ] ||
		{ ktap_print_msg "the controller itself mixed up bytes"; return 1; }
	[ "$r_kbd_received $r_aux_received" = "$r_kbd_injected $r_aux_injected" ] || return 1
	[ "$r_kbd_late $r_kbd_lost $r_kbd_dup $r_aux_late $r_aux_lost $r_aux_dup" = "0 0 0 0 0 0" ]
}

# Time that the hypervisor took away, in ticks, where it tells us
pv_steal() { awk '$1 == "cpu" { print $9 + 0 }' /proc/stat; }

# Was there any since pv_steal printed $1? A vCPU that did not run for 2 ms
# with its interrupts off had that time taken away.
gap_min_us=2000
was_stolen() { # TICKS
	ticks=$(($(pv_steal) - $1))
	figures "gaps=$r_gaps gap_min_us=$gap_min_us gaps_us=$r_gaps_us" \
		"gaps_max_us=$r_gaps_max_us steal_ticks=$ticks"
	[ "$r_gaps" -ge 10 ] || [ "$ticks" -ge 10 ] && return
	why="no vCPU time was stolen"
	return 1
}

order_test() { # PARAMETER=VALUE...
	ticks=${host:+$(pv_steal)}
	oracle_run "$@" ${host:+gap_min_us=$gap_min_us} || return 1
	in_order
	ret=$?
	[ -z "$host" ] || was_stolen "$ticks" || return 4
	late=$((r_kbd_late + r_aux_late))
	case $* in
	*spin_us=*)	spun=$r_spins ;;
	*poll_us=*)	spun=${host:+$r_polls} ;;
	*edge_us=*)	spun=${host:+$r_edges} ;;
	*)		return $ret ;;
	esac
	[ "${spun:-0}" = 0 ] || provoked=$((provoked + 1))
	# Where a poll delivers nothing itself, there is none to be delayed.
	[ "$spun" != 0 ] || [ "$r_polls" != 0 ] || [ "$r_edges" != 0 ] ||
		{ why="nothing was provoked"; return 4; }
	return $ret
}

# A driver that delivers in order has a mark for what it is delivering.
keeps_order() { grep -q ' i8042_delivering' /proc/kallsyms; }

# driver_symbol NAME: as a probe has to call it. A driver that was inserted may have a
# twin in the kernel.
driver_symbol() {
	m=$(readlink /sys/bus/platform/drivers/i8042/module)
	m=${m##*/}
	if grep -q "^${m:-none} " /proc/modules; then
		echo "$m:$1"
	else
		echo "$1"
	fi
}

# Tests. Each returns 0 (pass), 1 (fail) or 4 (skip, $why). Those of order leave
# in $late how many bytes were, and count in $provoked that it might have been.

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
	[ $held -gt 0 ] || { why="another module has the driver's filter"; return 4; }
	return $ret
}

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

realtime() { uname -v | grep -q PREEMPT_RT; }

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

# Does a handler wait for a drainer that was stopped for 100 ms? The drainer is
# the poll or, on PREEMPT_RT, the thread that polls: that of IRQ 1. A module that
# delivers in the driver's stead does so in interrupts. A host that pauses the machine
# may keep one handler or another for as long, a driver that waits keeps one for each
# delay.
test_nowait() {
	comm=
	if realtime; then
		set -- spin_in=4
		comm="spin_comm=irq/1-"
	elif [ -d /sys/module/i8042_inorder ]; then
		set -- spin_in=4
	else
		set -- spin_in=1
	fi
	load_oracle "timed=$(driver_symbol i8042_interrupt)" timed_irq=12 $comm ||
		{ load_oracle; why="cannot time i8042_interrupt()"; return 4; }
	oracle_run
	idle=$r_timed_max_us
	in_order || return 1
	delayed_run "bytes=$((bytes / 20))" poll_us=500 poll_cpu=0 spin_us=100000 spin_max=20 \
		long_us=50000 "$@"
	delays=$r_spins handlers=$r_timed_calls long=$r_timed_long
	figures "handlers=$handlers handlers_long=$long long_us=50000" \
		"delays=$delays delay_us=100000" \
		"handler_max_us=$r_timed_max_us handler_max_idle_us=$idle"
	load_oracle || return 1
	[ "$delays" -gt 0 ] || { why="no byte was delayed"; return 4; }
	[ "$handlers" -gt 0 ] || { why="no handler was timed"; return 4; }
	[ $((2 * long)) -lt "$delays" ]
}

# Does a hog of higher priority keep the drainer from its work for as long as it runs?
# Then bytes wait for one burst after another. A host that pauses the machine makes one
# byte or another wait for as long, so they are counted: it is over with ten, or when
# the hog has delayed the poll often enough.
test_running() {
	# The delay in the poll outlasts the hog's pauses. Few bytes: each may wait long.
	set -- bytes=100 gap_us=500 poll_us=100 poll_cpu=0 spin_us=3000 spin_in=1
	oracle_run "$@"
	idle=$r_aux_wait_max_us
	limit_us=50000
	waited=0 delays=0
	for _ in 1 2 3 4 5; do
		oracle_run "$@" hog_us=100000 long_us=$limit_us
		waited=$((waited + r_kbd_waited_long + r_aux_waited_long))
		delays=$((delays + r_spins))
		[ $waited -lt 10 ] && [ $delays -lt 20 ] || break
	done
	report
	figures "waited_long=$waited delays_in_all=$delays long_us=$limit_us hog_us=100000" \
		"wait_max_us=$r_aux_wait_max_us wait_max_idle_us=$idle"
	# On PREEMPT_RT, in order to pass, the poll must not deliver at all.
	realtime || [ $delays -gt 0 ] || { why="no byte was delayed"; return 4; }
	[ $waited -lt 10 ]
}

# Bytes whose interrupt was lost are found by the poll timer, and by nobody else.
test_lost_irq() {
	have_poll_ms || return 4
	oracle_run bytes=10 mute=Y patience_ms=1000
	alone=$((r_kbd_lost + r_aux_lost))
	set_param $poll_ms 1
	order_test "bytes=$((bytes / 100))" mute=Y
	ret=$?
	restore_param $poll_ms
	figures "lost_without_timer=$alone of=20"
	[ $alone -gt 0 ] || { why="no interrupt was lost"; return 4; }
	return $ret
}

# Real drivers

# Ports go away while bytes flow. A lockup, a splat or KASAN would tell.
flow() { # PARAMETER=VALUE...: as packets, to whoever is there
	oracle_start "bytes=$((bytes * 10))" packets=Y "$@" || return 1
	until read_result && [ $((r_kbd_read + r_aux_read)) -gt 100 ]; do
		[ "$r_injecting" = 1 ] || return 1
		sleep 0.02
	done
}

stop_flow() {
	oracle_stop
	figures "kbd_read=$r_kbd_read aux_read=$r_aux_read delays=$r_spins"
}

set_led() { # NAME 0|1
	led=$(echo /sys/class/leds/input*::"$1"/brightness)
	[ ! -e "$led" ] || echo "$2" >"$led"
}

# LED commands wait for an answer that has to come through the same driver. If it does
# not, they all fail. A host that stops the machine for longer than they wait, 200 ms,
# makes many fail, so three that do not are enough.
test_led() {
	need_driver atkbd && need_driver psmouse || return 4
	load_oracle timed=ps2_command || { load_oracle; why="cannot time ps2_command()"; return 4; }
	bind KBD atkbd && bind AUX psmouse || return 1
	led_rounds
	ret=$?
	load_oracle || return 1
	return $ret
}

led_rounds() {
	ticks=${host:+$(pv_steal)}
	flow $flow_delays || return 1
	n=0 good=0
	while [ $n -lt $((good < 3 ? bytes : bytes / 100)) ] && injecting; do
		for l in numlock capslock scrolllock; do
			# Another one if the port was bound again meanwhile
			set_led $l $((n & 1))
		done
		n=$((n + 1))
		sleep 0.05
		read_result
		good=$((r_timed_calls - r_timed_errors))
	done
	oracle_stop
	calls=$r_timed_calls errors=$r_timed_errors longest=$r_timed_max_us
	figures "commands=$calls failed=$errors command_max_us=$longest rounds=$n" \
		"kbd_read=$r_kbd_read aux_read=$r_aux_read"
	[ -z "$host" ] || was_stolen "$ticks" || return 4
	[ "$calls" -gt 0 ] || { why="no LED command was sent"; return 4; }
	[ $((calls - errors)) -ge 3 ]
}

test_stop_serio() {
	ticks=${host:+$(pv_steal)}
	flow $flow_delays || return 1
	i=0
	while [ $i -lt 10 ]; do
		for port in KBD AUX; do
			bind $port none
			bind $port i8042_oracle
		done
		i=$((i + 1))
	done
	figures "rebound=$i"
	stop_flow
	[ -z "$host" ] || was_stolen "$ticks" || return 4
}

# Bytes of the flow that came too late for anybody are taken for answers by the probe,
# which may then fail, or find no port.
bind_device() {
	for _ in 1 2 3 4 5; do
		printf i8042 2>/dev/null >$driver/bind && wait_for_ports && return
		printf i8042 2>/dev/null >$driver/unbind
	done
	return 1
}

# Whether drivers look for devices at a port that is new, or on which bytes came: while
# bytes flow a driver may look for minutes.
bind_mode() { # auto|manual
	for mode in /sys/bus/serio/drivers/*/bind_mode; do
		case $mode:$1 in
		*/i8042_oracle/*) ;;
		*:manual) set_param "$mode" manual ;;
		*)	restore_param "$mode" ;;
		esac
	done
}

# Without serio_mutex, so that ports can go away meanwhile. (drvctl takes it, and waits for
# ever if its own port goes.)
unbind_aux() {
	d=$(port_dir AUX) || return
	printf %s "${d##*/}" >$drivers/i8042_oracle/unbind
	printf %s "${d##*/}" >$drivers/i8042_oracle/bind
}

test_stop_device() {
	bind_mode manual
	stop_device_rounds
	ret=$?
	# It may not have been loaded again.
	echo manual >$drivers/i8042_oracle/bind_mode
	bind_mode auto
	[ $ret = 0 ] || return $ret
	order_test
}

stop_device_rounds() {
	keeps_order || [ -n "$force" ] ||
		{ why="this driver may use freed memory then; -f runs it"; return 4; }
	driver=/sys/bus/platform/drivers/i8042
	stops=0 early=0
	# Where somebody else delivers what the poll has read
	in=1
	if realtime || [ -d /sys/module/i8042_inorder ]; then
		in=4
	fi
	# A module that delivers holds the port itself, for longer than the driver does.
	[ -d /sys/module/i8042_inorder ] || load_oracle "stop=$(driver_symbol i8042_stop)" ||
		{ load_oracle; why="cannot probe i8042_stop()"; return 4; }
	# Or "bind" does not find it
	echo auto >$drivers/i8042_oracle/bind_mode
	i=0
	while [ $i -lt 5 ]; do
		# Unbinding the driver of the AUX port polls, until that poll finds a byte of
		# the KBD port. That port goes away while the byte is delivered.
		oracle_start bytes=4000000000 packets=Y spin_us=200000 spin_in=$in \
			spin_ports=1 spin_max=1 unbind=Y || return 1
		tries=0
		while [ -e $driver/i8042 ]; do
			[ $((tries += 1)) -lt 2000 ] ||
				{ stop_flow; why="no byte was delayed"; return 4; }
			unbind_aux 2>/dev/null
		done
		stop_flow
		stops=$((stops + r_stops))
		early=$((early + r_stopped_early))
		bind_device && bind_oracle || return 1
		i=$((i + 1))
	done
	figures "rebound=$i stops=$stops stopped_early=$early"
	load_oracle && [ "$early" = 0 ]
}

# All phases of a suspend but the last, which would need somebody to wake us
test_suspend() {
	pm_test=/sys/power/pm_test
	delay=/sys/module/suspend/parameters/pm_test_delay
	[ -e $pm_test ] && grep -q freeze /sys/power/state ||
		{ why="no suspend-to-idle or no pm_test"; return 4; }
	set_param $delay 1
	set_param $pm_test platform "$(sed 's/.*\[\(.*\)\].*/\1/' $pm_test)"
	suspend_rounds 3
	ret=$?
	restore_param $pm_test
	restore_param $delay
	[ $ret = 0 ] && order_test
}

# A real one, in which bytes of the keyboard, from outside, wake us up
test_s2idle() {
	grep -q freeze /sys/power/state || { why="no suspend-to-idle"; return 4; }
	# Both: a byte of one port that wakes nobody keeps the other's out.
	for port in KBD AUX; do
		set_param "$(port_dir $port)/power/wakeup" enabled
	done
	suspend_rounds 3
	ret=$?
	for port in KBD AUX; do
		restore_param "$(port_dir $port)/power/wakeup"
	done
	return $ret
}

suspend_rounds() { # ROUNDS
	flow $flow_delays || return 1
	suspended=0
	i=0
	while [ $suspended -lt "$1" ] && [ $i -lt $((10 * $1)) ]; do
		# Fails if a byte comes that should wake us up: not a fault.
		echo freeze 2>/dev/null >/sys/power/state && suspended=$((suspended + 1))
		i=$((i + 1))
	done
	figures "suspended=$suspended prevented=$((i - suspended))"
	stop_flow
	[ $suspended -gt 0 ]
}

few() { # but some of each
	read_result
	[ "$r_kbd_read" -gt 0 ] && [ "$r_aux_read" -gt 0 ] &&
		{ [ "$r_kbd_read" -le 100 ] || [ "$r_aux_read" -le 100 ]; }
}

# Real drivers and, from outside, real events, for a while. Packets of three bytes
test_watch() {
	need_driver atkbd && need_driver psmouse proto=bare || return 4
	load_oracle || return 1
	# The real input may come between the answers to a probe.
	tries=0
	until bind KBD atkbd && bind AUX psmouse; do
		[ $((tries += 1)) -lt 10 ] || return 1
	done 2>/dev/null
	for p in poll_us=500 edge_us=0 hog_us=0 spin_us=0 mute=N; do
		echo "${p#*=}" >"$param/${p%%=*}"
	done
	sleep 1
	echo 1 >$oracle/watch || return 1
	# As long again where a busy host sends few
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		sleep "$seconds"
		few || break
	done
	echo 0 >$oracle/watch
	read_result
	figures .kbd "read=$r_kbd_read received=$r_kbd_received misplaced=$r_kbd_misplaced"
	figures .aux "read=$r_aux_read received=$r_aux_received misplaced=$r_aux_misplaced" \
		"torn=$r_aux_torn packets=$((r_aux_read / 3))"
	[ "$r_kbd_read" -gt 100 ] && [ "$r_aux_read" -gt 100 ] ||
		{ why="nobody moves the mouse and presses keys"; return 4; }
	[ "$r_kbd_received $r_aux_received" = "$r_kbd_read $r_aux_read" ] &&
		[ "$r_kbd_misplaced $r_aux_misplaced" = "0 0" ]
}

number_or_usage() {
	case $1 in
	'' | *[!0-9]* | 0*) usage >&2; exit 1 ;;
	esac
}

skip_all() {
	ktap_skip_all "$*"
	exit "$KSFT_SKIP"
}

while getopts Hfn:e:s:lh opt; do
	case $opt in
	H)	host=y ;;
	f)	force=y ;;
	n)	number_or_usage "$OPTARG"; bytes=$OPTARG ;;
	e)	number_or_usage "$OPTARG"; enough=$OPTARG edge_spin_every=2 ;;
	s)	number_or_usage "$OPTARG"; seconds=$OPTARG ;;
	l)	echo $tests; exit ;;
	h)	usage; exit ;;
	*)	usage >&2; exit 1 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- ${host:+$host_tests}
[ $# -gt 0 ] || set -- $tests
for t; do
	case " $(echo $tests) watch s2idle " in
	*" $t "*) ;;
	*)	usage >&2; exit 1 ;;
	esac
done

# Delays, but for a port that flows while something else is tested
flow_delays="edge_us=500 spin_us=200 spin_every=20"
[ -z "$host" ] || flow_delays="edge_us=500 gap_min_us=$gap_min_us"

ktap_print_header
[ "$(id -u)" = 0 ] || skip_all "needs root"
grep -q ' /sys/kernel/debug ' /proc/mounts ||
	mount -t debugfs none /sys/kernel/debug 2>/dev/null ||
	skip_all "needs debugfs"
[ -d /sys/bus/serio ] || skip_all "this kernel has no serio"
wait_for_ports || skip_all "no i8042 with a port for a keyboard and one for a mouse"
kbd_driver=$(driver_of KBD)
aux_driver=$(driver_of AUX)
trap restore_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
load_oracle || skip_all "$why"

affected=0 provoked=0
ktap_set_plan $#
for t; do
	why='' late=0
	! injecting || echo 0 >$oracle/run
	read -r begin _ </proc/uptime
	wait_for_ports && bind_oracle && "test_$t"
	ret=$?
	read -r end _ </proc/uptime
	figures "seconds=$((${end%.*} - ${begin%.*}))"
	case $ret in
	0)	ktap_test_pass "$t" ;;
	4)	ktap_test_skip "$t $why" ;;
	*)	[ "$late" = 0 ] || affected=$((affected + 1))
		ktap_test_fail "$t" ;;
	esac
done

if [ $affected -gt 0 ]; then
	ktap_print_msg "verdict: affected=yes tests=$affected"
elif [ $provoked -gt 0 ]; then
	ktap_print_msg "verdict: affected=no tests=$provoked"
else
	ktap_print_msg "verdict: affected=unknown tests=0"
fi
ktap_finished
