/* Patterns on PCRE2: compiling, and matching within a budget.
 *
 * PCRE2's own match limit counts per starting position and not at all inside a simple repeat, so
 * it does not bound the time of a match. Instead each pattern is compiled with automatic callouts:
 * PCRE2 calls back before every item it tries, and each call is charged for itself and for the
 * text the item may run over. That count is the same on every machine.
 *
 * The interpreter is used, not the JIT compiler: it needs no writable code pages, which a hardened
 * service may not have. Scratch memory belongs to the thread. */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "schema/pattern.h"

#include <pcre2.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"

#define PATTERN_MAGIC 0x50415454u
#define WORK_TEXT_SHIFT 8	  /* running over 256 bytes costs about as much as one callout */
#define MATCH_HEAP_KB_MAX 16384	  /* backtracking points of one match */
#define MATCH_KEEP_BYTES_MAX 4096 /* longer texts may leave a large heap behind: give it back */

struct pattern {
	uint32_t magic;
	pcre2_code *code;
};

/* What a match writes to; one a thread, since creating it costs more than most matches. */
struct matcher {
	pcre2_match_data *match;
	pcre2_match_context *options;
	uint64_t work;
};

static _Thread_local struct matcher matcher;
static pthread_key_t matcher_key;

static void matcher_drain(void *unused)
{
	pcre2_match_data_free(matcher.match);
	pcre2_match_context_free(matcher.options);
	matcher = (struct matcher){0};
}

__attribute__((constructor)) static void matcher_key_create(void)
{
	CHECK(pthread_key_create(&matcher_key, matcher_drain) == 0);
}

static int charge(pcre2_callout_block *block, void *unused)
{
	uint64_t cost = 1 + ((block->subject_length - block->current_position) >> WORK_TEXT_SHIFT);

	if (matcher.work < cost)
		return PCRE2_ERROR_CALLOUT;
	matcher.work -= cost;
	return 0;
}

static void matcher_ready(void)
{
	if (likely(matcher.match != NULL))
		return;
	matcher.match = pcre2_match_data_create(1, NULL);
	CHECK(matcher.match != NULL);
	if (matcher.options != NULL)
		return;
	matcher.options = pcre2_match_context_create(NULL);
	CHECK(matcher.options != NULL && pthread_setspecific(matcher_key, &matcher) == 0);
	pcre2_set_callout(matcher.options, charge, NULL);
	pcre2_set_heap_limit(matcher.options, MATCH_HEAP_KB_MAX);
}

static enum err compile_err(int code, struct buf *problem)
{
	PCRE2_UCHAR text[128];

	if (pcre2_get_error_message(code, text, sizeof(text)) < 0)
		text[0] = '\0';
	buf_put_fmt(problem, "the pattern is not usable: %s", (const char *)text);
	return ERR_CONFIG;
}

enum err pattern_compile(struct str source, struct buf *problem, struct pattern **ret_pattern)
{
	const uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS |
				 PCRE2_MATCH_UNSET_BACKREF | PCRE2_AUTO_CALLOUT | PCRE2_NEVER_BACKSLASH_C;
	AUTO_BUF text = {0};
	struct pattern *pattern;
	pcre2_compile_context *setup;
	pcre2_code *code;
	PCRE2_SIZE offset;
	int error;

	TRY(pattern_translate(source, &text, problem));
	setup = pcre2_compile_context_create(NULL);
	CHECK(setup != NULL);
	/* halves of surrogate pairs, as in [\ud800-\udfff]: they match nothing in UTF-8 */
	pcre2_set_compile_extra_options(setup, PCRE2_EXTRA_ALLOW_SURROGATE_ESCAPES);
	code = pcre2_compile((PCRE2_SPTR)(text.n == 0 ? "" : text.p), text.n, options, &error, &offset, setup);
	pcre2_compile_context_free(setup);
	if (code == NULL)
		return compile_err(error, problem);
	pattern = malloc(sizeof(*pattern));
	CHECK(pattern != NULL);
	*pattern = (struct pattern){.magic = PATTERN_MAGIC, .code = code};
	*ret_pattern = pattern;
	return OK;
}

void pattern_free(struct pattern *pattern)
{
	if (pattern == NULL)
		return;
	CHECK_OBJ(pattern, PATTERN_MAGIC);
	pcre2_code_free(pattern->code);
	pattern->magic = 0;
	free(pattern);
}

size_t pattern_bytes(const struct pattern *pattern)
{
	size_t bytes = 0;

	CHECK_OBJ(pattern, PATTERN_MAGIC);
	CHECK(pcre2_pattern_info(pattern->code, PCRE2_INFO_SIZE, &bytes) == 0);
	return sizeof(*pattern) + bytes;
}

enum err pattern_match(const struct pattern *pattern, struct str text, uint64_t *work, bool *ret_matched)
{
	int rc;

	CHECK_OBJ(pattern, PATTERN_MAGIC);
	matcher_ready();
	matcher.work = *work;
	rc = pcre2_match(pattern->code, (PCRE2_SPTR)(text.n == 0 ? "" : text.p), text.n, 0, PCRE2_NO_UTF_CHECK,
			 matcher.match, matcher.options);
	*work = matcher.work;
	if (text.n > MATCH_KEEP_BYTES_MAX) {
		pcre2_match_data_free(matcher.match);
		matcher.match = NULL;
	}
	if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
		return ERR_LIMIT;
	*ret_matched = rc >= 0;
	return OK;
}
