# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
#
# Judge the output of i8042-doctor, in a tree of files or in a virtual machine. To be
# sourced after said.sh.

doctor=$top/scripts/i8042-doctor
manual=$top/Documentation/i8042-doctor.1

# part NAME: as in said.sh, but join the lines that the doctor has broken
part() {
	name=$1 awk '/^== / { on = $0 == "== " ENVIRON["name"]; next }
		on && sub(/^                        /, " ") { line = line $0; next }
		on { if (n++) print line; line = $0 }
		END { if (n) print line }' "$said"
}

# is_json NAME: is the part JSON as in the manual page? That has the names of the members,
# with N for a number and * for anything, and their types.
is_json() { # NAME [MEMBER VALUE]
	part "$1" | sed '/^status [0-9]*$/d' >"$scratch/json"
	verdict "$1: JSON as in the manual page${2:+, $2 is $3}" "$(python3 -c '
import json, re, sys
found = json.load(open(sys.argv[1]))
schema = {}
for line in open(sys.argv[2]):
	match = re.match(r"([a-z0-9_N*]+) +(string|integer|array)( or null)?$", line)
	if match:
		schema[re.sub(r"N", "[0-9]+", match[1]).replace("*", "[a-z0-9_]+")] = match[2], bool(match[3])
names = {str: "string", int: "integer", list: "array"}
def fault(key, value):
	for pattern, (kind, null) in schema.items():
		if re.fullmatch(pattern, key):
			return None if value is None and null or names.get(type(value)) == kind else f"{key} is {value!r}, not {kind}"
	return f"{key} is not in the manual page"
faults = [f for f in (fault(k, v) for k, v in found.items()) if f]
if len(schema) < 30:
	faults.append("the manual page has no schema")
if sys.argv[3] and str(found.get(sys.argv[3])) != sys.argv[4]:
	faults.append(f"{sys.argv[3]} is {found.get(sys.argv[3])!r}")
print(faults[0] if faults else "ok")' "$scratch/json" "$manual" "${2-}" "${3-}" 2>&1 | tail -n 1)"
}
