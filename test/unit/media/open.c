/* Files that come with a call: from addresses, which a server in the same process answers in good and bad ways, as
 * base64, and encrypted. None of them leaves anything behind. */
#include "media_fixture.h"

#include "base/log.h"
#include "http/server.h"

static struct {
	struct rig rig;
	struct address bound;
	struct str png; /* two pieces and a bit */
	unsigned requests;
} here;

AWAITS static void answer(struct http_exchange *exchange, int status, const char *headers, struct str bytes)
{
	const struct piece piece = {.str = bytes};

	(void)!http_answer(exchange, status, str_of(headers),
			   &(struct http_body){.content_type = STR("image/jpeg"), .pieces = &piece, .count = 1});
}

AWAITS static void answer_chunked(struct http_exchange *exchange, struct str bytes, bool cut)
{
	(void)!http_relay_begin(exchange, 200, STR("Content-Type: image/png\r\n"), -1);
	(void)!http_relay_write(exchange, bytes);
	if (!cut)
		(void)!http_relay_end(exchange);
}

AWAITS static void handle(struct http_exchange *exchange, void *arg)
{
	struct str path = exchange->path;

	here.requests++;
	if (str_starts(path, STR("/cat")))
		answer(exchange, 200, "", here.png);
	else if (str_eq(path, STR("/moved")))
		answer(exchange, 302, "Location: /cat.png\r\n", STR(""));
	else if (str_eq(path, STR("/inside")))
		answer(exchange, 302, "Location: http://169.254.169.254/latest\r\n", STR(""));
	else if (str_eq(path, STR("/gone")))
		answer(exchange, 404, "", STR("no such cat"));
	else if (str_eq(path, STR("/broken")))
		answer(exchange, 500, "", STR(""));
	else if (str_eq(path, STR("/empty")))
		answer(exchange, 200, "", STR(""));
	else if (str_eq(path, STR("/text")))
		answer(exchange, 200, "", STR("no picture at all"));
	else
		answer_chunked(exchange, here.png, str_eq(path, STR("/cut")));
}

static struct str given_url(const char *path)
{
	return arena_fmt(here.rig.arena, "{\"url\":\"http://127.0.0.1:%u%s\"}", address_port(&here.bound), path);
}

static void (*script)(void); /* AWAITS */

AWAITS static void body(struct db *db)
{
	const struct http_server_spec spec = {.handle = handle,
					      .head_bytes_max = 8192,
					      .body_bytes_max = 1 << 20,
					      .header_timeout_ms = 10000,
					      .body_timeout_ms = 10000,
					      .idle_timeout_ms = 10000,
					      .keepalive_ms = 10000,
					      .connections_max = 100,
					      .connections_per_ip_max = 100};
	struct listener_spec listen = {0};
	struct listener *listener;
	struct http_server *server;
	struct media_stats stats;

	log_setup(LOG_LEVELS, LOG_TEXT);
	rig_start(&here.rig, db);
	here.png = test_png(here.rig.arena, 2 * MEDIA_PIECE_BYTES + 100);
	ck_ok(address_parse(STR("127.0.0.1:0"), &listen.address));
	ck_ok(http_server_new(&spec, &server));
	ck_ok(http_server_listen(server, &listen, NULL, &listener, &here.bound));
	ck_ok(http_server_accept(server));
	script();
	stats = media_store_stats(here.rig.store);
	ck_assert_uint_eq(stats.open, 0);
	ck_assert_uint_eq(stats.temporary_bytes, 0);
	http_server_drain(server, 0, 100);
	http_server_free(server);
	rig_stop(&here.rig);
}

AWAITS static enum err fetch(struct media_wish *wish, const char *path, struct media **ret_media)
{
	return test_open(&here.rig, wish, given_url(path), ret_media);
}

AWAITS static void fetches(void)
{
	static const char *const good[] = {"/cat.png", "/moved", "/chunked"};
	struct media *media;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct media_wish wish = {0};

		ck_ok(fetch(&wish, good[i], &media));
		ck_str(media_mime(media), "image/png"); /* whatever the server says */
		ck_reads_all(media, here.png, MEDIA_PIECE_BYTES);
		ck_assert_uint_eq(rig_files(&here.rig, false), 0);
		ck_assert_uint_eq(media_store_stats(here.rig.store).temporary_bytes, here.png.n);
		if (i == 0)
			ck_str(media_name(media), "cat.png");
		media_close(media);
	}
}

START_TEST(what_is_at_an_address)
{
	script = fetches;
	test_with_store(1, body);
}
END_TEST

AWAITS static void refusals(void)
{
	const struct str jpeg = STR("image/jpeg"), any = STR("image/*");
	struct media *media;

	ck_err(fetch(&(struct media_wish){0}, "/gone", &media), ERR_RPC_PARAMS);
	ck_err(fetch(&(struct media_wish){0}, "/broken", &media), ERR_UPSTREAM_DOWN);
	ck_err(fetch(&(struct media_wish){0}, "/empty", &media), ERR_RPC_PARAMS);
	ck_err(fetch(&(struct media_wish){0}, "/cut", &media), ERR_UPSTREAM_DOWN);
	ck_err(fetch(&(struct media_wish){0}, "/inside", &media), ERR_RPC_PARAMS); /* no https, and not this machine */
	ck_err(fetch(&(struct media_wish){.bytes_max = 1000}, "/cat", &media), ERR_LIMIT);
	ck_err(fetch(&(struct media_wish){.bytes_max = 1000}, "/chunked", &media), ERR_LIMIT);
	ck_err(fetch(&(struct media_wish){.mimes = &jpeg, .mime_count = 1}, "/cat", &media), ERR_RPC_PARAMS);
	ck_err(fetch(&(struct media_wish){.mimes = &any, .mime_count = 1}, "/text", &media), ERR_RPC_PARAMS);
	ck_ok(fetch(&(struct media_wish){.mimes = &any, .mime_count = 1}, "/cat", &media));
	media_close(media);
	ck_err(fetch(&(struct media_wish){0}, "x/no/port", &media), ERR_RPC_PARAMS);
	/* without the setting nothing leaves */
	media_store_configure(here.rig.store, &(struct media_settings){.quota_bytes = MB, .file_bytes_max = MB});
	here.requests = 0;
	ck_err(fetch(&(struct media_wish){0}, "/cat", &media), ERR_RPC_PARAMS);
	ck_err(test_open(&here.rig, &(struct media_wish){0}, STR("{\"url\":\"https://127.0.0.1:1/x\"}"), &media),
	       ERR_REFUSED_ADDRESS);
	ck_assert_uint_eq(here.requests, 0);
}

