/* Which tools watch this build, and what they must be told when a stack changes. Plain builds
 * pay nothing: every function here is then empty. */
#ifndef GATEHOUSE_RT_SANITIZER_H
#define GATEHOUSE_RT_SANITIZER_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__has_feature)
#define RT_HAS_FEATURE(x) __has_feature(x)
#else
#define RT_HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || RT_HAS_FEATURE(address_sanitizer)
#define RT_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#else
#define RT_ASAN 0
#endif
#if defined(__SANITIZE_THREAD__) || RT_HAS_FEATURE(thread_sanitizer)
#define RT_TSAN 1
#include <sanitizer/tsan_interface.h>
#else
#define RT_TSAN 0
#endif
#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef VALGRIND_STACK_REGISTER
#define VALGRIND_STACK_REGISTER(start, end) 0u
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#endif

/* One end of a switch: a fiber, or the loop's own stack. */
struct sanitizer_stack {
#if RT_ASAN
	void *fake;	    /* ASan's frames, kept while this end does not run */
	const void *bottom; /* lowest byte */
	size_t bytes;
#endif
#if RT_TSAN
	void *tsan;
#endif
	unsigned valgrind_id;
};

/* Memory becomes a stack, and stops being one. LSan must look for pointers on it. */
static inline void sanitizer_stack_mapped(void *bottom, size_t bytes)
{
#if RT_ASAN
	__lsan_register_root_region(bottom, bytes);
#endif
}

static inline void sanitizer_stack_unmapped(void *bottom, size_t bytes)
{
#if RT_ASAN
	__lsan_unregister_root_region(bottom, bytes);
	__asan_unpoison_memory_region(bottom, bytes);
#endif
}

/* A fiber begins on a stack; the last frame of the one before left its red zones there. */
static inline void sanitizer_born(struct sanitizer_stack *it, void *bottom, size_t bytes)
{
#if RT_ASAN
	__asan_unpoison_memory_region(bottom, bytes);
	it->fake = NULL;
	it->bottom = bottom;
	it->bytes = bytes;
#endif
#if RT_TSAN
	it->tsan = __tsan_create_fiber(0);
#endif
	it->valgrind_id = VALGRIND_STACK_REGISTER(bottom, (char *)bottom + bytes);
}

static inline void sanitizer_gone(struct sanitizer_stack *it)
{
#if RT_TSAN
	__tsan_destroy_fiber(it->tsan);
#endif
	VALGRIND_STACK_DEREGISTER(it->valgrind_id);
}

/* Right before the jump from one end to the other; `last` when `from` will not run again. */
static inline void sanitizer_leave(struct sanitizer_stack *from, struct sanitizer_stack *to, bool last)
{
#if RT_ASAN
	__sanitizer_start_switch_fiber(last ? NULL : &from->fake, to->bottom, to->bytes);
#endif
#if RT_TSAN
	__tsan_switch_to_fiber(to->tsan, 0);
#endif
}

/* Right after the jump, on `to`. What ASan says about `from` is how we learn the loop's stack. */
static inline void sanitizer_arrive(struct sanitizer_stack *to, struct sanitizer_stack *from)
{
#if RT_ASAN
	__sanitizer_finish_switch_fiber(to->fake, &from->bottom, &from->bytes);
#endif
}

/* The calling thread's own stack as an end. */
static inline void sanitizer_thread(struct sanitizer_stack *it)
{
#if RT_TSAN
	it->tsan = __tsan_get_current_fiber();
#endif
}

#endif
