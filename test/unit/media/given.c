/* The three forms of an argument, and names. */
#include "../unit.h"

#include "base/arena.h"
#include "media/media_private.h"

static const struct {
	const char *json;
	enum err err;
	enum given_kind kind;
	const char *value;
} table[] = {
	{"{\"url\":\"https://a.example/x.png\"}", OK, GIVEN_URL, "https://a.example/x.png"},
	{"{\"upload_id\":\"u1\",\"name\":\"n\"}", OK, GIVEN_UPLOAD, "u1"},
	{"{\"base64\":\"aGk=\",\"mime\":\"text/plain\"}", OK, GIVEN_BASE64, "aGk="},
	{"{}", ERR_RPC_PARAMS, 0, NULL},
	{"{\"url\":\"\"}", ERR_RPC_PARAMS, 0, NULL},
	{"{\"url\":\"https://a.example\",\"upload_id\":\"u1\"}", ERR_RPC_PARAMS, 0, NULL},
	{"{\"url\":\"https://a.example\",\"headers\":{}}", ERR_RPC_PARAMS, 0, NULL},
	{"{\"url\":7}", ERR_RPC_PARAMS, 0, NULL},
	{"\"https://a.example\"", ERR_RPC_PARAMS, 0, NULL},
	{"[]", ERR_RPC_PARAMS, 0, NULL},
	{"{", ERR_RPC_PARAMS, 0, NULL},
	{"", ERR_RPC_PARAMS, 0, NULL},
};

START_TEST(by_table)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		AUTO(arena) *arena = arena_new(1 << 20);
		struct given given;
		AUTO_BUF problem = {0};
		enum err err = given_read(arena, str_of(table[i].json), &problem, &given);

		ck_assert_msg(err == table[i].err, "%s: %s", table[i].json, err_name(err));
		ck_assert_int_eq(problem.n > 0, err != OK);
		if (err != OK)
			continue;
		ck_assert_int_eq(given.kind, table[i].kind);
		ck_bytes(given.value, str_of(table[i].value));
	}
}
END_TEST

static void ck_name(struct str given, const char *want)
{
	AUTO(arena) *arena = arena_new(1 << 20);

	ck_bytes(file_name(arena, given, STR("image/png")), str_of(want));
}

START_TEST(names)
{
	char many[600];
	AUTO(arena) *arena = arena_new(1 << 20);

	ck_name(STR("cat.png"), "cat.png");
	ck_name(STR("/etc/passwd"), "passwd");
	ck_name(STR("C:\\photos\\cat.png"), "cat.png");
	ck_name(STR("Kätzchen 1.png"), "Kätzchen 1.png");
	ck_name(STR(""), "file.png");
	ck_name(STR(".."), "file.png");
	ck_name(STR("../"), "file.png");
	ck_name(STR("a\r\nb"), "file.png");
	ck_name(STR("\xff\xfe"), "file.png");
	memset(many, 'x', sizeof(many));
	ck_assert_uint_eq(file_name(arena, (struct str){many, sizeof(many)}, STR("")).n, MEDIA_NAME_BYTES_MAX);
	ck_str(url_name(arena, STR("https://a.example/b/c.jpg?d=/e")), "c.jpg");
	ck_str(url_name(arena, STR("https://a.example/")), "");
	ck_str(url_name(arena, STR("no address")), "");
}
END_TEST

UNIT_MAIN("given", by_table, names)
