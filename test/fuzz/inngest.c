/* Signatures as strangers send them: none but the one that is made with the key proves anything, whatever it looks
 * like; and keys, whose hashes never hold them. */
#include "base/check.h"
#include "inngest/private.h"

#define NOW_S 1700000000

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str text = {(const char *)bytes, n}, mac, key = STR("signkey-test-0123456789abcdef");
	AUTO_BUF signature = {0};
	AUTO_BUF hash = {0};

	CHECK(!signature_proves(text, STR("a body"), key, NOW_S, &mac));
	signature_put(&signature, key, text, NOW_S);
	CHECK(signature_proves(buf_str(&signature), text, key, NOW_S, &mac));
	if (inngest_key_is_good(text)) {
		key_hash_put(&hash, text);
		CHECK(hash.n == text.n - key_secret(text).n + 64);
	}
	return 0;
}
