#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# PID 1 (rdinit=) of a virtual machine that boots systemd: /systemd.tar is a system that
# has the unit i8042-inorder of the package. systemd_report.sh reports on the second
# serial port what the unit did, for checks/boot to judge. On the kernel's command line:
#
#	i8042_case=held	another module already has the filter
#	i8042_case=none	the module is not installed
#	i8042_case=metal	the firmware does not say that this is a virtual machine

/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t devtmpfs devtmpfs /dev
exec >/dev/ttyS1 2>&1 </dev/null
mkdir /new
mount -t tmpfs -o mode=755 new /new
tar -xf /systemd.tar -C /new
mkdir -p /new/usr/lib/modules
cp -r /lib/modules/* /new/usr/lib/modules/
cp -r /guest /new/
cat >/new/etc/systemd/system/report.service <<END
[Unit]
After=multi-user.target i8042-inorder.service
[Service]
Type=oneshot
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS1
ExecStart=/bin/sh /guest/systemd_report.sh
END
mkdir -p /new/etc/systemd/system/default.target.wants
ln -s ../report.service /new/etc/systemd/system/default.target.wants/
case $(cat /proc/cmdline) in
*i8042_case=held*)
	insmod /test/drivers/input/i8042/test_modules/i8042_oracle.ko ;;
*i8042_case=none*)
	rm /new/usr/lib/modules/*/i8042_inorder.ko
	chroot /new depmod ;;
*i8042_case=metal*)
	mount -t sysfs sysfs /new/sys
	mount -t tmpfs none /new/sys/firmware/dmi ;;
esac
umount /proc /dev
exec switch_root /new /lib/systemd/systemd
