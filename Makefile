# SPDX-License-Identifier: GPL-2.0-only

help:
	@echo 'In-order delivery for the i8042: targets'
	@echo ''
	@echo '  demo          draw a star with the mouse while vCPUs are stolen, without and with the'
	@echo '                module and the series: a table and a picture (some minutes)'
	@echo '  check         test the series and the module, and drivers that must fail; PART="fix..."'
	@echo '  check-full    all kernels, each patch, packages, lockdep, KASAN, KCSAN, hostile runs'
	@echo '  model         search the patches and the module in every order of steps (a minute)'
	@echo '  bench         compare the series and the module with other fixes (10 minutes)'
	@echo '  pointer       test which pointers arrive as the host moved them: PS/2 mouse, tablets,'
	@echo '                vmmouse, without and with the module and the series (15 minutes)'
	@echo '  overtake      draw one overtake, and keep its trace for kernelshark; DIR='
	@echo '  park          park a vCPU in the middle of a delivery: the fault, again and again'
	@echo '  doctor        why does the pointer jump? Only reads; ARGS=--test, --json, --tar FILE'
	@echo '  install-tools, uninstall-tools'
	@echo '                vcpu-steal, vcpu-park.so for QEMU, i8042-doctor and their manual pages;'
	@echo '                PREFIX=/usr/local, DESTDIR=; needs gcc and libjansson-dev'
	@echo '  selftest      run the self tests on the running kernel; ARGS=-H if a host steals'
	@echo '  selftest-vm   run them in a virtual machine; KERNEL=6.1-rt, 7.3:fix, 6.1:backport,'
	@echo '                /path/to/a/built/linux, /path/to/a/built/linux:fix,'
	@echo '                STEAL=1 to steal its vCPUs meanwhile'
	@echo '  selftest-matrix, backport-matrix'
	@echo '                run them on all kernels of Debian: as they are and with the series, or'
	@echo '                with the module (an hour)'
	@echo '  survey        series and module on KERNEL=..., a line for each; ARGS=--record'
	@echo '  dkms-install  build the module for the installed kernels; KERNEL=RELEASE, as uname -r'
	@echo '  dkms-remove   undo dkms-install'
	@echo '  deb, rpm, arch'
	@echo '                make packages of the module in build/ or DIR=; dkms-check tests them'
	@echo '  sources       make the sources for other packages of the module in build/ or DIR='
	@echo '                (Documentation/module.md)'
	@echo '  dist          make a tarball of the project, which needs no git, in build/ or DIR='
	@echo '  xen-check     test HVM and PV guests of Xen while it steals vCPUs (10 minutes);'
	@echo '                ARGS="GUEST..." picks guests; xen-check-full runs all of them'
	@echo '  soak          ten million bytes, a million on other kernels, hostile runs (hours)'
	@echo '  lava-check    run the jobs for LAVA without a server (Documentation/lava.md); KERNEL=...'
	@echo '  series-check  does a series fit? TREE=/path/to/linux; default: the kernels of Debian'
	@echo '  style         checkpatch, sparse, W=1 for each patch; shellcheck'
	@echo '  clean-cache   remove downloads and builds'
	@echo ''
	@echo 'PART="NAME..." picks parts of check; scripts/check --list names them.'
	@echo 'I8042_CACHE=DIR is where downloads and builds go; now: $(CACHE)'

CACHE := $(or $(I8042_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/i8042-inorder)

demo:
	@scripts/reports/demo $(ARGS)

check:
	@set -f; scripts/check $(ARGS) $(PART)

check-full:
	@scripts/check --full $(ARGS)

model:
	@scripts/checks/model/check

bench:
	@scripts/reports/bench $(ARGS)

pointer:
	@scripts/reports/pointer $(ARGS)

overtake:
	@scripts/reports/overtake $(DIR)

park:
	@scripts/reports/park $(ARGS) $(KERNEL)

# Exposed (1) and unknown (3) are answers.
doctor:
	@scripts/i8042-doctor $(ARGS) || [ $$? -ne 2 ]

install-tools:
	@$(MAKE) --no-print-directory -f scripts/tools/Makefile install

uninstall-tools:
	@$(MAKE) --no-print-directory -f scripts/tools/Makefile uninstall

selftest:
	@scripts/kernel/selftest-install --run $(ARGS)

selftest-vm:
	@scripts/vm/selftest $(if $(STEAL),--steal) $(KERNEL)

selftest-matrix:
	@scripts/reports/matrix --drivers 'none fix' $(KERNEL)

survey:
	@scripts/reports/survey $(ARGS) $(KERNEL)

backport-matrix:
	@scripts/reports/matrix --drivers backport

dkms-install:
	@scripts/package/dkms install $(ARGS) $(KERNEL)

dkms-remove:
	@scripts/package/dkms remove

dkms-check:
	@scripts/checks/packages

deb:
	@scripts/package/deb $(DIR)

rpm:
	@scripts/package/deb --rpm $(DIR)

arch:
	@scripts/package/deb --arch $(DIR)

sources:
	@scripts/package/sources $(DIR)

dist:
	@scripts/package/dist $(DIR)

xen-check:
	@scripts/lab/xen-check $(ARGS)

xen-check-full:
	@scripts/lab/xen-check --full $(ARGS)

soak:
	@scripts/check --soak $(ARGS)

lava-check:
	@scripts/lab/lava-check $(KERNEL)

series-check:
	@scripts/kernel/series-check $${TREE:+"$$TREE"}

style:
	@set -f; scripts/check files patches-*

# Remove only what the scripts have put there
clean-cache:
	@cd '$(CACHE)' 2>/dev/null || exit 0; \
	rm -rf apt build chroot driver host image lock once source source-full && \
	cd / && rmdir --ignore-fail-on-non-empty '$(CACHE)'

.PHONY: help demo check check-full model bench pointer overtake park doctor selftest selftest-vm selftest-matrix survey \
	backport-matrix dkms-install dkms-remove dkms-check deb rpm arch sources dist xen-check xen-check-full soak lava-check series-check style \
	clean-cache install-tools uninstall-tools
