/* The reference pages: the schema is JSON with a row for every setting and every default in its
 * own type; help and pages name every command. */
#include "../unit.h"

#include "base/json.h"
#include "cli/command.h"
#include "gateway/config.h"
#include "gateway/config_tables.h"

static void check_table(yyjson_val *properties, const struct conf_table *table)
{
	ck_assert_uint_eq(yyjson_obj_size(properties), table->count);
	for (size_t i = 0; i < table->count; i++) {
		yyjson_val *one = json_get(properties, table->fields[i].name);

		ck_assert_msg(yyjson_is_obj(one), "%s has no %s", table->name, table->fields[i].name);
		ck_bytes(json_str(json_get(one, "description")), str_of(table->fields[i].doc));
	}
}

START_TEST(schema_has_every_setting)
{
	static const struct conf_table *const tables[] = {
		&config_limits_table, &config_listen_table, &config_tls_table,	   &config_upstream_table,
		&config_http_table,   &config_stdio_table,  &config_toolset_table,
	};
	struct arena *arena = arena_new(64 << 20);
	yyjson_val *root, *limits;
	struct buf out = {0};

	config_schema_write(&out);
	ck_ok(json_read(arena, buf_str(&out), &root));
	ck_str(json_str(json_get(root, "$schema")), "https://json-schema.org/draft/2020-12/schema");
	check_table(json_get(root, "properties"), &config_root_table);
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		check_table(json_get(json_get(json_get(root, "$defs"), tables[i]->name), "properties"), tables[i]);
	limits = json_get(json_get(json_get(root, "$defs"), "limits"), "properties");
	ck_str(json_str(json_get(json_get(limits, "per_ip"), "default")), "100/min");
	ck_assert(yyjson_is_raw(json_get(json_get(limits, "connections"), "default")));
	buf_free(&out);
	arena_free(arena);
}
END_TEST

START_TEST(pages_name_everything)
{
	struct buf config = {0}, cli = {0}, help = {0};

	config_reference_write(&config);
	help_reference_write(&cli);
	help_write(&help);
	buf_put_byte(&config, '\0');
	buf_put_byte(&cli, '\0');
	buf_put_byte(&help, '\0');
	for (size_t i = 0; i < config_limits_table.count; i++)
		ck_assert_ptr_nonnull(strstr(config.p, config_limits_table.fields[i].doc));
	for (size_t i = 0; i < command_count; i++) {
		ck_assert_int_eq(strstr(help.p, commands[i].summary) == NULL, commands[i].hidden);
		ck_assert_int_eq(strstr(cli.p, commands[i].summary) == NULL, commands[i].hidden);
		ck_assert_ptr_nonnull(commands[i].run);
		ck_assert(commands[i].operands_max <= OPERANDS_MAX);
	}
	buf_free(&config);
	buf_free(&cli);
	buf_free(&help);
}
END_TEST

UNIT_MAIN("reference", schema_has_every_setting, pages_name_everything)
