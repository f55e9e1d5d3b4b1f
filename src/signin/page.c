/* The look of the house: one column, one stylesheet, no script. Everything works by keyboard, on a phone and in either
 * colour scheme; each input has its label, and what is wrong with it stands beside it and is announced. */
#include "signin/signin_private.h"

static const char style[] =
	":root{color-scheme:light dark;--text:#1b1f24;--soft:#57606a;--back:#f6f8fa;--card:#fff;--line:#8c959f;"
	"--act:#0b57d0;--on-act:#fff;--bad:#b3261e}"
	"@media(prefers-color-scheme:dark){:root{--text:#e8eaed;--soft:#a8b0ba;--back:#101216;--card:#1b1e24;"
	"--line:#717a86;--act:#a8c7fa;--on-act:#0a2a5e;--bad:#f2b8b5}}"
	"*{box-sizing:border-box}"
	"body{margin:0;background:var(--back);color:var(--text);font:1rem/1.5 system-ui,sans-serif}"
	"main{max-width:26rem;margin:8vh auto;padding:1.5rem;background:var(--card);border-radius:.75rem}"
	"@media(max-width:30rem){main{margin:0;min-height:100vh;border-radius:0}}"
	"h1{font-size:1.5rem;line-height:1.25;margin:0 0 1rem}"
	"form{margin:0 0 1rem}"
	"label{display:block;margin:1rem 0 .25rem;font-weight:600}"
	"input{width:100%;padding:.625rem .75rem;font:inherit;color:inherit;background:transparent;"
	"border:1px solid var(--line);border-radius:.375rem}"
	"input[type=checkbox],input[type=radio]{width:auto}"
	"input[aria-invalid=true]{border-color:var(--bad)}"
	"button,.button{display:block;width:100%;margin:1.25rem 0 0;padding:.625rem .75rem;font:inherit;"
	"font-weight:600;text-align:center;text-decoration:none;cursor:pointer;border-radius:.375rem;"
	"border:1px solid var(--act);background:var(--act);color:var(--on-act)}"
	".button,button.second{background:transparent;color:var(--act)}"
	":focus-visible{outline:3px solid var(--act);outline-offset:2px}"
	"a{color:var(--act)}"
	".hint{margin:.25rem 0 0;color:var(--soft);font-size:.875rem}"
	".problem{margin:.25rem 0 0;color:var(--bad);font-weight:600}"
	"code{font-size:1.0625rem;overflow-wrap:anywhere}"
	"ul,dl{padding-left:1.25rem}dl{padding:0}dt{font-weight:600}dd{margin:0 0 .5rem;overflow-wrap:anywhere}"
	"hr{border:0;border-top:1px solid var(--line);margin:1.5rem 0}";

AWAITS enum err page_style(struct visit *visit)
{
	const struct piece piece = {.str = STR(style)};

	return http_answer(visit->exchange, 200,
			   STR("Cache-Control: public, max-age=3600\r\nX-Content-Type-Options: nosniff\r\n"),
			   &(struct http_body){.content_type = STR("text/css"), .pieces = &piece, .count = 1});
}

AWAITS enum err signin_page(struct visit *visit, int status, struct str headers, struct str form_to, const char *title,
			    struct str body)
{
	AUTO_BUF html = {0};

	buf_put(&html, STR("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
			   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>"));
	html_put(&html, str_of(title));
	buf_put(&html, STR(" - Gatehouse</title><link rel=\"stylesheet\" href=\"" STYLE_PATH "\"></head>\n"
			   "<body><main><h1>"));
	html_put(&html, str_of(title));
	buf_put(&html, STR("</h1>\n"));
	buf_put(&html, body);
	buf_put(&html, STR("</main></body></html>\n"));
	return reply_html(visit->exchange, status, headers, form_to, buf_str(&html));
}

void page_problem(struct buf *out, const char *problem)
{
	if (problem == NULL)
		return;
	buf_put(out, STR("<p class=\"problem\" role=\"alert\">"));
	html_put(out, str_of(problem));
	buf_put(out, STR("</p>\n"));
}

void page_hidden(struct buf *out, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	buf_put_fmt(out, "<input type=\"hidden\" name=\"%s\" value=\"", name);
	html_put(out, value);
	buf_put(out, STR("\">\n"));
}

void page_text(struct buf *out, const char *before, struct str text, const char *after)
{
	buf_put(out, str_of(before));
	html_put(out, text);
	buf_put(out, str_of(after));
}

void page_field(struct buf *out, const struct page_field *field)
{
	bool described = field->hint != NULL || field->problem != NULL;

	buf_put_fmt(out, "<label for=\"%s\">%s</label>\n", field->name, field->label);
	buf_put_fmt(out, "<input id=\"%s\" name=\"%s\" type=\"%s\" autocomplete=\"%s\" required", field->name,
		    field->name, field->type, field->autocomplete);
	if (str_eq(str_of(field->autocomplete), STR("one-time-code")))
		buf_put(out, STR(" inputmode=\"numeric\" maxlength=\"10\""));
	if (field->focus)
		buf_put(out, STR(" autofocus"));
	if (field->problem != NULL)
		buf_put(out, STR(" aria-invalid=\"true\""));
	if (described)
		buf_put_fmt(out, " aria-describedby=\"%s-about\"", field->name);
	if (field->value.n > 0)
		page_text(out, " value=\"", field->value, "\"");
	buf_put(out, STR(">\n"));
	if (!described)
		return;
	buf_put_fmt(out, "<div id=\"%s-about\">", field->name);
	page_problem(out, field->problem);
	if (field->hint != NULL)
		buf_put_fmt(out, "<p class=\"hint\">%s</p>", field->hint);
	buf_put(out, STR("</div>\n"));
}

AWAITS enum err page_wait(struct visit *visit, int64_t wait_ms)
{
	long long seconds = (wait_ms + 999) / 1000, minutes = (seconds + 59) / 60;
	AUTO_BUF headers = {0}, body = {0};

	buf_put_fmt(&headers, "Retry-After: %lld\r\n", seconds);
	buf_put_fmt(&body,
		    "<p role=\"alert\">There were too many attempts. Try again in %lld minute%s.</p>\n"
		    "<a class=\"button\" href=\"/login\">Back</a>\n",
		    minutes, minutes == 1 ? "" : "s");
	return signin_page(visit, 429, buf_str(&headers), STR(""), "Wait a moment", buf_str(&body));
}

AWAITS enum err page_sorry(struct visit *visit, int status, const char *title, struct str sentence)
{
	AUTO_BUF body = {0};

	page_text(&body, "<p role=\"alert\">", sentence, "</p>\n");
	buf_put(&body, STR("<a class=\"button\" href=\"/login\">Back to signing in</a>\n"));
	return signin_page(visit, status, STR(""), STR(""), title, buf_str(&body));
}