START_TEST(what_is_no_file)
{
	script = refusals;
	test_with_store(1, body);
}
END_TEST

AWAITS static void quota(void)
{
	struct media_wish wish = {0};
	struct media_upload upload;
	struct media *one;

	ck_ok(test_begin(&here.rig, here.rig.acme.id, 3 * MB, &upload));
	ck_ok(test_begin(&here.rig, here.rig.acme.id, MB - 200000, &upload));
	ck_ok(fetch(&wish, "/cat", &one));
	ck_err(fetch(&(struct media_wish){0}, "/cat", &(struct media *){NULL}), ERR_LIMIT); /* both together */
	media_close(one);
	ck_ok(fetch(&wish, "/cat", &one));
	media_close(one);
}

START_TEST(temporary_files_count)
{
	script = quota;
	test_with_store(1, body);
}
END_TEST

/* As large as a file may be here: 4 MB of text. */
AWAITS static void inline_largest(void)
{
	struct str bytes = test_png(here.rig.arena, 3 * MB);
	struct media_wish wish = {0};
	struct media *media;
	AUTO_BUF given = {0};

	buf_put(&given, STR("{\"base64\":\""));
	base64_put(&given, bytes.p, bytes.n);
	buf_put(&given, STR("\"}"));
	ck_ok(test_open(&here.rig, &wish, buf_str(&given), &media));
	ck_reads_all(media, bytes, MEDIA_PIECE_BYTES);
	media_close(media);
}

START_TEST(a_large_one_with_a_call)
{
	script = inline_largest;
	test_with_store(1, body);
}
END_TEST

AWAITS static void inlined(void)
{
	AUTO_BUF given = {0};
	struct media_wish wish = {0}, pull = {.pull = true};
	struct media *media;

	buf_put(&given, STR("{\"name\":\"cat.png\",\"mime\":\"text/html\",\"base64\":\""));
	base64_put(&given, here.png.p, here.png.n);
	buf_put(&given, STR("\"}"));
	ck_ok(test_open(&here.rig, &wish, buf_str(&given), &media));
	ck_reads_all(media, here.png, MEDIA_PIECE_BYTES);
	ck_str(media_mime(media), "image/png");
	ck_str(media_name(media), "cat.png");
	media_close(media);
	ck_err(test_open(&here.rig, &(struct media_wish){.bytes_max = 100}, buf_str(&given), &media), ERR_LIMIT);
	ck_err(test_open(&here.rig, &wish, STR("{\"base64\":\"no base64!\"}"), &media), ERR_RPC_PARAMS);
	/* for who fetches it himself it becomes an upload */
	ck_ok(test_open(&here.rig, &pull, buf_str(&given), &media));
	ck_assert(str_starts(media_url(media), STR("https://gate.example/media/")));
	ck_assert_uint_eq(rig_files(&here.rig, false), 1);
	media_close(media);
	/* an address is given on as it is */
	ck_ok(test_open(&here.rig, &pull, STR("{\"url\":\"https://a.example/b/cat.png\"}"), &media));
	ck_str(media_url(media), "https://a.example/b/cat.png");
	ck_assert_int_eq(media_size(media), -1);
	ck_str(media_name(media), "cat.png");
	media_close(media);
	ck_err(test_open(&here.rig, &pull, STR("{\"url\":\"ftp://a.example/\"}"), &media), ERR_RPC_PARAMS);
}

START_TEST(what_comes_with_a_call)
{
	script = inlined;
	test_with_store(1, body);
}
END_TEST

AWAITS static void encrypted(void)
{
	uint8_t key[CBC_KEY_BYTES], iv[CBC_BLOCK_BYTES];
	struct media_wish wish = {0};
	struct media *media, *made;
	AUTO(cbc) *cbc = NULL;
	AUTO_BUF wanted = {0};

	ck_ok(fetch(&wish, "/cat.png", &media));
	ck_ok(media_encrypt(media, &made, key, iv));
	cbc = cbc_new(key, iv);
	cbc_put(cbc, here.png, &wanted);
	cbc_end(cbc, &wanted);
	ck_reads_all(made, buf_str(&wanted), MEDIA_PIECE_BYTES);
	ck_str(media_name(made), "cat.png");
	media_close(media);
	media_close(made);
}

START_TEST(one_encrypted_into_another)
{
	script = encrypted;
	test_with_store(1, body);
}
END_TEST

UNIT_MAIN("open", a_large_one_with_a_call, what_is_at_an_address, what_is_no_file, temporary_files_count,
	  what_comes_with_a_call, one_encrypted_into_another)
