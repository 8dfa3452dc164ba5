# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# shellcheck disable=SC2154	# set by lab/xen-check
#
# A guest of lab/xen-check runs this. By its file in lab/xen/guests/ these are set:
#
#	load	a module to load first, or nothing
#	pointer	the absolute pointer, if it has one
#	bytes	how many, for each port and self test, if other than below
#	fault	"y": the driver has the fault
#	phases	the phases to run, in this order:
#
#	order		self tests while Xen takes the vCPUs away
#	delays		a self test that delays deliveries itself
#	alone		motions and keys from dom0, read in interrupts alone
#	polled		the same, while a port is polled
#	absolute	positions and keys from dom0, while a port is polled, if there is one
#	absent		self tests where there is no i8042
#
# If nothing was provoked, a test is repeated with three times as many bytes. If the fault
# must show and does not, it is repeated with as many, and "polled" with three times as many
# events.

oracle=/sys/kernel/debug/i8042_oracle
param=/sys/module/i8042_oracle/parameters
bytes=${bytes:-50}	# for each port and self test
events=40	# motions or positions
inputs=0

# stolen: the stolen time in ms, from /proc/stat, which counts in hundredths of a second
stolen() { awk '$1 == "cpu" { print $9 * 10 }' /proc/stat; }

time_limits() { dmesg | grep -c 'lost synchronization, throwing'; }

# begin PHASE, end PHASE: between the two, dom0 steals the vCPUs
begin() {
	stolen_before=$(stolen) limits_before=$(time_limits)
	echo "# phase $1"
	echo "# steal"
}
end() {
	echo "# steal end"
	echo "# $1: stolen_ms=$(($(stolen) - stolen_before)) time_limits=$(($(time_limits) - limits_before))"
}

# shown TEST: does its last run say anything about the driver?
shown() {
	case $fault$1 in
	y*irq)	grep -q '^ok [^#]*$' /tmp/tests ;;
	y*)	grep -q '^not ok' /tmp/tests && grep -q ' late=[1-9]' /tmp/tests ;;
	*poll_spin) grep -q ' read_poll=[1-9]' /tmp/tests ;;
	*)	grep -qE '^(not )?ok [^#]*$' /tmp/tests ;;
	esac
}

tests() { # TEST [OPTION...]
	t=$1 n=$bytes more=3 rounds=3
	shift
	case $fault$t in
	y*irq)	;;
	# In small runs: as long as bytes flow, their interrupts may keep a CPU from all else,
	# and after 21 s RCU complains.
	y*)	n=$((2 * bytes)) more=1 rounds=20
		set -- "$@" -e 3 ;;
	esac
	for _ in $(seq $rounds); do
		./i8042_order.sh "$@" -n $n "$t" | tee /tmp/tests
		! shown "$t" || break
		n=$((more * n))
	done
}

# decode FILE: print its events: "got M X Y" for motions and positions, "got K CODE VALUE"
# for keys, and "got B CODE VALUE" for buttons
decode() {
	od -An -v -tu2 -w24 "$1" | awk '
		{ value = $11 + 65536 * $12; if (value >= 2147483648) value -= 4294967296 }
		$9 == 3 { absolute = 1 }
		$9 == 2 || $9 == 3 { v[$10] = value; some = 1 }
		$9 == 1 { print $10 < 256 ? "got K" : "got B", $10, value }
		$9 == 0 && some { print "got M", v[0] + 0, v[1] + 0; some = 0; if (!absolute) split("", v) }'
}

# Was F1 released, or F2 for the second input, and so on? dom0 sends it last, again and again
# until it sees "input end".
input_ended() {
	for f in /tmp/event*; do
		! decode "$f" | grep -q "K $((58 + inputs)) 0" || return 0
	done
	return 1
}

# input PHASE rel|abs EVENTS [POLL_US]: record what dom0 sends, and with POLL_US (0: no
# polls) have the oracle compare the bytes that are read and received
input() {
	readers="" inputs=$((inputs + 1))
	for d in /dev/input/event*; do
		cat "$d" >"/tmp/${d##*/}" &
		readers="$readers $!"
	done
	if [ -n "$4" ]; then
		echo "$4" >$param/poll_us
		echo 1 >$oracle/watch
	fi
	begin "$1"
	echo "# input $3 $2"
	until input_ended; do
		sleep 2
	done
	echo "# input end"
	sleep 2
	end "$1"
	[ -z "$4" ] || echo 0 >$oracle/watch
	# shellcheck disable=SC2086	# a list
	kill $readers
	for f in /tmp/event*; do
		decode "$f"
		rm "$f"
	done
	[ -z "$4" ] || echo "# $1.bytes:$(awk '/^(kbd|aux)_(read|received|misplaced) / { printf " %s=%s", $1, $2 }' $oracle/result)"
}

misplaced() { awk '/_misplaced/ { n += $2 } END { exit !n }' $oracle/result; }

driver() { # PORT DRIVER
	for d in /sys/bus/serio/devices/*; do
		! grep -qx "i8042 $1 port" "$d/description" || printf %s "$2" >"$d/drvctl"
	done
}

devices=""
input_devices() {
	[ -z "$devices" ] || return
	devices=y
	[ "$pointer" != tablet ] || modprobe -a uhci_hcd usbhid hid_generic
	for m in atkbd evdev xen-kbdfront "psmouse proto=bare"; do
		# shellcheck disable=SC2086	# with a parameter
		modprobe $m
	done
	sleep 3
	sed -n 's/^N: Name=/# device /p' /proc/bus/input/devices
}

ps2_devices() {
	input_devices
	[ -d /sys/bus/serio/devices/serio1 ] && [ ! -d $oracle ] || return
	insmod test_modules/i8042_oracle.ko
	driver KBD atkbd
	driver AUX psmouse
	sleep 3
}

phase() { # NAME
	case $1 in
	order)	begin order
		sleep 2
		tests irq -H
		tests poll -H
		end order ;;
	delays)	echo "# phase delays"
		tests poll_spin ;;
	alone)	ps2_devices
		input alone rel $events 0 ;;
	polled)	ps2_devices
		n=$events
		for _ in 1 2 3; do
			input polled rel $n 500
			[ -n "$fault" ] && ! misplaced || break
			n=$((3 * n))
		done ;;
	absolute) ps2_devices
		# shellcheck disable=SC2046	# nothing, or 500
		input absolute abs $events $([ ! -d $oracle ] || echo 500) ;;
	absent)	./i8042_order.sh
		echo "# absent: status=$?" ;;
	esac
}

echo "# kernel $(uname -r), up $(cut -d' ' -f1 /proc/uptime) s, clock $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
if [ -n "$load" ]; then
	modprobe "$load"
	echo "# load: status=$?"
	dmesg | grep "$load:"
fi
sh /i8042-doctor | sed 's/^/# doctor: /'
for p in $phases; do
	phase "$p"
done
dmesg | grep -E 'psmouse|i8042|serio|atkbd' | sed 's/^/# log: /'
echo "# end"
