# SPDX-License-Identifier: GPL-2.0-only

help:
	@echo 'In-order delivery for the i8042: targets'
	@echo ''
	@echo '  demo          real mouse and key events while vCPUs are stolen, without'
	@echo '                and with the series (10 minutes on a new machine)'
	@echo '  check         all tests, and the driver as it is, which has to fail'
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

soak:
	@scripts/check --soak

series-check:
	@scripts/series-check $(TREE)

style:
	@scripts/style

clean-cache:
	rm -rf -- '$(CACHE)'

.PHONY: help demo check soak series-check style clean-cache
