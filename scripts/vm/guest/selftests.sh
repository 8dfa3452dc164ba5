# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the self tests do where they cannot run, and what they leave behind, for
# checks/selftests to judge.

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

signal_when_bytes_flow() { # SIGNAL
	until [ -s /tmp/pid ]; do
		sleep 0.1
	done
	until grep -qs "^injecting 1" /sys/kernel/debug/i8042_oracle/result; do
		kill -0 "$(cat /tmp/pid)" 2>/dev/null || return
		sleep 0.1
	done
	kill -s "$1" "$(cat /tmp/pid)"
}

# ended_by SIGNAL ARGUMENT...: a test to which that happens. It runs in the foreground,
# as those in the background ignore SIGINT.
ended_by() {
	rm -f /tmp/pid
	signal_when_bytes_flow "$1" &
	shift
	# shellcheck disable=SC2016	# for that shell
	sh -c 'echo $$ >/tmp/pid; exec "$@"' - "$test" "$@"
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

bound_to_psmouse() { state | grep -q '/psmouse$'; }

no_i8042() { try "no i8042" "$test"; }

all() {
	have_nobody
	try "no root" su nobody -c "$test"
	try "wrong test" "$test" no-such-test
	try "wrong number" "$test" -n ten

	# This host may well steal: only ten seconds at once shall count.
	sed 's/^gap_min_us=.*/gap_min_us=10000000/' "$test" >"$PWD/blind.sh"
	try "no host that steals" sh ./blind.sh -H -n 300 irq poll

	leaves interrupted ended_by INT -n 4000000 poll
	modprobe psmouse proto=bare
	until bound_to_psmouse; do
		sleep 0.1
	done
	leaves "interrupted with a mouse" ended_by TERM -n 400000 led
	leaves "interrupted with the timer" ended_by INT -n 4000000 timer

	# The same module by another name is somebody else's filter.
	sed s/i8042_oracle/i8042_0racle/g "$ko" >/tmp/stranger.ko
	insmod /tmp/stranger.ko
	try "held filter" "$test"
	rmmod i8042_0racle
	mv "$ko" /tmp
	try "not built" "$test"
	echo "not a module" >"$ko"
	try "wrong module" "$test"
}
