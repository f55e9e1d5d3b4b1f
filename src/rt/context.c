/* The switch between a loop and a fiber: Boost.Context's two assembly functions, and telling the
 * sanitizers. Nothing here knows what a fiber is; see fiber.c. */
#include "base/check.h"
#include "rt/loop_private.h"

/* Source: boost/context/detail/fcontext.hpp. The functions are libboost_context.a's; they save
 * the callee-saved registers and the floating-point control words, and no signal mask. */
typedef void *fcontext;
struct fcontext_transfer {
	fcontext from;
	void *value;
};
fcontext make_fcontext(void *top, size_t bytes, void (*entry)(struct fcontext_transfer));
struct fcontext_transfer jump_fcontext(fcontext to, void *value);

/* The first frame of every fiber: the role that AWAITS asks for is true here by construction. */
AWAITS_ENTRY static void entry(struct fcontext_transfer transfer)
{
	struct context *context = transfer.value;

	context->loop = transfer.from;
	sanitizer_arrive(&context->fiber_stack, &context->loop_stack);
	context->main(context->arg);
	CHECK(!"a fiber's main returned into the switch");
}

void context_init(struct context *context, void *bottom, void *top, void (*main)(void *arg), void *arg)
{
	size_t bytes = (size_t)((char *)top - (char *)bottom);

	context->main = main;
	context->arg = arg;
	context->frame = NULL;
	context->fiber = make_fcontext(top, bytes, entry);
	sanitizer_born(&context->fiber_stack, bottom, bytes);
}

void context_enter(struct context *context)
{
	struct fcontext_transfer transfer;

	sanitizer_thread(&context->loop_stack);
	sanitizer_leave(&context->loop_stack, &context->fiber_stack, false);
	transfer = jump_fcontext(context->fiber, context);
	sanitizer_arrive(&context->loop_stack, &context->fiber_stack);
	context->fiber = transfer.from;
}

void context_leave(struct context *context, bool last)
{
	struct fcontext_transfer transfer;

	context->frame = __builtin_frame_address(0);
	sanitizer_leave(&context->fiber_stack, &context->loop_stack, last);
	transfer = jump_fcontext(context->loop, context);
	sanitizer_arrive(&context->fiber_stack, &context->loop_stack);
	context->loop = transfer.from;
}

void context_end(struct context *context)
{
	sanitizer_gone(&context->fiber_stack);
}
