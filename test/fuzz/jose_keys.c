/* Any bytes as somebody's key set. */
#include <stdint.h>

#include "base/check.h"
#include "jose/jose.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	AUTO(jose_keys) *keys = NULL;

	if (jose_keys_read((struct str){(const char *)bytes, n}, &keys) != OK)
		return 0;
	(void)jose_keys_have(keys, STR_NONE);
	jose_keys_unref(jose_keys_ref(keys));
	return 0;
}
