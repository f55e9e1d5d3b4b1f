/* `policy:`, rules in the configuration: the documents of doc/guides/policy.md written in YAML. They are put into
 * JSON, so that there is one reader of rules, and compiled once here, so that a rule that cannot be read refuses the
 * file and never a tenant. */
#include "base/json.h"
#include "gateway/config.h"
#include "gateway/config_parts.h"

static bool is_bare(struct str text)
{
	static const char digits[] = "-0123456789";

	if (str_eq(text, STR("true")) || str_eq(text, STR("false")) || str_eq(text, STR("null")))
		return true;
	return text.n > 0 && memchr(digits, text.p[0], sizeof(digits) - 1) != NULL;
}

/* A plain scalar is a number or a literal when JSON would read it as one, and a text otherwise: 10.0.0.0/8. */
static void put_scalar(void *arg, const struct conf_node *node, struct buf *out)
{
	struct conf_reading *reading = arg;
	yyjson_val *value;

	if (node->plain && is_bare(node->text) && json_read(reading->arena, node->text, &value) == OK)
		buf_put(out, node->text);
	else
		buf_put_json(out, node->text);
}

static enum err read_rule(struct conf_reading *reading, const struct conf_node *node, struct policy_document *ret_rule)
{
	struct policy_document rule = {0};
	const struct policy_source source = {.rules = &rule, .rule_count = 1};
	AUTO(policy) *policy = NULL;
	AUTO_BUF text = {0}, problem = {0};

	conf_put_json(node, &text, put_scalar, reading);
	rule.text = arena_str(reading->arena, buf_str(&text));
	if (policy_compile(&source, &problem, &policy) != OK) {
		conf_problem(&reading->problems, node, "policy: %.*s", STR_ARG(buf_str(&problem)));
		return ERR_CONFIG;
	}
	*ret_rule = rule;
	return OK;
}

enum err config_read_policy(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct config *config = object;
	struct policy_document *rules;

	if (node->kind == CONF_SCALAR && node->text.n == 0)
		return OK; /* `policy:` with nothing below */
	if (node->kind != CONF_LIST || node->count > CONFIG_RULES_MAX) {
		conf_problem(&reading->problems, node, "policy: must be a list of at most %d rules", CONFIG_RULES_MAX);
		return ERR_CONFIG;
	}
	rules = arena_zalloc(reading->arena, (node->count + 1) * sizeof(*rules));
	for (size_t i = 0; i < node->count; i++)
		if (read_rule(reading, node->entries[i].value, &rules[config->rule_count]) == OK)
			config->rule_count++;
	config->rules = rules;
	return OK;
}
