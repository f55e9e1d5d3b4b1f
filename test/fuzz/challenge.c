/* WWW-Authenticate from a stranger: whatever it says, counts stay in their bounds and strings are whole. */
#include "base/check.h"
#include "http/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	AUTO(arena) *arena = arena_new(4 << 20);
	struct challenges challenges = {0};

	challenges_read(arena, (struct str){(const char *)bytes, n}, &challenges);
	CHECK(challenges.count <= CHALLENGES_MAX);
	for (size_t i = 0; i < challenges.count; i++) {
		const struct challenge *challenge = &challenges.item[i];

		CHECK(challenge->scheme.n > 0 && challenge->count <= CHALLENGE_PARAMS_MAX);
		CHECK(challenge->token68.p == NULL || challenge->count == 0);
		for (size_t k = 0; k < challenge->count; k++)
			CHECK(challenge_get(challenge, challenge->param[k].name).p != NULL);
	}
	return 0;
}
