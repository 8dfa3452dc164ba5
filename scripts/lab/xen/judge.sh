# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# Judge a guest of lab/xen-check, with a function for each phase. They use the guest's
# $name, its $log, which includes the figures of events.awk, and the variables of its file
# in lab/xen/guests/. To be sourced by bash, after common.sh and vm.sh.

number() { # LINE KEY: its value, summed over all rounds of a phase, or over both ports
	figures_sum "$log" "$1" "$2"
}

result_of() { # TEST: its last result, or "none"
	results "$log" | awk -F '\t' -v t="$1" '{ split($2, w, " ") } w[1] == t { r = $1 } END { print r ? r : "none" }'
}

# A phase without stolen time proves nothing.
was_stolen() { # PHASE
	local ms

	ms=$(number "$1:" stolen_ms)
	verdict "$name: $1: $ms ms were taken from the vCPUs, as the guest has it" \
		"$([ "$ms" -ge 100 ] && echo ok || echo "nothing was stolen")"
}

# in_order TEST: a byte may take more than five seconds here. The test then counts it as
# lost and, when it comes, as duplicated. That is accepted.
in_order() { # TEST
	local received lost late result

	received=$(number "$1." received) lost=$(number "$1." lost) late=$(number "$1." late)
	result=$(result_of "$1")
	if [ "$result" = fail ] && [ "$received" -gt 0 ] && [ "$lost" -gt 0 ] &&
	   [ "$received/$late/$lost" = "$(number "$1." injected)/0/$(number "$1." dup)" ]; then
		pass "$name: self test $1: $received bytes in order, $lost of them after more than five seconds"
	else
		verdict "$name: self test $1: $received bytes, $late late" \
			"$([ "$result" = pass ] && echo ok || echo "must pass, result: $result")"
	fi
}

has_fault() { # TEST
	verdict "$name: self test $1 shows the fault, as it must here: $(number "$1." late) of $(number "$1." received) bytes late" \
		"$([ "$(result_of "$1")" = fail ] && [ "$(number "$1." late)" -gt 0 ] && echo ok || echo "none is")"
}

judge_order() {
	was_stolen order
	in_order irq
	if [ -n "$fault" ]; then has_fault poll; else in_order poll; fi
}

judge_delays() {
	verdict "$name: delays: polls have read $(number poll_spin. read_poll) bytes" \
		"$([ "$(number poll_spin. read_poll)" -gt 0 ] && echo ok || echo "that proves nothing")"
	if [ -n "$fault" ]; then has_fault poll_spin; else in_order poll_spin; fi
}

judge_keys() { # PHASE
	verdict "$name: $1: $(number "$1.events:" keys) key events as they were sent" \
		"$([ "$(number "$1.events:" keys)" -gt 0 ] &&
			[ "$(number "$1.events:" keys_wrong)/$(number "$1.events:" keys_missing)" = 0/0 ] && echo ok || echo "they were not")"
}

# misread PHASE: is any motion or click not as it was sent?
misread() {
	[ "$(number "$1.events:" wrong)/$(number "$1.events:" missing)/$(number "$1.events:" clicks)" != 0/0/0 ]
}

# psmouse throws a packet away if its bytes are more than half a second apart, and
# misreads the rest of it. This says nothing about the order of bytes. So if it happened,
# the bytes are judged, and the motions are skipped.
exact_input() { # PHASE
	local port read why=ok limits

	for port in aux kbd; do
		read=$(number "$1.bytes:" ${port}_read)
		if [ "$read" -eq 0 ]; then
			why="no bytes of the $port port"
		elif [ "$(number "$1.bytes:" ${port}_misplaced)/$(number "$1.bytes:" ${port}_received)" != "0/$read" ]; then
			why="bytes of the $port port were not"
		fi
	done
	verdict "$name: $1: all bytes in order, $(number "$1.bytes:" aux_read) of the mouse and $(number "$1.bytes:" kbd_read) of the keyboard" "$why"
	judge_keys "$1"
	limits=$(number "$1:" time_limits)
	if [ "$limits" -gt 0 ]; then
		skip "$name: $1: motions as they were sent" "psmouse lost packets by its time limit, $limits times"
	else
		verdict "$name: $1: $(number "$1.events:" motions) motions as they were sent" \
			"$([ "$(number "$1.events:" packets)" -gt 0 ] &&
				! misread "$1" && echo ok || echo "they were not")"
	fi
}

judge_alone() {
	was_stolen alone
	exact_input alone
}

