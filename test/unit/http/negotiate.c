/* Accept and Accept-Encoding. */
#include "../unit.h"

#include "http/negotiate.h"
#include "http/server.h"

START_TEST(media_types)
{
	struct str json = STR("application/json"), sse = STR("text/event-stream");

	ck_assert(http_accepts(STR(""), json));
	ck_assert(http_accepts(STR_NONE, json));
	ck_assert(http_accepts(STR("application/json, text/event-stream"), json));
	ck_assert(http_accepts(STR("application/json,text/event-stream"), sse));
	ck_assert(http_accepts(STR("Application/JSON ; charset=utf-8"), json));
	ck_assert(http_accepts(STR("*/*"), sse));
	ck_assert(http_accepts(STR("text/*;q=0.1"), sse));
	ck_assert(!http_accepts(STR("text/*"), json));
	ck_assert(!http_accepts(STR("application/json"), sse));
	ck_assert(!http_accepts(STR("text/event-stream;q=0, */*"), sse));
	ck_assert(!http_accepts(STR("*/*, text/*;q=0.000"), sse));
	ck_assert(http_accepts(STR("text/*;q=0, text/event-stream"), sse));
	ck_assert(!http_accepts(STR("applicationXjson, application/jsonx,,;"), json));
}
END_TEST

START_TEST(codings)
{
	ck_assert(!http_accepts_gzip(STR_NONE));
	ck_assert(!http_accepts_gzip(STR("identity, br")));
	ck_assert(http_accepts_gzip(STR("gzip, deflate, br")));
	ck_assert(http_accepts_gzip(STR("br;q=1.0, GZIP;q=0.8")));
	ck_assert(http_accepts_gzip(STR("*")));
	ck_assert(!http_accepts_gzip(STR("gzip;q=0, *")));
	ck_assert(!http_accepts_gzip(STR("*;q=0")));
	ck_assert(http_accepts_gzip(STR("*;q=0, gzip")));
}
END_TEST

UNIT_MAIN("negotiate", media_types, codings)
