/* Addresses as text and bytes; prefixes; the guard against internal targets. */
#include "../unit.h"

#include "net/address.h"

static struct address parse(const char *text)
{
	struct address address;

	ck_ok(address_parse(str_of(text), &address));
	return address;
}

START_TEST(text)
{
	static const struct {
		const char *in, *with, *without;
	} good[] = {
		{"127.0.0.1:8080", "127.0.0.1:8080", "127.0.0.1"},
		{"[::1]:80", "[::1]:80", "::1"},
		{":8080", "[::]:8080", "::"},
		{"0.0.0.0:0", "0.0.0.0:0", "0.0.0.0"},
		{"[::ffff:1.2.3.4]:5", "1.2.3.4:5", "1.2.3.4"},
		{"[2001:DB8:0::1]:65535", "[2001:db8::1]:65535", "2001:db8::1"},
		{"unix:/run/gatehouse.sock", "unix:/run/gatehouse.sock", "unix:/run/gatehouse.sock"},
	};

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct address address = parse(good[i].in);
		char out[ADDRESS_TEXT_MAX];

		ck_bytes(address_text(&address, true, out), str_of(good[i].with));
		ck_bytes(address_text(&address, false, out), str_of(good[i].without));
	}
}
END_TEST

/* One byte more than sun_path holds with its NUL. */
#define TEN "/123456789"
#define LONG_PATH "unix:" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "/1234567"

START_TEST(bad_text)
{
	static const char *const bad[] = {
		"",	    "8080",   "localhost:80", "1.2.3.4",    "1.2.3.4:",	   "1.2.3.4:65536", "1.2.3.4:-1",
		"1.2.3:80", "::1:80", "[::1]80",      "[::1]",	    "[::1:80",	   "[1.2.3.4]:80",  "1.2.3.4:080000",
		"unix:",    "[]:80",  "1.2.3.4 :80",  "1.2.3.4:8 ", "[::1%lo]:80", LONG_PATH,
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct address address;

		ck_assert_msg(address_parse(str_of(bad[i]), &address) == ERR_CONFIG, "%s", bad[i]);
	}
}
END_TEST

START_TEST(properties)
{
	struct address a = parse("127.9.9.9:1"), b = parse("[::1]:2"), c = parse("unix:/x"), d = parse("8.8.8.8:3");
	struct address mapped = parse("[::ffff:127.0.0.1]:4");
	uint8_t key[16], other[16];

	ck_assert(address_is_loopback(&a) && address_is_loopback(&b) && address_is_loopback(&c));
	ck_assert(address_is_loopback(&mapped) && !address_is_loopback(&d));
	ck_assert_int_eq(address_port(&d), 3);
	ck_assert_int_eq(address_port(&c), 0);
	a = parse("1.2.3.4:1");
	b = parse("[::ffff:1.2.3.4]:9");
	address_peer_key(&a, key);
	address_peer_key(&b, other);
	ck_assert_mem_eq(key, other, 16);
	a = parse("[2001:db9::1]:1");
	b = parse("[2001:db9::ffff:ffff:ffff:ffff]:1");
	address_peer_key(&a, key);
	address_peer_key(&b, other);
	ck_assert_mem_eq(key, other, 16);
	b = parse("[2001:db9:0:1::1]:1");
	address_peer_key(&b, other);
	ck_assert_mem_ne(key, other, 16);
	address_peer_key(&c, key);
	c = parse("unix:/y");
	address_peer_key(&c, other);
	ck_assert_mem_eq(key, other, 16);
}
END_TEST

static bool covers(const char *prefix_text, const char *address_text_)
{
	struct address address = parse(address_text_);
	struct prefix prefix;

	ck_ok(prefix_parse(str_of(prefix_text), &prefix));
	return prefix_covers(&prefix, &address);
}

