/* The gateway: what the process is made of, and what each loop keeps of it.
 *
 * `struct gateway` is built once by serve.c and changes only on loop 0. What requests read
 * (config, catalog) are immutable snapshots: each loop holds its own references in
 * `struct gateway_loop`, replaced by a message, and a request takes one more while it runs. */
#ifndef GATEHOUSE_GATEWAY_GATEWAY_H
#define GATEHOUSE_GATEWAY_GATEWAY_H

#include "audit/audit.h"
#include "catalog/catalog.h"
#include "gateway/config.h"
#include "http/server.h"
#include "identity/identity.h"
#include "state/state.h"

struct metrics;
struct assembly;
struct stream_watch;
struct stored;
struct blocklist;
struct block_follower;
struct result_cache;
struct fetches;
struct hints_said;
struct fleet_results;
struct oauth;
struct signing;
struct signin;
struct access;
struct portal;
struct bridge;
struct jobs;
struct kek;
struct outbound;
struct vault;
struct media_store;
struct access_classes;
struct account_links;
struct accounts_health;
struct connector_rooms;
struct connector_runner;
struct allowances;
struct meters;
struct shed;
struct visible_views;
struct fleet;
struct fleet_nodes;
struct handover;
struct upgrade;

struct gateway_loop {
	struct gateway *gateway;
	struct loop *loop;
	struct config *config;
	uint64_t config_number; /* how many there have been: tells what was made of an earlier one */
	struct catalog *catalog;
	struct metrics *metrics;
	struct shed *shed;
	struct fleet_nodes *nodes; /* the replicas; NULL: no fleet */
	struct map node_pools;	   /* connections to them: see forward.c */
	struct list relays;	   /* their event streams on the way to our clients: see forward_wire.c */
	int64_t looked_ms;	   /* for a node that was not known: see fleet_look */
	struct blocklist *blocked; /* addresses that may not ask; NULL none */
	struct map in_flight;	   /* legacy calls by "session number/id": see in_flight.c */
	struct map asked;	   /* open questions to clients by serial: see client_ask.c */
	struct map parked;	   /* calls of modern clients to legacy servers by serial: see parked.h */
	size_t parked_bytes;
	uint64_t ask_serial, parked_serial;
	struct access_classes *classes;
	struct allowances *allowances;
	struct list running;	   /* requests under way: see running.c */
	struct outbound *outbound; /* credentials for upstreams, ready to send */
	struct list streams;	   /* open SSE streams: see streams.c */
	size_t stream_count;
};

struct gateway {
	uint32_t magic;
	struct config *config;	       /* loop 0's; others read their gateway_loop */
	struct config *started_config; /* whose listeners, workers and data directory are in use */
	struct db *db;
	struct state *state;
	struct secrets *secrets; /* who is asked; loop 0's */
	struct meters *meters;
	struct identity *identity;
	struct audit *audit;
	struct http_server *server, *control;
	struct listener **listeners; /* parallel to config->listen */
	size_t listener_count;
	struct listener *control_listener;
	struct handover *handover;  /* what this process was started with; NULL nothing, or all taken */
	struct upgrade *upgrade;    /* the way to the next one */
	struct secret *session_key; /* these three are borrowed from serve.c */
	struct secret *request_state_key;
	struct secret *forward_key;
	const struct secret *api_key; /* identity's */
	struct assembly *assembly;    /* upstreams to catalog */
	struct stored *stored;	      /* what was made at run time */
	struct block_follower *block_follower;
	struct stream_watch *stream_watch;
	struct result_cache *results;
	struct fetches *fetches;
	struct fleet_results *fleet_results; /* these two are NULL when the state is not shared */
	struct hints_said *hints;	     /* loop 0's */
	struct account_links *account_links;
	struct accounts_health *accounts_health;
	struct signing *signing;
	struct oauth *oauth;
	struct signin *signin;
	struct access *access;
	struct bridge *bridge;
	struct connect *connect; /* accounts at other services */
	struct connector_runner *connectors;
	struct connector_rooms *connector_rooms; /* their own */
	struct portal *portal;
	struct jobs *jobs;
	struct kek *kek; /* wraps the vault's data keys */
	struct vault *vault;
	struct media_store *media;     /* files */
	struct events *events;	       /* what platforms have told */
	struct ads_places *ads_places; /* these three: see ads_room.h */
	struct ads *ads;
	struct sync *sync;
	bool sync_is_driven; /* another scheduler keeps the times of `sync`; set before chores_start */
	struct visible_views *visible_views;
	struct gateway_loop *loops; /* one each, by loop_index */
	int64_t started_ms;	    /* wall time */
	struct fleet *fleet;	    /* NULL: this process is alone */
	uint64_t node;		    /* fleet_self(): tells this process from others, and from its earlier lives */
	atomic_uint questions_open; /* to clients of sessions; these two are for /metrics */
	atomic_uint calls_parked;
	atomic_bool draining;
	char origin[ADDRESS_TEXT_MAX +
		    16]; /* "http://127.0.0.1:8080"; empty: others can connect, too. Before requests */
	bool reloading;	 /* loop 0's */
	bool listening;	 /* loop 0's: every listener accepts */
};

/* Create with one part per loop; free after every room was stopped.
 *   Runs on    loop 0 */
struct gateway *gateway_new(struct config *config);
void gateway_free(struct gateway *gateway);

/* The calling loop's part of the one gateway.
 *   Runs on    any loop, fiber or callback */
struct gateway_loop *gateway_here(struct gateway *gateway);

/* Where browsers find this gateway: `public_url`, or on a machine that only it can reach the first listener. Empty: not
 * known.
 *   Runs on    any loop; good until its fiber waits */
struct str gateway_origin(struct gateway *gateway);

/* Give every loop a new snapshot (either may be NULL: unchanged). Takes its own references;
 * returns when all loops have it.
 *   Runs on    a fiber of loop 0 */
void gateway_publish(struct gateway *gateway, struct config *config, struct catalog *catalog) AWAITS;

#endif
