# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
#
# What dkms-install and dkms-remove share; to be sourced after common.sh.

package=i8042-inorder
module=i8042_inorder
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$top/backport/dkms.conf")
at_boot=/etc/modules-load.d/$package.conf

case $top/ in
/usr/src/$package-*) die "DKMS's copy of the module goes to /usr/src/$package-$version: move this directory elsewhere" ;;
esac

# copy_backport DIRECTORY: what a build of the module needs
copy_backport() {
	find "$top/backport" -maxdepth 1 \( -name '*.[ch]' ! -name '*.mod.c' -o -name Kbuild \
		-o -name Makefile -o -name dkms.conf -o -name modules-load.conf \) \
		-exec install -m 644 -t "$1" {} +
}

# Is the running kernel this system's, and not that of a chroot's host?
owns_kernel() { [ / -ef /proc/1/root/. ]; }

# What a package has installed is removed by removing the package.
no_package() {
	local name

	for name in $package-dkms $package; do
		if [ "$(dpkg-query -Wf '${db:Status-Status}' $name 2>/dev/null)" = installed ] ||
		   rpm -q --quiet $name 2>/dev/null; then
			die "the package $name is installed and does this"
		fi
	done
}

# Out of DKMS and of /usr/src, every version
remove_all() {
	local dir file kernel

	for dir in /var/lib/dkms/$package/*/; do
		[ -d "$dir" ] && [ ! -L "${dir%/}" ] || continue
		dir=${dir%/}
		dkms remove -m $package -v "${dir##*/}" --all >"$scratch/remove.log" 2>&1 || {
			note "dkms remove: $(grep -m1 -i error "$scratch/remove.log" || tail -n 1 "$scratch/remove.log")"
			return 1
		}
		rm -rf "$dir"
	done
	rm -rf /var/lib/dkms/$package /usr/src/$package-*
	# An installation that was interrupted
	for file in /lib/modules/*/{updates,extra}/{,dkms/}$module.ko*; do
		[ -e "$file" ] || continue
		rm "$file"
		kernel=${file#/lib/modules/}
		depmod "${kernel%%/*}"
	done
}

unload() {
	owns_kernel && [ -d /sys/module/$module ] || return 0
	modprobe -r $module || { note "$module stays loaded until the next boot"; return 1; }
}
