/* The server's key, by way of the secrets room, and what is derived from it. Where it is a file it is made once, and
 * synced before anything is derived from it: a key that was used and then lost would orphan every API key. */
#include "gateway/keys.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#define KEY_PATH_MAX 4096

static enum err directory_make(struct str directory, struct buf *problem)
{
	char path[KEY_PATH_MAX];

	if (directory.n >= KEY_PATH_MAX) {
		buf_put(problem, STR("data: the path of the data directory is too long"));
		return ERR_CONFIG;
	}
	snprintf(path, sizeof(path), "%.*s", STR_ARG(directory));
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return OK;
	buf_put_fmt(problem, "%s: cannot be made; set `data` to a directory you may write to", path);
	return ERR_SYSTEM;
}

AWAITS enum err keys_load(struct str data_directory, struct secrets *secrets, struct buf *problem,
			  struct keys *ret_keys)
{
	AUTO(secret) *master = NULL;

	TRY(directory_make(data_directory, problem));
	TRY(secrets_get_key(secrets, STR("server-key"), true, problem, &master));
	ret_keys->api_key = secret_derive(master, STR("gatehouse api-key 1"));
	ret_keys->session = secret_derive(master, STR("gatehouse session 1"));
	ret_keys->state = secret_derive(master, STR("gatehouse request-state 1"));
	ret_keys->audit = secret_derive(master, STR("gatehouse audit 1"));
	ret_keys->cursor = secret_derive(master, STR("gatehouse cursor 1"));
	ret_keys->portal = secret_derive(master, STR("gatehouse portal 1"));
	ret_keys->oauth = secret_derive(master, STR("gatehouse oauth 1"));
	ret_keys->bridge = secret_derive(master, STR("gatehouse bridge 1"));
	ret_keys->connect = secret_derive(master, STR("gatehouse connect 1"));
	ret_keys->signin = secret_derive(master, STR("gatehouse sign-in 1"));
	ret_keys->forward = secret_derive(master, STR("gatehouse forward 1"));
	ret_keys->results = secret_derive(master, STR("gatehouse results 1"));
	ret_keys->media = secret_derive(master, STR("gatehouse media 1"));
	ret_keys->kek = secret_derive(master, STR("gatehouse credential-kek 1"));
	ret_keys->seal = secret_derive(master, STR("gatehouse seal 1"));
	return OK;
}

struct secret *keys_take(struct secret **from)
{
	struct secret *secret = *from;

	*from = NULL;
	return secret;
}

void keys_free(struct keys *keys)
{
	secret_free(keys->api_key);
	secret_free(keys->session);
	secret_free(keys->state);
	secret_free(keys->audit);
	secret_free(keys->cursor);
	secret_free(keys->portal);
	secret_free(keys->oauth);
	secret_free(keys->bridge);
	secret_free(keys->connect);
	secret_free(keys->signin);
	secret_free(keys->forward);
	secret_free(keys->results);
	secret_free(keys->media);
	secret_free(keys->kek);
	secret_free(keys->seal);
	*keys = (struct keys){0};
}
