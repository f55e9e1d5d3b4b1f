/* Client certificates bound to service accounts. A certificate is its fingerprint: the text that it may be made from is
 * not kept. Certificates are bound and unbound, never changed. */
#include "portal/table.h"

#include "net/tls.h"
#include "store/certificate.h"
#include "store/user.h"

#define PEM_BYTES_MAX (32 * 1024) /* a chain of some; the first one counts */
#define FINGERPRINT_TEXT_MAX 128  /* hex with or without colons */

enum {
	CERTIFICATE_ID,
	CERTIFICATE_NAME,
	CERTIFICATE_USER,
	CERTIFICATE_CREATED,
	CERTIFICATE_PEM,
	CERTIFICATE_FINGERPRINT,
};

static const struct field certificate_fields[] = {
	[CERTIFICATE_ID] = {"id", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN,
			    .doc = "SHA-256 fingerprint of its DER form, in hex."},
	[CERTIFICATE_NAME] = {"name", FIELD_TEXT, FIELD_AT_BIRTH | FIELD_COLUMN, NAME_BYTES_MAX,
			      .doc = "What it is for."},
	[CERTIFICATE_USER] = {"user_id", FIELD_TEXT, FIELD_AT_BIRTH | FIELD_NEEDED | FIELD_COLUMN, ID_LEN,
			      .doc = "The service account that it stands for."},
	[CERTIFICATE_CREATED] = {"created_at", FIELD_TIME, FIELD_READ_ONLY, .doc = "When it was bound."},
	[CERTIFICATE_PEM] = {"pem", FIELD_TEXT, FIELD_AT_BIRTH | FIELD_WRITE_ONLY | FIELD_LINES, PEM_BYTES_MAX,
			     .doc = "The certificate itself, without its key; or else its fingerprint."},
	[CERTIFICATE_FINGERPRINT] = {"fingerprint", FIELD_TEXT, FIELD_AT_BIRTH | FIELD_WRITE_ONLY, FINGERPRINT_TEXT_MAX,
				     .doc = "SHA-256 of its DER form, in hex, with or without colons."},
};

