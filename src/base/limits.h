/* Every fixed bound of the house, with its unit and why it is what it is. Bounds an operator
 * may change live in the config and take their defaults from here. */
#ifndef GATEHOUSE_BASE_LIMITS_H
#define GATEHOUSE_BASE_LIMITS_H

/* HTTP server */
#define HTTP_HEAD_BYTES_MAX (32 * 1024) /* request line and headers: room for big cookies and JWTs */
#define HTTP_HEADERS_MAX 100		/* count; nginx and Node allow about as many */
#define HTTP_URL_BYTES_MAX 8192
#define HTTP_BODY_BYTES_MAX (16 * 1024 * 1024) /* base64 images in arguments exceed 10 MB */
#define HTTP_HEADER_TIMEOUT_MS 10000	       /* slowloris: the whole head must be here by then */
#define HTTP_BODY_TIMEOUT_MS 30000	       /* between two pieces of a body */
#define HTTP_IDLE_TIMEOUT_MS 75000	       /* keep-alive; nginx's default */
#define HTTP_PIPELINE_MAX 16		       /* requests parsed ahead on one connection */
#define HTTP_CONNECTIONS_MAX 16384	       /* per process, below the usual fd limit */
#define HTTP_CONNECTIONS_PER_IP_MAX 1024
#define HTTP_WRITE_QUEUE_BYTES_MAX (256 * 1024) /* above it a writer waits */
#define HTTP_STREAM_QUEUE_BYTES_MAX (64 * 1024) /* idle SSE stream: above it notifications are dropped */
#define HTTP_KEEPALIVE_MS 15000			/* SSE comment; proxies cut at 60 s */
#define HTTP_GZIP_BYTES_MIN 4096		/* smaller answers fit a few packets anyway */
#define HTTP_DRAIN_MS 25000			/* below systemd's and Kubernetes' 30 s kill */

/* Fibers */
#define FIBER_STACK_BYTES (128 * 1024) /* measured high-water marks are under 24 KB */
#define FIBER_STACK_BYTES_SANITIZED (512 * 1024)
#define FIBERS_MAX 20000   /* per loop: two maps each where guards cost maps */
#define FIBER_POOL_MAX 256 /* idle stacks kept per loop */

/* Requests */
#define REQUEST_ARENA_BYTES_MAX (64 * 1024 * 1024)
#define REQUEST_TIMEOUT_MS 120000 /* a request's deadline unless the config says else */
#define REQUEST_ID_BYTES_MAX 128

/* MCP */
#define TOOL_NAME_BYTES_MAX 64			       /* what model APIs accept */
#define LIST_PAGE_ITEMS 1000			       /* tools, prompts, resources per page to clients */
#define UPSTREAM_PAGES_MAX 100			       /* pages read from one upstream's list */
#define UPSTREAM_ITEMS_MAX 10000		       /* tools (or prompts, ...) accepted from one upstream */
#define RESULT_CACHE_ENTRIES_MAX 4096		       /* resources kept as long as their servers allow */
#define RESULT_CACHE_BYTES_MAX (64 * 1024 * 1024)      /* all of them together */
#define RESULT_CACHE_ENTRY_BYTES_MAX (2 * 1024 * 1024) /* a larger one would push out too many */
#define RESULT_CACHE_TTL_MS_MAX 86400000	       /* a day, whatever the server says */
#define SESSION_TOMBSTONES_MAX 65536		       /* ended sessions remembered */
#define STREAMS_MAX 12000			       /* open SSE streams per process */

/* Upstreams */
#define UPSTREAMS_MAX 1000
#define UPSTREAM_ANSWER_BYTES_MAX (64 * 1024 * 1024)
#define UPSTREAM_CONNECTIONS_MAX 256 /* per loop and upstream */
#define UPSTREAM_CONCURRENCY 256     /* calls in flight per upstream */
#define UPSTREAM_QUEUE_MAX 1024	     /* calls waiting for a place */
#define UPSTREAM_QUEUE_MS 30000	     /* they wait so long: half of what most clients wait for an answer */
#define UPSTREAM_TIMEOUT_MS 60000
#define UPSTREAM_INPUT_MS 600000      /* while a person is asked something; the SDK waits as long */
#define UPSTREAM_STREAMS_MAX 1024     /* HTTP+SSE sessions per upstream: each keeps a connection */
#define UPSTREAM_OWN_STREAMS_MAX 256  /* GET streams per upstream of instances that are not the shared one */
#define UPSTREAM_WATCHES_MAX 1024     /* resources and tasks watched per upstream: one request names them all */
#define UPSTREAM_WATCH_BYTES_MAX 4096 /* of a watched URI or task id */
#define UPSTREAM_WATCHES_BYTES_MAX (256 * 1024) /* of all of them */
#define UPSTREAM_LISTS_TTL_MS 300000		/* lists of a server that announces no changes and names no time */
#define UPSTREAM_LISTS_TTL_MS_MIN 5000
#define UPSTREAM_LISTS_TTL_MS_MAX 3600000
#define CHILD_LINE_BYTES_MAX UPSTREAM_ANSWER_BYTES_MAX
#define CHILD_STDERR_LINE_BYTES_MAX 8192
#define CHILDREN_MAX 256 /* per process */

/* Store */
#define AUDIT_RING_ROWS 8192 /* per loop; a full ring slows callers */
#define AUDIT_COMMIT_MS 5
#define DB_QUEUE_MAX 4096      /* statements waiting for the writer */
#define DB_ROWS_MAX 100000     /* rows one query may return */
#define DB_CONNECTIONS_MAX 4   /* to PostgreSQL, a loop: some 5,000 small reads a second each */
#define DB_STATEMENT_MS 30000  /* PostgreSQL: what one statement may take */
#define DB_REPLICA_LAG_MS 5000 /* PostgreSQL: what a read replica may be behind; people look at the past there */

/* Logs */
#define LOG_VALUE_BYTES_MAX 2048

#endif
