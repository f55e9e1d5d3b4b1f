/* The seven tools within the room: what each needs, a call on its way, its answer. Private to the room.
 *
 *     tool.c: input, account ─▶ tool_reports.c: reports ─▶ tool_analyse.c, on a worker: rows, analysis
 *                                                                └─▶ tool_answer.c: envelope, refusals */
#ifndef GATEHOUSE_ADS_TOOL_H
#define GATEHOUSE_ADS_TOOL_H

#include "ads/private.h"
#include "analytics/analytics.h"

#define TOOL_NEEDS_MAX 5

enum tool_name { TOOL_HEALTH, TOOL_PMAX, TOOL_QUALITY, TOOL_WASTE, TOOL_BUDGET, TOOL_AUCTION, TOOL_ANOMALY, TOOLS };

/* A report that a tool computes with. Those that a platform does not have are left out. */
struct tool_need {
	enum report_kind kind;
	enum report_range range; /* REPORT_RANGES: what the caller asked for */
	bool optional;		 /* without it the answer has a warning */
	bool google_only;	 /* at others the report is about something else */
};
struct tool_type {
	const char *name; /* "get_account_health" */
	bool platforms[ADS_PLATFORMS];
	const char *unsupported;		/* why not at the others */
	const char *equivalence[ADS_PLATFORMS]; /* "proxy": it stands for something that the platform does not have */
	struct tool_need needs[TOOL_NEEDS_MAX];
	size_t need_count;
	bool week_only; /* the range is the last seven days */
};
extern const struct tool_type tool_types[TOOLS];

struct tool_input {
	enum ads_platform platform;
	enum report_range range;
	size_t account;
	bool chart;
	enum waste_threshold threshold;
	enum budget_shift shift;
	bool conversions, worst_only;
};

struct tool_report {
	enum report_kind kind;
	enum report_range range;
	bool is_there;
	struct cached cached;
	struct ads_failure failure; /* of one that is not there, and of a stale one */
	struct report rows;	    /* on the worker */
};

/* A call on its way. */
struct tool_run {
	struct ads *ads;
	struct native_call *call;
	enum tool_name tool;
	struct tool_input input;
	struct arena *arena; /* documents, rows, scratch of the analysis */
	struct ads_account account;
	struct tool_report reports[TOOL_NEEDS_MAX];
	size_t report_count;
	/* of the analysis */
	struct day_range range;
	struct analysis analysis;
	struct buf data, svg, problem;
	struct str event; /* what counts as a conversion; empty: nothing does */
	int64_t dropped_rows, row_count;
	bool zone_known;
	/* over all reports */
	enum cache_state state;
	int64_t fetched_ms, fresh_until_ms; /* of the oldest; of the first that ends */
};

/* The report of a kind; NULL: it is not there. */
struct tool_report *tool_report(struct tool_run *run, enum report_kind kind);

/* ---- tool_reports.c ---- */

/* See to it that all is there that the tool needs.
 *   Errors     ERR_TOOL_FAILED with ret_failure: one that it cannot do without */
NODISCARD enum err tool_gather(struct tool_run *run, struct ads_failure *ret_failure) AWAITS;
/* Read their documents.   Errors     as cache_read */
NODISCARD enum err tool_read(struct tool_run *run) AWAITS;

/* ---- tool_analyse.c ---- */

/* Read the documents and compute.
 *   Runs on    a worker thread */
NODISCARD enum err tool_analyse(void *run);

/* ---- tool_rows.c ---- */

/* What campaigns did, by the reports that are there. Rows out of the report's days are left out; of two for the same
 * campaign and day the later one counts.
 *   Errors     ERR_LIMIT */
NODISCARD enum err tool_history(struct tool_run *run, struct history *ret_history);
/* What the campaigns did in the range that terms can be of: of search, and those that have terms. Meta: all. */
NODISCARD enum err tool_figures(struct tool_run *run, const struct history *history, const struct term *terms,
				size_t term_count, struct figures *ret_figures);

/* ---- tool_answer.c ---- */

/* An answer in three pieces: between them stands what changes while it is kept: `"hit","age_s":12`. */
struct tool_text {
	struct buf head, tail;
};
void tool_answer_write(const struct tool_run *run, struct tool_text *text);
/* How a report came, and how old it is. */
void tool_age_write(enum cache_state state, int64_t age_s, struct buf *out);

/* The tool says no: fills the call's result.   returns    OK */
enum err tool_refuse(struct native_call *call, enum tool_name tool, enum ads_platform platform, const char *status,
		     const struct ads_failure *failure);

/* ---- answers.c: finished answers in memory ---- */

#define ANSWERS_MAX 2048 /* of a process */
#define ANSWERS_BYTES_MAX (64 * 1024 * 1024)
#define ANSWER_BYTES_MAX (1024 * 1024) /* a larger one is made anew each time */
#define ANSWER_LOOK_MS 10000	       /* the table is asked so often whether it still holds */

struct answer_source {
	struct metric_key key;
	int64_t fetched_ms;
};
/* Immutable but for `looked_ms`; shared by reference. */
struct answer {
	struct str key, head, tail, svg;
	struct ads_place place;
	enum ads_platform platform;
	struct answer_source sources[TOOL_NEEDS_MAX];
	size_t source_count;
	int64_t fetched_ms, fresh_until_ms;
	uint64_t epoch;
	atomic_int_fast64_t looked_ms;
};

/* An empty table. Free it when no call is under way; whoever still has an answer keeps it. */
struct answers *answers_new(void);
void answers_free(struct answers *answers);
/* One more reference to what is kept under a key; NULL: nothing. Any thread, as all of these. */
struct answer *answers_find(struct answers *answers, struct str key);
/* Keep a copy of it all, in the place of what was there; what was not used for longest goes. */
void answers_keep(struct answers *answers, const struct answer *answer);
void answers_drop(struct answers *answers, struct answer *answer);
void answer_unref(struct answer *answer);
DEFINE_AUTO(answer, answer_unref);
uint64_t answers_bytes(struct answers *answers);

#endif
