/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compat.h - what older kernels do not have; included before everything else
 *
 * i8042_inorder.c is written against the newest kernel. compat.mk looks for what
 * is no macro. The number at each is the release that has it.
 */
#ifndef _I8042_INORDER_COMPAT_H
#define _I8042_INORDER_COMPAT_H

#include <linux/hardirq.h>
#include <linux/i8042.h>
#include <linux/interrupt.h>
#include <linux/irqflags.h>
#include <linux/kallsyms.h>
#include <linux/kobject.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/serio.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(2, 6, 32) || \
	(LINUX_VERSION_CODE < KERNEL_VERSION(3, 4, 0) && !defined(RHEL_RELEASE_CODE))
#error "i8042_inorder needs Linux 3.4 or newer, or that of RHEL 6: nothing older was tested"
#endif

/* 6.14: a context for the filter */
#ifndef HAVE_FILTER_CONTEXT
typedef bool (*i8042_filter_t)(unsigned char data, unsigned char str,
			       struct serio *serio, void *context);

static i8042_filter_t compat_filter __maybe_unused;

static inline bool compat_call_filter(unsigned char data, unsigned char str,
				      struct serio *serio)
{
	return compat_filter(data, str, serio, NULL);
}

static inline int compat_install_filter(i8042_filter_t filter, void *context)
{
	compat_filter = filter;
	return i8042_install_filter(compat_call_filter);
}

static inline int compat_remove_filter(i8042_filter_t filter)
{
	return i8042_remove_filter(compat_call_filter);
}

/* The tests give them other names for a driver that is not the kernel's. */
#undef i8042_install_filter
#define i8042_install_filter compat_install_filter
#undef i8042_remove_filter
#define i8042_remove_filter compat_remove_filter
#endif

/* 5.11: in_irq() is a name for it before */
#ifndef in_hardirq
#define in_hardirq() in_irq()
#endif

/* 5.10 */
#ifndef HAVE_SYSFS_EMIT
#define sysfs_emit(buf, ...) scnprintf(buf, PAGE_SIZE, __VA_ARGS__)
#endif

/*
 * 5.7 has no kallsyms_lookup_name() for modules, nor has 2.6.32. No probe can be set on a
 * variable, but that is another error than for a name that is not there; not in 2.6.32.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(2, 6, 33)
static int compat_match_symbol(void *name, const char *symbol, struct module *module,
			       unsigned long address)
{
	return !strcmp(name, symbol);
}
#endif

static inline bool compat_has_variable(const char *name)
{
#ifdef HAVE_LOOKUP_NAME
	return kallsyms_lookup_name(name);
#elif LINUX_VERSION_CODE < KERNEL_VERSION(2, 6, 33)
	bool found;

	mutex_lock(&module_mutex);
	found = kallsyms_on_each_symbol(compat_match_symbol, (void *)name);
	mutex_unlock(&module_mutex);
	return found;
#else
	struct kprobe probe = { .symbol_name = name };
	int error = register_kprobe(&probe);

	if (!error)
		unregister_kprobe(&probe);
	return error == -EINVAL;
#endif
}

/* 5.7. Without it there is no CONFIG_GENERIC_IRQ_INJECTION. */
#ifndef HAVE_INJECT_INTERRUPT
static inline int irq_inject_interrupt(unsigned int irq)
{
	return -EOPNOTSUPP;
}
#endif

/* 5.7 */
#ifndef lockdep_hardirq_threaded
#define lockdep_hardirq_threaded() do { } while (0)
#endif

/* 5.3: another name before */
#ifdef CONFIG_PREEMPT_RT_FULL
#define CONFIG_PREEMPT_RT 1
#endif

/* 5.0: it waits for interrupts and for code that is not preempted, too */
#ifdef HAVE_SYNCHRONIZE_SCHED
#define synchronize_rcu synchronize_sched
#endif

/* 4.20, on x86 only. The first two. */
#ifndef HAVE_KERNEL_ARGUMENT
static inline unsigned long regs_get_kernel_argument(struct pt_regs *regs, unsigned int n)
{
#if defined(CONFIG_MIPS)
	return regs->regs[4 + n];
#elif defined(CONFIG_X86_64)
	return n ? regs->si : regs->di;
#else
	return n ? regs->dx : regs->ax;
#endif
}
#endif

/* 4.16 */
#ifndef DEFINE_SHOW_ATTRIBUTE
#define DEFINE_SHOW_ATTRIBUTE(name)						\
static int name ## _open(struct inode *inode, struct file *file)		\
{										\
	return single_open(file, name ## _show, inode->i_private);		\
}										\
static const struct file_operations name ## _fops = {				\
	.owner = THIS_MODULE, .open = name ## _open, .read = seq_read,		\
	.llseek = seq_lseek, .release = single_release,				\
}
#endif