START_TEST(prefixes)
{
	static const char *const bad[] = {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::/129", "::/-1", "x/8", "/8"};
	struct prefix prefix;

	ck_assert(covers("10.0.0.0/8", "10.255.1.2:0"));
	ck_assert(!covers("10.0.0.0/8", "11.0.0.0:0"));
	ck_assert(covers("10.0.0.0/8", "[::ffff:10.1.1.1]:0"));
	ck_assert(covers("192.168.1.128/25", "192.168.1.200:0"));
	ck_assert(!covers("192.168.1.128/25", "192.168.1.100:0"));
	ck_assert(covers("1.2.3.4", "1.2.3.4:9"));
	ck_assert(!covers("1.2.3.4", "1.2.3.5:9"));
	ck_assert(covers("0.0.0.0/0", "9.9.9.9:0"));
	ck_assert(!covers("0.0.0.0/0", "[2001:db8::1]:0"));
	ck_assert(covers("2001:db8::/33", "[2001:db8:7fff::1]:0"));
	ck_assert(!covers("2001:db8::/33", "[2001:db8:8000::1]:0"));
	ck_assert(!covers("::/0", "unix:/x"));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(prefix_parse(str_of(bad[i]), &prefix) == ERR_CONFIG, "%s", bad[i]);
}
END_TEST

static const char *const internal[] = {
	"0.0.0.0:1",
	"10.0.0.1:1",
	"100.64.0.1:1",
	"100.127.255.255:1",
	"127.0.0.1:1",
	"127.255.0.1:1",
	"169.254.169.254:1",
	"172.16.0.1:1",
	"172.31.255.255:1",
	"192.0.0.8:1",
	"192.0.2.1:1",
	"192.88.99.1:1",
	"192.168.0.1:1",
	"198.18.0.1:1",
	"198.19.255.255:1",
	"198.51.100.7:1",
	"203.0.113.7:1",
	"224.0.0.1:1",
	"239.1.1.1:1",
	"255.255.255.255:1",
	"[::]:1",
	"[::1]:1",
	"[::ffff:10.0.0.1]:1",
	"[::127.0.0.1]:1",
	"[64:ff9b::a00:1]:1",
	"[64:ff9b:1::1]:1",
	"[100::1]:1",
	"[2001::1]:1",
	"[2001:db8::1]:1",
	"[2002:a00:1::]:1",
	"[3fff::1]:1",
	"[5f00::1]:1",
	"[fc00::1]:1",
	"[fdff::1]:1",
	"[fe80::1]:1",
	"[fec0::1]:1",
	"[ff02::1]:1",
	"unix:/x",
};
static const char *const outside[] = {
	"1.1.1.1:1",	"100.63.255.255:1",   "100.128.0.0:1",	      "172.15.0.1:1",	     "172.32.0.1:1",
	"198.17.0.1:1", "198.20.0.1:1",	      "223.255.255.1:1",      "11.0.0.1:1",	     "[2606:4700::1]:1",
	"[2a00::1]:1",	"[::ffff:8.8.8.8]:1", "[64:ff9b::808:808]:1", "[2001:4860::8888]:1",
};

START_TEST(guard)
{
	struct address_guard closed = {0}, open = {.allow_private = true}, excepted = {.allow_count = 1};
	struct prefix exception;
	struct address inside;

	ck_ok(prefix_parse(STR("10.0.0.0/30"), &exception));
	excepted.allow = &exception;
	for (size_t i = 0; i < ARRAY_LEN(internal); i++) {
		struct address address = parse(internal[i]);

		ck_assert_msg(address_guard_check(&closed, &address) == ERR_REFUSED_ADDRESS, "%s", internal[i]);
		ck_ok(address_guard_check(&open, &address));
	}
	for (size_t i = 0; i < ARRAY_LEN(outside); i++) {
		struct address address = parse(outside[i]);

		ck_assert_msg(address_guard_check(&closed, &address) == OK, "%s", outside[i]);
	}
	inside = parse("10.0.0.2:1");
	ck_ok(address_guard_check(&excepted, &inside));
	inside = parse("10.0.0.4:1");
	ck_err(address_guard_check(&excepted, &inside), ERR_REFUSED_ADDRESS);
}
END_TEST

UNIT_MAIN("address", text, bad_text, properties, prefixes, guard)
