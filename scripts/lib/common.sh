# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034	# used by those that source this
#
# Common to the scripts of this directory; to be sourced by bash.

set -eu -o pipefail
trap 'echo "$0: line $LINENO: failed: $BASH_COMMAND" >&2' ERR

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
me=${0##*scripts/}

# Downloads and built kernels. Everything in it can be made again.
cache=${I8042_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/i8042-inorder}

# Newest kernel of each era, and the kernels its series has to fit. (Era 2.6.18
# is not among them: no package has its kernels.)
eras=(7.3 6.12)
kernels_of_7_3=(7.2 7.3)
kernels_of_6_12=(5.10 6.1 6.12)

note() { echo "$me: $*" >&2; }
die() { note "$*"; exit 1; }

# usage_from_header: the comment at the top of the script is its help.
usage_from_header() {
	sed -n '/^# SPDX/d; /^#!/d; /^#/!q; s/^# \{0,1\}//p' "$0"
}

# need PACKAGE...: install what is missing, or say how.
need() {
	local p missing=()

	for p; do
		[ "$(dpkg-query -Wf '${Status}' "$p" 2>/dev/null)" = "install ok installed" ] ||
			missing+=("$p")
	done
	[ ${#missing[@]} -eq 0 ] && return
	command -v apt-get >/dev/null ||
		die "needs the Debian packages: ${missing[*]}"
	[ "$(id -u)" -eq 0 ] ||
		die "packages are missing; run as root: apt-get install --no-install-recommends ${missing[*]}"
	note "installing ${missing[*]}"
	{ apt-get -q update && DEBIAN_FRONTEND=noninteractive \
		apt-get -q -y install --no-install-recommends "${missing[@]}"; } \
		>"$scratch/apt.log" 2>&1 ||
		die "apt-get could not install ${missing[*]}: $(grep -m1 '^[EW]:' "$scratch/apt.log")"
}

# What a check ends with: verdict for each thing, conclude at the end
passed=0 failed=0
verdict() { # DESCRIPTION ok|REASON
	if [ "$2" = ok ]; then
		passed=$((passed + 1))
		echo "ok     $1"
	else
		failed=$((failed + 1))
		echo "not ok $1: $2"
	fi
}
conclude() { echo "$passed passed, $failed failed"; [ "$failed" -eq 0 ] || exit 1; }

# shown FILE COMMAND...: run it, with its output to FILE as well; sets $status
shown() {
	local tee

	exec 3> >(exec tee "$1")
	tee=$!
	# Not by "fore ... ||", which would switch errexit off in COMMAND.
	"${@:2}" >&3 3>&- &
	wait $! && status=0 || status=$?
	exec 3>&-
	wait "$tee"
}

# once NAME KEY COMMAND...: run a command that prints "ok" and "not ok" lines and
# count these; if all was well with the same KEY before, print what it printed.
once() {
	local result=$cache/once/$1-$2 status=0

	if [ -f "$result" ]; then
		cat "$result"
	else
		result=$scratch/once
		shown "$result" "${@:3}"
	fi
	passed=$((passed + $(grep -c '^ok ' "$result" || true)))
	failed=$((failed + $(grep -c '^not ok ' "$result" || true)))
	! grep -q '^not ok ' "$result" || return 0
	[ "$status" -eq 0 ] || return "$status"
	[ "$result" = "$scratch/once" ] || return 0
	mkdir -p "$cache/once"
	# Not those of a longer name: a key has 16 digits.
	rm -f "$cache/once/$1"-????????????????
	mv "$result" "$cache/once/$1-$2"
}

need_space() { # DIR MIB
	local free

	mkdir -p "$1" 2>/dev/null || die "cannot create $1; set I8042_CACHE to a directory that can be written"
	free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$2" ] || die "$1 has $free MiB free, $2 are needed; free some or set I8042_CACHE"
}

kill_tree() { # PID: it and all that it has started
	local child children

	children=$(cat "/proc/$1/task/"*/children 2>/dev/null) || true
	kill "$1" 2>/dev/null || true
	for child in $children; do
		kill_tree "$child"
	done
}

# A scratch directory, and no process and no half-made directory left behind,
# whatever ends the script.
half_made=""
scratch=$(mktemp -d "${TMPDIR:-/tmp}/i8042.XXXXXX") || exit 1
on_exit() {
	local status=$? job

	trap '' INT TERM
	# Else tee, in shown, would wait for more, and we for tee.
	exec 3>&-
	for job in $(jobs -p); do
		kill_tree "$job"
	done
	wait
	rm -rf "$scratch" ${half_made:+"$half_made"}
	exit $status
}
trap on_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# fore COMMAND...: wait for it in such a way that a signal to this script, which
# bash would keep back until a foreground command ends, ends the command, too.
fore() { "$@" & wait $!; }

# locked NAME: one process at a time makes NAME in the cache.
locked() {
	mkdir -p "$cache/lock"
	exec 9>"$cache/lock/$(tr / _ <<<"$1")"
	flock -n 9 || { note "waiting for another run that makes $1"; flock 9; }
}

# The era of a kernel version, as the name of its directory in patches/.
era_of() { # VERSION, for example 6.1 or 6.1.192
	local major minor patch

	IFS=.- read -r major minor patch _ <<<"$1"
	[[ $major =~ ^[0-9]+$ && $minor =~ ^[0-9]+$ ]] || return 1
	if ((major > 6 || (major == 6 && minor >= 13))); then
		echo 7.3
	elif ((major == 6 || (major == 5 && minor >= 10))); then
		echo 6.12
	elif [[ $major.$minor.$patch =~ ^2\.6\.1[678]$ ]]; then
		echo 2.6.18
	else
		return 1
	fi
}

kernels_of() { # ERA
	local -n list=kernels_of_${1//./_}

	echo "${list[@]}"
}

# get_kernel KERNEL: sets $build, $driver and $selftest, for vm/run. KERNEL is
# debian:VERSION[-FLAVOUR], of kernel/stock, or VERSION[-FLAVOUR]:DRIVER, of
# kernel/build and kernel/driver.
get_kernel() {
	local version flavour variant=none

	case $1 in
	debian:?*) version=${1#*:} ;;
	?*:?*)	version=${1%%:*} variant=${1#*:} ;;
	*)	die "no kernel $1; there are debian:VERSION[-cloud|-rt] and VERSION[-FLAVOUR]:DRIVER" ;;
	esac
	flavour=${version#*-}
	[ "$flavour" != "$version" ] || flavour=plain
	version=${version%%-*}
	if [ "$variant" = none ]; then
		build=$("$top/scripts/kernel/stock" "$version" "$flavour") || return
		driver=none
		selftest=$build/tests
	else
		build=$("$top/scripts/kernel/build" "$version" "$flavour") &&
		driver=$("$top/scripts/kernel/driver" "$version" "$flavour" "$variant") &&
		selftest=$("$top/scripts/kernel/driver" "$version" "$flavour" selftest)
	fi
}

# vm_inputs: what goes into a run in a virtual machine besides scripts, after
# get_kernel; for the key of once
vm_inputs() {
	need qemu-system-x86
	echo "$(dpkg-query -Wf '${Version}' qemu-system-x86) $build $driver $selftest"
}

# once_in_vm NAME KERNEL PARAMETERS COMMAND...: once, for a run of the calling script
# in a virtual machine. If there is no such kernel, COMMAND is to say so.
once_in_vm() {
	if ! get_kernel "$2"; then
		"${@:4}"
		return
	fi
	once "$1" "$({ echo "$(vm_inputs) $3"
		cd "$top/scripts" && cat "$me" vm/run vm/guest/init lib/common.sh; } | hash_of)" "${@:4}"
}

# Functions for the guest's shell, where i8042_order.sh is too much: "run" prints
# the oracle's result, and the module's statistics if it is loaded.
# shellcheck disable=SC2016	# for that shell
guest_oracle='
P=/sys/module/i8042_oracle/parameters
O=/sys/kernel/debug/i8042_oracle
oracle() {
	insmod test_modules/i8042_oracle.ko "$@"
	for d in /sys/bus/serio/devices/*; do
		grep -q "i8042 ... port" $d/description && printf i8042_oracle >$d/drvctl
	done
}
start() {
	for p; do
		echo "${p#*=}" >$P/${p%%=*}
	done
	echo 1 >$O/run
}
finish() {
	until grep -q "^injecting 0" $O/result; do
		sleep 0.1
	done
	echo 0 >$O/run
	cat $O/result /sys/kernel/debug/i8042_inorder/stats 2>/dev/null
}
run() { start "$@"; finish; }
# Of one CPU, from the entry of an interrupt to the receipt of its byte: median and
# 99th percentile in ns (instructions with vm/run --icount), interrupts of irq_work
irq_works() { awk "/^ *IWI:/ { print \$2 }" /proc/interrupts; }
latency() {
	echo 0 >/sys/devices/system/cpu/cpu1/online
	oracle filter=N since=handle_edge_irq
	work=$(irq_works)
	run bytes=1000 >/dev/null
	awk "/^since_permille/ { printf \"%s %s \", \$3, \$7 }" $O/result
	echo $(($(irq_works) - work))
}
'

# queued_motions TRACE: lines "X Y" for the packets that QEMU put into the queue of
# its PS/2 mouse, by its trace event ps2_mouse_send_packet. It counts y upwards.
queued_motions() {
	sed -nE 's/.* x (-?[0-9]+) y (-?[0-9]+) z .*/\1 \2/p' "$1" | awk '{ print $1, -$2 }'
}

# make_initrd DIRECTORY FILE BUILD DRIVER TESTS COMMAND [FILE...]: what a virtual
# machine starts with, made in DIRECTORY: busybox, vm/guest/init, modules, tests, more
make_initrd() {
	local root=$1 file=$2 build=$3 driver=$4 tests=$5 applet release modules

	mkdir -p "$root"/{bin,dev,proc,sys,tmp}
	cp /bin/busybox "$root/bin/"
	for applet in $(/bin/busybox --list); do
		[ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
	done
	cp "$top/scripts/vm/guest/init" "$root/init"
	cp -r "$tests" "$root/test"
	release=$(cat "$build/include/config/kernel.release")
	modules=$root/lib/modules/$release
	mkdir -p "$modules"
	find "$build/drivers/input" "$build/lib" -name '*.ko' ! -name i8042.ko -exec cp {} "$modules/" \;
	find "$build" -maxdepth 1 -name 'modules.builtin*' -exec cp {} "$modules/" \;
	[ "$driver" = none ] || cp "$driver"/*.ko "$modules/"
	depmod -b "$root" "$release" 2>/dev/null
	echo "$6" >"$root/command"
	[ $# -eq 6 ] || cp "${@:7}" "$root/"
	(cd "$root" && find . | cpio -o -H newc --owner 0:0 --quiet | gzip -1) >"$file"
}

# copy_driver TREE DIRECTORY: those files of a kernel source that the series change
copy_driver() {
	(cd "$1" && cp --parents drivers/input/serio/{Makefile,Kconfig,i8042*} \
		Documentation/admin-guide/kernel-parameters.txt MAINTAINERS \
		tools/testing/selftests/Makefile "$2")
}

# What the self tests and the module are built from
selftest_sources() { find "$top/selftests" -type f -print0 | sort -z | xargs -0 cat; }
backport_sources() { cat "$top"/backport/{*.[ch],Kbuild}; }
copy_module() { mkdir -p "$1" && cp "$top"/backport/{*.[ch],Kbuild} "$1"; }

# without_races_of_others LOG: without KCSAN's reports in which nobody of this
# project or of the input drivers has a part; what those say to standard error
without_races_of_others() {
	awk '
	{ sub(/\r$/, "") }
	/ ==========+$/ && !report { report = 1; text = ours = title = ""; next }
	/ ==========+$/ {
		report = 0
		if (ours || title !~ /KCSAN/)
			printf "%s", text
		else
			print "# not ours: " title >"/dev/stderr"
		next
	}
	!report	{ print; next }
	{ text = text $0 "\n" }
	title == "" { title = $0 }
	/i8042|serio|ps2|atkbd|psmouse/ { ours = 1 }
	END { if (report) printf "%s", text }' "$1"
}

# complaint LOG: the first line of a kernel's log with a bug, a warning or a leak. One
# race is meant: whoever waits for an interrupt looks at its state without the lock
# first, and again with it (__synchronize_hardirq() in kernel/irq/manage.c).
complaint() {
	without_races_of_others "$1" |
	awk '/BUG:|WARNING:|Oops|Call Trace|lockdep|INFO: .*(lock|rcu|hung)|unreferenced object|general protection/ &&
		!/KCSAN: data-race in __synchronize_hardirq \/ handle_irq_event/ && !found++
		END { exit !found }'
}

# build_warns LOG: did a file of ours get a warning? Prints it.
build_warns() { grep -m3 -E '(^|/)(i8042[-_a-z]*|compat)[.][ch]:[0-9:]* warning' "$1" >&2; }

hash_of() { sha256sum | cut -c1-16; }
