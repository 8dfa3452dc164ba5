# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Run the self tests where they cannot run, and interrupt them, for checks/selftests to
# judge what they say and leave behind.

. /guest/oracle.sh
. /guest/try.sh

test=$PWD/i8042_order.sh
ko=$PWD/test_modules/i8042_oracle.ko

state() {
	for d in /sys/bus/serio/devices/*; do
		readlink "$d/driver" || echo none
	done
	for p in unmask_kbd_data poll_ms; do
		cat /sys/module/i8042/parameters/$p 2>/dev/null
	done
	lsmod
}

bytes_flow() { grep -qs "^injecting 1" $O/result; }
device_is_gone() { [ ! -e /sys/bus/platform/drivers/i8042/i8042 ]; }

signal_when() { # CONDITION SIGNAL
	until [ -s /tmp/pid ]; do
		sleep 0.1
	done
	until "$1"; do
		kill -0 "$(cat /tmp/pid)" 2>/dev/null || return
		sleep 0.02
	done
	# A program still reads this file while the test unloads the module.
	{ sleep 0.5; } <$O/result &
	kill -s "$2" "$(cat /tmp/pid)"
	wait
}

# ended_when CONDITION SIGNAL PROGRAM ARGUMENT...: run the program, and send it the signal
# as soon as the condition holds. It runs in the foreground, because programs in the
# background ignore SIGINT.
ended_when() {
	rm -f /tmp/pid
	signal_when "$1" "$2" &
	shift 2
	# shellcheck disable=SC2016	# for that shell
	sh -c 'echo $$ >/tmp/pid; exec "$@"' - "$@"
	set -- $?
	wait
	return "$1"
}

# leaves NAME COMMAND...: are drivers, parameters and modules as before?
leaves() {
	state >/tmp/before
	try "$@"
	state >/tmp/after
	try "$1 leaves" diff /tmp/before /tmp/after
}

# Take the ports away while bytes flow, as serio's worker may
take_ports() {
	until bytes_flow; do
		sleep 0.02
	done
	bind_ports none
}

without_ports() {
	take_ports &
	"$test" -n 4000 irq
}

bound_to_psmouse() { state | grep -q '/psmouse$'; }

no_i8042() { try "no i8042" "$test"; }

all() {
	have_nobody
	try "no root" su nobody -c "$test"
	try "wrong test" "$test" no-such-test
	try "wrong number" "$test" -n ten

	# This host may well steal, so let only gaps of ten seconds count.
	cp -r . ../blind
	sed -i 's/^gap_min_us=.*/gap_min_us=10000000/' ../blind/i8042_lib.sh
	try "no host that steals" ../blind/i8042_order.sh -H -n 300 irq

	try "ports taken away" without_ports
	leaves interrupted ended_when bytes_flow INT "$test" -n 4000000 poll
	modprobe psmouse proto=bare
	until bound_to_psmouse; do
		sleep 0.1
	done
	leaves "interrupted with a mouse" ended_when bytes_flow TERM ./i8042_stress.sh -n 400000 led
	leaves "interrupted with the timer" ended_when bytes_flow INT ./i8042_optional.sh -n 4000000 timer
	# Without the series this may kill the guest
	! grep -q i8042_delivering /proc/kallsyms ||
		leaves "interrupted without ports" ended_when device_is_gone INT ./i8042_stress.sh stop_device

	# The test module by another name stands for another module with a filter.
	sed s/i8042_oracle/i8042_0racle/g "$ko" >/tmp/stranger.ko
	insmod /tmp/stranger.ko
	try "held filter" "$test"
	rmmod i8042_0racle
	mv "$ko" /tmp
	try "not built" "$test"
	echo "not a module" >"$ko"
	try "wrong module" "$test"
}
