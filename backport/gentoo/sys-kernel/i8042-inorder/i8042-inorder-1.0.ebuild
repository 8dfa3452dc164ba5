# Copyright 2026 Seed 87f2ce42 maintainers
# Distributed under the terms of the GNU General Public License v2
# SPDX-License-Identifier: GPL-2.0-only

EAPI=8

inherit linux-mod-r1 systemd

DESCRIPTION="In-order delivery for the i8042 keyboard and mouse controller"
# Who publishes the archive puts its address here, adds HOMEPAGE, and drops RESTRICT.
SRC_URI="${P}.tar.gz"
RESTRICT="fetch"

LICENSE="GPL-2"
SLOT="0"
KEYWORDS="~amd64 ~x86"

CONFIG_CHECK="SERIO_I8042"
MODULES_KERNEL_MIN=3.4

pkg_nofetch() {
	einfo "\"make sources\" in a clone of the project writes build/SOURCES/${P}.tar.gz."
	einfo "Copy it into the directory of distfiles."
}

src_compile() {
	local modlist=( i8042_inorder=updates )
	local modargs=( KDIR="${KV_OUT_DIR}" )

	linux-mod-r1_src_compile
}

src_install() {
	linux-mod-r1_src_install
	systemd_dounit i8042-inorder.service
	insinto /etc/modprobe.d
	newins modprobe.conf i8042-inorder.conf
}

pkg_postinst() {
	linux-mod-r1_pkg_postinst
	[[ -z ${REPLACING_VERSIONS} ]] || return 0
	elog "To load the module now and at boot, if this is a virtual machine:"
	elog "  systemctl enable --now i8042-inorder"
	elog "With OpenRC, name i8042_inorder in a file in /etc/modules-load.d."
}
