/* Pins as an operator sees them: what differs, member by member, and accepting it. Texts are written
 * so that nothing in them stays hidden and nothing reaches a terminal as a control. */
#include "base/check.h"
#include "base/clock.h"
#include "base/json.h"
#include "catalog/suspicion.h"
#include "gateway/pins.h"

#define DIFF_ARENA_BYTES_MAX (256u * 1024 * 1024)
#define CHANGES_MAX 100		   /* of one tool; a definition that differs more is another one */
#define CHANGE_TEXT_BYTES_MAX 4096 /* of one side of a change */
#define PATH_BYTES_MAX 512

struct diff {
	struct buf *out;
	size_t changes;
	char path[PATH_BYTES_MAX];
	size_t path_n;
};

static void put_side(struct diff *diff, const char *name, yyjson_val *value)
{
	AUTO_BUF text = {0};
	struct str shown;

	if (value == NULL)
		return;
	if (!yyjson_is_str(value))
		json_write(&text, value);
	shown = yyjson_is_str(value) ? json_str(value) : buf_str(&text);
	if (shown.n > CHANGE_TEXT_BYTES_MAX)
		shown.n = CHANGE_TEXT_BYTES_MAX;
	buf_put_fmt(diff->out, ",\"%s\":", name);
	suspicion_show(diff->out, shown);
}

/* One difference; NULL on the side where there is nothing. */
static void put_change(struct diff *diff, yyjson_val *old, yyjson_val *new)
{
	if (diff->changes++ >= CHANGES_MAX)
		return;
	buf_put(diff->out, diff->changes > 1 ? STR(",{\"path\":") : STR("{\"path\":"));
	suspicion_show(diff->out, (struct str){diff->path, diff->path_n});
	put_side(diff, "old", old);
	put_side(diff, "new", new);
	buf_put_byte(diff->out, '}');
}

static void compare(struct diff *diff, yyjson_val *old, yyjson_val *new);

static void compare_member(struct diff *diff, struct str key, yyjson_val *old, yyjson_val *new)
{
	size_t n = diff->path_n;

	if (n + 1 + key.n <= PATH_BYTES_MAX) {
		if (n > 0)
			diff->path[diff->path_n++] = '.';
		memcpy(diff->path + diff->path_n, key.p, key.n);
		diff->path_n += key.n;
	}
	compare(diff, old, new);
	diff->path_n = n;
}

/*   old        may be NULL */
static void compare_objects(struct diff *diff, yyjson_val *old, yyjson_val *new)
{
	yyjson_val *key, *value;
	size_t i, max;

	if (old != NULL) {
		yyjson_obj_foreach(old, i, max, key, value)
		{
			compare_member(diff, json_str(key), value,
				       yyjson_obj_getn(new, json_str(key).p, json_str(key).n));
		}
	}
	yyjson_obj_foreach(new, i, max, key, value)
	{
		if (yyjson_obj_getn(old, json_str(key).p, json_str(key).n) == NULL)
			compare_member(diff, json_str(key), NULL, value);
	}
}

/* As deep as JSON_DEPTH_MAX at most. Arrays are compared whole: they are short in definitions. */
static void compare(struct diff *diff, yyjson_val *old, yyjson_val *new)
{
	AUTO_BUF a = {0}, b = {0};

	if (yyjson_is_obj(old) && yyjson_is_obj(new)) {
		compare_objects(diff, old, new);
		return;
	}
	if (old != NULL && new != NULL) {
		json_write(&a, old);
		json_write(&b, new);
		if (str_eq(buf_str(&a), buf_str(&b)))
			return;
	}
	put_change(diff, old, new);
}

/* Definitions that were too long to keep read as nothing: their change shows as one of the digest. */
static yyjson_val *read_definition(struct arena *arena, struct str text)
{
	yyjson_val *root;

	return text.n > 0 && json_read(arena, text, &root) == OK ? root : NULL;
}

static const char *state_of(const struct tool_pin *pin)
{
	if (!pin->accepted)
		return "new";
	return memcmp(pin->digest, pin->seen_digest, PIN_DIGEST_BYTES) != 0 ? "changed" : "suspicious";
}

static void put_changes(struct arena *arena, const struct tool_pin *pin, struct buf *out)
{
	yyjson_val *old = pin->accepted ? read_definition(arena, pin->definition) : NULL;
	yyjson_val *new = read_definition(arena, pin->seen_definition);
	struct diff diff = {.out = out};

	buf_put(out, STR(",\"changes\":["));
	if (new == NULL)
		buf_put(out, STR("{\"path\":\"\",\"new\":\"too long to be kept; ask the server itself\"}"));
	else if (yyjson_is_obj(old))
		compare(&diff, old, new);
	else
		compare_objects(&diff, NULL, new);
	buf_put_fmt(out, "],\"more_changes\":%zu", diff.changes > CHANGES_MAX ? diff.changes - CHANGES_MAX : 0);
}

