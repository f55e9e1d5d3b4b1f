/* Sealed states of parked calls. The plaintext is 33 bytes, numbers in big endian:
 *
 *   0        1      9        17     21      25            33
 *   | format | node | serial | loop | round | expires, ms |
 *
 * sealed with AES-256-GCM, the bond's digest bound in but not stored, then base64url. In front of it
 * stands the node once more, in clear: "0123456789abcdef.SEALED". */
#include "mcp/request_state.h"

#include <endian.h>

#include "base/random.h"

#define STATE_FORMAT 1
#define STATE_PLAIN_BYTES 33
#define STATE_SEALED_BYTES (STATE_PLAIN_BYTES + CRYPTO_SEAL_OVERHEAD)
#define STATE_NODE_LEN 16

/* Each part goes in with its length, so that no two bonds read the same. */
static void put_part(struct buf *out, struct str part)
{
	uint64_t n = htobe64(part.p == NULL ? UINT64_MAX : part.n);

	buf_put(out, (struct str){(const char *)&n, sizeof(n)});
	buf_put(out, part);
}

void mcp_state_bind(const struct mcp_state_bond *bond, uint8_t ret_digest[MCP_BOND_BYTES])
{
	uint8_t arguments[32];
	AUTO_BUF parts = {0};

	/* Arguments may be large: they are hashed where they are. */
	crypto_sha256(bond->arguments, arguments);
	put_part(&parts, bond->tenant_id);
	put_part(&parts, bond->principal);
	put_part(&parts, mcp_method_name(bond->method));
	put_part(&parts, bond->upstream);
	put_part(&parts, bond->name);
	put_part(&parts, bond->arguments.p == NULL ? STR_NONE : (struct str){(const char *)arguments, 32});
	crypto_sha256(buf_str(&parts), ret_digest);
}

static struct str bound(const uint8_t digest[MCP_BOND_BYTES])
{
	return (struct str){(const char *)digest, MCP_BOND_BYTES};
}

void mcp_state_seal(const struct secret *key, const struct mcp_request_state *state,
		    const uint8_t digest[MCP_BOND_BYTES], struct buf *out)
{
	uint8_t plain[STATE_PLAIN_BYTES] = {STATE_FORMAT};
	uint64_t node = htobe64(state->node), serial = htobe64(state->serial);
	uint64_t expires = htobe64((uint64_t)state->expires_ms);
	uint32_t loop = htobe32(state->loop), round = htobe32(state->round);
	AUTO_BUF sealed = {0};

	memcpy(plain + 1, &node, sizeof(node));
	memcpy(plain + 9, &serial, sizeof(serial));
	memcpy(plain + 17, &loop, sizeof(loop));
	memcpy(plain + 21, &round, sizeof(round));
	memcpy(plain + 25, &expires, sizeof(expires));
	crypto_seal(key, (struct str){(const char *)plain, sizeof(plain)}, bound(digest), &sealed);
	buf_put_fmt(out, "%016llx.", (unsigned long long)state->node);
	base64url_put(out, sealed.p, sealed.n);
}

uint64_t mcp_state_node(struct str text)
{
	uint64_t node;

	if (text.n <= STATE_NODE_LEN || text.p[STATE_NODE_LEN] != '.' ||
	    str_hex_to_u64((struct str){text.p, STATE_NODE_LEN}, &node) != OK)
		return 0;
	return node;
}

enum err mcp_state_open(const struct secret *key, struct str text, const uint8_t digest[MCP_BOND_BYTES], int64_t now_ms,
			struct mcp_request_state *ret_state)
{
	uint8_t sealed[STATE_SEALED_BYTES], plain[STATE_SEALED_BYTES];
	uint64_t node, serial, expires;
	uint32_t loop, round;
	size_t n;

	uint64_t node_shown = mcp_state_node(text);

	if (node_shown == 0)
		return ERR_MCP_STATE;
	text = str_skip(text, STATE_NODE_LEN + 1);
	if (base64url_get(text, sealed, sizeof(sealed), &n) != OK || n != sizeof(sealed) ||
	    crypto_open(key, (struct str){(const char *)sealed, n}, bound(digest), plain, &n) != OK ||
	    n != STATE_PLAIN_BYTES || plain[0] != STATE_FORMAT)
		return ERR_MCP_STATE;
	memcpy(&node, plain + 1, sizeof(node));
	memcpy(&serial, plain + 9, sizeof(serial));
	memcpy(&loop, plain + 17, sizeof(loop));
	memcpy(&round, plain + 21, sizeof(round));
	memcpy(&expires, plain + 25, sizeof(expires));
	if (be64toh(node) != node_shown || (int64_t)be64toh(expires) < now_ms)
		return ERR_MCP_STATE;
	*ret_state = (struct mcp_request_state){
		.node = be64toh(node),
		.serial = be64toh(serial),
		.loop = be32toh(loop),
		.round = be32toh(round),
		.expires_ms = (int64_t)be64toh(expires),
	};
	return OK;
}
