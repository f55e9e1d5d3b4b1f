/* Marks of files, as a table: the bytes at an offset, and which type they show. Boxes of MP4 and QuickTime name brands,
 * which are a table of their own; Matroska names its kind in its head.
 *
 * Some marks are of containers that many types share (ZIP, Ogg): there, what was said counts if it is one of them. */
#include "media/sniff.h"

struct mark {
	const char *mime, *extension;
	uint16_t offset;
	uint8_t n;
	const char *bytes;
	const char *kin; /* said to be this, it is this; with a slash at its end: any of that kind that has no mark */
};

#define MARK(mime_, extension_, offset_, bytes_, kin_)                                                                 \
	{                                                                                                              \
		.mime = (mime_), .extension = (extension_), .offset = (offset_), .n = sizeof(bytes_) - 1,              \
		.bytes = (bytes_), .kin = (kin_)                                                                       \
	}

/* The first that fits counts. */
static const struct mark marks[] = {
	MARK("image/jpeg", ".jpg", 0, "\xff\xd8\xff", NULL),
	MARK("image/png", ".png", 0, "\x89PNG\r\n\x1a\n", NULL),
	MARK("image/gif", ".gif", 0, "GIF87a", NULL),
	MARK("image/gif", ".gif", 0, "GIF89a", NULL),
	MARK("image/bmp", ".bmp", 0, "BM", NULL),
	MARK("image/tiff", ".tiff", 0, "II*\0", NULL),
	MARK("image/tiff", ".tiff", 0, "MM\0*", NULL),
	MARK("audio/mpeg", ".mp3", 0, "ID3", NULL),
	MARK("audio/flac", ".flac", 0, "fLaC", NULL),
	MARK("audio/amr", ".amr", 0, "#!AMR", NULL),
	MARK("audio/ogg", ".ogg", 28, "OpusHead", "audio/"),
	MARK("audio/ogg", ".ogg", 28, "\001vorbis", "audio/"),
	MARK("video/ogg", ".ogv", 28, "\200theora", "video/"),
	MARK("application/ogg", ".ogg", 0, "OggS\0", "audio/ogg"),
	MARK("application/pdf", ".pdf", 0, "%PDF-", NULL),
	MARK("application/zip", ".zip", 0, "PK\003\004", "application/"),
	MARK("application/gzip", ".gz", 0, "\x1f\x8b\x08", "application/"),
};

/* RIFF has a size between its name and its kind. */
static const struct mark riff_kinds[] = {
	MARK("image/webp", ".webp", 8, "WEBP", NULL),
	MARK("audio/wav", ".wav", 8, "WAVE", NULL),
	MARK("video/x-msvideo", ".avi", 8, "AVI ", NULL),
};

/* Major brands; any other of an `ftyp` box is MP4. */
static const struct mark brands[] = {
	MARK("image/avif", ".avif", 8, "avif", NULL), MARK("image/avif", ".avif", 8, "avis", NULL),
	MARK("image/heic", ".heic", 8, "heic", NULL), MARK("image/heic", ".heic", 8, "heix", NULL),
	MARK("image/heif", ".heif", 8, "mif1", NULL), MARK("video/quicktime", ".mov", 8, "qt  ", NULL),
	MARK("audio/mp4", ".m4a", 8, "M4A ", NULL),   MARK("audio/mp4", ".m4a", 8, "M4B ", NULL),
	MARK("video/3gpp", ".3gp", 8, "3g", NULL),    MARK("video/mp4", ".mp4", 4, "ftyp", "audio/mp4"),
};

static const struct mark webm = MARK("video/webm", ".webm", 0, "\x1a\x45\xdf\xa3", "audio/webm");
static const struct mark matroska = MARK("video/x-matroska", ".mkv", 0, "\x1a\x45\xdf\xa3", NULL);
static const struct mark mpeg_audio = MARK("audio/mpeg", ".mp3", 0, "", NULL);
static const struct mark aac = MARK("audio/aac", ".aac", 0, "", NULL);
static const struct mark transport = MARK("video/mp2t", ".ts", 0, "\x47", NULL);

#define UNKNOWN STR("application/octet-stream")
#define TRANSPORT_PACKET_BYTES 188

static bool fits(const struct mark *mark, struct str head)
{
	return head.n >= (size_t)mark->offset + mark->n && memcmp(head.p + mark->offset, mark->bytes, mark->n) == 0;
}

static const struct mark *find(const struct mark *table, size_t count, struct str head)
{
	for (size_t i = 0; i < count; i++)
		if (fits(&table[i], head))
			return &table[i];
	return NULL;
}

