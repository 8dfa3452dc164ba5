# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Usage: sh tests.sh [-H] [-n BYTES] [-e BYTES] TEST...
#
# Run self tests, each by the program that has it; i8042_stress.sh runs with -f. Exit
# status: 1 if a program failed.

options="" enough=""
while :; do
	case $1 in
	-H)	options="$options -H"; shift ;;
	-n)	options="$options -n $2"; shift 2 ;;
	-e)	enough="-e $2"; shift 2 ;;
	*)	break ;;
	esac
done

# Before 4.15 all interrupts go to the first CPU, and none meets one of another line.
[ -f /proc/irq/12/effective_affinity ] || echo 2 >/proc/irq/12/smp_affinity 2>/dev/null

of_order=$(./i8042_order.sh -l)
of_optional=$(./i8042_optional.sh -l)
order="" optional="" stress=""
for t; do
	case " $of_order : $of_optional " in
	*" $t "*:*) order="$order $t" ;;
	*:*" $t "*) optional="$optional $t" ;;
	*)	stress="$stress $t" ;;
	esac
done
status=0
# shellcheck disable=SC2086	# lists
{
	[ -z "$order" ] || ./i8042_order.sh $options $enough $order || status=1
	[ -z "$stress" ] || ./i8042_stress.sh -f $options $stress || status=1
	[ -z "$optional" ] || ./i8042_optional.sh $options $enough $optional || status=1
}
exit $status
