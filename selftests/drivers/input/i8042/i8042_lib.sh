# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154	# what is set here and used elsewhere, and the reverse
#
# What i8042_order.sh and i8042_stress.sh share; to be sourced by them. They set
#
#	tests		all tests, in their order
#	host_tests	those of them that make sense with -H
#	more_tests	those that are only run by name
#	more_options	options of their own, as for getopts
#
# define a function test_NAME for each, and call "run_tests ARGUMENT...". A test returns
# 0 (pass), 1 (fail) or 4 (skip, $why says why).

dir=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC1091	# part of the kernel's selftests
. "$dir/../../../kselftest/ktap_helpers.sh"

param=/sys/module/i8042_oracle/parameters
oracle=/sys/kernel/debug/i8042_oracle
serio=/sys/bus/serio/devices
device=/sys/bus/platform/drivers/i8042
bytes=10000
enough=0
edge_spin_every=10
seconds=20
host='' force='' more_tests='' more_options=''

usage() { sed -n '/^# Usage/,/^$/s/^# \{0,1\}//p' "$0"; }

# What is changed here, and how it was before. None of it has blanks; and not every
# attribute takes a line end.

saved=''

set_param() { # FILE VALUE [OLD]
	case $saved in
	*" $1="*) ;;
	*)	saved="$saved $1=${3:-$(cat "$1")}" ;;
	esac
	printf %s "$2" >"$1"
}

restore_param() { # FILE
	for s in $saved; do
		[ "${s%%=*}" != "$1" ] || printf %s "${s#*=}" >"$1"
	done
}

restore_all() {
	trap '' INT TERM HUP
	[ ! -e $oracle/run ] || echo 0 >$oracle/run
	unload_oracle
	for s in $saved; do
		printf %s "${s#*=}" 2>/dev/null >"${s%%=*}"
	done
	[ -e $device/i8042 ] || { printf i8042 >$device/bind; wait_for_ports; }
	bind KBD "$kbd_driver"
	bind AUX "$aux_driver"
	for m in $loaded; do
		modprobe -r "$m" 2>/dev/null
	done
}

# The driver of a port: a name, or "none"
driver_of() { # KBD|AUX
	d=$(readlink "$(port_dir "$1")/driver") || d=none
	echo "${d##*/}"
}

loaded=''
need_driver() { # MODULE [PARAMETER=VALUE]
	[ ! -d "/sys/module/$1" ] || return 0
	if modprobe "$@" 2>/dev/null; then
		loaded="$loaded $1"
		return
	fi
	why="no $1"
	return 1
}

# The oracle

# Somebody may be reading one of its files.
unload_oracle() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ -d /sys/module/i8042_oracle ] || return 0
		rmmod i8042_oracle 2>/dev/null || sleep 0.1
	done
}

# On failure $why says why.
# shellcheck disable=SC2120	# those who source this give arguments
load_oracle() { # [PARAMETER=VALUE...]
	ko=$dir/test_modules/i8042_oracle.ko
	[ -f "$ko" ] || { why="i8042_oracle.ko was not built for this kernel"; return 1; }
	unload_oracle
	if said=$(insmod "$ko" "$@" 2>&1); then
		bind_oracle || { why="the ports cannot be bound to i8042_oracle"; return 1; }
		return
	fi
	case $said in
	*busy*)	why="another module has a filter on the i8042: unload it first" ;;
	*)	why="i8042_oracle.ko cannot be loaded: ${said##*: }" ;;
	esac
	return 1
}

# A port on which bytes came while nobody had it is looked at again by a worker, who may
# take it away from us, at once or when this machine finds the time.
bind_oracle() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		! ports_are_ours || return 0
		bind KBD i8042_oracle
		bind AUX i8042_oracle
		sleep 0.1
	done 2>/dev/null
	ports_are_ours
}

ports_are_ours() { [ "$(driver_of KBD) $(driver_of AUX)" = "i8042_oracle i8042_oracle" ]; }

# The ports are registered, and drivers bound to them, by a worker.
wait_for_ports() {
	tries=0
	until port_dir KBD && port_dir AUX; do
		[ $((tries += 1)) -lt 150 ] || return 1
		sleep 0.1
	done >/dev/null
}

