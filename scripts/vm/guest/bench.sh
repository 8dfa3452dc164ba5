# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# The measurements of reports/bench in a guest, besides the self tests. Each function
# prints a line of figures.

. /guest/oracle.sh

# driver_symbol NAME: the symbol of the inserted driver, not of the built-in one
driver_symbol() { if [ -f /driver ]; then echo "$(cat /driver):$1"; else echo "$1"; fi; }

# The longest time in the handler of IRQ 12, in us, while a delivery is stopped for 100 ms
# on the other CPU. WHERE is 1: stop the delivery of a poll; or 4: of an interrupt, to the
# KBD only, so that the handler that is timed is not stopped itself.
handler() { # WHERE
	ports=3
	[ "$1" = 1 ] || ports=1
	oracle filter=N timed="$(driver_symbol i8042_interrupt)" timed_irq=12
	run bytes=500 poll_us=500 poll_cpu=0 spin_us=100000 spin_every=5 spin_in="$1" spin_ports=$ports >/dev/null
	awk '/^timed_calls/ { calls = $2 } /^timed_max_us/ { us = $2 }
		END { if (calls) print "# handler: max_us=" us }' $O/result
}

# The longest time from the injection of a KBD byte to its receipt, in us, while a
# delivery to the AUX port is stopped for 100 ms on the other CPU. Measured with DEPTH
# AUX bytes on their way, which may be ahead of the KBD byte in the controller.
kbd() { # irq|poll WHERE [DEPTH] (default: 1, then 5)
	# The context that delivers to the AUX port is on CPU 1: its interrupt, or the
	# poll.
	us=0 every=10 cpus=2
	[ "$1" = irq ] || us=500 every=3 cpus=1
	echo 1 >/proc/irq/1/smp_affinity
	echo $cpus >/proc/irq/12/smp_affinity
	oracle filter=N
	for depth in ${3:-1 5}; do
		run bytes=400 depth=$depth gap_us=2000 poll_us=$us poll_cpu=1 spin_us=100000 \
			spin_max=20 spin_every=$every spin_ports=2 spin_in="$2" >/dev/null
		awk -v key="$1_$depth" '/^spins/ { spins = $2 } /^kbd_way_max_us/ { us = $2 }
			END { if (spins) print "# kbd: " key "=" us }' $O/result
	done
}

# The mean time until a byte is received whose interrupt was lost, in ms. Prints nothing
# if the driver has no poll timer, or if the timer missed a byte.
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
