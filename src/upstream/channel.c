/* What all channels have in common: how long one lives, and messages written to it by the way.
 * The transport tells when a channel has ended; it is freed when the last writer has left. */
#include "upstream/channel.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"

#define SENDS_MAX 256 /* under way at once: cancels, answers to what a server asks; more are dropped */
#define SEND_MS 5000

void channel_begin(struct channel *channel, const struct channel_ops *ops, struct instance *instance)
{
	channel->magic = CHANNEL_MAGIC;
	channel->ops = ops;
	channel->instance = instance;
	CHECK(instance->channel == NULL);
	instance->channel = channel;
}

static void channel_settle(struct channel *channel)
{
	if (!channel->ended || channel->users > 0)
		return;
	channel->magic = 0;
	channel->ops->free(channel);
}

void channel_ended(struct channel *channel, enum err err)
{
	struct instance *instance = channel->instance;

	CHECK_OBJ(channel, CHANNEL_MAGIC);
	channel->ended = true;
	pending_fail_all(instance, err);
	instance_channel_gone(instance);
	channel_settle(channel);
}

void channel_stop(struct channel *channel)
{
	CHECK_OBJ(channel, CHANNEL_MAGIC);
	if (!channel->ended)
		channel->ops->stop(channel);
}

void channel_kill(struct channel *channel, int64_t kill_ms)
{
	CHECK_OBJ(channel, CHANNEL_MAGIC);
	if (!channel->ended)
		channel->ops->kill(channel, kill_ms);
}

static void channel_leave(struct channel *channel)
{
	channel->users--;
	channel_settle(channel);
}

AWAITS enum err channel_write(struct channel *channel, struct buf *message)
{
	enum err err;

	CHECK_OBJ(channel, CHANNEL_MAGIC);
	if (channel->ended)
		return ERR_UPSTREAM_DOWN;
	channel->users++;
	err = channel->ops->write(channel, message);
	channel_leave(channel);
	return err == ERR_CLOSED ? ERR_UPSTREAM_DOWN : err;
}

struct send {
	struct channel *channel; /* counts as one of its users */
	struct upstream *upstream;
	struct buf message;
};

AWAITS static void send_main(void *arg)
{
	struct send *send = arg;
	struct upstream *upstream = send->upstream;

	if (!send->channel->ended && channel_write(send->channel, &send->message) != OK)
		log_debug("upstream.send_lost", LOG_STR("upstream", upstream->spec.name));
	send->channel->sends--;
	channel_leave(send->channel);
	buf_free(&send->message);
	free(send);
	upstream_helper_end(upstream);
}

void channel_send(struct channel *channel, struct str message)
{
	struct send *send;

	CHECK_OBJ(channel, CHANNEL_MAGIC);
	if (channel->ended || channel->sends >= SENDS_MAX)
		return;
	send = calloc(1, sizeof(*send));
	CHECK(send != NULL);
	send->channel = channel;
	send->upstream = channel->instance->upstream;
	buf_put(&send->message, message);
	if (upstream_helper(send->upstream, "upstream send", send_main, send, SEND_MS, NULL) != OK) {
		buf_free(&send->message);
		free(send);
		return;
	}
	channel->users++;
	channel->sends++;
}
