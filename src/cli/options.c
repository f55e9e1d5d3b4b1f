/* The parser behind every command. It knows no command: what may be given stands in tables, and
 * what is wrong is said in words that name the option as it was typed. */
#include "cli/options.h"

const struct option common_options[] = {
	{"config", "FILE", "the configuration; without it ./gatehouse.yaml, or built-in defaults"},
	{"json", NULL, "answer in JSON, for programs"},
	{"help", NULL, "show this"},
	{NULL, NULL, NULL},
};

static const struct option *find_in(const struct option *table, struct str name)
{
	for (; table != NULL && table->name != NULL; table++)
		if (str_eq(name, str_of(table->name)))
			return table;
	return NULL;
}

static const struct option *find(const struct option *own, struct str name)
{
	const struct option *option = find_in(own, name);

	return option != NULL ? option : find_in(common_options, name);
}

static enum err add_operand(struct options *options, struct str word, struct buf *problem)
{
	if (options->operand_count == OPERANDS_MAX) {
		buf_put_fmt(problem, "\"%.*s\" is one word too many", STR_ARG(word));
		return ERR_USAGE;
	}
	options->operands[options->operand_count++] = word;
	return OK;
}

static enum err add_option(struct options *options, const struct option *option, struct str value, struct buf *problem)
{
	if (options_has(options, option->name)) {
		buf_put_fmt(problem, "--%s is given twice", option->name);
		return ERR_USAGE;
	}
	if (options->given_count == OPTIONS_MAX) {
		buf_put_fmt(problem, "there are too many options");
		return ERR_USAGE;
	}
	options->given[options->given_count].option = option;
	options->given[options->given_count++].value = value;
	return OK;
}

/* One word with dashes, and the next one if it is its value. */
static enum err read_option(const struct option *own, int count, char *const *words, int *at, struct buf *problem,
			    struct options *options)
{
	struct str name, value, word = str_skip(str_of(words[*at]), 2);
	bool assigned = str_cut(word, '=', &name, &value);
	const struct option *option = find(own, name);

	if (option == NULL) {
		buf_put_fmt(problem, "there is no option --%.*s here", STR_ARG(name));
		return ERR_USAGE;
	}
	if (option->value == NULL) {
		if (assigned) {
			buf_put_fmt(problem, "--%s takes no value", option->name);
			return ERR_USAGE;
		}
		return add_option(options, option, STR(""), problem);
	}
	if (!assigned) {
		if (*at + 1 == count || str_starts(str_of(words[*at + 1]), STR("--"))) {
			buf_put_fmt(problem, "--%s needs a value: --%s=%s", option->name, option->name, option->value);
			return ERR_USAGE;
		}
		value = str_of(words[++*at]);
	}
	return add_option(options, option, value, problem);
}

enum err options_parse(const struct option *own, int count, char *const *words, struct buf *problem,
		       struct options *ret_options)
{
	struct options options = {0};
	bool ended = false;

	for (int at = 0; at < count; at++) {
		struct str word = str_of(words[at]);

		if (!ended && str_eq(word, STR("--"))) {
			ended = true;
		} else if (!ended && str_eq(word, STR("-h"))) {
			TRY(add_option(&options, find(NULL, STR("help")), STR(""), problem));
		} else if (!ended && str_starts(word, STR("--"))) {
			TRY(read_option(own, count, words, &at, problem, &options));
		} else if (!ended && word.n > 1 && word.p[0] == '-') {
			buf_put_fmt(problem, "there is no option %.*s here; options have two dashes", STR_ARG(word));
			return ERR_USAGE;
		} else {
			TRY(add_operand(&options, word, problem));
		}
	}
	*ret_options = options;
	return OK;
}

struct str options_get(const struct options *options, const char *name)
{
	for (size_t i = 0; i < options->given_count; i++)
		if (strcmp(options->given[i].option->name, name) == 0)
			return options->given[i].value;
	return STR_NONE;
}

bool options_has(const struct options *options, const char *name)
{
	return options_get(options, name).p != NULL;
}
