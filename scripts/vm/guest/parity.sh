# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# A guest for checks/parity, in which the host presses the key A, and whose driver finds
# parity errors (variant "parity"): what becomes of the key?

# keys N: wait for N strokes, 30 s at most. Print how many events of the key came, how many
# of them were right (pressed, released, pressed...), how many were of other keys, and how
# often atkbd asked for a byte again.
keys() {
	modprobe evdev
	until led=$(ls -d /sys/class/leds/*::capslock) && event=$(grep -l '^AT ' /sys/class/input/event*/device/name); do
		sleep 0.2
	done 2>/dev/null
	event=${event#/sys/class/}
	cat "/dev/${event%/device/name}" >/tmp/events &
	reader=$!
	echo "1..1"
	i=0
	while [ $i -lt 100 ] && [ "$(judge received)" -lt $((2 * $1)) ]; do
		# The answer to this lets atkbd ask for a byte again.
		echo $(((i += 1) % 2)) >"$led/brightness"
		sleep 0.1
	done
	kill $reader
	echo "# keys: strokes=$1 received=$(judge received) right=$(judge right) others=$(judge others)" \
		"resends=$(dmesg | grep -c 'Frame/parity error')"
}

# Type 1 is a key, code 30 is A. Repeats (2) are made by the input core.
judge() { # received|right|others
	hexdump -v -e '4/4 "%u " 1/2 " %u" 1/2 " %u" 1/4 " %d\n"' /tmp/events | awk -v what="$1" '
	$5 == 1 && $6 == 30 && $7 < 2 { count["right"] += $7 == ++count["received"] % 2 }
	$5 == 1 && $6 != 30 { count["others"]++ }
	END { print count[what] + 0 }'
}
