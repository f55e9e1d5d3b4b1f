/* Files on their way between callers and platforms: uploaded to the gateway once, fetched from an address, or given
 * with the call; kept sealed in the data directory until they expire.
 *
 * A file is named to tools by {"upload_id": ID}, {"url": URL} or {"base64": TEXT, "mime": TYPE}. */
#ifndef GATEHOUSE_MEDIA_MEDIA_H
#define GATEHOUSE_MEDIA_MEDIA_H

#include "base/arena.h"

#define MEDIA_BYTES_MAX (4LL * 1024 * 1024 * 1024) /* of a file: TikTok takes 4 GB */
#define MEDIA_INLINE_BYTES_MAX (4 * 1024 * 1024)   /* given as base64 */
#define MEDIA_PIECE_BYTES (64 * 1024)		   /* what media_read gives at most */

struct media_store; /* a process's */
struct media;	    /* one open file */

struct media_wish {
	struct str tenant_id, principal;
	struct str given; /* the argument, a JSON object of one of the three forms */
	int64_t bytes_max;
	const struct str *mimes; /* "image/" and an asterisk fits all of a kind; none: any */
	size_t mime_count;
	bool pull; /* only an address is wanted: nothing is fetched */
	const char *ca_file;
	int64_t deadline_ms; /* on loop_now */
};

/* Have it here, whole: then its size is known.
 *   ret_media  media_close when done
 *   problem    what is wrong with it, for the caller
 *   Errors     ERR_NOT_FOUND (no such upload of this tenant), ERR_LIMIT (too large, or the tenant's quota),
 * ERR_RPC_PARAMS (not of a wanted type, or not of one form), ERR_REFUSED_ADDRESS, ERR_UPSTREAM_*, ERR_IO Runs on    a
 * fiber, any loop, as all below */
NODISCARD enum err media_open(struct media_store *store, const struct media_wish *wish, struct buf *problem,
			      struct media **ret_media) AWAITS;
void media_close(struct media *media); /* NULL is fine; what was not an upload is deleted */

/* What is known of it; texts live as long as it is open. */
int64_t media_size(const struct media *media);	    /* -1 with `pull` of an address */
struct str media_mime(const struct media *media);   /* as sniffed, or as it was said where that tells nothing */
struct str media_name(const struct media *media);   /* of the file; never empty */
struct str media_sha256(const struct media *media); /* hexadecimal; empty with `pull` of an address */
struct str media_url(const struct media *media); /* with `pull`: the one given, or a signed one of ours; else empty */

/* Bytes from an offset on: at most MEDIA_PIECE_BYTES, valid until the next read of this file; none behind its end. One
 * fiber at a time; not with `pull`.
 *   Errors     ERR_IO, ERR_CRYPTO: it was altered */
NODISCARD enum err media_read(struct media *media, int64_t offset, size_t wanted, struct str *ret_piece) AWAITS;

#endif
