# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Run i8042-doctor, for checks/doctor-vm to judge. Needs vm/run --input, and a command
# line with which the kernel logs bytes (i8042.debug).

. /guest/try.sh

doctor="sh /i8042-doctor"

# Force the protocol: with KVM psmouse would choose vmmouse.
mouse() {
	have_nobody
	modprobe psmouse proto=imps
	until grep -q isa0060/serio1 /proc/bus/input/devices; do
		sleep 0.1
	done
}

# as_nobody NAME ARGUMENTS
as_nobody() { try "$1" su nobody -c "$doctor $2"; }

# watched PATTERN COMMAND: run the command for $s seconds. If no line matches, try again
# with a longer time.
watched() {
	# shellcheck disable=SC2034	# for COMMAND
	for s in 4 16 64 256; do
		eval "$2" >/tmp/watched 2>&1
		status=$?
		! grep -qE "$1" /tmp/watched || break
	done
	cat /tmp/watched
	return $status
}

numbers='^[0-9:]{8} +[0-9]+ '
mouse_moves='^event[0-9]+ +PS/2 +[1-9]'
irq_moves='^irq_12: +[1-9]'
flow='^[0-9:]{8} +[1-9][0-9]* +[1-9][0-9]* +[0-9]+ +[0-9]+ +[0-9]'

# shellcheck disable=SC2086	# a command and its argument
all() {
	mouse
	echo 1..1	# the host begins to press keys
	until awk '/ 1:.*i8042/ { n = $2 + $3 } END { exit n < 100 }' /proc/interrupts; do
		sleep 0.1
	done
	try "as it is" $doctor
	as_nobody "as nobody"
	as_nobody "json as nobody" --json
	modprobe evdev
	chmod 1777 /tmp
	try "test" watched "$mouse_moves" "$doctor --test \$s"
	try "test as nobody" watched "$irq_moves" "su nobody -c \"$doctor --test \$s\""
	try "watch" watched "$numbers" "timeout -s INT \$s $doctor --watch"
	modprobe i8042_inorder mode=observe
	try "observe" $doctor
	as_nobody "observe as nobody"
	echo deliver >/sys/module/i8042_inorder/parameters/mode
	try "deliver" $doctor
	try "json" $doctor --json
	try "watch the module" watched "$flow" "timeout -s INT \$s $doctor --watch 2"
	try "watch as nobody" watched "$numbers" "su nobody -c \"timeout -s INT \$s $doctor --watch\""
	try "tar" $doctor --tar /tmp/report.tar
	try "tar has" tar -xOf /tmp/report.tar
	try "tar to standard output" sh -c "$doctor --tar - | tar -xOf -"
	try "typed" sh -c "dmesg | grep i8042"
}

# shellcheck disable=SC2086	# a command and its argument
not_there() { try "not there" $doctor; }

# shellcheck disable=SC2086	# a command and its argument
with_the_series() {
	mouse
	try "the series" $doctor
	as_nobody "the series as nobody"
}

# Wait until the mouse was probed: the probe has interrupts, too.
probed() {
	grep -q isa0060/serio1 /proc/bus/input/devices || return
	before=$(grep i8042 /proc/interrupts)
	sleep 2
	[ "$before" = "$(grep i8042 /proc/interrupts)" ]
}

# moved MODULES NAME KIND: run the doctor's --test while the device of this NAME moves
# shellcheck disable=SC2086	# lists of words
moved() {
	modprobe -a evdev mousedev psmouse $1
	until grep -q "$2" /proc/bus/input/devices && probed; do
		sleep 0.1
	done
	echo 1..1	# the host begins to give positions
	try "$2" watched "^event[0-9]+ +$3 +[1-9]" "$doctor --test \$s"
}
