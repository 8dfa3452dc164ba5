# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Report what systemd did with the unit i8042-inorder, for checks/boot to judge

. /guest/try.sh

unit=i8042-inorder.service

try "virtual" systemd-detect-virt --vm
try "failed" systemctl --failed --no-legend --plain
try "unit" systemctl show -p LoadState -p UnitFileState -p ActiveState -p Result -p ConditionResult -p ExecMainStatus $unit
try "modules" cat /proc/modules
try "journal" journalctl -b -o cat -u $unit
echo "== end"
echo "# exit 0"
sync
systemctl --force --force poweroff
