# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# shellcheck disable=SC2154	# set by hostile: seed, alone, seconds, troubles, every
#
# What "hostile" has the guest do. Prints for each trouble a line
# "result NAME|ok or what is wrong|numbers".

P=/sys/module/i8042_oracle/parameters
O=/sys/kernel/debug/i8042_oracle
cpu1=/sys/devices/system/cpu/cpu1/online
device=/sys/bus/platform/drivers/i8042
poll_ms=/sys/module/i8042/parameters/poll_ms
inorder=/sys/module/i8042_inorder
run=/tmp/run
mkdir -p $run /tmp/full
mount -t tmpfs -o size=100% none /tmp/full
# Forged bytes are keys for atkbd, sooner or later those of SysRq's crash, and
# Ctrl-Alt-Del, which is a SIGINT then.
trap '' INT
echo 0 >/proc/sys/kernel/sysrq
echo 0 >/proc/sys/kernel/ctrl-alt-del
echo $$ >/proc/sys/kernel/cad_pid

# rnd N: $r is a number from 0 to N - 1; each trouble has numbers of its own
rnd() {
	state=$(((state * 1103515245 + 12345) & 0x7fffffff))
	r=$(((state >> 8) % $1))
}

pause() { # MS, at most
	rnd "$1"
	usleep $((r * 1000))
}

put() { echo "$2" >"$1"; } 2>/dev/null

port_dir() { # KBD|AUX
	for d in /sys/bus/serio/devices/*; do
		if grep -qsx "i8042 $1 port" "$d/description"; then
			echo "$d"
			return
		fi
	done
	return 1
}

driver_of() { d=$(readlink "$(port_dir "$1")/driver") && echo "${d##*/}"; }

bind() { # KBD|AUX DRIVER
	d=$(port_dir "$1") && printf %s "$2" 2>/dev/null >"$d/drvctl"
}

# A port on which bytes came while nobody had it is looked at again by a worker,
# who may take it away from us once.
bind_all() { # DRIVER-OF-KBD DRIVER-OF-AUX
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		bind KBD "$1"
		bind AUX "$2"
		usleep 200000
		[ "$(driver_of KBD)" = "$1" ] && [ "$(driver_of AUX)" = "$2" ] && return
	done
	return 1
}

# The troubles: each is done again and again, and counted if it returns 0

do_hotplug() {
	put /proc/irq/12/smp_affinity 2
	rnd 2
	[ "$r" = 0 ] || put /proc/irq/1/smp_affinity 2
	pause 50
	put $cpu1 0 || return 1
	pause 50
	put $cpu1 1
}
undo_hotplug() { put $cpu1 1; }

do_affinity() {
	rnd 3
	put /proc/irq/1/smp_affinity $((r + 1)) && done_once=0 || done_once=1
	rnd 3
	put /proc/irq/12/smp_affinity $((r + 1)) && return
	return $done_once
}
undo_affinity() { put /proc/irq/1/smp_affinity 3; put /proc/irq/12/smp_affinity 3; }

rebind() { # KBD|AUX
	bind "$1" none || return 1
	pause 20
	bind "$1" i8042_oracle
}
do_rebind_kbd() { rebind KBD; }
do_rebind_aux() { rebind AUX; }

# To whichever driver
do_rebind() {
	rnd 6
	case $r in
	0)	bind KBD none ;;
	1)	bind AUX none ;;
	2)	bind KBD i8042_oracle ;;
	3)	bind AUX i8042_oracle ;;
	4)	bind KBD atkbd ;;
	5)	bind AUX psmouse ;;
	esac
	# A driver that finds nobody who answers was there, too.
	[ -n "$d" ]
}

# The probe takes bytes of the flow for answers, and may fail then.
do_device() {
	put $device/unbind i8042 || return 1
	pause 50
	for _ in 1 2 3; do
		put $device/bind i8042 && return
	done
	return 1
}
both_ports() { port_dir KBD && port_dir AUX; } >/dev/null

# Once nothing flows any more, so that the probe finds both ports
restore_device() {
	for _ in 1 2 3 4 5; do
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			both_ports && return
			usleep 200000
		done
		put $device/unbind i8042
		put $device/bind i8042
	done
}

do_suspend() { put /sys/power/state freeze; }

do_poll_ms() { rnd 10; put $poll_ms "$r"; }
undo_poll_ms() { put $poll_ms 0; }

do_reload() {
	undo_reload
	rmmod i8042_inorder 2>/dev/null || return 1
	pause 50
	modprobe i8042_inorder
}
undo_reload() { [ -d $inorder ] || modprobe i8042_inorder; }

do_mode() {
	put $inorder/parameters/mode observe || return 1
	pause 50
	put $inorder/parameters/mode deliver
}
undo_mode() { put $inorder/parameters/mode deliver; }

do_sysrq() {
	rnd 4
	put /proc/sysrq-trigger "$(echo h m s q | cut -d ' ' -f $((r + 1)))"
}

