/* Secrets in files that settings name, and what all texts have in common: one end of a line behind them is not theirs.
 */
#include <fcntl.h>

#include "base/secret_file.h"
#include "secrets/provider.h"

#define PATH_BYTES_MAX 2048

/* Without one end of a line. Who writes a password into a file means no more than its letters. */
struct secret_text *secret_without_line_end(struct secret_text *whole)
{
	struct str text = secret_text_str(whole);
	struct secret_text *cut;
	size_t n = text.n;

	if (n > 0 && text.p[n - 1] == '\n')
		n--;
	if (n > 0 && n < text.n && text.p[n - 1] == '\r')
		n--;
	if (n == text.n)
		return whole;
	cut = secret_text_new((struct str){text.p, n});
	secret_text_unref(whole);
	return cut;
}

struct reading {
	char path[PATH_BYTES_MAX];
	struct buf *problem;
	struct secret_text *text;
};

static enum err read_work(void *arg)
{
	struct reading *reading = arg;

	return secret_file_text(AT_FDCWD, reading->path, SECRET_FILE_PRIVATE, reading->problem, &reading->text);
}

AWAITS enum err secrets_read_file(struct str path, struct buf *problem, struct secret_text **ret_text)
{
	struct reading reading = {.problem = problem};

	if (path.n >= sizeof(reading.path)) {
		buf_put(problem, STR("the path of a secret's file is too long"));
		return ERR_CONFIG;
	}
	memcpy(reading.path, path.p, path.n);
	reading.path[path.n] = '\0';
	TRY(work_run(read_work, &reading));
	*ret_text = reading.text;
	return OK;
}
