#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Usage: i8042_stress.sh [-H] [-f] [-n BYTES] [-s SECONDS] [-l] [TEST...]
#
# What else has to go on while bytes flow through the i8042: LED commands, ports
# that go and come, suspend-to-idle.
#
#	-H	a host takes run time away from the vCPUs meanwhile: provoke no
#		delays here, measure the stolen time instead, and skip a test
#		in which there was none
#	-f	also run stop_device on a driver that may then crash
#	-n N	bytes for each port (default 10000)
#	-s N	seconds for watch (default 20)
#	-l	list the tests
#
# Two more tests need somebody outside who uses the real keyboard and mouse:
# watch, which compares what their drivers receive with what was read, and s2idle.
#
# Verdicts are KTAP. Figures are lines "# NAME: KEY=VALUE KEY=VALUE...", NAME being
# the test, or the test and a port.
#
# Needs root, debugfs, kprobes and the module test_modules/i8042_oracle.ko. The
# keyboard and the mouse are dead while it runs, and back when it ends.

# shellcheck disable=SC2034,SC2154	# what i8042_lib.sh uses, and what it sets

# shellcheck source=i8042_lib.sh
. "$(dirname "$0")/i8042_lib.sh"

tests="led stop_serio close stop_device suspend"
host_tests="led stop_serio"
more_tests="watch s2idle"
more_options=fs:
drivers=/sys/bus/serio/drivers

# Ports go away while bytes flow. A lockup, a splat or KASAN would tell.
flow() { # as packets, to whoever is there, with delays
	set -- edge_us=500 spin_us=200 spin_every=20
	[ -z "$host" ] || set -- edge_us=500 "gap_min_us=$gap_min_us"
	oracle_start bytes=4000000000 packets=Y "$@" || return 1
	until read_result && [ $((r_kbd_read + r_aux_read)) -gt 100 ]; do
		[ "$r_injecting" = 1 ] || return 1
		sleep 0.02
	done
}

stop_flow() {
	oracle_stop
	figures "kbd_read=$r_kbd_read aux_read=$r_aux_read delays=$r_spins"
}

# Of our keyboard: there may be others.
set_led() { # NAME 0|1
	for led in "$(port_dir KBD)"/input/input*/input*::"$1"/brightness; do
		[ ! -e "$led" ] || echo "$2" >"$led"
	done
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
	flow || return 1
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
		# Before 4.2 there are no LEDs in sysfs.
		[ $n -lt 100 ] || [ "$r_timed_calls" -gt 0 ] || break
	done
	oracle_stop
	calls=$r_timed_calls errors=$r_timed_errors longest=$r_timed_max_us
	figures "commands=$calls failed=$errors command_max_us=$longest rounds=$n" \
		"kbd_read=$r_kbd_read aux_read=$r_aux_read"
	[ "$calls" -gt 0 ] || { why="no LED command was sent"; return 4; }
	[ $((calls - errors)) -ge 3 ] || return 1
	[ -z "$host" ] || was_stolen "$ticks" || return 4
}

test_stop_serio() {
	ticks=${host:+$(pv_steal)}
	flow || return 1
	rebound=0
	for port in KBD AUX KBD AUX KBD AUX KBD AUX KBD AUX; do
		bind $port none && bind $port i8042_oracle && rebound=$((rebound + 1))
	done
	figures "rebound=$rebound"
	stop_flow
	[ $rebound -gt 0 ] || return 1
	[ -z "$host" ] || was_stolen "$ticks" || return 4
}

# What is being delivered to a port that is closed comes before the close returns: later
# the port has no driver, and serio looks for one.
test_close() {
	load_oracle "stop=$(driver_symbol i8042_port_close)" ||
		{ load_oracle; why="cannot probe i8042_port_close()"; return 4; }
	bind_mode manual
	close_rounds
	ret=$?
	bind_mode auto
	load_oracle || return 1
	return $ret
}

close_rounds() {
	oracle_start bytes=4000000000 packets=Y spin_us=50000 spin_every=20 spin_in=4 \
		spin_ports=2 || return 1
	tries=0
	until read_result && [ "$r_stops_delayed" -ge 5 ] || [ $tries -ge 500 ]; do
		tries=$((tries + 1))
		bind AUX i8042_oracle
	done
	stop_flow
	figures "closes=$r_stops delayed=$r_stops_delayed closed_early=$r_stopped_early"
	[ "$r_stops_delayed" -gt 0 ] ||
		{ why="the port was never closed while a byte was delayed"; return 4; }
	[ "$r_stopped_early" = 0 ]
}

# Bytes of the flow that came too late for anybody are taken for answers by the probe,
# which may then fail, or find no port.
bind_device() {
	for _ in 1 2 3 4 5; do
		printf i8042 2>/dev/null >$device/bind && wait_for_ports && return
		printf i8042 2>/dev/null >$device/unbind
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

# A driver that delivers in order has a mark for what it is delivering.
keeps_order() { grep -q ' i8042_delivering' /proc/kallsyms; }

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
	printf manual >$drivers/i8042_oracle/bind_mode
	bind_mode auto
	[ $ret = 0 ] || return $ret
	order_test
}

stop_device_rounds() {
	keeps_order || [ -n "$force" ] ||
		{ why="this driver may use freed memory then; -f runs it"; return 4; }
	[ -e $device/bind ] || { why="this driver cannot be bound to the device again"; return 4; }
	stops=0 early=0
	find_delivers_in || return 1
	# If neither the poll nor the interrupt thread delivers, this is not for the driver to
	# wait for.
	[ $delivers_in = 4 ] && ! realtime || load_oracle "stop=$(driver_symbol i8042_stop)" ||
		{ load_oracle; why="cannot probe i8042_stop()"; return 4; }
	# Or "bind" does not find it
	printf auto >$drivers/i8042_oracle/bind_mode
	i=0
	while [ $i -lt 5 ]; do
		# Unbinding the driver of the AUX port polls, until that poll finds a byte of
		# the KBD port. That port goes away while the byte is delivered.
		oracle_start bytes=4000000000 packets=Y spin_us=200000 spin_in=$delivers_in \
			spin_ports=1 spin_max=1 unbind=Y || return 1
		tries=0
		while [ -e $device/i8042 ]; do
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
	# Kernels before 3.9 have no "freeze".
	state=$(grep -ow -e freeze -e mem /sys/power/state | head -n 1)
	[ -e $pm_test ] && [ -n "$state" ] || { why="no suspend or no pm_test"; return 4; }
	set_param $delay 1
	set_param $pm_test platform "$(sed 's/.*\[\(.*\)\].*/\1/' $pm_test)"
	suspend_rounds 3 "$state"
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
	suspend_rounds 3 freeze
	ret=$?
	for port in KBD AUX; do
		restore_param "$(port_dir $port)/power/wakeup"
	done
	return $ret
}

suspend_rounds() { # ROUNDS STATE
	flow || return 1
	suspended=0
	i=0
	while [ $suspended -lt "$1" ] && [ $i -lt $((10 * $1)) ]; do
		# Fails if a byte comes that should wake us up: not a fault.
		echo "$2" 2>/dev/null >/sys/power/state && suspended=$((suspended + 1))
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

run_tests "$@"
ktap_finished