judge_polled() {
	local late

	was_stolen polled
	if [ -z "$fault" ]; then
		exact_input polled
		return
	fi
	late=$(($(number polled.bytes: aux_misplaced) + $(number polled.bytes: kbd_misplaced)))
	verdict "$name: polled: bytes are out of order, as they must be here: $late" \
		"$([ $late -gt 0 ] && echo ok || echo "none is")"
}

judge_absolute() {
	local sent received size

	was_stolen absolute
	[ -n "$fault" ] || judge_keys absolute
	sent=$(number absolute.events: positions) received=$(number absolute.events: received)
	size=$(number absolute.events: width)x$(number absolute.events: height)
	if [ -n "$silent" ]; then
		verdict "$name: absolute: none of $sent positions received, as it must be here" \
			"$([ "$sent" -gt 0 ] && [ "$received" -eq 0 ] && echo ok || echo "$received are")"
	else
		verdict "$name: absolute: $sent positions as they were sent, on a screen of $size" \
			"$([ "$sent" -gt 0 ] && [[ $size != 0x* && $size != *x0 ]] && echo ok || echo "they were not")"
	fi
}

# The driver cannot be observed here. Without the fix bytes are overtaken by the timer.
judge_circle() {
	local wrong missing clicks

	wrong=$(number circle.events: wrong)
	missing=$(number circle.events: missing) clicks=$(number circle.events: clicks)
	verdict "$name: circle: all motions were sent, and all that the guest recorded has arrived" \
		"$([ "$(number circle.events: motions)/$(number circle: rows)" = "$circle/$(grep -c '^got ' "$log")" ] && echo ok || echo "not so")"
	if [ -n "$fault" ]; then
		verdict "$name: circle: $wrong motions wrong, $missing missing, and $clicks clicks that nobody made: the fault, as it must be here" \
			"$([ "$wrong" -gt 0 ] && echo ok || echo "no motion is wrong")"
	else
		verdict "$name: circle: motions as they were sent" "$(! misread circle && echo ok || echo "they were not")"
		judge_keys circle
	fi
}

says() { # PATTERN
	verdict "$name says \"$1\"" "$(grep -qE "$1" "$log" && echo ok || echo "it does not")"
}

# No i8042: all that looks for one says so.
judge_absent() {
	says '^1\.\.0 # SKIP no i8042'
	says '^# absent: status=4'
	says '^# doctor: pointer: *none'
	says '^# doctor: why: *no i8042'
	case $kind,$kernel in
	*:backport)
		says 'i8042_inorder: this machine has no i8042'
		says '^# load: status=1' ;;
	pv,*:fix) says 'can.t load module i8042_series .*: No such device' ;;
	# The driver stays, without a port.
	pvh,*:fix) says '^# log: .*i8042_series: PNP: No PS/2 controller found' ;;
	esac
}

# The doctor names the hypervisor at run time. A PVH guest's kernel calls it "Xen HVM", and
# the firmware tells of QEMU where the processor does not.
judge_hypervisor() {
	case $kind in
	pv)	says '^# doctor: hypervisor: *Xen PV' ;;
	pvh | hvm) says '^# doctor: hypervisor: *Xen HVM' ;;
	qemu)	says '^# doctor: hypervisor: *(QEMU|KVM)' ;;
	metal)	says '^# doctor: hypervisor: *QEMU, by firmware' ;;
	esac
}

judge_parks() { # GUEST...: of one boot of Xen
	local figures

	figures=$(park_figures "$logs/$1.park")
	echo "$figures"
	verdict "a processor was parked, and delivered later: $*" \
		"$(grep -q ' parks=[1-9]' <<<"$figures" && echo ok || echo "that proves nothing")"
}

# judge_log LOG: the kernel must not complain, even in a guest that died and was started
# again
judge_log() {
	local line

	line=$(complaint "$1" || grep -m1 'Kernel panic' "$1") || line=ok
	verdict "$name: no complaint in the kernel's log" "$line"
}

judge_guest() {
	local phase

	grep '^# kernel ' "$log" || true
	grep -E '^# [a-z_0-9.]+: [a-z_]+=' "$log" | sed "s/^# /&$name./" || true
	judge_log "$log"
	[ ! -f "$log.died" ] || judge_log "$log.died"
	if ! grep -q '^# end' "$log"; then
		fail "$name" "it did not get to its end: $(grep -v '^# qemu-dm: ' "$log" | tail -n 1)"
		return
	fi
	for phase in $phases; do
		"judge_$phase"
	done
	[ -n "${own[$name]-}" ] || judge_hypervisor
	[ -z "$says" ] || says "$says"
}
