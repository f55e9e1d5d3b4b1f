/* Settings, read when the configuration is: the object that templates name, and the origins that requests may go to
 * with the account's credential. */
#include "connector/request.h"

/* A setting that should be a URL and is none refuses the calls, not the configuration: it may come from a tenant. */
static void read_origins(const struct connector *connector, struct connector_setup *setup)
{
	for (size_t i = 0; i < connector->setting_count && setup->origin_count < SETUP_ORIGINS_MAX; i++) {
		const struct connector_setting *setting = &connector->settings[i];
		struct str text;

		if (!setting->is_url)
			continue;
		text = json_str(yyjson_obj_getn(setup->values, setting->name.p, setting->name.n));
		if (text.n == 0)
			continue;
		if (target_is_plain(text) && url_parse(text, &setup->origin[setup->origin_count]) == OK)
			setup->origin_count++;
		else if (setup->no_url.p == NULL)
			setup->no_url = setting->name;
	}
}

const struct connector_setup *connector_setup_new(const struct connector *connector, struct str json,
						  struct arena *arena)
{
	struct connector_setup *setup = ARENA_NEW(arena, struct connector_setup);

	setup->err = json_read(arena, json, &setup->values);
	if (setup->err == OK && !yyjson_is_obj(setup->values))
		setup->err = ERR_RPC_PARAMS;
	if (setup->err == OK)
		read_origins(connector, setup);
	return setup;
}
