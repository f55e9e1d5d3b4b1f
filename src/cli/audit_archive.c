/* `gatehouse audit verify --archive`: every file of the archive by itself, whether each begins where the one before it
 * ends, and whether the table's anchor is the end of the last. What begins behind the anchor was left by a run that was
 * cut short and is not counted: its rows are in the table. */
#include "cli/audit_archive.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/archive.h"

struct files {
	struct dirent **entries;
	int count;
};

static int is_archive(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return strncmp(entry->d_name, "audit-", 6) == 0 && end != NULL && strcmp(end, ".jsonl") == 0;
}

/* Names sort as the numbers in them: they have leading zeros. */
static enum err list_files(struct installation *installation, struct files *ret_files)
{
	struct str directory = installation->config->retention.archive;

	ret_files->count = scandir(directory.p, &ret_files->entries, is_archive, alphasort);
	if (ret_files->count >= 0)
		return OK;
	ret_files->count = 0;
	return errno == ENOENT ? OK
			       : installation_fail(installation, ERR_SYSTEM, "%s: %s", directory.p, strerror(errno));
}

static bool same_place(const struct audit_head *a, const struct audit_head *b)
{
	return a->seq == b->seq && memcmp(a->mac, b->mac, AUDIT_MAC_BYTES) == 0;
}

struct walk {
	struct installation *installation;
	struct audit_head anchor;
	struct archive_ends all; /* of the files so far */
	size_t files;
};

static enum err check_file(struct walk *walk, const char *name)
{
	struct installation *installation = walk->installation;
	AUTO_BUF path = {0}, problem = {0};
	struct archive_ends ends;

	buf_put_fmt(&path, "%s/%s", installation->config->retention.archive.p, name);
	buf_put_byte(&path, '\0');
	if (archive_check(path.p, installation->keys.audit, &ends, &problem) != OK)
		return installation_fail(installation, ERR_DB_CORRUPT, "%s does not hold: %.*s", path.p,
					 STR_ARG(buf_str(&problem)));
	if (ends.before.seq >= walk->anchor.seq)
		return OK;
	if (walk->files > 0 && !same_place(&ends.before, &walk->all.last))
		return installation_fail(
			installation, ERR_DB_CORRUPT,
			"%s does not begin where the file before it ends, behind row %lld: a file is missing", path.p,
			(long long)walk->all.last.seq);
	if (walk->files++ == 0)
		walk->all.before = ends.before;
	walk->all.last = ends.last;
	return OK;
}

static enum err check_files(struct walk *walk, const struct files *files)
{
	struct installation *installation = walk->installation;

	for (int i = 0; i < files->count; i++)
		TRY(check_file(walk, files->entries[i]->d_name));
	if (walk->anchor.seq == 0 || (walk->files > 0 && same_place(&walk->all.last, &walk->anchor)))
		return OK;
	return installation_fail(
		installation, ERR_DB_CORRUPT,
		"the archive ends with row %lld, but rows up to %lld were moved there: a file is missing in %s",
		(long long)walk->all.last.seq, (long long)walk->anchor.seq, installation->config->retention.archive.p);
}

AWAITS enum err audit_archive_verify(struct installation *installation)
{
	struct walk walk = {.installation = installation};
	struct files files = {0};
	AUTO_BUF out = {0};
	enum err err;

	TRY(audit_anchor_get(installation->db, &walk.anchor));
	TRY(list_files(installation, &files));
	err = check_files(&walk, &files);
	for (int i = 0; i < files.count; i++)
		free(files.entries[i]);
	free(files.entries);
	TRY(err);
	if (!installation->invocation->json) {
		buf_put_fmt(&out, "%zu archived files, rows %lld to %lld, all of them sound\n", walk.files,
			    (long long)(walk.files > 0 ? walk.all.before.seq + 1 : 0), (long long)walk.all.last.seq);
		command_print(&out);
	}
	return OK;
}
