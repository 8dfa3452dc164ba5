# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# Judge the output of commands, in a virtual machine or here. "try" of vm/guest/try.sh
# prints it in parts, which are judged one by one. To be sourced after common.sh.

# shellcheck source=../vm/guest/try.sh
. "$top/scripts/vm/guest/try.sh"

said=$scratch/said

# try_in_vm KERNEL COMMAND [OPTION...]: run the command; its output is judged next
try_in_vm() {
	local status=0

	begin_results
	echo "# $2, on $1"
	fore "$top/scripts/vm/run" --timeout 3600 --log "$scratch/kernel" "${@:3}" \
		"$1" "$2; echo '== end'" >"$said" || status=$?
	verdict "$1: no complaint in the kernel's log" "$([ $status -ne 3 ] && echo ok || tail -n 1 "$said")"
	[ $status -ne 3 ] || tail -n 60 "$scratch/kernel" | sed 's/^/# /'
	verdict "$1: the commands came to their end" \
		"$(grep -qx '== end' "$said" && echo ok || tail -n 1 "$said")"
}

# part NAME: print this part, without its name
part() { name=$1 awk '/^== / { on = $0 == "== " ENVIRON["name"]; next } on' "$said"; }

# says NAME PATTERN: does a line of the part match?
says() {
	local line

	line=$(part "$1" | grep -m1 -E -- "$2") || true
	verdict "$1: ${line:-$2}" "$([ -n "$line" ] && echo ok || echo "it says: $(part "$1" | head -n 1)")"
}

# silent NAME PATTERN: does no line of the part match?
silent() {
	local line

	line=$(part "$1" | grep -m1 -E -- "$2") || true
	verdict "$1: not a word of $2" "${line:-ok}"
}

# counts NAME KEY TEST NUMBER: compare the number of the line "KEY N" by TEST (-eq,
# -gt...)
counts() {
	local n

	n=$(figure_of "$2" <(part "$1"))
	verdict "$1: $2 ${n:-missing}" "$(test "${n:-missing}" "$3" "$4" 2>/dev/null && echo ok || echo "must be $3 $4")"
}
