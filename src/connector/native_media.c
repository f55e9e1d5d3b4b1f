/* Operations on files. What they make joins the call's files: later steps name it like an argument, and it goes with
 * the call. The key of an encrypted file is the platform's to know, so it is an ordinary value; it is of use to nobody
 * who has not the encrypted bytes as well. */
#include "connector/native_media.h"

#include "base/random.h"
#include "media/encrypt.h"

AWAITS static enum err encrypt(void *room, struct native_call *call)
{
	struct media *file = call->media(call->run, json_get(call->with, "file"));
	uint8_t key[CBC_KEY_BYTES], iv[CBC_BLOCK_BYTES];
	struct media *made;
	AUTO_BUF out = {0};
	int64_t size;

	if (file == NULL || media_size(file) < 0) {
		call->class = STR("invalid");
		call->message = STR("`file` is a file that the gateway has");
		return ERR_TOOL_FAILED;
	}
	TRY(media_encrypt(file, &made, key, iv));
	size = media_size(made);
	buf_put(&out, STR("{\"file\":"));
	call->give(call->run, made, &out);
	buf_put(&out, STR(",\"key\":\""));
	base64_put(&out, key, sizeof(key));
	buf_put(&out, STR("\",\"iv\":\""));
	base64_put(&out, iv, sizeof(iv));
	buf_put_fmt(&out, "\",\"size\":%lld}", (long long)size);
	crypto_wipe(key, sizeof(key));
	call->result = arena_str(call->arena, buf_str(&out));
	return OK;
}

struct native_table media_natives(void)
{
	static const struct native_op ops[] = {{"media.encrypt", encrypt}, {0}};

	return (struct native_table){.ops = ops};
}
