/* Proofs that a request comes from a platform. All compare in constant time; all say no to an empty secret. */
#ifndef GATEHOUSE_WEBHOOKS_PROOF_H
#define GATEHOUSE_WEBHOOKS_PROOF_H

#include "webhooks/webhook.h"

/* X-Hub-Signature-256: sha256=HEX, HMAC-SHA256 of the raw body with the app's secret. */
bool proof_meta(const struct webhook_request *request);

/* X-Telegram-Bot-Api-Secret-Token: the secret itself. */
bool proof_telegram(const struct webhook_request *request);

/* X-Signature-Ed25519 over X-Signature-Timestamp and the raw body; the secret is the application's public key in hex.
 */
bool proof_discord(const struct webhook_request *request);

/* TikTok-Signature: t=SECONDS,s=HEX, HMAC-SHA256 of "t.body" with the client's secret, not older than
 * PROOF_AGE_MS. */
#define PROOF_AGE_MS 300000
bool proof_tiktok(const struct webhook_request *request);

/* Hex of either case.   returns    whether it is exactly n bytes of it */
bool hex_read(struct str text, uint8_t *out, size_t n);

#endif
