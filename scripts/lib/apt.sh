# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
#
# Fetch packages of Debian's suites, with the site and the keyring of apt's own
# configuration, without touching the system's state; to be sourced after common.sh.

arch=amd64 foreign=""

# use_suites VERSION [FLAVOUR]: choose the suites for the functions below. For i386,
# choose the release without its security suite, whose lists are not in step on some
# mirrors.
use_suites() {
	read -r -a suites < <(suites_of "$1")
	arch=$(arch_of "${2-plain}")
	foreign=""
	[ "$arch" = amd64 ] || { foreign=.$arch; suites=("${suites[0]}"); }
	state=$cache/apt/$1$foreign
}

private_apt() { # TOOL ARGUMENT...
	local tool=$1

	shift
	"$tool" -qq -o "Dir::Etc::sourcelist=$state/sources.list" \
		-o Dir::Etc::sourceparts=- \
		-o "Dir::State::lists=$state/lists" \
		-o "APT::Architecture=$arch" -o "APT::Architectures=$arch" \
		-o "Dir::Cache=$state" -o Dir::Cache::archives=archives \
		-o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

# site ""|-security: the site of the main archive or of the security archive, then the
# file that names its keyring
site() {
	apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI) $(SOURCESENTRY)' \
		'Created-By: Packages' 2>/dev/null |
		awk -v s="$1" '$2 == "main" && (s ? $1 ~ /-security$/ : $1 ~ /^[a-z]+$/) &&
			/debian/ { print $3, $4; exit }'
}

# sources SUITE...: lines of a sources.list
sources() {
	local suite uri entry keyring

	for suite; do
		case $suite in
		*-security) read -r uri entry < <(site -security) || true ;;
		*) read -r uri entry < <(site "") || true ;;
		esac
		[ -n "${uri-}" ] || die "apt's configuration names no Debian archive for $suite; run apt-get update"
		keyring=$(sed -n 's/^Signed-By: *\(\/.*\)/\1/p; s/.*signed-by=\([^] ]*\).*/\1/p' "${entry%:*}" | head -n 1)
		echo "deb ${keyring:+[signed-by=$keyring] }$uri $suite main"
	done
}

# No more than once a day
apt_is_fresh() { [ -n "$(find "$state/sources.list" -mmin -1440 2>/dev/null)" ]; }

# update_apt: fetch the lists; on failure $reason says why
update_apt() {
	mkdir -p "$state/lists/partial" "$state/archives/partial"
	exec 8>"$state/lock"
	flock 8
	! apt_is_fresh || return 0
	sources "${suites[@]}" >"$scratch/sources.list" || exit 1
	cp "$scratch/sources.list" "$state/sources.list"
	if ! private_apt apt-get update >"$scratch/update.log" 2>&1 ||
	   grep -q '^[EW]: .*\(Failed\|not have a Release\)' "$scratch/update.log"; then
		# Old lists, if there are any, are good enough for what is in the cache.
		touch -d @0 "$state/sources.list"
		reason=$(grep -m1 -E '^([EW]: Failed|E:|Err:)' "$scratch/update.log" || true)
		return 1
	fi
	rm -f "$state/names"
}

# kernel_packages: the names of all packages for kernels. Reading the lists takes half a
# second, and they change once a day, so keep the names.
kernel_packages() {
	if [ ! -s "$state/names" ]; then
		private_apt apt-cache pkgnames linux- >"$scratch/names" || return
		mv "$scratch/names" "$state/names"
	fi
	cat "$state/names"
}

# releases_of VERSION FLAVOUR: the releases of its packages, as uname -r prints them, the
# newest first
releases_of() {
	kernel_packages |
		sed -nE "s/^linux-headers-(${1//./\\.}\\.[0-9]+[^a-z]*(\\+[a-z0-9.+~]*)?-$(suffix_of "$2"))\$/\\1/p" |
		sort -Vr
}

# have_lists: fetch the lists of the suites of use_suites, unless that was done today. If
# they cannot be fetched, old ones do.
have_lists() {
	apt_is_fresh || update_apt || [ -n "$(find "$state/lists" -maxdepth 1 -name '*_Packages*')" ] ||
		die "cannot fetch the list of ${suites[*]}: ${reason:-see apt-get update}"
}

# download PACKAGE[=VERSION]...: into the scratch directory
download() {
	(cd "$scratch" && private_apt apt-get download "$@" >"$scratch/download.log" 2>&1) ||
		die "cannot download $*: $(grep -m1 '^E:' "$scratch/download.log")"
}
