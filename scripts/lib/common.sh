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

# shellcheck source=kernels
. "$top/scripts/lib/kernels"

# shellcheck source=ktap.sh
. "$top/scripts/lib/ktap.sh"

note() { echo "$me: $*" >&2; }
die() { note "$*"; exit 1; }

# usage_from_header: the comment at the top of the script is its help.
usage_from_header() {
	sed -n '/^# SPDX/d; /^#!/d; /^#/!q; s/^# \{0,1\}//p' "$0"
}

# project_files PATH...: print the files of the project there. In a checkout these are the
# files that git does not ignore; a release has no git, but may lie in another repository.
project_files() (
	cd "$top"
	{ { [ -e .git ] && git ls-files -co --exclude-standard "$@" 2>/dev/null; } ||
		find "$@" -name .git -prune -o -type f -print | sed 's,^\./,,'; } |
		LC_ALL=C sort | while IFS= read -r file; do
			[ ! -f "$file" ] || echo "$file"
		done
)

# module_version: print the version of the module, which is that of the project
module_version() { sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$top/backport/dkms.conf"; }

# offered PACKAGE...: print the packages that this Debian has
offered() {
	local p

	for p; do
		[ -z "$(apt-cache policy "$p" 2>/dev/null)" ] || echo "$p"
	done
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
	need_space "$cache/lock" 1
	# One at a time: apt fails if another apt reads its lists.
	{ flock 8 && apt-get -q update && DEBIAN_FRONTEND=noninteractive \
		apt-get -q -y install --no-install-recommends "${missing[@]}"; } \
		8>"$cache/lock/packages" >"$scratch/apt.log" 2>&1 ||
		die "apt-get could not install ${missing[*]}: $(grep -m1 '^[EW]:' "$scratch/apt.log")"
}

need_space() { # DIR MIB
	local free

	mkdir -p "$1" 2>/dev/null || die "cannot create $1; set I8042_CACHE to a directory that can be written"
	free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$2" ] || die "$1 has $free MiB free, $2 are needed; free some or set I8042_CACHE"
}

kill_tree() { # PID: end the process and all its children
	local child children

	children=$(cat "/proc/$1/task/"*/children 2>/dev/null) || true
	kill "$1" 2>/dev/null || true
	for child in $children; do
		kill_tree "$child"
	done
}

# remove_tree DIRECTORY...: but unmount first what an interrupted mmdebstrap left mounted
remove_tree() {
	local tree mount

	for tree; do
		for mount in $(awk -v tree="$tree/" 'index($2, tree) == 1 { print $2 }' /proc/mounts | tac); do
			umount "$mount" || true
		done
		rm -rf --one-file-system "$tree"
	done
}

# Make a scratch directory. Whatever ends the script, it leaves no process and no
# half-made directory behind.
half_made=""
scratch=$(mktemp -d "${TMPDIR:-/tmp}/i8042.XXXXXX") || exit 1
on_exit() {
	local status=$? job

	trap '' INT TERM
	for job in $(jobs -p); do
		kill_tree "$job"
	done
	wait
	remove_tree "$scratch" ${half_made:+"$half_made"}
	exit $status
}
trap on_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# fore COMMAND...: run the command so that a signal to this script ends both at once. bash
# would delay the signal until a foreground command ends.
fore() { "$@" & wait $!; }

# locked NAME: one process at a time makes NAME in the cache.
locked() {
	mkdir -p "$cache/lock"
	exec 9>"$cache/lock/$(tr / _ <<<"$1")"
	flock -n 9 || { note "waiting for another run that makes $1"; flock 9; }
}

# copy_driver TREE DIRECTORY: copy the files of a kernel source that the series change.
# An old kernel has not all of them.
copy_driver() (
	local file

	cd "$1" || exit
	for file in drivers/input/serio/{Makefile,Kconfig,i8042*} MAINTAINERS \
		Documentation/admin-guide/kernel-parameters.txt tools/testing/selftests/Makefile; do
		[ ! -f "$file" ] || cp --parents "$file" "$2"
	done
)

# source_of DIRECTORY: the source of the kernel that was built there
source_of() { realpath -e "$1/source" 2>/dev/null || echo "$1"; }

# fitting_era TREE: the directory in patches/ that fits the kernel source, or nothing
fitting_era() {
	{ "$top/scripts/kernel/series-check" "$1" || true; } | sed -n 's,^ok .*: patches/\([^ ]*\) fits .*,\1,p'
}

# series_selftests ERA DIRECTORY: copy the self tests as the series of this era has them
series_selftests() {
	mkdir -p "$2"
	cp -r "$top/selftests/drivers/input/i8042/." "$2"
	[ "$1" = "$(era_of "$newest")" ] || patch -s -p1 -F0 -d "$2" <"$top/selftests/older.patch"
}

# copy_selftests DIRECTORY: copy the self tests for any kernel, with selftests/extra/
copy_selftests() {
	series_selftests any "$1"
	cp -r "$top/selftests/extra/." "$1"
	cp "$top"/backport/compat.{h,mk} "$1/test_modules/"
}

copy_test_modules() { # DIRECTORY
	copy_selftests "$scratch/selftests"
	mv "$scratch/selftests/test_modules" "$1/"
	rm -r "$scratch/selftests"
}

# Print or copy the sources of the self tests and of the module
selftest_sources() { find "$top"/selftests "$top"/backport/compat.* -type f -print0 | sort -z | xargs -0 cat; }
backport_sources() { cat "$top"/backport/{*.[ch],Kbuild,compat.mk}; }
copy_module() { mkdir -p "$1" && cp "$top"/backport/{*.[ch],Kbuild,compat.mk} "$1"; }

# build_warns LOG: did a file of ours get a warning? Prints it.
build_warns() {
	local ours

	ours=$(find "$top/backport" "$top/selftests" -name '*.[ch]' -printf '%f\n' | sort -u | paste -sd'|')
	grep -m3 -E "(^|/)(i8042[-_a-z]*[.][ch]|${ours//./[.]}):[0-9:]* warning" "$1" >&2
}

# tree_version: the commit, with -dirty if there is more than reports have written
tree_version() {
	local changed

	changed=$(git -C "$top" status --porcelain -- . ":(exclude)Documentation/results.md" \
		":(exclude)Documentation/path.svg" ":(exclude)Documentation/kernels.md" 2>/dev/null)
	echo "$(git -C "$top" describe --tags --always 2>/dev/null || echo unknown)${changed:+-dirty}"
}

hash_of() { sha256sum | cut -c1-16; }