/* 4.14 */
#ifndef HAVE_CALL_SINGLE_DATA_T
typedef struct call_single_data call_single_data_t;
#endif

/* 4.14 */
#ifndef sysfs_match_string
#define sysfs_match_string(names, str) compat_match_string(names, ARRAY_SIZE(names), str)
static inline int compat_match_string(const char * const *names, size_t n, const char *str)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (sysfs_streq(names[i], str))
			return i;
	return -EINVAL;
}
#endif

/* 4.11: local_clock() is in linux/sched.h before */
#ifdef HAVE_SCHED_CLOCK_H
#include <linux/sched/clock.h>
#endif

/* 4.9. Up to 5.11 there is find_module(). */
static inline bool compat_has_module(const char *name)
{
#ifndef HAVE_FIND_OBJ
	bool found;

	mutex_lock(&module_mutex);
	found = find_module(name);
	mutex_unlock(&module_mutex);
	return found;
#else
	struct kobject *module = kset_find_obj(THIS_MODULE->mkobj.kobj.kset, name);

	if (module)
		kobject_put(module);
	return module;
#endif
}

/* 4.3: exported. serio_register_driver() puts it into the driver. */
#ifndef HAVE_SERIO_BUS
static inline struct bus_type *compat_serio_bus(void)
{
	static struct serio_device_id none[1];
	static struct serio_driver driver = {
		.driver.name = KBUILD_MODNAME "_bus",
		.id_table = none,
		.manual_bind = true,
	};

	if (!driver.driver.bus && !serio_register_driver(&driver))
		serio_unregister_driver(&driver);
	return driver.driver.bus;
}

#define serio_bus (*compat_serio_bus())
#endif

/* 3.19 */
#ifndef READ_ONCE
#define READ_ONCE(x) ACCESS_ONCE(x)
#endif
#ifndef WRITE_ONCE
#define WRITE_ONCE(x, value) (ACCESS_ONCE(x) = (value))
#endif

/* 3.18. Without it a port that goes away while this module starts may be found, and kept. */
#ifndef HAVE_REMOVED_DEVICE
#define BUS_NOTIFY_REMOVED_DEVICE BUS_NOTIFY_DEL_DEVICE
#endif

/* 3.15. Without it nobody wakes a thread of ours: irq_work delivers. */
#ifndef HAVE_WAKE_THREAD
static inline void irq_wake_thread(unsigned int irq, void *dev_id)
{
}

#define request_threaded_irq compat_request_threaded_irq
static inline int compat_request_threaded_irq(unsigned int irq, irq_handler_t handler,
					      irq_handler_t thread, unsigned long flags,
					      const char *name, void *dev_id)
{
	return -EOPNOTSUPP;
}
#endif

/*
 * 3.15. Without it no CPU can be told to look, so none may own a port: all bytes are
 * queued. Up to 2.6.34 none could, for handlers run with interrupts on, and nest.
 */
#ifndef HAVE_CALL_ASYNC
#define COMPAT_MAY_PASS 0
static inline int smp_call_function_single_async(int cpu, call_single_data_t *csd)
{
	return -ENXIO;
}
#else
#define COMPAT_MAY_PASS 1
#endif

/* 3.7. Its caller is for kernels that can inject interrupts. */
#ifndef HAVE_MOD_DELAYED_WORK
#define mod_delayed_work queue_delayed_work
#endif

/* 2.6.38. The same. */
#ifndef HAVE_FREEZABLE_WQ
#define system_freezable_wq system_wq
#endif

/* 2.6.36 */
#ifndef module_param_cb
struct kernel_param_ops {
	int (*set)(const char *value, const struct kernel_param *kp);
	void *get;	/* the kernel's own take a struct kernel_param that is not const */
};

#define module_param_cb(name, ops, arg, perm)					\
static int name ## _set_param(const char *value, struct kernel_param *kp)	\
{										\
	return (ops)->set(value, kp);						\
}										\
static int name ## _get_param(char *buffer, struct kernel_param *kp)		\
{										\
	int (*get)(char *buffer, struct kernel_param *kp) = (ops)->get;		\
										\
	return get(buffer, kp);							\
}										\
module_param_call(name, name ## _set_param, name ## _get_param, arg, perm)
#endif

/* 2.6.33: what is one lock on all kernels but PREEMPT_RT */
#ifndef raw_spin_lock_irqsave
#define raw_spinlock_t spinlock_t
#define raw_spin_lock_init spin_lock_init
#define raw_spin_lock spin_lock
#define raw_spin_unlock spin_unlock
#define raw_spin_lock_irq spin_lock_irq
#define raw_spin_unlock_irq spin_unlock_irq
#define raw_spin_lock_irqsave spin_lock_irqsave
#define raw_spin_unlock_irqrestore spin_unlock_irqrestore
#define raw_spin_trylock_irqsave spin_trylock_irqsave
#endif

#endif /* _I8042_INORDER_COMPAT_H */
