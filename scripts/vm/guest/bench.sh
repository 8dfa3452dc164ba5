# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What reports/bench measures in a guest, besides the self tests. Each prints a line of
# figures.

. /guest/oracle.sh

# The one that was inserted may have a twin in the kernel.
driver_symbol() { if [ -f /driver ]; then echo "$(cat /driver):$1"; else echo "$1"; fi; }

# For how long IRQ 12 is handled while a delivery is stopped for 100 ms on the other CPU:
# the permilles in ns. WHERE is 1 in the poll, 4 in interrupts.
handler() { # WHERE
	oracle filter=N timed="$(driver_symbol i8042_interrupt)" timed_irq=12
	run bytes=500 poll_us=500 poll_cpu=0 spin_us=100000 spin_every=5 spin_in="$1" >/dev/null
	awk '/^timed_permille_ns/ {
		for (i = 2; i < NF; i += 2)
			line = line " p" $i "=" $(i + 1)
		print "# handler:" line
	}' $O/result
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
