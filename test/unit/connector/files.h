/* Files of the runner's tests: in memory, {"base64": the bytes as they are}. They stand in for the media room. */
#ifndef GATEHOUSE_TEST_CONNECTOR_FILES_H
#define GATEHOUSE_TEST_CONNECTOR_FILES_H

#include "../unit.h"

#include "base/json.h"
#include "media/media.h"
#include "rt/fiber.h"

struct media {
	char bytes[4096];
	int64_t size;
};
static int media_open_now;

AWAITS enum err media_open(struct media_store *store, const struct media_wish *wish, struct buf *problem,
			   struct media **ret_media)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	yyjson_val *root;
	struct str text;

	(void)store;
	TRY(json_read(arena, wish->given, &root));
	text = json_str(json_get(root, "base64"));
	if (text.n == 0) {
		buf_put(problem, STR("no such upload"));
		return ERR_NOT_FOUND;
	}
	*ret_media = calloc(1, sizeof(**ret_media));
	(*ret_media)->size = (int64_t)text.n;
	memcpy((*ret_media)->bytes, text.p, text.n);
	media_open_now++;
	return OK;
}

void media_close(struct media *media)
{
	media_open_now -= media != NULL;
	free(media);
}

int64_t media_size(const struct media *media)
{
	return media->size;
}

struct str media_mime(const struct media *media)
{
	(void)media;
	return STR("image/png");
}

struct str media_name(const struct media *media)
{
	(void)media;
	return STR("a \"b\".png");
}

struct str media_sha256(const struct media *media)
{
	(void)media;
	return STR("00ff");
}

struct str media_url(const struct media *media)
{
	(void)media;
	return STR("");
}

AWAITS enum err media_read(struct media *media, int64_t offset, size_t wanted, struct str *ret_piece)
{
	TRY(fiber_yield());
	*ret_piece = (struct str){media->bytes + offset, wanted < 3 ? wanted : 3};
	return OK;
}

#endif
