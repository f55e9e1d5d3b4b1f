/* A file for whoever was given its address: a platform that fetches it, perhaps in parts, or another replica. Nobody
 * says who he is here, so addresses that are not ours count against the rate of who sends them; good ones do not, as a
 * platform may ask for many parts.
 *
 * What people upload is served from the gateway's own origin: it is never anything that a browser would run. */
#include "gateway/upload_file.h"

#include "gateway/forward.h"
#include "gateway/rates.h"
#include "http/range.h"
#include "media/sniff.h"
#include "media/uploads.h"

struct part {
	int status;
	int64_t first, bytes, size;
};

/* A part is only good together with others of the same file. Source     RFC 9110 section 13.1.5 */
static bool read_part(const struct request *req, const struct media_upload *upload, struct part *ret_part)
{
	struct str range = http_field_find(&req->exchange->fields, STR("range"));
	struct str only_if = http_field_find(&req->exchange->fields, STR("if-range"));
	int64_t first, last;

	*ret_part = (struct part){200, 0, upload->size, upload->size};
	if (only_if.n > 0 && !str_eq(only_if, arena_fmt(req->arena, "\"%.*s\"", STR_ARG(upload->sha256))))
		return true;
	switch (http_range_read(range, upload->size, &first, &last)) {
	case HTTP_RANGE_PART:
		*ret_part = (struct part){206, first, last - first + 1, upload->size};
		return true;
	case HTTP_RANGE_NONE:
		return false;
	default:
		return true;
	}
}

static struct str headers_of(const struct request *req, const struct media_upload *upload, const struct part *part)
{
	struct str mime = sniff_is_inert(upload->mime) ? upload->mime : STR("application/octet-stream");
	struct str range =
		part->status != 206
			? STR("")
			: arena_fmt(req->arena, "Content-Range: bytes %lld-%lld/%lld\r\n", (long long)part->first,
				    (long long)(part->first + part->bytes - 1), (long long)part->size);

	return arena_fmt(req->arena,
			 "Content-Type: %.*s\r\n%.*sAccept-Ranges: bytes\r\nETag: \"%.*s\"\r\n"
			 "Cache-Control: private, no-store\r\nContent-Disposition: attachment\r\n"
			 "X-Content-Type-Options: nosniff\r\nContent-Security-Policy: sandbox; default-src 'none'\r\n",
			 STR_ARG(mime), STR_ARG(range), STR_ARG(upload->sha256));
}

AWAITS static enum err answer_nothing(struct request *req, const struct media_upload *upload)
{
	struct str headers = arena_fmt(req->arena, "Content-Range: bytes */%lld\r\n", (long long)upload->size);

	return http_answer(req->exchange, 416, headers, &(struct http_body){0});
}

AWAITS static enum err send_part(struct request *req, struct media *media, const struct part *part)
{
	int64_t end = part->first + part->bytes;
	struct str piece;

	for (int64_t at = part->first; at < end; at += (int64_t)piece.n) {
		int64_t left = end - at;

		TRY(media_read(media, at, left < MEDIA_PIECE_BYTES ? (size_t)left : MEDIA_PIECE_BYTES, &piece));
		TRY(http_relay_write(req->exchange, piece));
		req->bytes_out += piece.n;
	}
	return http_relay_end(req->exchange);
}

AWAITS static enum err answer_file(struct request *req, const struct media_upload *upload, struct media *media)
{
	struct part part;
	enum err err;

	if (!read_part(req, upload, &part))
		return answer_nothing(req, upload);
	TRY(http_relay_begin(req->exchange, part.status, headers_of(req, upload, &part), part.bytes));
	if (req->exchange->method == HTTP_HEAD)
		return http_relay_end(req->exchange);
	/* A large one takes as long as it takes; who reads nothing for a while is cut off by the server. */
	fiber_clock_stop(fiber_self());
	err = send_part(req, media, &part);
	fiber_clock_go(fiber_self());
	return err;
}

AWAITS enum err upload_file_serve(struct request *req, struct str id, struct str signature)
{
	bool is_head = req->exchange->method == HTTP_HEAD;
	struct media_upload upload;
	struct media *media = NULL;
	enum err err;

	TRY(rates_check_block(req));
	if (req->exchange->method != HTTP_GET && !is_head)
		return ERR_HTTP_METHOD;
	err = media_open_signed(req->gateway->media, req->arena, id, signature, &upload, &media);
	if (err == ERR_NOT_FOUND)
		TRY(rates_take_address(req));
	TRY(err);
	if (media == NULL && !is_head)
		return forward_to_place(req, upload.place);
	err = answer_file(req, &upload, media);
	media_close(media);
	return err;
}
