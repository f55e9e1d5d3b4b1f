/* A rule's document as a JSON Schema: published for editors, and what every document is checked against, so
 * that who writes one and who reads it cannot disagree. The reader (rule_read.c) then only takes what is there. */
#include "policy/private.h"

#define JSON(...) #__VA_ARGS__

/* clang-format off */
static const char schema[] =
	JSON({"$schema":"https://json-schema.org/draft/2020-12/schema",
	"title":"A rule of a tenant's policy",
	"description":"Rules are read in order; the first whose who, when, condition and targets match decides. As soon as one rule is in force, what no rule allows is refused. Without tools, prompts and resources a rule is about everything.",
	"type":"object","additionalProperties":false,"required":["effect"],
	"properties":{
	"name":{"description":"What refusals, logs and the audit trail call it.","$ref":"#/$defs/name"},
	"description":{"type":"string","maxLength":1000},
	"effect":{"description":"What happens to a call that matches.","enum":["allow","deny"]},
	"who":{"description":"Whom it is about: all lists that are there must match; an empty one is everybody.",
	"type":"object","additionalProperties":false,"properties":{
	"roles":{"$ref":"#/$defs/names"},
	"users":{"description":"Ids of users or of keys that are nobody's.","$ref":"#/$defs/names"},
	"clients":{"description":"OAuth clients, as globs.","$ref":"#/$defs/names"},
	"credentials":{"description":"How the caller has shown who it is.","type":"array","maxItems":8,"items":{"enum":["none","key","jwt","token","certificate"]}},
	"networks":{"description":"Addresses or prefixes: 10.0.0.0/8.","$ref":"#/$defs/names"}}},
	"tools":{"description":"Globs over UPSTREAM.TOOL.","$ref":"#/$defs/names"},
	"prompts":{"description":"Globs over UPSTREAM.PROMPT.","$ref":"#/$defs/names"},
	"resources":{"description":"Globs over UPSTREAM.URI.","$ref":"#/$defs/names"},
	"when":{"description":"Only at these times.","type":"object","additionalProperties":false,"minProperties":1,"properties":{
	"days":{"type":"array","minItems":1,"maxItems":7,"uniqueItems":true,"items":{"enum":["mon","tue","wed","thu","fri","sat","sun"]}},
	"hours":{"description":"09:00-17:00; one that ends before it begins passes midnight.","type":"string","pattern":"^[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}$"},
	"timezone":{"description":"Distance from UTC: +01:00, -05:30 or Z.","type":"string","pattern":"^(Z|[+-][0-9]{2}:[0-9]{2})$"}}},
	"condition":{"description":"A JSON Schema over the arguments, or over {arguments, principal}.","type":["object","boolean"]},
	"shadow":{"description":"Decide nothing; count and log what it would refuse.","type":"boolean"},
	"tests":{"description":"Run by gatehouse policy test.","type":"array","maxItems":64,"items":{
	"type":"object","additionalProperties":false,"required":["expect"],
	"oneOf":[{"required":["call"]},{"required":["prompt"]},{"required":["resource"]}],
	"properties":{
	"call":{"$ref":"#/$defs/name"},
	"prompt":{"$ref":"#/$defs/name"},
	"resource":{"$ref":"#/$defs/name"},
	"arguments":{"type":"object"},
	"as":{"type":"object","additionalProperties":false,"properties":{
	"role":{"$ref":"#/$defs/id"},"user":{"$ref":"#/$defs/id"},"client":{"$ref":"#/$defs/id"},
	"credential":{"enum":["none","key","jwt","token","certificate"]},
	"ip":{"type":"string","maxLength":45}}},
	"at":{"description":"A moment, for rules with when: 2026-11-21T10:00Z.","type":"string","pattern":"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}Z$"},
	"expect":{"enum":["allow","deny"]}}}}},
	"$defs":{
	"name":{"type":"string","minLength":1,"maxLength":256},
	"id":{"type":"string","minLength":1,"maxLength":60},
	"names":{"type":"array","maxItems":64,"items":{"$ref":"#/$defs/name"}}}});
/* clang-format on */

const struct str policy_rule_schema = {schema, sizeof(schema) - 1};
