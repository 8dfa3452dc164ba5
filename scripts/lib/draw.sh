# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# To be sourced by scripts that draw pictures.

# draw FILE HEIGHT: draw an SVG of 800 by HEIGHT pixels. gnuplot's commands are standard
# input. In a browser that prefers dark pages, black and white are exchanged for the
# colours of a dark page.
draw() {
	{ echo "set terminal svg size 800,$2 font 'sans,13' enhanced background '#ffffff'
		set output '$scratch/svg'"; cat; } | gnuplot || return
	sed '1a <!-- SPDX-License-Identifier: GPL-2.0-only -->
	/^<desc>/i <style>@media (prefers-color-scheme: dark) { rect[fill="#ffffff"] { fill: #0d1117 } g[fill="black"] { fill: #e6edf3 } g[stroke="black"], path[stroke="black"] { stroke: #e6edf3 } }</style>' \
		"$scratch/svg" >"$1" || return
	note "made $1"
}
