# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# shellcheck disable=SC2154	# seed, seconds and alone, and what the oracle counts
#
# Usage: hostile.sh DRIVER [TROUBLE...], with seed, seconds and alone in the environment
#        hostile.sh --list DRIVER
#
# Make trouble for the driver while bytes flow, for checks/hostile, whose help explains
# each TROUBLE. DRIVER is as in KERNEL:DRIVER of vm/run. Prints KTAP, and figures for each
# trouble.

# $delays: polls, spurious edges and delays while bytes flow. $patient: wait long before a
# byte counts as lost. Where no byte may be lost, a pause of the host must not look like a
# loss.
delays="poll_us=500 edge_us=500 spin_us=200 spin_every=20"
patient="patience_ms=60000"
any="packets=Y gap_us=500 $delays"

# The columns: NAME, the drivers that have it, the runs of several troubles that it
# belongs to, the function that judges KBD and AUX (stays, goes or none), and how bytes
# flow. While the module is unloaded or observes, delays would let bytes overtake each
# other; so reload and mode have none.
table="
hotplug		-	all_kept,all	stays	stays	$delays $patient
affinity	-	all_kept,all	stays	stays	$delays $patient
rebind_kbd	-	-		goes	stays	$delays
rebind_aux	-	-		stays	goes	$delays
suspend		-	all		goes	goes	$delays
device		-	-		-	-	$any
memory		-	all_kept,all	stays	stays	$delays $patient
sysrq		-	all_kept,all	stays	stays	$delays $patient
led		-	all		-	-	packets=Y edge_us=500 spin_us=200 spin_every=20
fuzz_kept	-	all_kept	stays	stays	$delays $patient fuzz_pause_us=500
fuzz		-	all		-	-	$any fuzz_pause_us=500 fuzz_any=Y
rebind		-	all		-	-	$any
poll_ms		fix[+]optional all_kept,all	stays	stays	$delays $patient
reload		backport all		stays	stays	$patient
mode		backport all		stays	stays	$patient
all_kept	-	-		stays	stays	$delays $patient fuzz_pause_us=500
all		-	-		-	-	$any fuzz_pause_us=5000 fuzz_any=Y
"

names() { # DRIVER
	echo "$table" | awk -v d="$1" 'NF && ($2 == "-" || d ~ "^" $2 "([-+]|$)") { print $1 }'
}

if [ "$1" = --list ]; then
	names "$2"
	exit
fi
driver=$1
shift

# shellcheck source=oracle.sh
. /guest/oracle.sh
# shellcheck source=try.sh
. /guest/try.sh

cpu1=/sys/devices/system/cpu/cpu1/online
device=/sys/bus/platform/drivers/i8042
poll_ms=/sys/module/i8042/parameters/poll_ms
inorder=/sys/module/i8042_inorder
run=/tmp/run
mkdir -p $run /tmp/full
mount -t tmpfs -o size=100% none /tmp/full
# For atkbd, forged bytes are keys: sooner or later SysRq's crash, and Ctrl-Alt-Del, which
# sends SIGINT. Disarm both.
trap '' INT
echo 0 >/proc/sys/kernel/sysrq
echo 0 >/proc/sys/kernel/ctrl-alt-del
echo $$ >/proc/sys/kernel/cad_pid

# rnd N: set $r to a random number from 0 to N - 1; each trouble has its own sequence
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

# If bytes come on a port without a driver, a worker of serio probes the port again. It
# may take the port away from us once, so try again.
bind_all() { # DRIVER-OF-KBD DRIVER-OF-AUX
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		bind KBD "$1"
		bind AUX "$2"
		usleep 200000
		[ "$(driver_of KBD)" = "$1" ] && [ "$(driver_of AUX)" = "$2" ] && return
	done
	return 1
}

# The troubles. Each do_* is called again and again, and counted if it returns 0.

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

# Bind a port to a random driver
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
	# Count it even if the driver found no device that answers.
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

