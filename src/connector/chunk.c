/* Plans for sending files in parts: equal ones of so many bytes, TikTok's way, or the ranges that a server asked for.
 */
#include "connector/chunk.h"

#include "base/check.h"

#define TIKTOK_SINGLE_BYTES_MAX (64LL * 1024 * 1024)
#define TIKTOK_BYTES (10LL * 1024 * 1024)
#define TIKTOK_LARGE_BYTES (32LL * 1024 * 1024) /* 4 GB in 128 requests: a call makes 256 at most */
#define TIKTOK_LARGE_FROM (1024LL * 1024 * 1024)

int64_t chunk_tiktok_bytes(int64_t size)
{
	if (size <= TIKTOK_SINGLE_BYTES_MAX)
		return size;
	return size < TIKTOK_LARGE_FROM ? TIKTOK_BYTES : TIKTOK_LARGE_BYTES;
}

int64_t chunk_tiktok_count(int64_t size)
{
	return size <= TIKTOK_SINGLE_BYTES_MAX ? 1 : size / chunk_tiktok_bytes(size);
}

enum err chunk_plan(struct run *run, const struct chunks *chunks, struct chunk_plan_made *ret_plan)
{
	struct value of = template_value(chunks->of, &run->scope), ranges;
	struct chunk_plan_made plan = {.file = of.kind == VALUE_JSON ? run_media(run, of.json) : NULL};
	uint64_t count;

	if (plan.file == NULL || media_size(plan.file) < 0)
		return run_fail(run, CLASS_INVALID, "there is no file to send in parts");
	plan.object = of.json;
	plan.total = media_size(plan.file);
	if (chunks->plan == CHUNK_RANGES) {
		ranges = template_value(chunks->ranges, &run->scope);
		if (ranges.kind != VALUE_JSON || !yyjson_is_arr(ranges.json))
			return run_fail(run, CLASS_INVALID,
					"the platform did not say which parts of the file it wants");
		plan.ranges = ranges.json;
		count = yyjson_arr_size(ranges.json);
	} else if (chunks->plan == CHUNK_TIKTOK) {
		plan.bytes = chunk_tiktok_bytes(plan.total);
		count = (uint64_t)chunk_tiktok_count(plan.total);
	} else {
		plan.bytes = (int64_t)chunks->bytes;
		CHECK(plan.bytes > 0);
		count = plan.total == 0 ? 1 : ((uint64_t)plan.total + chunks->bytes - 1) / chunks->bytes;
	}
	if (count > CONNECTOR_REQUESTS_MAX)
		return run_fail(run, CLASS_TOO_LARGE, "the file would be sent in more than %d parts",
				CONNECTOR_REQUESTS_MAX);
	plan.count = count;
	*ret_plan = plan;
	return OK;
}

enum err chunk_at(struct run *run, const struct chunks *chunks, const struct chunk_plan_made *plan, size_t number,
		  struct chunk *ret_chunk)
{
	bool last = number + 1 == plan->count;
	int64_t first = plan->bytes * (int64_t)number, end;

	if (plan->ranges == NULL) {
		end = last ? plan->total : first + plan->bytes;
	} else {
		if (!value_int(template_value(chunks->first, &run->scope), &first) ||
		    !value_int(template_value(chunks->last, &run->scope), &end) || end >= plan->total)
			return run_fail(run, CLASS_INVALID, "the platform wants a part that the file does not have");
		end++;
	}
	if (first < 0 || end < first)
		return run_fail(run, CLASS_INVALID, "the platform wants a part that the file does not have");
	*ret_chunk = (struct chunk){first, end - first};
	return OK;
}

enum err chunk_show(struct run *run, const struct chunk_plan_made *plan, size_t number, const struct chunk *chunk)
{
	int64_t file = 0;
	struct str text;
	yyjson_val *part;

	(void)json_int(json_get(plan->object, "$media"), &file);
	text = arena_fmt(run->call->arena,
			 "{\"$media\":%lld,\"$part\":true,\"first\":%lld,\"last\":%lld,\"size\":%lld,\"total\":%lld,"
			 "\"number\":%zu,\"count\":%zu,\"is_last\":%s}",
			 (long long)file, (long long)chunk->first, (long long)(chunk->first + chunk->bytes - 1),
			 (long long)chunk->bytes, (long long)plan->total, number, plan->count,
			 number + 1 == plan->count ? "true" : "false");
	TRY(json_read(run->arena, text, &part));
	run->scope.root[ROOT_PART] = value_of_json(part);
	return OK;
}
