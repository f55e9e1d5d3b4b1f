/* Pages of ad platforms' reports: the first byte says of which report and platform, the rest is the page. What is taken
 * is kept as a document that reads as the same and is written as the same again, and no term of it names a person. */
#include "ads/rows.h"
#include "base/check.h"

#define ARENA_BYTES (32 * 1024 * 1024)

static void check_terms(const struct report *report)
{
	const struct term_row *rows = report->rows;
	bool terms = report->kind == REPORT_PMAX_TERMS ||
		     (report->kind == REPORT_SEARCH_TERMS && report->platform != ADS_META);

	for (size_t i = 0; terms && i < report->count; i++)
		CHECK(!term_is_personal(rows[i].term.text));
}

static void check_again(const struct report *report)
{
	AUTO_BUF first = {0}, second = {0}, problem = {0};
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	struct report kept;
	struct str next;

	if (report_write(report, &first) != OK)
		return;
	report_begin(&kept, report->kind, report->platform, arena);
	CHECK(report_take(&kept, buf_str(&first), &next, &problem) == OK);
	CHECK(kept.count == report->count && next.n == 0);
	CHECK(report_write(&kept, &second) == OK);
	CHECK(str_eq(buf_str(&first), buf_str(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	struct report report;
	AUTO_BUF problem = {0};
	struct str next;
	enum err err;

	if (n == 0)
		return 0;
	report_begin(&report, (enum report_kind)(bytes[0] % REPORT_KINDS),
		     (enum ads_platform)(bytes[0] / REPORT_KINDS % ADS_PLATFORMS), arena);
	err = report_take(&report, (struct str){(const char *)bytes + 1, n - 1}, &next, &problem);
	CHECK(err == OK || err == ERR_UPSTREAM_GARBAGE || err == ERR_LIMIT);
	CHECK(err != ERR_UPSTREAM_GARBAGE || problem.n > 0);
	if (err != OK)
		return 0;
	report_settle(&report, STR("EUR"));
	check_terms(&report);
	check_again(&report);
	return 0;
}
