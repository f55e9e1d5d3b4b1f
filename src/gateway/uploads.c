/* Files over HTTP.
 *
 *     POST   /media?name=NAME             the body is the file: it is whole at once
 *     POST   /media?size=BYTES&name=NAME  begins one that comes in pieces:
 *     PUT    /media/ID?offset=BYTES       the next piece
 *     GET    /media, /media/ID            what there is, how much of it has come
 *     DELETE /media/ID
 *     GET    /media/ID/SIGNATURE/...      the bytes themselves, for whoever was given the address: media_file.c
 *
 * All but the last are a caller's, with the credentials and the rates of /mcp, and for those who may call tools. A file
 * is at one replica; a piece that comes to another one is handed on. */
#include "gateway/uploads.h"

#include "base/clock.h"
#include "gateway/admission.h"
#include "gateway/fleet.h"
#include "gateway/forward.h"
#include "gateway/running.h"
#include "gateway/upload_file.h"
#include "gateway/visits.h"
#include "http/form.h"

static struct str origin_of(void *gateway)
{
	return gateway_origin(gateway);
}

AWAITS enum err uploads_start(struct gateway *gateway, const struct secret *key, struct buf *problem,
			      struct media_store **ret_store)
{
	const struct config *config = gateway->started_config;
	AUTO_BUF directory = {0};

	buf_put(&directory, config->data);
	buf_put(&directory, STR("/media"));
	return media_store_start(&(struct media_store_spec){.db = gateway->db,
							    .vault = gateway->vault,
							    .directory = buf_str(&directory),
							    .place = config->fleet.address,
							    .fleet_ca_file = config->fleet.ca_file,
							    .key = key,
							    .settings = gateway->config->media,
							    .origin = origin_of,
							    .arg = gateway},
				 problem, ret_store);
}

/* ---- what is answered ------------------------------------------------------------- */

static void put_upload(struct str head, const struct media_upload *upload, struct buf *out)
{
	char expires[CLOCK_ISO_LEN + 1];

	clock_iso(upload->expires_ms, expires);
	buf_put(out, head);
	buf_put(out, STR("{\"upload_id\":"));
	buf_put_json(out, upload->id);
	buf_put(out, STR(",\"name\":"));
	buf_put_json(out, upload->name);
	buf_put(out, STR(",\"mime\":"));
	buf_put_json(out, upload->mime);
	buf_put_fmt(out, ",\"size\":%lld,\"received\":%lld,\"complete\":%s", (long long)upload->size,
		    (long long)upload->received, upload->sha256.n > 0 ? "true" : "false");
	if (upload->sha256.n > 0) {
		buf_put(out, STR(",\"sha256\":"));
		buf_put_json(out, upload->sha256);
	}
	buf_put_fmt(out, ",\"expires\":\"%s\"}", expires);
}

AWAITS static enum err answer_upload(struct request *req, int status, const struct media_upload *upload)
{
	struct str headers = STR("Cache-Control: no-store\r\n");
	AUTO_BUF body = {0};

	put_upload(STR(""), upload, &body);
	if (status == 201)
		headers = arena_fmt(req->arena, "%.*sLocation: /media/%.*s\r\n", STR_ARG(headers), STR_ARG(upload->id));
	return answer_json(req, status, headers, &(struct piece){.str = buf_str(&body)}, 1);
}

AWAITS static enum err note(struct request *req, struct str event, const struct media_upload *upload)
{
	const struct audit_record record = {
		.event = event,
		.tenant_id = str_of(req->caller.tenant_id),
		.principal = str_of(req->caller.principal),
		.ip = request_audit_ip(req),
		.request_id = req->id,
		.target = upload->id,
		.outcome = STR("ok"),
		.bytes_in = upload->size,
	};

	return audit_append(req->gateway->audit, &record);
}

/* ---- a caller's ------------------------------------------------------------------- */

static enum err refuse(struct request *req, const char *words)
{
	req->problem = str_of(words);
	return ERR_API_QUERY;
}

static enum err read_bytes(struct request *req, const struct form *query, struct str name, int64_t *ret_bytes)
{
	struct str text = form_get(query, name);

	if (form_repeats(query, name) || str_to_i64(text, ret_bytes) != OK || *ret_bytes < 0) {
		req->problem = arena_fmt(req->arena, "`%.*s` is a number of bytes", STR_ARG(name));
		return ERR_API_QUERY;
	}
	return OK;
}

static enum err check_query(struct request *req, const struct form *query, const struct str *known, size_t count)
{
	for (size_t i = 0; i < query->count; i++) {
		bool found = false;

		for (size_t j = 0; j < count; j++)
			found = found || str_eq(query->field[i].name, known[j]);
		if (!found) {
			req->problem = arena_fmt(req->arena, "there is no parameter `%.*s` here",
						 STR_ARG(query->field[i].name));
			return ERR_API_QUERY;
		}
	}
	return OK;
}

/* What the store has to say is more than the table's text. */
static enum err told(struct request *req, enum err err, struct buf *problem)
{
	if (err != OK && problem->n > 0)
		req->problem = arena_str(req->arena, buf_str(problem));
	if (err == ERR_RPC_PARAMS)
		return ERR_API_QUERY;
	return err == ERR_EXISTS ? ERR_API_KEY_BUSY : err;
}

