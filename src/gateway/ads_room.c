/* Putting the rooms of ad analytics together: the platforms' upstreams are the source of reports, and what the nightly
 * work of room ads needs of others (what is past its period, the trail's files) is done here, by the configuration of
 * the moment. */
#include "gateway/ads_room.h"

#include "ads/sync_jobs.h"
#include "gateway/ads.h"
#include "gateway/chores.h"
#include "gateway/config.h"
#include "retention/retention.h"

AWAITS static enum err clear(void *arg, enum retention_kind kind, struct buf *words)
{
	struct gateway *gateway = arg;
	const struct retention_periods periods = gateway->config->retention;

	buf_put_fmt(words, "%s", retention_kind_name(kind));
	return retention_purge(gateway->db, &periods, kind);
}

AWAITS static enum err archive(void *arg, struct buf *words)
{
	return chores_archive(arg, words);
}

static int64_t fresh_ms(void *arg, enum report_kind kind, enum ads_platform platform)
{
	struct gateway *gateway = arg;

	return gateway_here(gateway)->config->ads_fresh_ms[platform][kind];
}

void ads_room_start(struct gateway *gateway)
{
	struct ads_source source;

	gateway->ads_places = ads_places_new(gateway);
	source = ads_source_of(gateway->ads_places);
	gateway->ads = ads_new(
		&(struct ads_spec){.db = gateway->db, .source = source, .fresh_ms = fresh_ms, .fresh_arg = gateway});
	gateway->sync = sync_new(&(struct sync_spec){.ads = gateway->ads,
						     .source = source,
						     .db = gateway->db,
						     .audit = gateway->audit,
						     .clear = clear,
						     .archive = archive,
						     .arg = gateway});
}

AWAITS void ads_room_stop(struct gateway *gateway)
{
	sync_free(gateway->sync);
	ads_free(gateway->ads);
	ads_places_free(gateway->ads_places);
	gateway->sync = NULL;
	gateway->ads = NULL;
	gateway->ads_places = NULL;
}

static struct str schedule_of(void *arg, struct str name)
{
	const struct gateway *gateway = arg;

	return chores_schedule(gateway->config, name);
}

enum err ads_room_add_jobs(struct gateway *gateway)
{
	return sync_jobs_add(gateway->jobs, gateway->sync, gateway->sync_is_driven, schedule_of, gateway);
}
