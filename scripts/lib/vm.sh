# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
#
# Make what a virtual machine boots, and read its kernel's log; to be sourced after
# common.sh.

# get_kernel KERNEL: set $image, a directory with a kernel and its modules; $bootable, the
# kernel's file for QEMU; $guest_arch, its architecture, as Debian calls it; and $built, a
# directory with the self tests and, if any, the driver to insert. KERNEL is
# VERSION[-FLAVOUR][:DRIVER]; see kernel/stock, kernel/build and kernel/driver. With a
# slash in it, it is DIRECTORY[:DRIVER]: a kernel that the user has built. Debian's kernels
# boot as a vmlinux, by its PVH note: TCG takes 4 s to unpack a bzImage in xz.
get_kernel() {
	local version=${1%%:*} flavour=plain driver=none

	[[ $1 != *:* ]] || driver=${1#*:}
	if [[ $version == */* ]]; then
		image=$(realpath -m -- "$version")
		bootable=$image/arch/x86/boot/bzImage
		[ -f "$bootable" ] || die "no kernel $version: it has no arch/x86/boot/bzImage"
		guest_arch=amd64
		built=$("$top/scripts/kernel/driver" "$image" own "$driver")
		return
	fi
	[[ $version != *-* ]] || { flavour=${version#*-} version=${version%%-*}; }
	is_kernel "$version" || die "no kernel $1; there are $(kernels | paste -sd' ')"
	guest_arch=$(arch_of "$flavour")
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

# has_driver: is a driver to be inserted? After get_kernel.
has_driver() { [ -d "$built/driver" ]; }

# make_initrd DIRECTORY FILE COMMAND [FILE...]: make the initramfs of a virtual machine in
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

# driver_options: options that any boot of the kernel needs: the built-in driver must not
# start if another one is inserted
driver_options() { ! has_driver || echo "initcall_blacklist=i8042_init"; }

# kernel_options: all options for a boot in a virtual machine.
#
# no5lvl: with five levels of page tables, KASAN takes an interrupt's memory for wild.
# rcu_cpu_stall_timeout: on a busy host a vCPU may not run for RCU's usual 21 s.
#
# sched_clock_init_late: a kernel that finds its TSC stable, and later unstable, patches
# sched_clock_cpu() while the other vCPU runs it. QEMU's TCG may run the breakpoint after
# it was removed.
#
# tsc=nowatchdog: the clocksource watchdog of the newest kernel waits for the other CPU,
# by the current clock. If that is jiffies, which stand still meanwhile,
# and the other CPU waits in stop_machine() to change the clock, both wait for ever.
kernel_options() {
	echo "panic=-1 nokaslr no5lvl mitigations=off loglevel=5 rcupdate.rcu_cpu_stall_timeout=120"
	echo "initcall_blacklist=sched_clock_init_late trace_clock=local tsc=nowatchdog"
	driver_options
}

# load_module KERNEL: the command that the guest runs before the tests, if any
load_module() { [[ $1 != *:backport* ]] || echo "modprobe i8042_inorder || exit;"; }

# keeps_order KERNEL: does it have the fix (the series or the module)?
keeps_order() { [[ $1 == *:fix* || $1 == *:backport* ]]; }

# Options of vcpu-steal for a host that steals
stealing="--length 5 --period 10-30"

# symbol MAP NAME...: the first of these names that the kernel has
symbol() {
	local map=$1 name

	for name in "${@:2}"; do
		! awk -v n="$name" '$3 == n { f = 1 } END { exit !f }' "$map" || break
	done
	echo "$name"
}

# park_at KERNEL PLACE MS[-MS] [LOG]: set $parking to the value for vm/run --park that
# parks the vCPU that polls at PLACE: deliver (between the unlock and the delivery) or
# read (before the read of the status). After get_kernel. Without KASLR the addresses are
# the same at each boot.
park_at() {
	local at=serio_interrupt after module="" map=$scratch/map

	! has_driver || module=y
	# Leave out the symbols of the built-in driver, which does not run.
	fore "$top/scripts/vm/run" ${4:+--log "$4"} "$1" "grep -E '(i8042_|usleep_range|serio_interrupt)' /proc/kallsyms" |
		awk -v module=$module '!module || NF > 3 || $3 !~ /^i8042_/' >"$map"
	# "in", 0xec, reads the status.
	[ "$2" = deliver ] || at=$(symbol "$map" i8042_read_byte i8042_handle_data i8042_interrupt)/ec
	# A driver without a function for the poll calls its handler at the end of
	# i8042_port_close(), with an IRQ of 0 (xor %edi,%edi).
	after=$(symbol "$map" __i8042_poll i8042_poll i8042_port_close)
	[ "$after" != i8042_port_close ] || after+=/31ff
	parking=map=$map,at=$at,after=$after,until=$(symbol "$map" usleep_range_state usleep_range),length=$3
}

# park_figures REPORT: print the report of vcpu-park as figures
park_figures() {
	sed -nE 's/^vCPU ([0-9]+).* parks ([0-9]+).*/# park.vcpu\1: parks=\2/p; t; s/^/# park: /p' "$1"
}

# queued_motions TRACE: print "X Y" for each packet that QEMU put into the queue of its
# PS/2 mouse, by its trace event ps2_mouse_send_packet, in which y points upwards
queued_motions() {
	sed -nE 's/.* x (-?[0-9]+) y (-?[0-9]+) z .*/\1 \2/p' "$1" | awk '{ print $1, -$2 }'
}

# without_races_of_others LOG: print the log without those reports of KCSAN that name
# neither the i8042 nor an input driver. Their titles go to standard error.
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

# complaint LOG: print the first line of a kernel's log with a bug, a warning or a leak.
# One race is intended: a CPU that waits for an interrupt reads its state first without
# the lock, then with it (__synchronize_hardirq() in kernel/irq/manage.c,
# irq_wait_on_inprogress() in chip.c).
complaint() {
	without_races_of_others "$1" |
	awk '/BUG:|WARNING:|Oops|Call Trace|lockdep|INFO: .*(lock|rcu|hung)|unreferenced object|general protection/ &&
		!/KCSAN: data-race in (__synchronize_hardirq \/ handle_irq_event|handle_irq_event \/ irq_wait_on_inprogress)/ && !found++
		END { exit !found }'
}