# Only atkbd has LEDs, and "rebind" takes it away.
do_led() {
	rnd 6
	led=$(echo numlock capslock scrolllock | cut -d ' ' -f $((r % 3 + 1)))
	put /sys/class/leds/input*::"$led"/brightness $((r / 3)) && return
	bind KBD atkbd
	return 1
}

# Until 96 MiB are left, then all at once; in pieces, between which this task can be
# frozen for "suspend"
do_memory() {
	free=$(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo)
	left=$((free - 96)) filled=1
	while [ $left -gt 0 ]; do
		piece=$((left < 64 ? left : 64))
		fallocate -l $((piece * 1048576)) /tmp/full/$left 2>/dev/null
		filled=$?
		[ $filled = 0 ] || break
		left=$((left - piece))
	done
	pause 20
	rm -f /tmp/full/*
	return $filled
}
undo_memory() { rm -f /tmp/full/*; }

# Done by the oracle, see "fuzzed"
do_fuzz_kept() { usleep 100000; }
do_fuzz() { usleep 100000; }

trouble() { # NAME NUMBER MS
	state=$((seed * 64 + $2)) n=0
	rnd 1
	while [ -e $run/go ]; do
		if "do_$1"; then
			n=$((n + 1))
			echo $n >"$run/$1"
		fi
		pause "$3"
	done
}

each_was_done() { # TROUBLE...
	for t; do
		[ -e "$run/$t" ] || return
	done
}

# A run

loaded=none
load_oracle() { # "PARAMETER=VALUE..."
	[ "$loaded" != "$1" ] || return 0
	rmmod i8042_oracle 2>/dev/null
	# shellcheck disable=SC2086	# a list
	insmod test_modules/i8042_oracle.ko $1 && loaded=$1
}

defaults="ports=3 depth=5 gap_us=0 packets=N poll_us=0 edge_us=0 fuzz_us=0 fuzz_any=N spin_us=0 patience_ms=1000"

start() { # PARAMETER=VALUE...
	for p in $defaults "$@"; do
		put "$P/${p%%=*}" "${p#*=}" || return 1
	done
	put $O/run 1
}

wait_for_end() { # of the flow, for at most 20 s
	n=0
	until grep -q "^injecting 0" $O/result || [ $((n += 1)) -gt 400 ]; do
		usleep 50000
	done
}

# No new bytes; those on their way arrive
finish() {
	put $P/bytes 1
	wait_for_end
	put $O/run 0
	eval "$(awk '{ print $1 "=" $2 }' $O/result)"
}

wrong() { why=${why:+$why, }$*; }

# What must be 0 for a port: of a port that stays, or of one that comes and goes
judge() { # PORT FAULT...
	port=$1
	shift
	for fault; do
		eval "n=\$${port}_$fault"
		[ "$n" = 0 ] || wrong "$n bytes of $port $fault"
	done
}
stays() { # PORT
	judge "$1" late lost dup
	eval "n=\$((${1}_injected - ${1}_received))"
	[ "$n" = 0 ] || wrong "$n bytes of $1 missing"
}
goes() { judge "$1" late dup; }

# And when all is over?
clean() {
	restore_device
	bind_all i8042_oracle i8042_oracle || { wrong "ports not back"; return; }
	start bytes=500 || wrong "no flow afterwards"
	wait_for_end
	finish
	stays kbd
	stays aux
	[ "$kbd_received" = 500 ] && [ "$aux_received" = 500 ] ||
		wrong "afterwards $kbd_received/$aux_received bytes of 500"
}

# hostile NAME SECONDS FLOW JUDGE-KBD JUDGE-AUX TROUBLE...: FLOW has parameters
hostile() {
	name=$1 time=$2 flow=$3 judge_kbd=$4 judge_aux=$5 why=""
	shift 5
	flowed="" counts=""
	case $flow in
	*packets=Y*) numbers="" ;;
	*)	numbers=y ;;
	esac
	oracle=filter=Y kbd=i8042_oracle aux=i8042_oracle
	for t; do
		case $t in
		reload)	oracle=filter=N ;;
		esac
		case $t in
		led)	oracle="$oracle timed=ps2_command" ;;
		esac
		case $t in
		led | fuzz)
			kbd=atkbd aux=psmouse
			modprobe atkbd
			# Its search for protocols takes minutes if nobody answers.
			modprobe psmouse proto=bare ;;
		suspend)
			# With all at once a task may be busy for longer than the usual 20 s.
			put /sys/power/pm_freeze_timeout 200000
			put /sys/module/suspend/parameters/pm_test_delay 0
			put /sys/power/pm_test platform ;;
		esac
	done
	rm -f $run/*
	# shellcheck disable=SC2086	# a list of parameters
	if load_oracle "$oracle" && bind_all $kbd $aux &&
	   start bytes=4000000000 fuzz_seed="$seed" $flow; then
		touch $run/go
		number=0 jobs=""
		for t; do
			number=$((number + 1))
			# The rest gets no chance while there are no ports.
			case $#$t in
			1suspend) pauses=20 ;;
			*suspend) pauses=3000 ;;
			*)	pauses=20 ;;
			esac
			trouble "$t" $number $pauses &
			jobs="$jobs $!"
		done
		sleep "$time"
		# One trouble may keep another from being done.
		n=0
		until each_was_done "$@" || [ $((n += 1)) -gt $at_most ]; do
			sleep 1
		done
		[ $n = 0 ] || echo "# $name: $n s longer"
		rm $run/go
		wait $jobs
		for t; do
			type "undo_$t" >/dev/null 2>&1 && "undo_$t"
		done
		finish
		counts=""
		[ $# -gt 0 ] || wrong "no trouble"
		for t; do
			n=$(cat "$run/$t" 2>/dev/null) || n=0
			case $t in fuzz*) n=$fuzzed ;; esac
			counts="$counts, $t $n times"
			[ "$n" -gt 0 ] || wrong "$t was not done"
		done
		if [ -n "$numbers" ]; then
			flowed="bytes $kbd_received/$aux_received, late $kbd_late/$aux_late, lost $kbd_lost/$aux_lost, twice $kbd_dup/$aux_dup"
			least_kbd=$kbd_received least_aux=$aux_received
			$judge_kbd kbd
			$judge_aux aux
		else
			flowed="bytes put in $kbd_injected/$aux_injected"
			least_kbd=$kbd_injected least_aux=$aux_injected
		fi
		case " $* " in
		*" fuzz "* | *" rebind "*) ;;
		*" led "*)
			flowed="$flowed, PS/2 commands $timed_calls, failed $timed_errors"
			[ "$timed_calls" -gt 0 ] && [ "$timed_errors" = 0 ] || wrong "PS/2 commands failed" ;;
		esac
		[ "$least_kbd" -ge 20 ] && [ "$least_aux" -ge 20 ] || wrong "too few bytes"
		clean
	else
		wrong "cannot start, with $(driver_of KBD) and $(driver_of AUX)"
	fi
	put /sys/power/pm_test none
	if [ -d /sys/module/atkbd ]; then
		rmmod psmouse atkbd
	fi
	echo "result $name|${why:-ok}|$flowed$counts"
	echo "# $name ended at $(cut -d ' ' -f 1 /proc/uptime) s"
}

delays="poll_us=500 edge_us=500 spin_us=200 spin_every=20"
# Where no byte may be lost, no pause of the host may look like a loss.
patient="$delays patience_ms=5000"
any="packets=Y gap_us=500 $delays"
at_most=240	# seconds, for each trouble to be done
alone() { # NAME
	case $1 in
	rebind_kbd)	hostile "$1" "$alone" "$delays" goes stays "$1" ;;
	rebind_aux)	hostile "$1" "$alone" "$delays" stays goes "$1" ;;
	suspend)	hostile "$1" "$alone" "$delays" goes goes "$1" ;;
	device | rebind) hostile "$1" "$alone" "$any" : : "$1" ;;
	led)		hostile "$1" "$alone" "packets=Y edge_us=500 spin_us=200 spin_every=20" : : "$1" ;;
	fuzz)		hostile "$1" "$alone" "$any fuzz_us=500 fuzz_any=Y" : : "$1" ;;
	# Without the module at work bytes do overtake each other.
	reload | mode)	hostile "$1" "$alone" "patience_ms=5000" stays stays "$1" ;;
	fuzz_kept)	hostile "$1" "$alone" "$patient fuzz_us=500" stays stays "$1" ;;
	*)		hostile "$1" "$alone" "$patient" stays stays "$1" ;;
	esac
}

# The troubles in an order of the seed
state=$((seed * 64)) order="" left=$every
rnd 1
while [ -n "$left" ]; do
	# shellcheck disable=SC2086	# a list
	set -- $left
	rnd $#
	left=""
	for t; do
		if [ "$r" = 0 ]; then
			order="$order $t"
		else
			left="$left $t"
		fi
		r=$((r - 1))
	done
done
echo "order:$order"
kept="" any_of=""
for t in $order; do
	case $t in
	all_kept | all) continue ;;
	rebind_* | device) ;;
	led | suspend | fuzz | rebind | reload | mode) any_of="$any_of $t" ;;
	fuzz_kept) kept="$kept $t" ;;	# "fuzz" does more
	*)	kept="$kept $t" any_of="$any_of $t" ;;
	esac
done
for t in $order; do
	case $t in
	all_kept | all) ;;
	*)	case " $troubles " in
		*" $t "*) alone "$t" ;;
		esac ;;
	esac
done
# shellcheck disable=SC2086	# lists
case " $troubles " in
*" all_kept "*) hostile all_kept "$seconds" "$patient fuzz_us=500" stays stays $kept ;;
esac
# shellcheck disable=SC2086	# lists
case " $troubles " in
*" all "*) hostile all "$seconds" "$any fuzz_us=5000 fuzz_any=Y" : : $any_of ;;
esac
