/* Texts on locked pages: sizes around each slot's edge, references, wiping, locking; keys in each written form. */
#include "../unit.h"

#include <pthread.h>
#include <stdio.h>

#include "base/secret_text.h"

START_TEST(holds_what_it_was_given)
{
	static const size_t sizes[] = {0, 1, 200, 256, 257, 1000, 1024, 4000, 4096, 5000, SECRET_TEXT_BYTES_MAX};
	static char plain[SECRET_TEXT_BYTES_MAX];
	struct secret_text *texts[ARRAY_LEN(sizes)];

	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (char)(i * 7);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		texts[i] = secret_text_new((struct str){plain, sizes[i]});
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		ck_assert(str_eq(secret_text_str(texts[i]), (struct str){plain, sizes[i]}));
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		secret_text_unref(texts[i]);
	secret_text_unref(NULL);
}
END_TEST

START_TEST(the_last_reference_wipes)
{
	struct secret_text *text = secret_text_new(STR("planted-secret"));
	struct str view = secret_text_str(text);
	char *room;

	ck_assert_ptr_eq(secret_text_ref(text), text);
	secret_text_unref(text);
	ck_assert(str_eq(view, STR("planted-secret")));
	secret_text_unref(text);
	/* the slab stays mapped, so what is left there may be looked at */
	for (size_t i = 0; i < view.n; i++)
		ck_assert_int_eq(view.p[i], 0);
	text = secret_text_room(20, &room);
	for (size_t i = 0; i < 20; i++)
		ck_assert_int_eq(room[i], 0);
	memcpy(room, "filled in place here", 20);
	ck_assert(str_eq(secret_text_str(text), STR("filled in place here")));
	secret_text_unref(text);
}
END_TEST

/* The flags of the mapping that holds `p`, as the kernel writes them. */
static void flags_of(const void *p, char *out, size_t cap)
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	char line[512];
	bool here = false;

	ck_assert_ptr_nonnull(maps);
	out[0] = '\0';
	while (fgets(line, sizeof(line), maps) != NULL) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = (unsigned long)p >= from && (unsigned long)p < to;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			snprintf(out, cap, "%s", line);
	}
	fclose(maps);
}

START_TEST(core_files_leave_it_out)
{
	static const size_t sizes[] = {10, 2000, 20000};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char *room, flags[512];
		AUTO(secret_text) *text = secret_text_room(sizes[i], &room);

		flags_of(secret_text_str(text).p, flags, sizeof(flags));
		ck_assert_msg(strstr(flags, " dd") != NULL, "not left out of core files: %s", flags);
	}
}
END_TEST

static void *take_and_give(void *arg)
{
	struct secret_text *shared = arg;

	for (int i = 0; i < 2000; i++) {
		AUTO(secret_text) *own = secret_text_new(STR("of this thread"));
		AUTO(secret_text) *ref = secret_text_ref(shared);

		if (!str_eq(secret_text_str(own), STR("of this thread")) || secret_text_str(ref).n != 6)
			return shared;
	}
	return NULL;
}

START_TEST(threads_share_it)
{
	struct secret_text *shared = secret_text_new(STR("shared"));
	pthread_t threads[4];

	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, take_and_give, shared), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		void *failed;

		ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
		ck_assert_ptr_null(failed);
	}
	ck_assert(str_eq(secret_text_str(shared), STR("shared")));
	secret_text_unref(shared);
}
END_TEST

/* The bytes FB FF 3E 01 .. 1D: base64 of them has characters of both alphabets. */
#define HEX "fbff3e0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d"

static const char *const written[] = {
	HEX,
	"FBFF3E0102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D\n",
	"+/8+AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0=",
	"+/8+AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0",
	"-_8-AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0",
	"-_8-AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0=\r\n",
};

static const char *const malformed[] = {
	"",
	"\n",
	"short",
	"0123456789abcdef0123456789abcdef\n",				      /* raw keys have no line end */
	"fbff3e0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c",     /* 31 bytes */
	"fbff3e0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1g",   /* not hexadecimal */
	"fbff3e0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e", /* 33 bytes */
	"+_8+AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0=",			      /* both alphabets */
	"+/8+AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB1=",			      /* stray bits */
	" +/8+AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0",
};

START_TEST(keys_from_text)
{
	uint8_t want[CRYPTO_KEY_BYTES] = {0xFB, 0xFF, 0x3E};
	struct secret *key = NULL;

	for (size_t i = 3; i < sizeof(want); i++)
		want[i] = (uint8_t)(i - 2);
	ck_assert_int_eq(secret_from_text((struct str){(const char *)want, sizeof(want)}, &key), OK);
	ck_assert_mem_eq(secret_bytes(key), want, sizeof(want));
	secret_free(key);
	for (size_t i = 0; i < ARRAY_LEN(written); i++) {
		ck_assert_int_eq(secret_from_text(str_of(written[i]), &key), OK);
		ck_assert_mem_eq(secret_bytes(key), want, sizeof(want));
		secret_free(key);
	}
	for (size_t i = 0; i < ARRAY_LEN(malformed); i++)
		ck_assert_int_eq(secret_from_text(str_of(malformed[i]), &key), ERR_CONFIG);
}
END_TEST

UNIT_MAIN("secret_text", holds_what_it_was_given, the_last_reference_wipes, core_files_leave_it_out, threads_share_it,
	  keys_from_text)
