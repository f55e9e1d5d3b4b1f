/* Judging tools by their pins.
 *
 *   marks in the database ─┐
 *   tools of the shelf ────┴─ compare (worker thread) ─▶ writes ─▶ database ─▶ marks on the shelf, log
 *
 * The first time that an upstream is seen its tools are accepted as they are: somebody has just
 * configured it. From then on a definition that differs from the accepted one waits, and so does a
 * tool that was not there. Showing and accepting are pins_diff.c's. */
#include "gateway/pins.h"

#include "base/clock.h"
#include "base/log.h"
#include "catalog/definition.h"
#include "catalog/suspicion.h"

#define TOLD_MAX 50				    /* log lines of one judgement: they are written on the loop */
#define JUDGE_ARENA_BYTES_MAX (1024u * 1024 * 1024) /* definitions of everything one upstream offers */

struct judging {
	struct arena *arena;
	struct str upstream;
	enum pin_policy policy;
	int64_t now_ms;
	struct catalog_item *tools;
	size_t tool_count;
	struct tool_pin *pins;
	size_t pin_count;
	/* out */
	struct tool_mark *marks; /* parallel to the tools */
	bool *told;		 /* parallel: there is something new to log */
	struct tool_pin_write *writes;
	size_t write_count;
};

static bool same_digest(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, PIN_DIGEST_BYTES) == 0;
}

static struct tool_pin_write *write_add(struct judging *judging, enum tool_pin_change change, struct str tool)
{
	struct tool_pin_write *write = &judging->writes[judging->write_count++];

	*write = (struct tool_pin_write){
		.change = change,
		.pin = {.upstream = judging->upstream, .tool = tool, .seen_ms = judging->now_ms},
	};
	return write;
}

/* What is seen now, with its text. */
static void write_seen(struct judging *judging, enum tool_pin_change change, const struct catalog_item *item)
{
	struct tool_pin_write *write = write_add(judging, change, item->original);
	AUTO(arena) *scratch = arena_new(JUDGE_ARENA_BYTES_MAX);
	AUTO_BUF text = {0};
	yyjson_val *tool;

	memcpy(write->pin.seen_digest, item->mark.digest, PIN_DIGEST_BYTES);
	write->pin.seen_flags = item->mark.suspicions;
	if (json_read(scratch, item->json, &tool) == OK)
		definition_write(tool, &text);
	if (text.n <= PIN_DEFINITION_BYTES_MAX)
		write->pin.seen_definition = arena_str(judging->arena, buf_str(&text));
}

/* A tool that has no row yet. */
static void judge_unknown(struct judging *judging, const struct catalog_item *item, bool first_sight,
			  struct tool_mark *mark)
{
	bool trusted = first_sight && (judging->policy != PIN_BLOCK || mark->suspicions == 0);

	mark->standing = trusted ? TOOL_ACCEPTED : TOOL_NEW;
	mark->open = mark->suspicions;
	write_seen(judging, trusted ? TOOL_PIN_ACCEPTED : TOOL_PIN_SEEN, item);
}

static void judge_known(struct judging *judging, const struct catalog_item *item, const struct tool_pin *pin,
			struct tool_mark *mark)
{
	bool accepted = pin->accepted && same_digest(pin->digest, mark->digest);
	bool same = same_digest(pin->seen_digest, mark->digest);
	unsigned seen = (unsigned)pin->seen_flags;

	/* What was once found stays found: a name's twin may be away just now. */
	if (same)
		mark->suspicions |= seen;
	mark->standing = accepted ? TOOL_ACCEPTED : pin->accepted ? TOOL_CHANGED : TOOL_NEW;
	mark->open = accepted ? mark->suspicions & ~(unsigned)pin->flags : mark->suspicions;
	if (!same)
		write_seen(judging, TOOL_PIN_SEEN, item);
	else if (seen != mark->suspicions)
		write_add(judging, TOOL_PIN_FLAGGED, item->original)->pin.seen_flags = mark->suspicions;
}

/* Whether this is the first time that anybody hears of it. */
static bool is_news(const struct tool_pin *pin, const struct tool_mark *mark)
{
	bool seen = pin != NULL && same_digest(pin->seen_digest, mark->digest);
	unsigned known = seen ? (unsigned)pin->seen_flags : 0;

	return (mark->open & ~known) != 0 || (!seen && mark->standing != TOOL_ACCEPTED);
}

/* Rows of tools that are not offered now: what waits with them waits no more. */
static void judge_gone(struct judging *judging, const struct map *present)
{
	for (size_t i = 0; i < judging->pin_count; i++) {
		const struct tool_pin *pin = &judging->pins[i];

		if (map_get(present, pin->tool) != NULL)
			continue;
		if (!pin->accepted)
			write_add(judging, TOOL_PIN_GONE, pin->tool);
		else if (!same_digest(pin->digest, pin->seen_digest))
			write_add(judging, TOOL_PIN_RETURNED, pin->tool)->pin.seen_flags = pin->flags;
	}
}