# A port that was registered again has another number in sysfs.
port_dir() { # KBD|AUX
	for d in "$serio"/*; do
		read -r description <"$d/description" || continue
		[ "$description" != "i8042 $1 port" ] || { echo "$d"; return; }
	done 2>/dev/null
	return 1
}

bind() { # KBD|AUX DRIVER
	d=$(port_dir "$1") && printf %s "$2" >"$d/drvctl"
}

# Start with the given parameters, all others at their defaults.
oracle_start() { # PARAMETER=VALUE...
	for p in "bytes=$bytes" "enough=$enough" ports=3 depth=5 gap_us=0 packets=N \
		 hold=N unbind=N mute=N poll_us=0 poll_once=N poll_thaw=N poll_cpu=-1 edge_us=0 \
		 hog_us=0 spin_us=0 spin_every=1 spin_max=0 spin_in=7 spin_ports=3 \
		 gap_min_us=0 long_us=0 patience_ms=5000 "$@"; do
		echo "${p#*=}" >"$param/${p%%=*}" || return 1
	done
	for _ in 1 2 3; do
		echo 1 2>/dev/null >$oracle/run && return
		bind_oracle
	done
	return 1
}

oracle_run() { # PARAMETER=VALUE...
	for _ in 1 2 3; do
		oracle_start "$@" || return 1
		while injecting; do
			sleep 0.1
		done
		oracle_stop
		! ports_are_ours || return 0
		ktap_print_msg "a port was taken away meanwhile: again"
		bind_oracle || return 1
	done
	return 1
}

oracle_stop() {
	echo 0 >$oracle/run
	read_result
}

injecting() { grep -q '^injecting 1' $oracle/result; }

# Set $r_NAME to each number of the result; the second and third of a line to $r_NAME_2
# and $r_NAME_3. In a virtual machine without KVM a process for each would take longer than
# most tests.
read_result() {
	eval "$(awk '{ for (i = 2; i <= NF; i++) print "r_" $1 (i > 2 ? "_" i - 1 : "") "=" $i }' \
		$oracle/result)"
}

figures() { # [.PORT] KEY=VALUE...
	name=$t
	case $1 in
	.*)	name=$t$1; shift ;;
	esac
	ktap_print_msg "$name: $*"
}

report() {
	for p in kbd aux; do
		set --
		for key in injected received lost dup late misread wait_max_us; do
			eval "set -- \"\$@\" $key=\$r_${p}_$key"
		done
		for key in read received; do
			eval "set -- \"\$@\" ${key}_poll=\$r_${p}_${key}_in" \
				"${key}_timer=\$r_${p}_${key}_in_2 ${key}_irq=\$r_${p}_${key}_in_3"
		done
		figures .$p "$@"
	done
	figures "polls=$r_polls edges=$r_edges delays=$r_spins"
}

# All bytes there, once and in order?
in_order() {
	report
	[ "$r_kbd_misread $r_aux_misread" = "0 0" ] ||
		{ ktap_print_msg "the controller itself mixed up bytes"; return 1; }
	[ "$r_kbd_received $r_aux_received" = "$r_kbd_injected $r_aux_injected" ] || return 1
	[ "$r_kbd_late $r_kbd_lost $r_kbd_dup $r_aux_late $r_aux_lost $r_aux_dup" = "0 0 0 0 0 0" ]
}

# Time that the hypervisor took away, in ticks, where it tells us
pv_steal() { awk '$1 == "cpu" { print $9 + 0 }' /proc/stat; }

# Was there any since pv_steal printed $1? A vCPU that did not run for 2 ms
# with its interrupts off had that time taken away.
gap_min_us=2000
was_stolen() { # TICKS
	ticks=$(($(pv_steal) - $1))
	figures "gaps=$r_gaps gap_min_us=$gap_min_us gaps_us=$r_gaps_us" \
		"gaps_max_us=$r_gaps_max_us steal_ticks=$ticks"
	[ "$r_gaps" -ge 10 ] || [ "$ticks" -ge 10 ] && return
	why="no vCPU time was stolen"
	return 1
}

order_test() { # PARAMETER=VALUE...
	ticks=${host:+$(pv_steal)}
	oracle_run "$@" ${host:+gap_min_us=$gap_min_us} || return 1
	in_order
	ret=$?
	[ "$r_kbd_misread $r_aux_misread" != "0 0" ] || late=$((r_kbd_late + r_aux_late))
	[ -z "$host" ] || was_stolen "$ticks" || [ $ret != 0 ] || return 4
	case $* in
	*spin_us=*)	spun=$r_spins ;;
	*poll_us=*)	spun=${host:+$r_polls} ;;
	*edge_us=*)	spun=${host:+$r_edges} ;;
	*)		return $ret ;;
	esac
	[ "${spun:-0}" = 0 ] || provoked=$((provoked + 1))
	# Where a poll delivers nothing itself, there is none to be delayed.
	[ "$spun" != 0 ] || [ "$r_polls" != 0 ] || [ "$r_edges" != 0 ] ||
		{ why="nothing was provoked"; return 4; }
	return $ret
}

# Those that poll on one CPU and inject on another
need_two_cpus() {
	case $(cat /sys/devices/system/cpu/online) in
	0-*)	return ;;
	esac
	why="needs CPUs 0 and 1"
	return 1
}

# Those that poll by it: RHEL 6's driver has none.
need_thaw() {
	grep -qw i8042_pm_thaw /proc/kallsyms && return
	why="the driver has no thaw"
	return 1
}

realtime() { uname -v | grep -q PREEMPT_RT; }

# Where is delivered what a poll has read: 1, in the poll, or 4, in interrupts, as on
# PREEMPT_RT; numbers as in spin_in=
find_delivers_in() {
	delivers_in=4
	oracle_run bytes=5 mute=Y poll_us=100 poll_thaw=Y || return 1
	[ $((r_kbd_received_in + r_aux_received_in)) = 0 ] || delivers_in=1
}

# driver_symbol NAME: as a probe has to call it, also if the driver is a module
driver_symbol() {
	m=$(readlink /sys/bus/platform/drivers/i8042/module)
	m=${m##*/}
	if grep -q "^${m:-none} " /proc/modules; then
		echo "$m:$1"
	else
		echo "$1"
	fi
}

