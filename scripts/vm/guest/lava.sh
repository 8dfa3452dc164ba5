# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# shellcheck disable=SC2154	# set on the kernel's command line
#
# A job for LAVA runs this. The kernel's command line says which tests, so one initramfs
# serves all jobs:
#
#	i8042_load	a module to load first, or nothing
#	i8042_tests	arguments of guest/tests.sh, with commas for blanks
#
# lava-check adds complaint() from lib/vm.sh.

dmesg -n 1
[ -z "$i8042_load" ] || modprobe "$i8042_load"
# shellcheck disable=SC2046	# a list of arguments
sh /guest/tests.sh $(echo "$i8042_tests" | tr , " ")
status=$?
dmesg >/tmp/log
if complaint /tmp/log; then
	echo "not ok 1 kernel_log"
else
	echo "ok 1 kernel_log"
fi
exit $status