static void judge_all(struct judging *judging, struct map *by_tool, struct map *present)
{
	for (size_t i = 0; i < judging->pin_count; i++)
		map_put(by_tool, judging->pins[i].tool, &judging->pins[i]);
	for (size_t i = 0; i < judging->tool_count; i++) {
		const struct catalog_item *item = &judging->tools[i];
		const struct tool_pin *pin = map_get(by_tool, item->original);
		struct tool_mark *mark = &judging->marks[i];

		*mark = item->mark;
		if (pin == NULL)
			judge_unknown(judging, item, judging->pin_count == 0, mark);
		else
			judge_known(judging, item, pin, mark);
		mark->held = judging->policy == PIN_BLOCK && mark->standing != TOOL_ACCEPTED;
		judging->told[i] = is_news(pin, mark);
		map_put(present, item->original, (void *)item);
	}
	judge_gone(judging, present);
}

static enum err judge(void *arg)
{
	struct judging *judging = arg;
	struct map by_tool = {0}, present = {0};
	size_t writes = judging->tool_count + judging->pin_count + 1;

	judging->marks = arena_zalloc(judging->arena, (judging->tool_count + 1) * sizeof(struct tool_mark));
	judging->told = arena_zalloc(judging->arena, judging->tool_count + 1);
	judging->writes = arena_alloc(judging->arena, writes * sizeof(struct tool_pin_write));
	judge_all(judging, &by_tool, &present);
	map_free(&by_tool);
	map_free(&present);
	return OK;
}

static void tell(const struct catalog_item *item, enum pin_policy policy)
{
	static const char *const event[] = {
		[TOOL_ACCEPTED] = "catalog.tool_suspicious",
		[TOOL_NEW] = "catalog.tool_new",
		[TOOL_CHANGED] = "catalog.tool_changed",
	};
	bool quiet = item->mark.standing == TOOL_NEW && item->mark.open == 0 && !item->mark.held;
	AUTO_BUF flags = {0};

	suspicion_names(item->mark.open, ",", &flags);
	LOG_AT(quiet ? LOG_INFO : LOG_WARN, event[item->mark.standing], LOG_STR("tool", item->label),
	       LOG_STR("flags", buf_str(&flags)),
	       LOG_CSTR("effect", item->mark.held     ? "held back until `gatehouse catalog approve`"
				  : policy == PIN_OFF ? "none"
						      : "served as it is now; see `gatehouse catalog diff`"));
}

/* Say what is new, and how much of it when that is too much to be said one by one. */
static void tell_all(struct catalog_item *tools, const bool *told, size_t count, enum pin_policy policy)
{
	size_t news = 0;

	for (size_t i = 0; i < count; i++)
		if (told[i] && news++ < TOLD_MAX)
			tell(&tools[i], policy);
	if (news > TOLD_MAX)
		log_warn("catalog.tools_marked", LOG_STR("upstream", upstream_name(tools[0].upstream)),
			 LOG_INT("tools", (int64_t)news), LOG_CSTR("effect", "see `gatehouse catalog diff`"));
}

/* Nothing is kept and nothing compared; what is suspicious is said when the offer is new. */
static void judge_off(struct arena *arena, struct catalog_item *tools, size_t count)
{
	bool *told = arena_alloc(arena, count + 1);

	for (size_t i = 0; i < count; i++) {
		struct tool_mark *mark = &tools[i].mark;

		told[i] = (mark->suspicions & ~mark->open) != 0;
		mark->standing = TOOL_ACCEPTED;
		mark->open = mark->suspicions;
		mark->held = false;
	}
	tell_all(tools, told, count, PIN_OFF);
}

AWAITS enum err pins_judge(struct db *db, struct shelf *shelf, enum pin_policy policy)
{
	AUTO(arena) *arena = arena_new(JUDGE_ARENA_BYTES_MAX);
	struct judging judging = {.arena = arena, .policy = policy, .now_ms = clock_wall_ms()};

	judging.tools = shelf_tools(shelf, &judging.tool_count);
	if (policy == PIN_OFF) {
		judge_off(arena, judging.tools, judging.tool_count);
		return OK;
	}
	if (judging.tool_count == 0)
		return OK; /* a server that offers nothing just now takes nothing back */
	judging.upstream = upstream_name(judging.tools[0].upstream);
	TRY(tool_pin_marks(db, arena, judging.upstream, &judging.pins, &judging.pin_count));
	TRY(work_run(judge, &judging));
	TRY(tool_pin_write(db, judging.writes, judging.write_count));
	for (size_t i = 0; i < judging.tool_count; i++)
		judging.tools[i].mark = judging.marks[i];
	tell_all(judging.tools, judging.told, judging.tool_count, policy);
	return OK;
}
