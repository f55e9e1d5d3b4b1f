/* Telling the sanitizers and Valgrind that the stack changes. In plain builds all of it is
 * nothing. */
#ifndef GATEHOUSE_RT_SANITIZER_H
#define GATEHOUSE_RT_SANITIZER_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define RT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RT_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define RT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RT_TSAN 1
#endif
#endif
#ifndef RT_ASAN
#define RT_ASAN 0
#endif
#ifndef RT_TSAN
#define RT_TSAN 0
#endif
#define RT_SANITIZED (RT_ASAN || RT_TSAN)

#if RT_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if RT_TSAN
#include <sanitizer/tsan_interface.h>
#endif

/* One side of a switch: a fiber, or a loop's own stack. */
struct sanitizer_fiber {
	void *fake_stack; /* ASan's, while it does not run */
	void *tsan;	  /* TSan's idea of it */
	const void *stack_base;
	size_t stack_bytes;
};

static inline void sanitizer_born(struct sanitizer_fiber *it, const void *base, size_t bytes)
{
	it->stack_base = base;
	it->stack_bytes = bytes;
#if RT_TSAN
	it->tsan = __tsan_create_fiber(0);
#endif
}

static inline void sanitizer_gone(struct sanitizer_fiber *it)
{
#if RT_TSAN
	__tsan_destroy_fiber(it->tsan);
#endif
}

/* Just before jumping from `from` to `to`; `last` when `from` never comes back. */
static inline void sanitizer_leave(struct sanitizer_fiber *from, struct sanitizer_fiber *to, bool last)
{
#if RT_ASAN
	__sanitizer_start_switch_fiber(last ? NULL : &from->fake_stack, to->stack_base, to->stack_bytes);
#endif
#if RT_TSAN
	__tsan_switch_to_fiber(to->tsan, 0);
#endif
}

/* Just after arriving on `to`, coming from `from`. */
static inline void sanitizer_arrive(struct sanitizer_fiber *to, struct sanitizer_fiber *from)
{
#if RT_ASAN
	__sanitizer_finish_switch_fiber(to->fake_stack, &from->stack_base, &from->stack_bytes);
#endif
}

#endif
