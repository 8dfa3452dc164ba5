# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
#
# Chroots of Debian's suites to build and to try packages in; to be sourced
# after common.sh and apt.sh.

# use_chroot NAME "SUITE..." PACKAGES [LATER]: sets $chroot to a chroot that has
# PACKAGES, and the archive's lists and the files for apt to install LATER
# without a network. No name may be the beginning of another with a "-".
use_chroot() {
	local name=$1 suites=$2 packages=$3 later=${4-} key

	key=$(echo "$*" | hash_of)
	chroot=$cache/chroot/$name-$key
	# In a chroot that is none, no mount namespace can be made private.
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

# What packages are built and tried in
use_build_chroot() {
	use_chroot dkms-build "bookworm bookworm-security" build-essential,debhelper,fakeroot,libarchive-tools,lintian,makepkg,rpm,rpmlint
}

use_test_chroot() { # SUITE
	local later=dkms

	[ "$1" != bookworm ] || later="dkms rpm"
	use_chroot "dkms-$1" "$1 $1-security" \
		linux-headers-amd64,gcc,make,patch,kmod,dpkg-dev,lsb-release,openssl "$later"
}

# with_base: the suites of use_suites, and the suite on top of which backports live
with_base() {
	echo "${suites[*]}$(sed -n 's/-backports$//p' <<<" ${suites[0]}")"
}

# use_headers VERSION [RELEASE]: the headers of all flavours of a kernel for one
# architecture, or of that release if it is none of those, with the compiler of its
# suite. After use_suites and have_lists.
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

# use_clang VERSION: the headers of the plain flavour, and the clang of the kernel's
# suite. After use_suites and have_lists.
use_clang() {
	local list

	list=$(releases_of "$1" plain)
	use_chroot "clang-$1" "$(with_base)" "make,clang,linux-headers-${list%%$'\n'*}"
}

# inside UPPER COMMAND...: run it in the chroot, over which lies UPPER, where
# all that it changes goes. It has /proc, the project in /project, to be read, the
# directory UPPER.share, if there is one, in /share, and nothing of this machine's
# /sys and /lib/modules.
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
