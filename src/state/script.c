/* The scripts. Time is the server's alone, so replicas whose clocks differ count alike. Where one is kept it counts
 * eighths of a microsecond since 2026: whole numbers that Lua's doubles hold exactly beyond 2060, and fine enough for
 * 100,000 a second. The arithmetic of rates is gcra.c's, line by line; a test holds one against the other. */
#include "state/script.h"

static const char take[] =
	"local t = redis.call('TIME')\n"
	"local now = ((t[1] - 1767225600) * 1000000 + t[2]) * 8\n"
	"local out = {}\n"
	"for i = 1, #KEYS do\n"
	"  local limit, window = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])\n"
	"  local interval = math.floor(window * 8000 / limit)\n"
	"  local most = interval * limit\n"
	"  local ahead = math.max((tonumber(redis.call('GET', KEYS[i]) or now)) - now, 0)\n"
	"  local allowed = ahead <= most - interval\n"
	"  local retry, remaining = 0, 0\n"
	"  if allowed then\n"
	"    ahead = ahead + interval\n"
	"    redis.call('SET', KEYS[i], string.format('%.0f', now + ahead), 'PX', math.floor(ahead / 8000) + 1)\n"
	"  else\n"
	"    retry = ahead + interval - most\n"
	"  end\n"
	"  if ahead < most and interval > 0 then remaining = math.floor((most - ahead) / interval) end\n"
	"  out[#out + 1] = allowed and 1 or 0\n"
	"  out[#out + 1] = remaining\n"
	"  out[#out + 1] = math.ceil(ahead / 8000)\n"
	"  out[#out + 1] = math.ceil(retry / 8000)\n"
	"  if not allowed then break end\n"
	"end\n"
	"return out\n";

static const char count[] = "local n = redis.call('INCR', KEYS[1])\n"
			    "if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end\n"
			    "return n\n";

static const char lease[] = "local holder = redis.call('GET', KEYS[1])\n"
			    "if holder and holder ~= ARGV[1] then return 0 end\n"
			    "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n"
			    "return 1\n";

static const char lease_end[] = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end\n"
				"return 0\n";

/* Ends are scores, in ms. Both keys outlive the longest life by far and go when nobody comes any more. */
static const char join[] =
	"local t = redis.call('TIME')\n"
	"local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
	"local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 256)\n"
	"if #gone > 0 then\n"
	"  redis.call('ZREM', KEYS[1], unpack(gone))\n"
	"  redis.call('HDEL', KEYS[2], unpack(gone))\n"
	"end\n"
	"if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then\n"
	"  return 0\n"
	"end\n"
	"redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])\n"
	"redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])\n"
	"redis.call('PEXPIRE', KEYS[1], 86400000 + ARGV[2])\n"
	"redis.call('PEXPIRE', KEYS[2], 86400000 + ARGV[2])\n"
	"return 1\n";

static const char leave[] = "redis.call('HDEL', KEYS[2], ARGV[1])\n"
			    "return redis.call('ZREM', KEYS[1], ARGV[1])\n";

static const char members[] = "local t = redis.call('TIME')\n"
			      "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
			      "local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), "
			      "'+inf', 'LIMIT', 0, ARGV[1])\n"
			      "local out = {}\n"
			      "for _, id in ipairs(ids) do\n"
			      "  out[#out + 1] = id\n"
			      "  out[#out + 1] = redis.call('HGET', KEYS[2], id) or ''\n"
			      "end\n"
			      "return out\n";

static const char draw[] = "local least, wanted = tonumber(ARGV[1]), tonumber(ARGV[3])\n"
			   "local used = math.max(tonumber(redis.call('GET', KEYS[1]) or -1), least)\n"
			   "if used < 0 then return -1 end\n"
			   "local left = math.max(ARGV[2] - used, 0)\n"
			   "local drawn = math.min(wanted, left, math.max(math.floor(left / ARGV[4]), 1))\n"
			   "used = math.max(used + drawn, least, 0)\n"
			   "redis.call('SET', KEYS[1], string.format('%.0f', used), 'PX', ARGV[5])\n"
			   "return math.max(drawn, 0)\n";

struct str script_text(enum script script)
{
	static const struct str texts[SCRIPTS] = {
		[SCRIPT_TAKE] = {take, sizeof(take) - 1},    [SCRIPT_COUNT] = {count, sizeof(count) - 1},
		[SCRIPT_LEASE] = {lease, sizeof(lease) - 1}, [SCRIPT_LEASE_END] = {lease_end, sizeof(lease_end) - 1},
		[SCRIPT_JOIN] = {join, sizeof(join) - 1},    [SCRIPT_MEMBERS] = {members, sizeof(members) - 1},
		[SCRIPT_LEAVE] = {leave, sizeof(leave) - 1}, [SCRIPT_DRAW] = {draw, sizeof(draw) - 1},
	};

	return texts[script];
}