# Called when no bytes flow any more, so that the probe finds both ports
restore_device() {
	for _ in 1 2 3 4 5; do
		within 200 both_ports && return
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

# Fill memory until 96 MiB are left, then free all at once. Fill it in pieces: between
# them "suspend" can freeze this task.
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

# A module makes these, see start_fuzz()
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

# A run

loaded=none
load_oracle() { # "PARAMETER=VALUE..."
	[ "$loaded" != "$1" ] || return 0
	rmmod i8042_oracle 2>/dev/null
	# shellcheck disable=SC2086	# a list
	insmod test_modules/i8042_oracle.ko $1 && loaded=$1
}

# start_fuzz PARAMETER=VALUE...: load the module with those that begin with fuzz_, if any
start_fuzz() { # PARAMETER=VALUE...
	# shellcheck disable=SC2046	# a list
	set -- $(printf '%s\n' "$@" | sed -n 's/^fuzz_//p')
	[ $# = 0 ] || insmod test_modules/i8042_fuzz.ko "seed=$seed" "$@"
}

stop_fuzz() {
	fuzzed=$(cat /sys/module/i8042_fuzz/parameters/sent 2>/dev/null) || return 0
	rmmod i8042_fuzz
}

flow() { # PARAMETER=VALUE...
	# shellcheck disable=SC2046	# a list
	start ports=3 depth=5 gap_us=0 packets=N poll_us=0 edge_us=0 \
		spin_us=0 patience_ms=1000 $(printf '%s\n' "$@" | grep -v '^fuzz_')
}

flow_has_ended() { grep -q "^injecting 0" "$O/result"; }

# Inject no new bytes, and wait for those on their way
stop_flow() {
	stop_fuzz
	put "$P/bytes" 1
	within 3000 flow_has_ended
	put "$O/run" 0
	eval "$(awk '{ print $1 "=" $2 }' "$O/result")"
}

# Did each trouble happen, and did some bytes come? One trouble may block another.
enough_of() { # TROUBLE...
	for t; do
		[ -e "$run/$t" ] || return
	done
	awk -v counted="$counted" '
		$1 ~ (counted ? "_received$" : "_injected$") && $2 >= 20 { n++ }
		END { exit n < 2 }' "$O/result"
}

wrong() { why=${why:+$why, }$*; }

# judge PORT FAULT...: these counts must be 0. stays() and goes() judge a port that stays,
# and a port that goes away and comes back.
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

# When the trouble is over, bytes must flow as before
clean() {
	restore_device
	bind_all i8042_oracle i8042_oracle || { wrong "ports not back"; return; }
	flow bytes=500 $patient || wrong "no flow afterwards"
	within 3000 flow_has_ended
	stop_flow
	stays kbd
	stays aux
	[ "$kbd_received" = 500 ] && [ "$aux_received" = 500 ] ||
		wrong "afterwards $kbd_received/$aux_received bytes of 500"
}

# prepare TROUBLE...: load and bind the drivers that the troubles need
prepare() {
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
			modprobe atkbd 2>/dev/null	# or built in
			# Without proto= its search for protocols takes minutes if no
			# mouse answers.
			modprobe psmouse proto=bare ;;
		suspend)
			# With all troubles at once, a task may need more than the usual
			# 20 s to freeze.
			put /sys/power/pm_freeze_timeout 200000
			put /sys/module/suspend/parameters/pm_test_delay 0
			put /sys/power/pm_test platform ;;
		esac
	done
	load_oracle "$oracle" && bind_all $kbd $aux
}

# make SECONDS TROUBLE...: make these troubles at once while bytes flow
make() {
	time=$1 n=0 jobs=""
	shift
	touch $run/go
	for t; do
		n=$((n + 1))
		# With other troubles, suspend seldom: they have no ports meanwhile.
		case $#$t in
		1suspend) pauses=20 ;;
		*suspend) pauses=3000 ;;
		*)	pauses=20 ;;
		esac
		trouble "$t" $n $pauses &
		jobs="$jobs $!"
	done
	sleep "$time"
	within 12000 enough_of "$@"
	rm $run/go
	# shellcheck disable=SC2086	# a list
	wait $jobs
	for t; do
		type "undo_$t" >/dev/null 2>&1 && "undo_$t"
	done
	stop_flow
}

