/* Uploads over a database: pieces, what is refused, tenants, quota, keys that are destroyed or sealed anew, the broom,
 * and public addresses. */
#include "media_fixture.h"

static AWAITS void pieces_body(struct db *db)
{
	struct media_upload upload;
	struct media_wish wish = {0};
	struct media *media;
	struct str bytes;
	AUTO_BUF given = {0};
	struct rig rig;

	rig_start(&rig, db);
	bytes = test_png(rig.arena, 5 * MEDIA_PIECE_BYTES + 7);
	ck_ok(test_begin(&rig, rig.acme.id, (int64_t)bytes.n, &upload));
	ck_str(upload.mime, "text/plain");
	for (size_t at = 0; at < bytes.n; at += 2 * MEDIA_PIECE_BYTES) {
		struct str rest = str_skip(bytes, at);
		struct str piece = {rest.p, rest.n < 2 * MEDIA_PIECE_BYTES ? rest.n : 2 * MEDIA_PIECE_BYTES};

		media_store_stop(rig.store); /* another process goes on */
		rig_open(&rig);
		ck_ok(test_put(&rig, rig.acme.id, upload.id, (int64_t)at, piece, &upload));
		ck_assert_int_eq(upload.received, (int64_t)(at + piece.n));
		ck_ok(test_put(&rig, rig.acme.id, upload.id, (int64_t)at, piece, &upload));
	}
	ck_str(upload.mime, "image/png");
	ck_assert_uint_eq(upload.sha256.n, 64);
	buf_put_fmt(&given, "{\"upload_id\":\"%.*s\"}", STR_ARG(upload.id));
	ck_ok(test_open(&rig, &wish, buf_str(&given), &media));
	ck_reads_all(media, bytes, MEDIA_PIECE_BYTES);
	ck_reads_all(media, bytes, 10007);
	ck_bytes(media_sha256(media), upload.sha256);
	ck_str(media_name(media), "a.png");
	/* it can be read to its end, also when it is deleted meanwhile */
	ck_ok(media_upload_delete(rig.store, rig.acme.id, upload.id));
	ck_reads_all(media, bytes, MEDIA_PIECE_BYTES);
	media_close(media);
	ck_err(test_open(&rig, &wish, buf_str(&given), &media), ERR_NOT_FOUND);
	rig_stop(&rig);
}

START_TEST(pieces_of_many_processes)
{
	test_with_store(1, pieces_body);
}
END_TEST

static AWAITS void refused_body(struct db *db)
{
	struct media_upload upload, other;
	struct str bytes;
	struct rig rig;

	rig_start(&rig, db);
	bytes = test_png(rig.arena, 2 * MEDIA_PIECE_BYTES);
	ck_err(test_begin(&rig, rig.acme.id, 0, &upload), ERR_RPC_PARAMS);
	ck_err(test_begin(&rig, rig.acme.id, -1, &upload), ERR_RPC_PARAMS);
	ck_err(test_begin(&rig, rig.acme.id, 3 * MB + 1, &upload), ERR_LIMIT);
	ck_ok(test_begin(&rig, rig.acme.id, 3 * MB, &upload));
	ck_err(test_begin(&rig, rig.acme.id, MB + 1, &other), ERR_LIMIT); /* the quota, though no byte has come */
	ck_ok(test_begin(&rig, rig.other.id, 3 * MB, &other));
	ck_err(test_begin(&rig, STR("01NOBODY"), 1, &other), ERR_NOT_FOUND);

	ck_err(test_put(&rig, rig.acme.id, upload.id, MEDIA_PIECE_BYTES, bytes, &other), ERR_RPC_PARAMS);
	ck_err(test_put(&rig, rig.acme.id, upload.id, -1, bytes, &other), ERR_RPC_PARAMS);
	ck_err(test_put(&rig, rig.acme.id, upload.id, 0, STR(""), &other), ERR_RPC_PARAMS);
	ck_err(test_put(&rig, rig.acme.id, upload.id, 0, STR("odd"), &other), ERR_RPC_PARAMS);
	ck_err(test_put(&rig, rig.other.id, upload.id, 0, bytes, &other), ERR_NOT_FOUND);
	ck_err(test_put(&rig, rig.acme.id, STR("short"), 0, bytes, &other), ERR_NOT_FOUND);
	ck_err(media_upload_get(rig.store, rig.arena, rig.other.id, upload.id, &other), ERR_NOT_FOUND);
	ck_err(media_upload_delete(rig.store, rig.other.id, upload.id), ERR_NOT_FOUND);
	ck_ok(media_upload_get(rig.store, rig.arena, rig.acme.id, upload.id, &other));
	ck_assert_int_eq(other.received, 0);
	rig_stop(&rig);
}

START_TEST(what_is_refused)
{
	test_with_store(1, refused_body);
}
END_TEST

static AWAITS void keys_body(struct db *db)
{
	struct media_wish wish = {0};
	struct media_upload upload;
	struct vault_rotation rotation = {.made_before_ms = INT64_MAX};
	struct media *media;
	AUTO_BUF given = {0};
	struct str bytes;
	struct rig rig;

	rig_start(&rig, db);
	bytes = test_png(rig.arena, 1000);
	upload = test_upload(&rig, bytes);
	buf_put_fmt(&given, "{\"upload_id\":\"%.*s\"}", STR_ARG(upload.id));
	rotation.made_before_ms = clock_wall_ms() + 1000;
	ck_ok(vault_rotate(rig.replica.vault, &rotation));
	ck_assert_uint_eq(rotation.values_sealed, 1);
	rig.replica.generation++;
	ck_ok(test_open(&rig, &wish, buf_str(&given), &media));
	ck_reads_all(media, bytes, MEDIA_PIECE_BYTES);
	media_close(media);
	ck_ok(vault_destroy(rig.replica.vault, rig.acme.id));
	ck_err(test_open(&rig, &wish, buf_str(&given), &media), ERR_NOT_FOUND);
	rig_stop(&rig);
}

