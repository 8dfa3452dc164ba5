# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
#
# Chroots of Debian's suites, to build and to test packages in; to be sourced after
# common.sh and apt.sh.

# use_chroot NAME "SUITE..." PACKAGES [LATER]: set $chroot to a chroot that has PACKAGES.
# It also has the archive's lists and the files for apt to install LATER without a
# network. A new chroot replaces all NAME-*, so no other name may begin with "NAME-".
use_chroot() {
	local name=$1 suites=$2 packages=$3 later=${4-} key

	key=$(echo "$*" | hash_of)
	chroot=$cache/chroot/$name-$key
	# unshare makes all mounts private, which fails if / is no mount point.
	mountpoint -q / ||
		die "/ is no mount point, as it must be for a chroot; if it is DIR of another system, mount --bind DIR DIR there"
	[ ! -d "$chroot" ] || return 0
	[ "$(id -u)" -eq 0 ] || die "this is done in a chroot, which needs root"
	need mmdebstrap ${foreign:+arch-test}
	locked "chroot-$name"
	[ ! -d "$chroot" ] || return 0
	need_space "$cache/chroot" 2000
	note "making a chroot of ${suites%% *} with ${packages//,/, }"
	remove_tree "$cache/chroot/$name-"*
	half_made=$chroot.part
	mkdir -p "$half_made"
	# shellcheck disable=SC2086	# a list
	sources $suites >"$scratch/sources.list" || exit 1
	fore mmdebstrap -q --architectures="$arch" --variant=apt --skip=cleanup/apt,cleanup/tmp --include="$packages" \
		--customize-hook='chroot "$1" apt-get clean' \
		${later:+"--customize-hook=chroot \"\$1\" apt-get -qq -y --download-only --no-install-recommends install $later"} \
		"" "$half_made" "$scratch/sources.list" >"$scratch/log" 2>&1 ||
		die "mmdebstrap: $(grep -m1 -E '^E:|rror' "$scratch/log" || tail -n 1 "$scratch/log")"
	mv "$half_made" "$chroot"
	half_made=""
}

# use_build_chroot: to build packages in
use_build_chroot() {
	use_chroot dkms-build "bookworm bookworm-security" build-essential,debhelper,fakeroot,libarchive-tools,lintian,makepkg,rpm,rpmlint
}

use_test_chroot() { # SUITE
	local later=dkms

	[ "$1" != bookworm ] || later="dkms rpm"
	use_chroot "dkms-$1" "$1 $1-security" \
		linux-headers-amd64,gcc,make,patch,kmod,dpkg-dev,lsb-release,openssl "$later"
}

# with_base: the suites of use_suites and, for backports, the suite that they extend
with_base() {
	echo "${suites[*]}$(sed -n 's/-backports$//p' <<<" ${suites[0]}")"
}

# use_headers VERSION [RELEASE]: choose a chroot with the compiler of the kernel's suite
# and the headers of all its flavours for one architecture; or the headers of RELEASE, if
# another one. After use_suites and have_lists.
use_headers() {
	local version=$1 packages flavour list name=headers$foreign-$1

	packages=make,gcc,libc6-dev,perl,rsync,sparse
	for flavour in $(flavours_of "$version"); do
		[ "$(arch_of "$flavour")" = "$arch" ] || continue
		list=$(releases_of "$version" "$flavour")
		packages+=,linux-headers-${list%%$'\n'*}
	done
	if [ -n "${2-}" ] && [[ ,$packages, != *",linux-headers-$2,"* ]]; then
		packages=make,gcc,perl,sparse,linux-headers-$2
		name=release-$2
	fi
	use_chroot "$name" "$(with_base)" "$packages"
}

# use_cross_headers VERSION RELEASE UPPER: choose a chroot with the cross compiler for MIPS,
# and unpack the headers of RELEASE into UPPER. Their packages want a compiler that runs on
# MIPS. After use_suites and have_lists.
use_cross_headers() {
	local deb

	download "linux-headers-$2" "linux-headers-${2%-"$(suffix_of malta)"}-common"
	use_suites "$1"
	have_lists
	download "linux-kbuild-$1"
	mkdir -p "$3"
	for deb in "$scratch"/linux-{headers,kbuild}-*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$3" ./usr
	done
	use_chroot "cross-$1" "$(with_base)" make,gcc,perl,gcc-mips64el-linux-gnuabi64
}

# use_clang VERSION: choose a chroot with the headers of the plain flavour and the clang
# of the kernel's suite. After use_suites and have_lists.
use_clang() {
	local list

	list=$(releases_of "$1" plain)
	use_chroot "clang-$1" "$(with_base)" "make,clang,linux-headers-${list%%$'\n'*}"
}

# inside UPPER COMMAND...: run the command in the chroot. All changes go to the overlay
# UPPER. The chroot has /proc, this project read-only in /project, and the directory
# UPPER.share, if it exists, in /share. It has no /sys and nothing of this machine's
# /lib/modules.
inside() {
	local upper=$1

	shift
	mkdir -p "$upper" "$upper.work" "$upper.root"
	# shellcheck disable=SC2016	# for that shell
	fore unshare --mount sh -c '
		mount -t overlay -o "lowerdir=$1,upperdir=$2,workdir=$2.work" overlay "$2.root" &&
		mount -t proc proc "$2.root/proc" &&
		mkdir -p "$2.root/project" &&
		mount --bind "$3" "$2.root/project" &&
		if [ -d "$2.share" ]; then
			mkdir -p "$2.root/share" && mount --bind "$2.share" "$2.root/share"
		fi &&
		mount -o remount,bind,ro "$2.root/project" &&
		root=$2.root && shift 3 &&
		exec chroot "$root" env -i HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
			PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"' - \
		"$chroot" "$upper" "$top" "$@"
}
