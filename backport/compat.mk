# SPDX-License-Identifier: GPL-2.0-only
#
# For compat.h: what the target kernel has. Its headers are searched, and no versions
# compared, so that what a distribution has backported is met.

# $(call declares,FILES,TEXT,MACRO): define MACRO if one of the files has TEXT
declares = $(if $(shell cd $(srctree) && grep -swq '$(2)' $(1) && echo y),-D$(3))
# $(call exports,NAME,MACRO): define MACRO if modules can use NAME
exports = $(if $(shell grep -swq $(1) $(objtree)/Module.symvers && echo y),-D$(2))

# pr_fmt also for what compat.h includes
compat-flags := -D'pr_fmt(fmt)=KBUILD_MODNAME ": " fmt' \
	$(call declares,include/linux/device.h include/linux/device/bus.h,BUS_NOTIFY_REMOVED_DEVICE,HAVE_REMOVED_DEVICE) \
	$(call declares,include/linux/i8042.h,i8042_filter_t,HAVE_FILTER_CONTEXT) \
	$(call declares,include/linux/interrupt.h,irq_inject_interrupt,HAVE_INJECT_INTERRUPT) \
	$(call declares,include/linux/interrupt.h,irq_wake_thread,HAVE_WAKE_THREAD) \
	$(call declares,include/linux/rcu*.h,void synchronize_sched(void),HAVE_SYNCHRONIZE_SCHED) \
	$(call declares,include/linux/serio.h,serio_bus,HAVE_SERIO_BUS) \
	$(call declares,include/linux/smp.h,smp_call_function_single_async,HAVE_CALL_ASYNC) \
	$(call declares,include/linux/smp.h,call_single_data_t,HAVE_CALL_SINGLE_DATA_T) \
	$(call declares,include/linux/sysfs.h,sysfs_emit,HAVE_SYSFS_EMIT) \
	$(call declares,include/linux/workqueue.h,mod_delayed_work,HAVE_MOD_DELAYED_WORK) \
	$(call declares,include/linux/workqueue.h,system_freezable_wq,HAVE_FREEZABLE_WQ) \
	$(call declares,arch/$(SRCARCH)/include/asm/ptrace.h,regs_get_kernel_argument,HAVE_KERNEL_ARGUMENT) \
	$(call exports,kallsyms_lookup_name,HAVE_LOOKUP_NAME) \
	$(call exports,kset_find_obj,HAVE_FIND_OBJ) \
	$(if $(wildcard $(srctree)/include/linux/sched/clock.h),-DHAVE_SCHED_CLOCK_H)