/* Frames without a tag in front: 11 bits of ones, then numbers that are not all allowed. */
static const struct mark *find_frames(struct str head)
{
	uint8_t first = head.n >= 4 ? (uint8_t)head.p[0] : 0, second = head.n >= 4 ? (uint8_t)head.p[1] : 0;

	if (first != 0xff || (second & 0xe0) != 0xe0)
		return NULL;
	if ((second & 0xf6) == 0xf0)
		return &aac;
	return (second & 0x18) != 0x08 && (second & 0x06) == 0x02 && ((uint8_t)head.p[2] & 0xf0) != 0xf0 ? &mpeg_audio
													 : NULL;
}

static const struct mark *find_mark(struct str head)
{
	const struct mark *mark = find(marks, ARRAY_LEN(marks), head);

	if (mark == NULL && head.n >= 12 && memcmp(head.p, "RIFF", 4) == 0)
		mark = find(riff_kinds, ARRAY_LEN(riff_kinds), head);
	if (mark == NULL && head.n >= 12 && memcmp(head.p + 4, "ftyp", 4) == 0)
		mark = find(brands, ARRAY_LEN(brands), head);
	if (mark == NULL && fits(&webm, head))
		mark = memmem(head.p, head.n, "webm", 4) != NULL ? &webm : &matroska;
	if (mark == NULL && head.n > TRANSPORT_PACKET_BYTES && head.p[0] == 0x47 &&
	    head.p[TRANSPORT_PACKET_BYTES] == 0x47)
		mark = &transport;
	return mark == NULL ? find_frames(head) : mark;
}

static bool is_in(const struct mark *table, size_t count, struct str mime)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq_nocase(str_of(table[i].mime), mime))
			return true;
	return false;
}

/* Types that bytes would show. */
static bool has_mark(struct str mime)
{
	return is_in(marks, ARRAY_LEN(marks), mime) || is_in(riff_kinds, ARRAY_LEN(riff_kinds), mime) ||
	       is_in(brands, ARRAY_LEN(brands), mime) || is_in(&webm, 1, mime) || is_in(&matroska, 1, mime) ||
	       is_in(&aac, 1, mime) || is_in(&transport, 1, mime);
}

/* type/subtype of tokens. Source     RFC 9110 section 8.3.1 */
static bool is_mime(struct str text)
{
	size_t slashes = 0;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		slashes += c == '/';
		if (!word && (c == '\0' || strchr("!#$&^_.+-/", c) == NULL))
			return false;
	}
	return slashes == 1 && text.p[0] != '/' && text.p[text.n - 1] != '/' && text.n <= SNIFF_MIME_BYTES_MAX;
}

static bool is_kin(const struct mark *mark, struct str type)
{
	struct str kin = str_of(mark->kin);

	if (kin.n == 0 || str_eq(type, UNKNOWN))
		return false;
	return str_ends(kin, STR("/")) ? str_starts(type, kin) && !has_mark(type) : str_eq_nocase(type, kin);
}

struct str sniff_said(struct str said)
{
	struct str type, parameters;

	str_cut(said, ';', &type, &parameters);
	type = str_trim(type);
	return is_mime(type) ? type : UNKNOWN;
}

struct str sniff_mime(struct str head, struct str said)
{
	const struct mark *mark = find_mark(head);
	struct str type = sniff_said(said);

	if (mark == NULL)
		return has_mark(type) ? UNKNOWN : type;
	return is_kin(mark, type) ? type : str_of(mark->mime);
}

bool sniff_fits(struct str mime, struct str pattern)
{
	if (!str_ends(pattern, STR("/*")))
		return str_eq_nocase(mime, pattern);
	pattern.n--;
	return mime.n > pattern.n && str_eq_nocase((struct str){mime.p, pattern.n}, pattern);
}

static struct str extension_in(const struct mark *table, size_t count, struct str mime)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq_nocase(str_of(table[i].mime), mime))
			return str_of(table[i].extension);
	return STR("");
}

struct str sniff_extension(struct str mime)
{
	struct str found = extension_in(marks, ARRAY_LEN(marks), mime);

	if (found.n == 0)
		found = extension_in(riff_kinds, ARRAY_LEN(riff_kinds), mime);
	if (found.n == 0)
		found = extension_in(brands, ARRAY_LEN(brands), mime);
	if (found.n == 0)
		found = extension_in(&webm, 1, mime);
	return found;
}

bool sniff_is_inert(struct str mime)
{
	bool shown =
		str_starts(mime, STR("image/")) || str_starts(mime, STR("audio/")) || str_starts(mime, STR("video/"));

	return shown && !str_starts(mime, STR("image/svg"));
}