START_TEST(rotated_and_destroyed_keys)
{
	test_with_store(1, keys_body);
}
END_TEST

static AWAITS void sweep_body(struct db *db)
{
	struct media_upload kept, expired, cut;
	struct str bytes;
	AUTO_BUF words = {0};
	struct rig rig;
	char path[256];
	int fd;

	rig_start(&rig, db);
	bytes = test_png(rig.arena, 1000);
	kept = test_upload(&rig, bytes);
	expired = test_upload(&rig, bytes);
	ck_ok(test_begin(&rig, rig.acme.id, 5000, &cut)); /* a row without a file is fine */
	(void)snprintf(path, sizeof(path), "%s/01ABCDEFGHJKMNPQRSTVWXYZ00", rig.directory);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_uint_eq(rig_files(&rig, false), 3);
	(void)snprintf(path, sizeof(path), "UPDATE media SET expires_ms = 1 WHERE id = '%.*s'", STR_ARG(expired.id));
	ck_ok(test_write(db, path));
	ck_err(media_upload_get(rig.store, rig.arena, rig.acme.id, expired.id, &cut), ERR_NOT_FOUND);
	ck_ok(media_store_sweep(rig.store, &words));
	ck_str(buf_str(&words), "1 uploads expired, 2 files removed here");
	ck_assert_uint_eq(rig_files(&rig, false), 1);
	ck_ok(media_upload_get(rig.store, rig.arena, rig.acme.id, kept.id, &cut));
	rig_stop(&rig);
}

START_TEST(the_broom)
{
	test_with_store(1, sweep_body);
}
END_TEST

/* ---- addresses ---- */

/* The parts of a path "/media/ID/SIGNATURE/name". */
static void cut_path(struct str path, struct str *ret_id, struct str *ret_signature)
{
	struct str rest;

	ck_assert(str_starts(path, STR("/media/")));
	str_cut(str_skip(path, 7), '/', ret_id, &rest);
	str_cut(rest, '/', ret_signature, &rest);
	ck_str(rest, "file.png");
}

static AWAITS void address_body(struct db *db)
{
	struct media_upload upload, found;
	struct media_wish wish = {.pull = true};
	struct str bytes, url, id, signature;
	AUTO_BUF given = {0}, past = {0}, other = {0};
	struct media *media;
	struct rig rig;
	char altered[MEDIA_SIGNATURE_CHARS];

	rig_start(&rig, db);
	bytes = test_png(rig.arena, 100000);
	upload = test_upload(&rig, bytes);
	buf_put_fmt(&given, "{\"upload_id\":\"%.*s\"}", STR_ARG(upload.id));
	ck_ok(test_open(&rig, &wish, buf_str(&given), &media));
	url = arena_str(rig.arena, media_url(media));
	ck_assert_int_eq(media_size(media), 100000);
	media_close(media);
	ck_assert(str_starts(url, STR("https://gate.example/media/")));
	cut_path(str_skip(url, strlen("https://gate.example")), &id, &signature);
	ck_bytes(id, upload.id);
	ck_ok(media_open_signed(rig.store, rig.arena, id, signature, &found, &media));
	ck_bytes(found.sha256, upload.sha256);
	ck_reads_all(media, bytes, MEDIA_PIECE_BYTES);
	media_close(media);
	for (size_t i = 0; i < sizeof(altered); i++) {
		memcpy(altered, signature.p, sizeof(altered));
		altered[i] = altered[i] == 'A' ? 'B' : 'A';
		ck_err(media_open_signed(rig.store, rig.arena, id, (struct str){altered, sizeof(altered)}, &found,
					 &media),
		       ERR_NOT_FOUND);
	}
	ck_err(media_open_signed(rig.store, rig.arena, test_upload(&rig, bytes).id, signature, &found, &media),
	       ERR_NOT_FOUND);
	address_put(rig.store, id, STR("image/png"), clock_wall_ms() - 1000, &past);
	cut_path(buf_str(&past), &id, &signature);
	ck_err(media_open_signed(rig.store, rig.arena, id, signature, &found, &media), ERR_NOT_FOUND);
	/* of a file that is not whole, or is none */
	ck_ok(test_begin(&rig, rig.acme.id, 5000, &upload));
	address_put(rig.store, upload.id, STR("image/png"), clock_wall_ms() + 10000, &other);
	cut_path(buf_str(&other), &id, &signature);
	ck_err(media_open_signed(rig.store, rig.arena, id, signature, &found, &media), ERR_NOT_FOUND);
	rig.origin = STR("");
	ck_err(test_open(&rig, &wish, buf_str(&given), &media), ERR_RPC_PARAMS);
	rig_stop(&rig);
}

START_TEST(public_addresses)
{
	test_with_store(1, address_body);
}
END_TEST

DATABASE_MAIN("uploads", pieces_of_many_processes, what_is_refused, rotated_and_destroyed_keys, the_broom,
	      public_addresses)
