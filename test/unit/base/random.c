/* Ids, the byte pool across forks and threads, and both dresses of base64. */
#include "../unit.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/random.h"

#define IDS 5000

START_TEST(ids)
{
	static char id[IDS][ID_LEN + 1];
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	struct map seen = {0};
	int64_t before = clock_wall_ms(), ms = 0;

	for (size_t i = 0; i < IDS; i++) {
		random_id(id[i]);
		ck_assert_uint_eq(strlen(id[i]), ID_LEN);
		ck_assert_uint_eq(strspn(id[i], alphabet), ID_LEN);
		ck_assert_ptr_null(map_put(&seen, str_of(id[i]), id[i]));
		ck_assert(i == 0 || memcmp(id[i - 1], id[i], 10) <= 0); /* sorted by time */
	}
	for (size_t i = 0; i < 10; i++)
		ms = ms << 5 | (strchr(alphabet, id[0][i]) - alphabet);
	ck_assert(ms >= before && ms <= clock_wall_ms());
	map_free(&seen);
}
END_TEST

/* All sizes around the pool's: no byte position stays constant. */
START_TEST(every_byte_is_drawn)
{
	static const size_t sizes[] = {1, 10, 16, 127, 128, 129, 511, 512, 513, 5000};

	for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
		static uint8_t bytes[5000], seen[5000];

		memset(seen, 0, sizeof(seen));

		for (int round = 0; round < 64; round++) {
			random_bytes(bytes, sizes[s]);
			for (size_t i = 0; i < sizes[s]; i++)
				seen[i] |= bytes[i];
		}
		for (size_t i = 0; i < sizes[s]; i++)
			ck_assert_msg(seen[i] == 0xFF, "byte %zu of %zu", i, sizes[s]);
	}
}
END_TEST

START_TEST(texts_are_appended)
{
	uint8_t bytes[RANDOM_TEXT_BYTES_MAX], others[RANDOM_TEXT_BYTES_MAX];
	AUTO_BUF text = {0}, other = {0};
	size_t n;

	for (size_t size = 1; size <= RANDOM_TEXT_BYTES_MAX; size++) {
		text.n = other.n = 0;
		buf_put(&text, STR("gh_"));
		random_text_put(&text, size);
		ck_assert(str_starts(buf_str(&text), STR("gh_")));
		ck_ok(base64url_get(str_skip(buf_str(&text), 3), bytes, sizeof(bytes), &n));
		ck_assert_uint_eq(n, size);
		random_text_put(&other, size);
		ck_ok(base64url_get(buf_str(&other), others, sizeof(others), &n));
		ck_assert(size < 8 || memcmp(bytes, others, size) != 0);
	}
}
END_TEST

START_TEST(a_forked_child_draws_others)
{
	uint8_t mine[16], childs[16];
	int pipe_fd[2], status;
	pid_t child;

	random_bytes(mine, 1); /* the pool is filled now */
	ck_assert_int_eq(pipe(pipe_fd), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	random_bytes(mine, sizeof(mine));
	if (child == 0)
		_exit(write(pipe_fd[1], mine, sizeof(mine)) != sizeof(mine));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(read(pipe_fd[0], childs, sizeof(childs)), sizeof(childs));
	ck_assert_mem_ne(mine, childs, sizeof(mine));
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}
END_TEST

START_TEST(base64_vectors)
{
	/* RFC 4648 s10 */
	static const char *const std[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
	static const char *const url[] = {"", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"};
	char out[8];
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(std); i++) {
		AUTO_BUF text = {0};

		base64_put(&text, "foobar", i);
		ck_bytes(buf_str(&text), str_of(std[i]));
		ck_ok(base64_get(buf_str(&text), out, i, &n));
		ck_bytes(((struct str){out, n}), ((struct str){"foobar", i}));
		text.n = 0;
		base64url_put(&text, "foobar", i);
		ck_bytes(buf_str(&text), str_of(url[i]));
		ck_ok(base64url_get(buf_str(&text), out, i, &n));
		ck_bytes(((struct str){out, n}), ((struct str){"foobar", i}));
		if (i > 0)
			ck_err(base64url_get(buf_str(&text), out, i - 1, &n), ERR_RPC_PARAMS);
	}
}
END_TEST

START_TEST(base64_round_trip)
{
	uint8_t bytes[256], back[256];
	AUTO_BUF text = {0};
	size_t n;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(255 - i);
	base64url_put(&text, bytes, sizeof(bytes));
	ck_assert_ptr_null(memchr(text.p, '+', text.n));
	ck_ok(base64url_get(buf_str(&text), back, sizeof(back), &n));
	ck_assert_mem_eq(bytes, back, n);
	text.n = 0;
	base64_put(&text, bytes, sizeof(bytes));
	ck_assert_ptr_null(memchr(text.p, '-', text.n));
	ck_ok(base64_get(buf_str(&text), back, sizeof(back), &n));
	ck_assert_mem_eq(bytes, back, n);
}
END_TEST

START_TEST(base64_is_strict)
{
	static const char *const bad_std[] = {"Zg",
					      "Zg=",
					      "Zg=a",
					      "Zh==",
					      "Zm9=",
					      "====",
					      "=",
					      "A===",
					      "Zm9v\n",
					      "Zm-v",
					      "Zm 9v",
					      "Zm9vZg==Zg==",
					      "\xff\xff\xff\xff"};
	static const char *const bad_url[] = {"Z", "Zh", "Zm9", "Zg==", "Zm+v", "Zm/v", "Zm9vZ", "Zm\xff/"};
	char out[32];
	size_t n = 9;

	for (size_t i = 0; i < ARRAY_LEN(bad_std); i++)
		ck_err(base64_get(str_of(bad_std[i]), out, sizeof(out), &n), ERR_RPC_PARAMS);
	for (size_t i = 0; i < ARRAY_LEN(bad_url); i++)
		ck_err(base64url_get(str_of(bad_url[i]), out, sizeof(out), &n), ERR_RPC_PARAMS);
	ck_assert_uint_eq(n, 9);
}
END_TEST

UNIT_MAIN("random", ids, every_byte_is_drawn, texts_are_appended, a_forked_child_draws_others, base64_vectors,
	  base64_round_trip, base64_is_strict)
