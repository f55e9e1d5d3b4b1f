/* A store of files over the case's database, with a vault; and bytes to put into it. */
#ifndef GATEHOUSE_TEST_MEDIA_FIXTURE_H
#define GATEHOUSE_TEST_MEDIA_FIXTURE_H

#include "../vault/vault_fixture.h"

#include <dirent.h>

#include "base/clock.h"
#include "media/media_private.h"

#define MB (1024LL * 1024)

struct rig {
	struct db *db;
	struct replica replica;
	struct secret *key;
	struct media_store *store;
	struct arena *arena;
	struct tenant acme, other;
	char directory[128];
	struct str origin;
};

static inline struct str rig_origin(void *arg)
{
	return ((struct rig *)arg)->origin;
}

AWAITS static inline void rig_open(struct rig *rig)
{
	struct media_store_spec spec = {
		.db = rig->db,
		.vault = rig->replica.vault,
		.directory = str_of(rig->directory),
		.place = STR(""),
		.key = rig->key,
		.settings = {.quota_bytes = 4 * MB,
			     .file_bytes_max = 3 * MB,
			     .expire_ms = 3600 * 1000,
			     .allow_private = true},
		.origin = rig_origin,
		.arg = rig,
	};
	AUTO_BUF problem = {0};

	ck_ok(media_store_start(&spec, &problem, &rig->store));
}

AWAITS static inline void rig_start(struct rig *rig, struct db *db)
{
	*rig = (struct rig){
		.db = db, .arena = arena_new(16 << 20), .key = test_kek(9), .origin = STR("https://gate.example")};
	rig->acme = test_tenant(db, rig->arena, "acme");
	rig->other = test_tenant(db, rig->arena, "other");
	replica_start(&rig->replica, db, 1);
	(void)snprintf(rig->directory, sizeof(rig->directory), "%s/media", test_data());
	rig_open(rig);
}

/* Names in the directory; `remove` takes them away. */
static inline size_t rig_files(const struct rig *rig, bool remove)
{
	DIR *directory = opendir(rig->directory);
	struct dirent *entry;
	size_t count = 0;

	ck_assert_ptr_nonnull(directory);
	while ((entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.') {
			count++;
			if (remove)
				ck_assert_int_eq(unlinkat(dirfd(directory), entry->d_name, 0), 0);
		}
	closedir(directory);
	return count;
}

AWAITS static inline void rig_stop(struct rig *rig)
{
	media_store_stop(rig->store);
	(void)rig_files(rig, true);
	ck_assert_int_eq(rmdir(rig->directory), 0);
	replica_stop(&rig->replica);
	secret_free(rig->key);
	arena_free(rig->arena);
}

/* Bytes that are a PNG for who looks at their beginning. */
static inline struct str test_png(struct arena *arena, size_t n)
{
	char *bytes = arena_alloc(arena, n);

	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(i * 131 + (i >> 9));
	memcpy(bytes, "\x89PNG\r\n\x1a\n", n < 8 ? n : 8);
	return (struct str){bytes, n};
}

AWAITS static inline enum err test_begin(struct rig *rig, struct str tenant_id, int64_t size,
					 struct media_upload *ret_upload)
{
	const struct media_offer offer = {.tenant_id = tenant_id,
					  .principal = STR("u1"),
					  .name = STR("a.png"),
					  .mime = STR("text/plain"),
					  .size = size};
	AUTO_BUF problem = {0};
	enum err err = media_upload_begin(rig->store, rig->arena, &offer, &problem, ret_upload);

	ck_assert(err == OK || err == ERR_NOT_FOUND || problem.n > 0);
	return err;
}

AWAITS static inline enum err test_put(struct rig *rig, struct str tenant_id, struct str id, int64_t offset,
				       struct str bytes, struct media_upload *ret_upload)
{
	AUTO_BUF problem = {0};

	return media_upload_put(rig->store, rig->arena, tenant_id, id, offset, bytes, &problem, ret_upload);
}

AWAITS static inline struct media_upload test_upload(struct rig *rig, struct str bytes)
{
	struct media_upload upload;

	ck_ok(test_begin(rig, rig->acme.id, (int64_t)bytes.n, &upload));
	ck_ok(test_put(rig, rig->acme.id, upload.id, 0, bytes, &upload));
	return upload;
}

AWAITS static inline enum err test_open(struct rig *rig, struct media_wish *wish, struct str given,
					struct media **ret_media)
{
	AUTO_BUF problem = {0};
	enum err err;

	wish->tenant_id = wish->tenant_id.p == NULL ? rig->acme.id : wish->tenant_id;
	wish->principal = STR("u1");
	wish->given = given;
	err = media_open(rig->store, wish, &problem, ret_media);
	ck_assert_msg(err == OK || problem.n > 0 || err_row(err)->http_status >= 500, "%s says nothing", err_name(err));
	return err;
}

/* All of it, read in steps. */
#define ck_reads_all(media, want, step)                                                                                \
	do {                                                                                                           \
		struct str ck_want_all_ = (want), ck_piece_;                                                           \
		ck_assert_int_eq(media_size(media), (int64_t)ck_want_all_.n);                                          \
		for (int64_t ck_at_ = 0; ck_at_ < (int64_t)ck_want_all_.n; ck_at_ += (int64_t)ck_piece_.n) {           \
			ck_ok(media_read(media, ck_at_, step, &ck_piece_));                                            \
			ck_assert_uint_gt(ck_piece_.n, 0);                                                             \
			ck_assert_uint_le(ck_at_ + (int64_t)ck_piece_.n, ck_want_all_.n);                              \
			ck_assert(memcmp(ck_piece_.p, ck_want_all_.p + ck_at_, ck_piece_.n) == 0);                     \
		}                                                                                                      \
		ck_ok(media_read(media, (int64_t)ck_want_all_.n, step, &ck_piece_));                                   \
		ck_assert_uint_eq(ck_piece_.n, 0);                                                                     \
	} while (0)

#endif
