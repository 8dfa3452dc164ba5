# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What reports/bench measures in a guest, besides the self tests. Each prints a line of
# figures.

. /guest/oracle.sh

# The one that was inserted may have a twin in the kernel.
driver_symbol() { if [ -f /driver ]; then echo "$(cat /driver):$1"; else echo "$1"; fi; }

# For how long IRQ 12 is handled at most while a delivery is stopped for 100 ms on the other
# CPU, in us. WHERE is 1 in the poll, 4 in interrupts; then a delivery to the KBD, not in
# the handler that is timed.
handler() { # WHERE
	ports=3
	[ "$1" = 1 ] || ports=1
	oracle filter=N timed="$(driver_symbol i8042_interrupt)" timed_irq=12
	run bytes=500 poll_us=500 poll_cpu=0 spin_us=100000 spin_every=5 spin_in="$1" spin_ports=$ports >/dev/null
	awk '/^timed_calls/ { calls = $2 } /^timed_max_us/ { us = $2 }
		END { if (calls) print "# handler: max_us=" us }' $O/result
}

# The longest way of a byte of the KBD, in us, while a delivery to the AUX port is stopped
# for 100 ms on the other CPU: with one byte of the AUX port on its way, and with five,
# which may be ahead of it in the controller
kbd() { # irq|poll WHERE
	# Who delivers to the AUX port is on CPU 1: its interrupts, or the poll.
	us=0 every=10 cpus=2
	[ "$1" = irq ] || us=500 every=3 cpus=1
	echo 1 >/proc/irq/1/smp_affinity
	echo $cpus >/proc/irq/12/smp_affinity
	oracle filter=N
	for depth in 1 5; do
		run bytes=400 depth=$depth gap_us=2000 poll_us=$us poll_cpu=1 spin_us=100000 \
			spin_max=20 spin_every=$every spin_ports=2 spin_in="$2" >/dev/null
		awk -v key="$1_$depth" '/^spins/ { spins = $2 } /^kbd_way_max_us/ { us = $2 }
			END { if (spins) print "# kbd: " key "=" us }' $O/result
	done
}

# How long it takes until a byte is received whose interrupt was lost; nothing if the
# driver has no poll for it, or the poll did not find one
recovery() {
	for p in /sys/module/i8042*/parameters/poll_ms; do
		[ -e "$p" ] || return
		echo 10 2>/dev/null >"$p" || return
	done
	oracle filter=N
	begin=$(awk '{ print $1 * 1000 }' /proc/uptime)
	run ports=1 depth=1 mute=Y bytes=100 enough=1 patience_ms=5000 >/dev/null
	grep -q '^kbd_lost 0$' $O/result || return
	echo "# recovery: ms=$(awk -v begin="$begin" '{ print int(($1 * 1000 - begin) / 100) }' /proc/uptime)"
}
