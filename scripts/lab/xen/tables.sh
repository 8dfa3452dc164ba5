# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# Print the tables of Documentation/xen.md from the logs of the guests. To be sourced by
# bash, after xen/judge.sh.

has_phase() { [[ " $phases " == *" $1 "* ]] && grep -q "^# $1[.:]" "$log"; }

# outside LINE KEY OF: "N of M"
outside() { echo "$(number "$1" "$2") of $(number "$1" "$3")"; }

seconds() { echo "$((($(number "$1:" stolen_ms) + 500) / 1000)) s"; }

tests_row() {
	has_phase order || return 0
	printf '# %-18s %12s %12s %12s %8s\n' "$name" "$(outside irq. late received)" \
		"$(outside poll. late received)" "$(outside poll_spin. late received)" "$(seconds order)"
}

# A position is a whole event: none can be wrong alone.
input_row() { # PHASE
	local events=$1.events: mouse_bytes key_bytes wrong missing clicks

	has_phase "$1" || return 0
	mouse_bytes=$(outside "$1.bytes:" aux_misplaced aux_read) key_bytes=$(outside "$1.bytes:" kbd_misplaced kbd_read)
	[ "$kind" = hvm ] || mouse_bytes=- key_bytes=-
	wrong=$(number "$events" wrong) missing=$(number "$events" missing) clicks=$(number "$events" clicks)
	if [ "$1" = absolute ]; then
		mouse_bytes=- clicks=-
		missing=$(($(number "$events" positions) - $(number "$events" received)))
	fi
	printf '# %-18s %-9s %6s %10s %10s %6s %7s %6s %7s %6s\n' "$name" "$1" "$(seconds "$1")" "$mouse_bytes" "$key_bytes" \
		"$(number "$events" keys_wrong)" "$(number "$events" keys_missing)" "$wrong" "$missing" "$clicks"
}

# What the kernel, the driver or the module says of the i8042
place_row() {
	local driver=series order

	[[ $kernel = *:@(fix|backport) && " $phases " =~ \ (delays|absent)\  ]] && grep -q '^# end' "$log" || return 0
	[[ $kernel != *:backport ]] || driver=module
	if [ "$(number poll_spin. received)" -gt 0 ]; then
		order="$(outside poll_spin. late received) bytes late"
	else
		order=$(grep -m1 -oE 'this machine has no i8042|can.t load module|No PS/2 controller found' "$log")
	fi
	printf '# %-6s %-17s %-7s %-27s %s\n' "$kind" "$(sed -n 's/^# kernel \([^,]*\),.*/\1/p' "$log")" \
		"$driver" "$(sed -n 's/^# doctor: hypervisor: *//p' "$log")" "$order"
}

# table HEAD ROW-COMMAND GUEST...: print it, if it has a row
table() {
	local head=$1 row=$2 rows

	shift 2
	rows=$(for guest; do
		read_guest "$guest"
		log=$logs/$name
		[ ! -s "$log" ] || $row
	done)
	[ -z "$rows" ] || printf '%s\n' "#" "$head" "$rows"
}

input_rows() {
	local phase

	for phase in absolute alone polled; do
		input_row $phase
	done
}

print_tables() { # GUEST...
	table "# guest                       irq         poll    poll_spin   stolen" tests_row "$@"
	table "# guest              phase     stolen  bytes out of order  keys           pointer
#                                        mouse   keyboard  wrong missing  wrong missing clicks" input_rows "$@"
	table "# kind   kernel            driver  hypervisor                  i8042" place_row "$@"
}
