# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Run commands whose output lib/said.sh judges, part by part.

# try NAME COMMAND...: print NAME, the output of the command, and its exit status
try() {
	echo "== $1"
	shift
	tried=0
	"$@" 2>&1 || tried=$?
	echo "status $tried"
}

# within TRIES COMMAND...: try until it succeeds, ten times a second
within() {
	tries=$1
	shift
	until "$@"; do
		[ $((tries -= 1)) -gt 0 ] || return 1
		sleep 0.1
	done
}

have_nobody() {
	mkdir -p /etc
	echo "nobody:x:65534:65534::/:/bin/sh" >/etc/passwd
}

# figure_of KEY FILE: the second word of the line that begins with KEY
figure_of() { awk -v key="$1" '$1 == key { print $2 }' "$2"; }

# more_than NUMBER KEY FILE
more_than() { [ "$(figure_of "$2" "$3")" -gt "$1" ]; }
