# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# A guest for checks/memory, in which the host types: it says when it has received enough
# bytes, and ends when the host moves the mouse.

. /guest/try.sh

S=/sys/kernel/debug/i8042_inorder/stats

type_until() { # BYTES
	modprobe psmouse
	within 600 grep -q "Phys=isa0060/serio1/" /proc/bus/input/devices || return
	modprobe i8042_inorder || return
	echo 1..1	# the host begins
	within 3000 more_than "$1" kbd_bytes $S || return
	try typed cat $S
	within 3000 more_than $(($(figure_of aux_bytes $S) + 30)) aux_bytes $S
}
