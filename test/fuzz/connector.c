/* Any bytes as a connector file: it is refused with a place, or compiled; then everything that can be made of it is
 * made, and each of its templates runs on a fixed scope within its budget. */
#include <stdint.h>

#include "../unit/connector/scope.h"
#include "base/check.h"
#include "connector/program.h"

static void run_template(const struct template *template, const struct scope *scope)
{
	AUTO_BUF text = {0}, json = {0};

	if (template == NULL)
		return;
	template_text(template, scope, &text);
	if (!template_json(template, scope, &json))
		CHECK(json.n == 0);
}

static void run_templates(struct named_templates templates, const struct scope *scope)
{
	for (size_t i = 0; i < templates.count; i++)
		run_template(templates.items[i].value, scope);
}

static void run_step(const struct step *step, const struct scope *scope)
{
	template_holds(step->when, scope);
	run_template(step->http.url, scope);
	run_templates(step->http.query, scope);
	run_templates(step->http.headers, scope);
	run_template(step->http.body, scope);
	run_templates(step->http.form, scope);
	for (size_t i = 0; i < step->http.part_count; i++) {
		run_template(step->http.parts[i].name, scope);
		run_template(step->http.parts[i].value, scope);
		run_template(step->http.parts[i].file, scope);
	}
	run_templates(step->with, scope);
	run_templates(step->captures, scope);
	run_template(step->each, scope);
	template_holds(step->poll.until, scope);
	template_holds(step->retry.when, scope);
}

static void run_tool(const struct tool *tool, const struct scope *scope)
{
	for (size_t i = 0; i < tool->check_count; i++)
		template_holds(tool->checks[i].when, scope);
	for (size_t i = 0; i < tool->step_count; i++)
		run_step(&tool->steps[i], scope);
	run_template(tool->result, scope);
	run_template(tool->page_next, scope);
	template_holds(tool->page_more, scope);
}

static void run_all(const struct connector *connector, struct arena *arena)
{
	struct scope_fixture fixture;
	struct scope_element element = {.name = STR("it"), .value = value_of_text(STR("x"))};

	scope_fixture_make(&fixture, arena);
	fixture.scope.element = &element;
	run_templates(connector->headers, &fixture.scope);
	template_holds(connector->success, &fixture.scope);
	for (size_t i = 0; i < connector->error_count; i++) {
		template_holds(connector->errors[i].when, &fixture.scope);
		run_template(connector->errors[i].hint, &fixture.scope);
	}
	for (size_t i = 0; i < connector->tool_count; i++)
		run_tool(&connector->tools[i], &fixture.scope);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	AUTO(arena) *arena = arena_new(64 << 20);
	AUTO_BUF problem = {0}, reference = {0};
	struct connector *connector;
	yyjson_val *root;

	if (connector_compile((struct str){(const char *)bytes, n}, STR("f"), &problem, &connector) != OK) {
		CHECK(problem.n > 0);
		return 0;
	}
	for (size_t i = 0; i < connector_tool_count(connector); i++)
		CHECK(json_read(arena, connector_tool_definition(connector, i, arena, NULL, 0), &root) !=
		      ERR_JSON_SYNTAX);
	connector_reference_write(connector, &reference);
	run_all(connector, arena);
	connector_unref(connector);
	return 0;
}