# judge_all TROUBLE...: print the counts and judge them
judge_all() {
	counts=""
	for t; do
		n=$(cat "$run/$t" 2>/dev/null) || n=0
		case $t in
		fuzz*)	n=$fuzzed ;;
		esac
		counts="$counts $t=$n"
		[ "$n" -gt 0 ] || wrong "$t was not done"
	done
	for port in kbd aux; do
		keys=injected
		[ -z "$counted" ] || keys="injected received late lost dup"
		line=""
		for key in $keys; do
			eval "line=\"$line $key=\$${port}_$key\""
		done
		echo "# $name.$port:$line"
	done
	echo "# $name:$counts ps2_commands=$timed_calls ps2_failed=$timed_errors"
	[ "$judge_kbd" = - ] || $judge_kbd kbd
	[ "$judge_aux" = - ] || $judge_aux aux
	case " $* " in
	*" fuzz "* | *" rebind "*) ;;
	*" led "*)
		[ "$timed_calls" -gt 0 ] && [ "$timed_errors" = 0 ] || wrong "PS/2 commands failed" ;;
	esac
}

hostile() { # NAME
	name=$1 why=""
	read -r _ _ _ judge_kbd judge_aux flow <<-END
	$(echo "$table" | awk -v name="$name" '$1 == name')
	END
	case $flow in
	*packets=Y*) counted="" ;;
	*)	counted=y ;;
	esac
	# shellcheck disable=SC2046	# a list
	set -- $(members_of "$name")
	rm -f $run/*
	# shellcheck disable=SC2086	# a list of parameters
	if prepare "$@" && start_fuzz $flow && flow bytes=4000000000 $flow; then
		if [ "$name" = "$*" ]; then
			make "$alone" "$@"
		else
			make "$seconds" "$@"
		fi
		judge_all "$@"
		clean
	else
		wrong "cannot start, with $(driver_of KBD) and $(driver_of AUX)"
	fi
	put /sys/power/pm_test none
	rmmod psmouse atkbd 2>/dev/null
	number=$((number + 1))
	if [ -z "$why" ]; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name: $why"
	fi
	echo "# $name: ended_at=$(cut -d ' ' -f 1 /proc/uptime)"
}

# shuffled NAME...: print the names in an order that the seed determines
shuffled() {
	state=$((seed * 64))
	rnd 1
	while [ $# -gt 0 ]; do
		rnd $#
		rest=""
		for t; do
			if [ "$r" = 0 ]; then
				echo "$t"
			else
				rest="$rest $t"
			fi
			r=$((r - 1))
		done
		# shellcheck disable=SC2086	# a list
		set -- $rest
	done
}

# members_of NAME: the trouble itself, or the troubles of a run of several
members_of() {
	case $1 in
	all*)	for t in $order; do
			echo "$table" | awk -v t="$t" -v run="$1" '
				$1 == t && index("," $3 ",", "," run ",") { print t }'
		done ;;
	*)	echo "$1" ;;
	esac
}

keep_probed
case $driver in
backport*) modprobe i8042_inorder ;;
esac
# shellcheck disable=SC2046	# a list
order=$(shuffled $(names "$driver" | grep -v '^all'))
# shellcheck disable=SC2046	# a list
[ $# -gt 0 ] || set -- $(names "$driver")
echo "KTAP version 1"
echo "1..$#"
number=0
for one in $order all_kept all; do
	case " $* " in
	*" $one "*) hostile "$one" ;;
	esac
done