/* One that could not be written is not kept for a day. */
AWAITS static enum err post_whole(struct request *req, struct media_upload *upload, struct buf *problem)
{
	struct str tenant_id = str_of(req->caller.tenant_id);
	struct fiber_shield shield;
	enum err err =
		media_upload_put(req->gateway->media, req->arena, tenant_id, upload->id, 0, req->body, problem, upload);

	if (err == OK)
		return note(req, STR("media.uploaded"), upload);
	shield = fiber_shield_begin(5000);
	(void)!media_upload_delete(req->gateway->media, tenant_id, upload->id);
	fiber_shield_end(shield);
	return err;
}

AWAITS static enum err serve_post(struct request *req, const struct form *query)
{
	const struct str known[] = {STR("name"), STR("size")};
	bool whole = form_get(query, STR("size")).p == NULL;
	struct media_offer offer = {
		.tenant_id = str_of(req->caller.tenant_id),
		.principal = str_of(req->caller.principal),
		.name = form_get(query, STR("name")),
		.mime = http_field_get(&req->exchange->fields, HTTP_CONTENT_TYPE),
		.size = (int64_t)req->body.n,
	};
	struct media_upload upload;
	AUTO_BUF problem = {0};

	TRY(check_query(req, query, known, ARRAY_LEN(known)));
	if (!whole) {
		TRY(read_bytes(req, query, STR("size"), &offer.size));
		if (req->body.n > 0)
			return refuse(req,
				      "a request with `size` begins an upload and has no body; its bytes come with "
				      "PUT");
	}
	TRY(told(req, media_upload_begin(req->gateway->media, req->arena, &offer, &problem, &upload), &problem));
	if (whole)
		TRY(told(req, post_whole(req, &upload, &problem), &problem));
	return answer_upload(req, 201, &upload);
}

AWAITS static enum err serve_put(struct request *req, const struct form *query, struct str id)
{
	const struct str known[] = {STR("offset")};
	struct media_upload upload;
	AUTO_BUF problem = {0};
	int64_t offset;

	TRY(check_query(req, query, known, ARRAY_LEN(known)));
	TRY(read_bytes(req, query, STR("offset"), &offset));
	TRY(told(req,
		 media_upload_put(req->gateway->media, req->arena, str_of(req->caller.tenant_id), id, offset, req->body,
				  &problem, &upload),
		 &problem));
	if (upload.sha256.n > 0)
		TRY(note(req, STR("media.uploaded"), &upload));
	return answer_upload(req, 200, &upload);
}

AWAITS static enum err serve_list(struct request *req)
{
	struct media_upload *uploads;
	AUTO_BUF body = {0};
	int64_t used_bytes;
	size_t count;

	TRY(media_upload_list(req->gateway->media, req->arena, str_of(req->caller.tenant_id),
			      str_of(req->caller.principal), &uploads, &count, &used_bytes));
	buf_put(&body, STR("{\"files\":["));
	for (size_t i = 0; i < count; i++)
		put_upload(i == 0 ? STR("") : STR(","), &uploads[i], &body);
	buf_put_fmt(&body, "],\"used\":%lld,\"quota\":%zu}", (long long)used_bytes, req->config->media.quota_bytes);
	return answer_json(req, 200, STR("Cache-Control: no-store\r\n"), &(struct piece){.str = buf_str(&body)}, 1);
}

AWAITS static enum err serve_delete(struct request *req, const struct media_upload *upload)
{
	TRY(media_upload_delete(req->gateway->media, str_of(req->caller.tenant_id), upload->id));
	TRY(note(req, STR("media.deleted"), upload));
	return http_answer(req->exchange, 204, STR(""), &(struct http_body){0});
}

AWAITS static enum err serve_one(struct request *req, const struct form *query, struct str id)
{
	struct media_upload upload;

	TRY(media_upload_get(req->gateway->media, req->arena, str_of(req->caller.tenant_id), id, &upload));
	switch (req->exchange->method) {
	case HTTP_GET:
	case HTTP_HEAD:
		return answer_upload(req, 200, &upload);
	case HTTP_PUT:
		return upload.here ? serve_put(req, query, id) : forward_to_place(req, upload.place);
	case HTTP_DELETE:
		return serve_delete(req, &upload);
	default:
		return ERR_HTTP_METHOD;
	}
}

/*   id         empty: all of them */
AWAITS static enum err serve_caller(struct request *req, struct str id)
{
	struct form query;

	TRY(request_admit_client(req));
	TRY(request_permit(req, PERMISSION_TOOLS_CALL));
	TRY(form_read(req->arena, req->exchange->query, &query));
	if (id.n > 0)
		return serve_one(req, &query, id);
	switch (req->exchange->method) {
	case HTTP_POST:
		return serve_post(req, &query);
	case HTTP_GET:
	case HTTP_HEAD:
		return serve_list(req);
	default:
		return ERR_HTTP_METHOD;
	}
}

AWAITS static void refuse_with(struct request *req, enum err err)
{
	AUTO_BUF headers = {0};

	if (err == ERR_HTTP_METHOD)
		buf_put(&headers, routes_allow(req));
	else
		visits_challenge(req, err, &headers);
	visits_refuse(req, buf_str(&headers), req->problem, err);
}

AWAITS enum err uploads_serve(struct request *req)
{
	struct str rest = str_skip(req->exchange->path, strlen("/media")), id, signature, name;
	enum err err;

	running_end(req); /* no upstream is called */
	req->body = req->exchange->body;
	if (rest.n > 0)
		rest = str_skip(rest, 1);
	str_cut(rest, '/', &id, &rest);
	str_cut(rest, '/', &signature, &name);
	err = signature.n > 0 ? upload_file_serve(req, id, signature) : serve_caller(req, id);
	if (err != OK && err != ERR_ELSEWHERE && !req->exchange->answered)
		refuse_with(req, err);
	return err;
}
