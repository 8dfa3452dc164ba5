# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Record what input devices of a virtual machine receive while the i8042 is polled, and
# print it as frames. A DEVICE is NAME:PHYS. PHYS is a regular expression for the device's
# physical path.

P=/sys/module/i8042_oracle/parameters
O=/sys/kernel/debug/i8042_oracle

event_of() { # PHYS
	awk -v p="Phys=$1\$" '
		/^P: / { on = $0 ~ p }
		on && /^H: / && match($0, /event[0-9]+/) { print substr($0, RSTART, RLENGTH); exit }' \
		/proc/bus/input/devices
}

start() { # DEVICE...
	modprobe evdev
	for d; do
		tries=0
		until e=$(event_of "${d#*:}") && [ -n "$e" ]; do
			[ $((tries += 1)) -lt 100 ] || { echo "no $d"; return 1; }
			sleep 0.1
		done
		cat "/dev/input/$e" >"/tmp/${d%%:*}.events" &
	done
	insmod test_modules/i8042_oracle.ko || return
	echo 100 >$P/poll_us
	echo "${poll_cpu:--1}" >$P/poll_cpu
	echo 1 >$O/watch
	sleep 1
	echo 1..1	# the host begins
}

# Wait for the first event, then until there was none for ten seconds: psmouse may need
# some seconds to reconnect.
wait_for_events() {
	same=0 size=0
	while [ $same -lt 100 ]; do
		sleep 0.1
		now=$(cat /tmp/*.events | wc -c)
		same=$((now > 0 && now == size ? same + 1 : 0)) size=$now
	done
	echo 0 >$O/watch
}

# frames DEVICE...: print "frame NAME X Y CLICKS" for each report of a device. X and Y are
# the motion since the last frame, or the position.
frames() { # DEVICE...
	wait_for_events
	awk '/^(polls|aux_)/ { line = line " " $1 "=" $2 } END { print "# oracle:" line }' $O/result
	dmesg | grep -E 'psmouse|mouse' | sed 's/^/# /'
	sed -n 's/^N: Name=/# there is: /p' /proc/bus/input/devices
	# struct input_event: the time, type, code and value
	for d; do
		hexdump -v -e '4/4 "%u " " " 2/2 "%u " " " 1/4 "%d\n"' "/tmp/${d%%:*}.events" |
			awk -v name="${d%%:*}" '
			$5 == 0 && $6 == 3 { print "dropped" }
			$5 == 0 && $6 == 0 {
				print "frame", name, x + 0, y + 0, clicks + 0
				clicks = 0
				if (rel)
					x = y = 0
			}
			$5 == 1 && $7 { clicks++ }
			$5 == 2 { rel = 1 }
			($5 == 2 || $5 == 3) && $6 == 0 { x = $7 }
			($5 == 2 || $5 == 3) && $6 == 1 { y = $7 }'
	done
}
