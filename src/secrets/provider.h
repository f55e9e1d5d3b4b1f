/* What a provider is, to the front (secrets.c, watch.c). Private to the room. */
#ifndef GATEHOUSE_SECRETS_PROVIDER_H
#define GATEHOUSE_SECRETS_PROVIDER_H

#include "rt/loop.h"
#include "secrets/secrets.h"

/* Every slot but `make` AWAITS and runs on a fiber of one loop; several calls may be under way at once. */
struct secrets_provider {
	const char *name;
	bool makes; /* may make keys that are missing */
	enum err (*open)(const struct secrets_settings *settings, struct buf *problem, void **ret_own);
	void (*close)(void *own);
	/* The bytes as they are there: 1..SECRET_TEXT_BYTES_MAX. */
	enum err (*get)(void *own, struct str name, struct buf *problem, struct secret_text **ret_text);
	enum err (*put)(void *own, struct str name, struct str value, bool fresh, struct buf *problem);
	/* Facts in any order. */
	enum err (*list)(void *own, struct arena *arena, struct buf *problem, struct secret_fact **ret_facts,
			 size_t *ret_count);
	/* NULL: it does not wrap. */
	bool (*can_wrap)(const void *own);
	enum err (*wrap)(void *own, struct str plain, struct str bound, struct buf *problem, struct buf *out);
	enum err (*unwrap)(void *own, struct str wrapped, struct str bound, struct buf *problem,
			   struct secret_text **ret_plain);
	/* Keep the sign-in alive; returns after how many ms (at most a day) to come again. NULL: nothing to do. */
	int64_t (*tend)(void *own);
};

extern const struct secrets_provider secrets_file_provider, secrets_systemd_provider, secrets_vault_provider,
	secrets_azure_provider;

/* What watch.c keeps of a name. */
struct watch {
	char name[SECRETS_NAME_MAX];
	size_t name_n;
	struct secret_text *known; /* NULL: no value yet */
	secret_changed *changed;
	void *arg;
	bool failing; /* said so already */
};

struct secrets {
	uint32_t magic;
	const struct secrets_settings *settings;
	const struct secrets_provider *provider;
	void *own; /* the provider's */
	struct loop *home;
	struct watch *watches;
	size_t watch_count;
	struct group follower; /* home's */
	bool following;
};

/* Without one end of a line behind it. Takes the reference, gives one. */
struct secret_text *secret_without_line_end(struct secret_text *whole);

#endif
