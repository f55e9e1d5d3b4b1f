/* Compiler attributes the whole house shares: who may suspend, who must look at a
 * result, what is cleaned up at the end of a scope.
 *
 * AWAITS marks every function that may suspend its fiber. Under clang it is a
 * thread-safety capability, so -Wthread-safety -Werror rejects a libuv callback that
 * calls one; under gcc it costs and means nothing. LOOP_ONLY is the reverse: the
 * function must not be called from a fiber. A vtable slot cannot carry the mark, so it
 * says AWAITS in a comment and is called only from functions that do. */
#ifndef GATEHOUSE_BASE_ATTRS_H
#define GATEHOUSE_BASE_ATTRS_H

#if defined(__clang__)
#define THREAD_ATTR(x) __attribute__((x))
#else
#define THREAD_ATTR(x)
#endif

struct THREAD_ATTR(capability("fiber")) fiber_role {
	char unused;
};
extern struct fiber_role fiber_role; /* never touched: it exists for the type checker */

#define AWAITS THREAD_ATTR(requires_capability(fiber_role))
#define LOOP_ONLY THREAD_ATTR(locks_excluded(fiber_role))
/* Only rt may grant the role: at a fiber's first frame, where it is true by construction. */
#define AWAITS_ENTRY THREAD_ATTR(no_thread_safety_analysis)

#define NODISCARD __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))
#define COLD __attribute__((cold))

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* AUTO(arena) *a = NULL;  calls arena_free_auto(&a) when the scope ends, on every path.
 * A type opts in with DEFINE_AUTO(arena, arena_free). */
#define AUTO(type) __attribute__((cleanup(type##_auto))) struct type
#define DEFINE_AUTO(type, destroy)                                                                                     \
	static inline UNUSED void type##_auto(struct type **p)                                                         \
	{                                                                                                              \
		if (*p != NULL)                                                                                        \
			destroy(*p);                                                                                   \
	}                                                                                                              \
	struct type

#endif