/* PIN_OFF too for an upstream that is not in the configuration any more. */
static enum pin_policy policy_of(const struct config *config, struct str upstream)
{
	for (size_t i = 0; i < config->upstream_count; i++)
		if (str_eq(config->upstreams[i].name, upstream))
			return config->upstreams[i].pin;
	return PIN_OFF;
}

static void put_pin(struct arena *arena, const struct config *config, const struct tool_pin *pin, struct buf *out)
{
	const char *state = state_of(pin);
	bool held = policy_of(config, pin->upstream) == PIN_BLOCK && strcmp(state, "suspicious") != 0;
	unsigned flags = (unsigned)pin->seen_flags;
	AUTO_BUF names = {0};

	if (strcmp(state, "suspicious") == 0)
		flags &= ~(unsigned)pin->flags;
	suspicion_names(flags, "\",\"", &names);
	buf_put(out, STR("{\"upstream\":"));
	buf_put_json(out, pin->upstream);
	buf_put(out, STR(",\"tool\":"));
	suspicion_show(out, pin->tool);
	buf_put_fmt(out, ",\"state\":\"%s\",\"held\":%s,\"flags\":[%s%.*s%s],\"digest\":\"", state,
		    held ? "true" : "false", names.n > 0 ? "\"" : "", STR_ARG(buf_str(&names)),
		    names.n > 0 ? "\"" : "");
	buf_put_hex(out, pin->seen_digest, PIN_DIGEST_BYTES);
	buf_put(out, STR("\""));
	put_changes(arena, pin, out);
	buf_put_byte(out, '}');
}

AWAITS enum err pins_diff_write(struct db *db, const struct config *config, struct buf *out)
{
	AUTO(arena) *arena = arena_new(DIFF_ARENA_BYTES_MAX);
	struct tool_pin *pins;
	bool first = true;
	size_t count;

	TRY(tool_pin_open(db, arena, STR_NONE, STR_NONE, PINS_SHOWN_MAX + 1, &pins, &count));
	buf_put(out, STR("{\"tools\":["));
	for (size_t i = 0; i < count && i < PINS_SHOWN_MAX; i++) {
		AUTO(arena) *scratch = arena_new(DIFF_ARENA_BYTES_MAX);

		if (policy_of(config, pins[i].upstream) == PIN_OFF)
			continue;
		buf_put(out, first ? STR("") : STR(",\n"));
		put_pin(scratch, config, &pins[i], out);
		first = false;
	}
	buf_put_fmt(out, "],\"more\":%s}\n", count > PINS_SHOWN_MAX ? "true" : "false");
	return OK;
}

struct str pins_label(const struct tool_pin *pin, struct buf *out)
{
	buf_put_fmt(out, "%.*s.%.*s", STR_ARG(pin->upstream), STR_ARG(pin->tool));
	return buf_str(out);
}

static bool digest_is(const struct tool_pin *pin, struct str wanted)
{
	AUTO_BUF hex = {0};

	buf_put_hex(&hex, pin->seen_digest, PIN_DIGEST_BYTES);
	return wanted.n == 0 || str_starts(buf_str(&hex), wanted);
}

AWAITS enum err pins_approve(struct db *db, const struct pins_approval *approval,
			     enum err (*accepted)(void *arg, const struct tool_pin *pin), void *arg, size_t *ret_count)
{
	size_t done = 0;

	if (approval->upstream.n == 0)
		return ERR_NOT_FOUND; /* nothing named must not mean everything */
	for (;;) {
		AUTO(arena) *arena = arena_new(DIFF_ARENA_BYTES_MAX);
		struct tool_pin *pins;
		size_t count;

		TRY(tool_pin_open(db, arena, approval->upstream, approval->tool, PINS_SHOWN_MAX, &pins, &count));
		if (count == 0 || (approval->digest.n > 0 && !digest_is(&pins[0], approval->digest)))
			break;
		for (size_t i = 0; i < count; i++) {
			TRY(tool_pin_accept(db, pins[i].upstream, pins[i].tool, pins[i].seen_digest, clock_wall_ms()));
			TRY(accepted(arg, &pins[i]));
			done++;
		}
	}
	*ret_count = done;
	return done > 0 ? OK : ERR_NOT_FOUND;
}
