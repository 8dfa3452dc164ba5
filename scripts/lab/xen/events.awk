# SPDX-License-Identifier: GPL-2.0-only
#
# Compare the events that dom0 sent with those that a guest of lab/xen-check received. The
# log has lines "sent M X Y" and "sent K KEY true|false" from dom0, and "got M X Y", "got
# K CODE VALUE" and, for buttons, "got B CODE VALUE" from the guest. Prints a line of
# figures for each phase. In the phase "absolute", M is a position, else a motion.
#
# If motions come too fast, qemu-dm merges some into one packet. This is no fault.

BEGIN { split("q w e r t y u i o p", name); for (i in name) code[name[i]] = i + 15 }

# Leave out F1 to F10: they only tell that all was sent.
/^# phase / { report(); phase = $3 }
$1 == "sent" && $2 == "M" { sx[n] = $3; sy[n++] = $4 }
$1 == "got" && $2 == "M" { gx[m] = $3; gy[m++] = $4 }
$1 == "sent" && $2 == "K" && $3 !~ /^f[0-9]/ { sk[nk++] = code[$3] " " ($4 == "true") }
$1 == "got" && $2 == "B" { buttons++ }	# presses and releases
$1 == "got" && $2 == "K" && ($3 < 59 || $3 > 68) { gk[mk++] = $3 " " $4 }
END { report() }

# motion: find the motion that was sent, or else some whose sum it is
function motion(j,   k, x, y, from) {
	for (k = at; k < n; k++)
		if (sx[k] == gx[j] && sy[k] == gy[j]) {
			missing += k - at
			at = k + 1
			return 1
		}
	for (from = at; from < n; from++) {
		x = y = 0
		for (k = from; k < n && k < from + 8; k++) {
			x += sx[k]
			y += sy[k]
			if (x == gx[j] && y == gy[j]) {
				missing += from - at
				merged += k - from
				at = k + 1
				return 1
			}
		}
	}
	return 0
}

function press(j,   k) {
	for (k = at; k < nk; k++)
		if (sk[k] == gk[j]) {
			kmissing += k - at
			at = k + 1
			return 1
		}
	return 0
}

# fits: qemu-dm scales positions to the size of its screen, or of the tablet, less 1. Is this
# that number?
function fits(sent, got, size,   i) {
	for (i = 0; i < n; i++)
		if (int(sent[i] * size / 32767) != got[i])
			return 0
	return 1
}

function report(   j, size, w, h) {
	if (phase && n) {
		at = kwrong = kmissing = 0
		for (j = 0; j < mk; j++)
			kwrong += !press(j)
		kmissing += nk - at
		at = wrong = missing = merged = w = h = 0
		if (phase == "absolute") {
			for (size = 1; n == m && size <= 32767; size++) {
				if (!w && fits(sx, gx, size))
					w = size + 1
				if (!h && fits(sy, gy, size))
					h = size + 1
			}
			# Either all are exact or, as the size is not known, all are wrong.
			wrong = w && h ? 0 : m
			printf "# %s.events: positions=%d received=%d wrong=%d width=%d height=%d", phase, n, m, wrong, w, h
		} else {
			for (j = 0; j < m; j++)
				wrong += !motion(j)
			missing += n - at
			printf "# %s.events: motions=%d packets=%d merged=%d wrong=%d missing=%d clicks=%d", phase, n, m, merged, wrong, missing, buttons
		}
		printf " keys=%d keys_received=%d keys_wrong=%d keys_missing=%d\n", nk, mk, kwrong, kmissing
	}
	n = m = nk = mk = buttons = 0
}
