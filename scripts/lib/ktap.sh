# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
#
# Write and read results: KTAP for verdicts, key=value for figures. A check calls pass,
# fail and skip, and conclude at its end. results and figure read the output of any check,
# self test or virtual machine. To be sourced by bash.

passed=0 failed=0 skipped=0 begun=""

# begin_results: print the header of KTAP, before anything else; the first test line does
# it, too
begin_results() {
	[ -n "$begun" ] || echo "KTAP version 1"
	begun=y
}

# test_line "ok|not ok" DESCRIPTION [DIRECTIVE]
test_line() {
	local number=$((passed + failed + skipped))

	begin_results
	echo "$1 $number - ${2//#/}${3:+ # $3}"
}

pass() { passed=$((passed + 1)); test_line ok "$1"; } # DESCRIPTION
fail() { failed=$((failed + 1)); test_line "not ok" "$1: $2"; } # DESCRIPTION REASON
skip() { skipped=$((skipped + 1)); test_line ok "$1" "SKIP $2"; } # DESCRIPTION REASON

# verdict DESCRIPTION ok|REASON: pass or fail
verdict() {
	if [ "$2" = ok ]; then pass "$1"; else fail "$1" "$2"; fi
}

# holds DESCRIPTION COMMAND...: pass if it succeeds, else fail with what it printed
holds() {
	if "${@:2}" >"$scratch/holds" 2>&1; then
		pass "$1"
	else
		fail "$1" "${2##*/} failed"
		sed 's/^/# /' "$scratch/holds" | tail -n 80
	fi
}

# conclude: the plan, the counts, and the exit status
conclude() {
	echo "1..$((passed + failed + skipped))"
	echo "# $passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ] || exit 1
}

# results FILE [PREFIX]: print "pass|fail|skip NAME REASON", separated by tabs, for each
# test line in FILE that begins with PREFIX (kselftest's runner puts "# " there)
results() {
	awk -v prefix="${2-}" '
	index($0, prefix) != 1 { next }
	{ $0 = substr($0, length(prefix) + 1) }
	!/^(not )?ok [0-9]+( |$)/ { next }
	{
		result = /^ok/ ? "pass" : "fail"
		sub(/^(not )?ok [0-9]+ ?(- )?/, "")
		reason = ""
		if (i = index($0, "# ")) {
			reason = substr($0, i + 2)
			$0 = substr($0, 1, i - 1)
			sub(/ +$/, "")
			if (reason ~ /^SKIP/) {
				result = "skip"
				sub(/^SKIP ?/, "", reason)
			}
		}
		print result "\t" $0 "\t" reason
	}' "$1"
}

# figure FILE NAME KEY: the value of KEY in the last line "# NAME: KEY=VALUE KEY=VALUE..."
# of FILE; nothing if there is none
figure() {
	awk -v name="$2:" -v key="$3=" '
	$1 == "#" && $2 == name {
		for (i = 3; i <= NF; i++)
			if (index($i, key) == 1)
				value = substr($i, length(key) + 1)
	}
	END { if (value != "") print value }' "$1"
}

# figures_sum FILE NAME KEY: the sum over all lines whose name begins with NAME
figures_sum() {
	awk -v name="$2" -v key="$3=" '
	$1 == "#" && index($2, name) == 1 {
		for (i = 3; i <= NF; i++)
			if (index($i, key) == 1)
				sum += substr($i, length(key) + 1)
	}
	END { print sum + 0 }' "$1"
}
