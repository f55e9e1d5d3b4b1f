/* Runs a fuzz target once over every file of its corpus directory: found inputs stay tests
 * in every build, with every compiler. A missing directory is an empty corpus. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static int replay_file(const char *dir, const char *name)
{
	static uint8_t bytes[1 << 20];
	char path[4096];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "rb");
	if (file == NULL) {
		perror(path);
		return 1;
	}
	n = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	LLVMFuzzerTestOneInput(bytes, n);
	return 0;
}

int main(int argc, char **argv)
{
	struct dirent *entry;
	int failed = 0, count = 0;
	DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;

	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		failed |= replay_file(argv[1], entry->d_name);
		count++;
	}
	if (dir != NULL)
		closedir(dir);
	printf("%d inputs replayed\n", count);
	return failed;
}
