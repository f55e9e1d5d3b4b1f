/* `gatehouse doctor`: looks at everything that has to be right for the gateway to work, and says
 * for each thing that is not what to do. It changes nothing. Checks that need no data come first,
 * so that a broken database hides nothing else. */
#include "cli/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const finding_names[FINDINGS] = {"OK", "WARN", "FAIL"};

void doctor_note(struct doctor *doctor, enum finding finding, const char *what, const char *fmt, ...)
{
	char *text = NULL;
	va_list args;

	doctor->count[finding]++;
	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	if (!doctor->invocation->json) {
		printf("%-4s  %-20s %s\n", finding_names[finding], what, text == NULL ? "" : text);
		fflush(stdout);
	} else {
		buf_put_fmt(&doctor->json, "%s{\"finding\":\"%s\",\"what\":", doctor->json.n == 0 ? "" : ",",
			    finding_names[finding]);
		buf_put_json(&doctor->json, str_of(what));
		buf_put(&doctor->json, STR(",\"text\":"));
		buf_put_json(&doctor->json, str_of(text));
		buf_put_byte(&doctor->json, '}');
	}
	free(text);
}

/* The upstreams are looked at on the same loop, before the data is opened. */
AWAITS static enum err look_at_data(struct installation *installation)
{
	doctor_check_data(installation->arg, installation);
	return OK;
}

AWAITS_ENTRY static void upstreams_main(void *arg)
{
	doctor_check_upstreams(arg);
	rt_stop(1000);
}

static void look(struct doctor *doctor)
{
	const struct config *config = doctor->config;

	doctor_note(doctor, FINDING_OK, "configuration", "%s",
		    config->file.n == 0 ? "none: the built-in defaults are used" : config->file.p);
	doctor_check_limits(doctor);
	doctor_check_files(doctor);
	doctor_check_server(doctor);
	doctor_check_ports(doctor);
	log_setup(LOG_ERROR, LOG_AUTO);
	if (rt_run(1, upstreams_main, doctor) != OK)
		doctor_note(doctor, FINDING_FAIL, "upstreams", "the event loop cannot be started; raise `ulimit -n`");
	if (!installation_is_made(config))
		doctor_note(doctor, FINDING_WARN, "database", "there is none yet; `gatehouse serve` makes it");
	else if (installation_run(doctor->invocation, INSTALLATION_USE, look_at_data, doctor) != STATUS_DONE)
		doctor_note(doctor, FINDING_FAIL, "database", "it cannot be opened, for the reason given above");
}

int doctor_run(const struct invocation *invocation)
{
	struct doctor doctor = {.invocation = invocation};
	AUTO(config) *config = NULL;
	AUTO_BUF problem = {0};
	bool well;

	if (config_load(invocation->config_file, &problem, &config) == OK) {
		doctor.config = config;
		look(&doctor);
	} else {
		doctor_note(&doctor, FINDING_FAIL, "configuration", "%.*s", STR_ARG(str_trim(buf_str(&problem))));
	}
	well = doctor.count[FINDING_FAIL] == 0;
	if (invocation->json)
		printf("{\"ok\":%s,\"findings\":[%.*s]}\n", well ? "true" : "false", STR_ARG(buf_str(&doctor.json)));
	else
		printf("\n%u fine, %u to look at, %u to mend\n", doctor.count[FINDING_OK], doctor.count[FINDING_WARN],
		       doctor.count[FINDING_FAIL]);
	buf_free(&doctor.json);
	return well ? STATUS_DONE : STATUS_FAILED;
}
