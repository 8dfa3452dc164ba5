# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
#
# What is booted in a virtual machine, and what its kernel's log says; to be sourced
# after common.sh.

# get_kernel KERNEL: sets $image, a directory with a kernel and its modules, $bootable, its
# file for QEMU, and $built, a directory with the driver to insert, if any, and the self
# tests for it. KERNEL is VERSION[-FLAVOUR][:DRIVER]; see kernel/stock, kernel/build and
# kernel/driver. QEMU enters a vmlinux by its PVH note; TCG takes 4 s to unpack a bzImage
# in xz.
get_kernel() {
	local version=${1%%:*} flavour=plain driver=none

	[[ $1 != *:* ]] || driver=${1#*:}
	[[ $version != *-* ]] || { flavour=${version#*-} version=${version%%-*}; }
	is_kernel "$version" || die "no kernel $1; there are $(kernels | paste -sd' ')"
	if is_flavour "$version" "$flavour"; then
		image=$("$top/scripts/kernel/stock" "$version" "$flavour") || return
		bootable=$image/vmlinux
	elif [[ " ${own_flavours[*]} " == *" $flavour "* ]]; then
		image=$("$top/scripts/kernel/build" "$version" "$flavour") || return
		bootable=$image/arch/x86/boot/bzImage
		[ "$driver" != none ] || driver=base
	else
		die "no kernel $1; there are the flavours $(flavours_of "$version" | paste -sd' ') ${own_flavours[*]}"
	fi
	built=$("$top/scripts/kernel/driver" "$version" "$flavour" "$driver")
}

# /dev/kvm alone says little: it can be there without the CPU's help.
has_kvm() { [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; }

# has_driver: is one to be inserted, after get_kernel?
has_driver() { [ -d "$built/driver" ]; }

# make_initrd DIRECTORY FILE COMMAND [FILE...]: what a virtual machine starts with, made in
# DIRECTORY: busybox, guest/, modules, driver, tests and more files. After get_kernel.
make_initrd() {
	local root=$1 file=$2 command=$3 driver release modules

	mkdir -p "$root"/{bin,dev,proc,sys,tmp}
	cp "$([ -f "$image/busybox" ] && echo "$image" || echo /bin)/busybox" "$root/bin/"
	ln -s busybox "$root/bin/sh"
	cp "$top/scripts/vm/guest/init" "$root/init"
	cp -r "$top/scripts/vm/guest" "$root/"
	cp -r "$built/tests" "$root/test"
	release=$(cat "$image/include/config/kernel.release")
	modules=$root/lib/modules/$release
	mkdir -p "$modules"
	find "$image/drivers/input" "$image/lib" -name '*.ko' ! -name i8042.ko -exec cp {} "$modules/" \;
	find "$image" -maxdepth 1 -name 'modules.builtin*' -exec cp {} "$modules/" \;
	if has_driver; then
		cp "$built"/driver/*.ko "$modules/"
		for driver in i8042 i8042_series; do
			[ ! -f "$built/driver/$driver.ko" ] || echo $driver >"$root/driver"
		done
	fi
	[ ! -d "$built/backport" ] || cp "$built"/backport/*.ko "$modules/"
	depmod -b "$root" "$release" 2>/dev/null
	echo "$command" >"$root/command"
	[ $# -eq 3 ] || cp "${@:4}" "$root/"
	(cd "$root" && find . | cpio -o -H newc --owner 0:0 --quiet | gzip -1) >"$file"
}

# driver_options: for its command line, wherever it is booted: the built-in driver stays
# out of the way of the one to insert.
driver_options() { ! has_driver || echo "initcall_blacklist=i8042_init"; }

# kernel_options: the same in a virtual machine. KASAN takes an interrupt's memory for wild
# in a kernel with five levels of page tables; on a busy host a vCPU may well not run for
# RCU's usual 21 s. A kernel that finds its TSC stable, and later not, patches
# sched_clock_cpu() while the other vCPU runs it, and QEMU's TCG may then meet the
# breakpoint when it has gone. The clocksource watchdog of the newest kernel waits for the
# other CPU, by the clock of the moment: if that is jiffies, which stand still meanwhile,
# and the other CPU waits in stop_machine() to change the clock, both wait for ever.
kernel_options() {
	echo "panic=-1 nokaslr no5lvl mitigations=off loglevel=5 rcupdate.rcu_cpu_stall_timeout=120"
	echo "initcall_blacklist=sched_clock_init_late trace_clock=local tsc=nowatchdog"
	driver_options
}

# load_module KERNEL: what the guest has to do before the tests of KERNEL
load_module() { [[ $1 != *:backport* ]] || echo "modprobe i8042_inorder || exit;"; }

# keeps_order KERNEL: does it have the series or the module?
keeps_order() { [[ $1 == *:fix* || $1 == *:backport* ]]; }

# A host that steals: what vcpu-steal is to do
stealing="--length 5 --period 10-30"

# symbol MAP NAME...: the first of them that the kernel has
symbol() {
	local map=$1 name

	for name in "${@:2}"; do
		! awk -v n="$name" '$3 == n { f = 1 } END { exit !f }' "$map" || break
	done
	echo "$name"
}

# park_at KERNEL PLACE MS[-MS] [LOG]: sets $parking to what vm/run --park wants, in order
# to park the vCPU that polls at PLACE: deliver, between the unlock and the delivery, or
# read, before the read of the status. After get_kernel; the addresses are the same at
# each boot, without KASLR.
park_at() {
	local at=serio_interrupt after module="" map=$scratch/map

	! has_driver || module=y
	# A built-in twin of the driver is not what runs.
	fore "$top/scripts/vm/run" ${4:+--log "$4"} "$1" "grep -E '(i8042_|usleep_range|serio_interrupt)' /proc/kallsyms" |
		awk -v module=$module '!module || NF > 3 || $3 !~ /^i8042_/' >"$map"
	# The status is read by "in", 0xec.
	[ "$2" = deliver ] || at=$(symbol "$map" i8042_read_byte i8042_handle_data i8042_interrupt)/ec
	# A driver without a function for it polls at the end of i8042_port_close(), by
	# calling its handler with an IRQ of 0 (xor %edi,%edi).
	after=$(symbol "$map" __i8042_poll i8042_poll i8042_port_close)
	[ "$after" != i8042_port_close ] || after+=/31ff
	parking=map=$map,at=$at,after=$after,until=$(symbol "$map" usleep_range_state usleep_range),length=$3
}

# queued_motions TRACE: lines "X Y" for the packets that QEMU put into the queue of
# its PS/2 mouse, by its trace event ps2_mouse_send_packet. It counts y upwards.
queued_motions() {
	sed -nE 's/.* x (-?[0-9]+) y (-?[0-9]+) z .*/\1 \2/p' "$1" | awk '{ print $1, -$2 }'
}

# without_races_of_others LOG: without KCSAN's reports in which nobody of this
# project or of the input drivers has a part; what those say to standard error
without_races_of_others() {
	awk '
	{ sub(/\r$/, "") }
	/ ==========+$/ && !report { report = 1; text = ours = title = ""; next }
	/ ==========+$/ {
		report = 0
		if (ours || title !~ /KCSAN/)
			printf "%s", text
		else
			print "# not ours: " title >"/dev/stderr"
		next
	}
	!report	{ print; next }
	{ text = text $0 "\n" }
	title == "" { title = $0 }
	/i8042|serio|ps2|atkbd|psmouse/ { ours = 1 }
	END { if (report) printf "%s", text }' "$1"
}

# complaint LOG: the first line of a kernel's log with a bug, a warning or a leak. One
# race is meant: whoever waits for an interrupt looks at its state without the lock
# first, and again with it (__synchronize_hardirq() in kernel/irq/manage.c,
# irq_wait_on_inprogress() in chip.c).
complaint() {
	without_races_of_others "$1" |
	awk '/BUG:|WARNING:|Oops|Call Trace|lockdep|INFO: .*(lock|rcu|hung)|unreferenced object|general protection/ &&
		!/KCSAN: data-race in (__synchronize_hardirq \/ handle_irq_event|handle_irq_event \/ irq_wait_on_inprogress)/ && !found++
		END { exit !found }'
}