number_or_usage() {
	case $1 in
	'' | *[!0-9]* | 0*) usage >&2; exit 1 ;;
	esac
}

skip_all() {
	ktap_skip_all "$*"
	exit "$KSFT_SKIP"
}

set_up() {
	ktap_print_header
	[ "$(id -u)" = 0 ] || skip_all "needs root"
	grep -q ' /sys/kernel/debug ' /proc/mounts ||
		mount -t debugfs none /sys/kernel/debug 2>/dev/null ||
		skip_all "needs debugfs"
	[ -d /sys/bus/serio ] || skip_all "this kernel has no serio"
	wait_for_ports || skip_all "no i8042 with a port for a keyboard and one for a mouse"
	kbd_driver=$(driver_of KBD)
	aux_driver=$(driver_of AUX)
	trap restore_all EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	load_oracle || skip_all "$why"
}

run_test() { # NAME
	t=$1 why='' late=0
	[ ! -e $oracle/run ] || echo 0 >$oracle/run
	read -r begin _ </proc/uptime
	wait_for_ports && bind_oracle && "test_$t"
	ret=$?
	read -r end _ </proc/uptime
	figures "seconds=$((${end%.*} - ${begin%.*}))"
	case $ret in
	0)	ktap_test_pass "$t" ;;
	4)	ktap_test_skip "$t $why" ;;
	*)	[ "$late" = 0 ] || affected=$((affected + 1))
		ktap_test_fail "$t" ;;
	esac
}

run_tests() { # ARGUMENT...: of the program
	while getopts "Hn:lh$more_options" opt; do
		case $opt in
		H)	host=y ;;
		f)	force=y ;;
		n)	number_or_usage "$OPTARG"; bytes=$OPTARG ;;
		e)	number_or_usage "$OPTARG"; enough=$OPTARG edge_spin_every=2 ;;
		s)	number_or_usage "$OPTARG"; seconds=$OPTARG ;;
		l)	echo $tests; exit ;;
		h)	usage; exit ;;
		*)	usage >&2; exit 1 ;;
		esac
	done
	shift $((OPTIND - 1))
	[ $# -gt 0 ] || set -- ${host:+$host_tests}
	[ $# -gt 0 ] || set -- $tests
	for t; do
		case " $(echo $tests $more_tests) " in
		*" $t "*) ;;
		*)	usage >&2; exit 1 ;;
		esac
	done

	set_up
	affected=0 provoked=0
	ktap_set_plan $#
	for t; do
		run_test "$t"
	done
}
