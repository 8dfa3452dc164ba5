# SPDX-License-Identifier: GPL-2.0-only

help:
	@echo 'In-order delivery for the i8042: targets'
	@echo ''
	@echo '  demo          real mouse and key events while vCPUs are stolen, without and with'
	@echo '                the module, and the series (10 minutes on a new machine)'
	@echo '  check         all tests, and the driver as it is, which has to fail'
	@echo '  park          a vCPU parked in the middle of a delivery: the fault on every run'
	@echo '  selftest      the self tests on the running kernel; ARGS=-H if a host steals'
	@echo '  selftest-vm   the same in a virtual machine; ERA=7.3, or KERNEL=debian:6.1-rt,'
	@echo '                STEAL=1 to steal its vCPUs meanwhile'
	@echo '  selftest-matrix, backport-matrix'
	@echo '                all of Debian'"'"'s kernels, without and with the module (half an hour)'
	@echo '  dkms-install  build the module for the installed kernels, load it; KERNEL=RELEASE'
	@echo '  dkms-remove   undo it'
	@echo '  deb, rpm      packages of the module, into build/ or DIR=; dkms-check tries them'
	@echo '  soak          a million bytes for each port, all kernels (an hour)'
	@echo '  series-check  does the series fit? TREE=/path/to/linux, or all of Debian'"'"'s'
	@echo '  style         checkpatch, sparse, W=1 for each patch; shellcheck'
	@echo '  clean-cache   remove downloads and builds'
	@echo ''
	@echo 'CHECK="run..." picks runs of check; scripts/check --list names them.'
	@echo 'I8042_CACHE=DIR is where downloads and builds go; now: $(CACHE)'

CACHE := $(or $(I8042_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/i8042-inorder)

demo:
	@scripts/demo

check:
	@scripts/check-all $(CHECK)

park:
	@scripts/park $(KERNEL)

selftest:
	@scripts/selftest $(ARGS)

selftest-vm:
	@scripts/selftest-vm $(if $(STEAL),--steal) $(or $(KERNEL),$(ERA))

selftest-matrix:
	@scripts/selftest-vm --matrix

backport-matrix:
	@scripts/selftest-vm --matrix --backport

dkms-install:
	@scripts/dkms-install $(ARGS) $(KERNEL)

dkms-remove:
	@scripts/dkms-remove

dkms-check:
	@scripts/check-dkms

deb:
	@scripts/deb $(DIR)

rpm:
	@scripts/deb --rpm $(DIR)

soak:
	@scripts/check --soak

series-check:
	@scripts/series-check $(TREE)

style:
	@scripts/style

clean-cache:
	rm -rf -- '$(CACHE)'

.PHONY: help demo check park selftest selftest-vm selftest-matrix backport-matrix dkms-install dkms-remove \
	dkms-check deb rpm soak series-check style clean-cache