static void certificate_object(const struct certificate *certificate, struct object *ret_object)
{
	*ret_object = (struct object){
		.id = certificate->hex, .tenant_id = certificate->tenant_id, .changed_ms = certificate->created_ms};
	ret_object->at[CERTIFICATE_ID] = value_text(certificate->hex);
	ret_object->at[CERTIFICATE_NAME] = value_text(certificate->name);
	ret_object->at[CERTIFICATE_USER] = value_text(certificate->user_id);
	ret_object->at[CERTIFICATE_CREATED] = value_number(certificate->created_ms);
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Pairs of hex digits; one colon may stand between two of them. */
static enum err read_fingerprint(struct str text, uint8_t out[CERTIFICATE_FINGERPRINT_BYTES])
{
	size_t at = 0;

	for (size_t i = 0; i < CERTIFICATE_FINGERPRINT_BYTES; i++, at += 2) {
		if (i > 0 && at < text.n && text.p[at] == ':')
			at++;
		if (text.n < at + 2 || digit_of(text.p[at]) < 0 || digit_of(text.p[at + 1]) < 0)
			return ERR_RPC_PARAMS;
		out[i] = (uint8_t)(digit_of(text.p[at]) << 4 | digit_of(text.p[at + 1]));
	}
	return at == text.n ? OK : ERR_RPC_PARAMS;
}

AWAITS static enum err certificates_list(struct work *work, struct page *page, struct object **ret_objects,
					 size_t *ret_count)
{
	struct certificate *certificates;
	struct object *objects;
	size_t count;

	TRY(certificate_page(work->portal->spec.db, work->arena, work->tenant.id, page->after, page->limit,
			     &certificates, &count));
	objects = arena_alloc(work->arena, (count + 1) * sizeof(*objects));
	for (size_t i = 0; i < count; i++)
		certificate_object(&certificates[i], &objects[i]);
	*ret_objects = objects;
	*ret_count = count;
	return OK;
}

AWAITS static enum err certificates_get(struct work *work, struct str id, struct object *ret_object)
{
	uint8_t fingerprint[CERTIFICATE_FINGERPRINT_BYTES];
	struct certificate certificate;

	if (read_fingerprint(id, fingerprint) != OK)
		return ERR_NOT_FOUND;
	TRY(certificate_find(work->portal->spec.db, work->tenant.id, work->arena, fingerprint, &certificate));
	certificate_object(&certificate, ret_object);
	return OK;
}

/* It acts as its account: what that may do must be within what the caller could give. */
AWAITS static enum err check_account(struct work *work, struct str user_id)
{
	struct user user;
	enum err err = user_get(work->portal->spec.db, work->tenant.id, work->arena, user_id, &user);

	if (err == ERR_NOT_FOUND ||
	    (err == OK && (!str_eq(user.tenant_id, work->tenant.id) || !str_eq(user.kind, STR("service")))))
		return work_fail(work, ERR_API_FIELD, "/user_id", "there is no such service account in this tenant");
	TRY(err);
	return role_touchable(work, user.role);
}

static enum err take_fingerprint(struct work *work, const struct object *object,
				 uint8_t ret_fingerprint[CERTIFICATE_FINGERPRINT_BYTES])
{
	struct str pem = object->at[CERTIFICATE_PEM].text, text = object->at[CERTIFICATE_FINGERPRINT].text;
	AUTO_BUF problem = {0};

	if ((pem.n == 0) == (text.n == 0))
		return work_fail(work, ERR_API_FIELD, "/pem", "either pem or fingerprint is needed");
	if (pem.n == 0 && read_fingerprint(text, ret_fingerprint) != OK)
		return work_fail(work, ERR_API_FIELD, "/fingerprint", "must be a SHA-256 in hex: 64 digits");
	if (pem.n > 0 && tls_pem_fingerprint(pem, &problem, ret_fingerprint) != OK)
		return work_fail(work, ERR_API_FIELD, "/pem", "%.*s", STR_ARG(buf_str(&problem)));
	return OK;
}

AWAITS static enum err certificates_create(struct work *work, struct object *object)
{
	struct certificate certificate = {
		.tenant_id = work->tenant.id,
		.user_id = object->at[CERTIFICATE_USER].text,
		.name = object->at[CERTIFICATE_NAME].text,
		.created_ms = work->call->now_ms,
	};
	enum err err;

	TRY(take_fingerprint(work, object, certificate.fingerprint));
	TRY(check_account(work, certificate.user_id));
	TRY(narrowing_grantable(work, STR(""), STR(""))); /* nothing narrows a certificate */
	err = certificate_insert(work->portal->spec.db, &certificate);
	if (err == ERR_EXISTS)
		return work_fail(work, err, NULL, "this certificate is bound already: one stands for one account");
	TRY(err);
	TRY(certificate_find(work->portal->spec.db, work->tenant.id, work->arena, certificate.fingerprint,
			     &certificate));
	certificate_object(&certificate, object);
	return OK;
}

AWAITS static enum err certificates_remove(struct work *work, const struct object *before)
{
	uint8_t fingerprint[CERTIFICATE_FINGERPRINT_BYTES];

	TRY(check_account(work, before->at[CERTIFICATE_USER].text));
	TRY(read_fingerprint(before->id, fingerprint));
	return certificate_delete(work->portal->spec.db, work->tenant.id, fingerprint);
}

const struct resource resource_certificates = {
	.path = "certificates",
	.noun = "certificate",
	.about = "Client certificates of TLS connections: each stands for one service account.",
	.read = PERMISSION_KEYS_MANAGE,
	.write = PERMISSION_KEYS_MANAGE,
	.event = "certificate",
	.fields = certificate_fields,
	.field_count = ARRAY_LEN(certificate_fields),
	.list = certificates_list,
	.get = certificates_get,
	.create = certificates_create,
	.remove = certificates_remove,
};
