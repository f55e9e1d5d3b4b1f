// The schema validator against ajv, on random schemas and values: the same answer for every pair.
// Where the two differ is listed at the end, and tested too.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Generator } from './schema/generate.mjs';
import { Random } from './schema/random.mjs';

const require = createRequire(process.env.AJV_FROM ?? import.meta.url);
const ajvClasses = { '2020-12': require('ajv/dist/2020').default, 'draft-07': require('ajv').default };
const dialects = { '2020-12': 'https://json-schema.org/draft/2020-12/schema', 'draft-07': 'http://json-schema.org/draft-07/schema#' };

const SEED = Number(process.env.SCHEMA_SEED ?? 20261121);
const SCHEMAS = Number(process.env.SCHEMA_COUNT ?? 1500);
const VALUES_PER_SCHEMA = 4;

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const fixtures = process.env.GATEHOUSE_FIXTURES ?? path.join(root, 'build/asan/test/fixtures');

/** Our answers, in the order of the pairs. */
function check(pairs) {
	const input = pairs.map((pair) => `${typeof pair === 'string' ? pair : JSON.stringify(pair)}\n`).join('');
	const { stdout, stderr, status } = spawnSync(path.join(fixtures, 'schema-check'), { input, maxBuffer: 2 ** 30 });
	assert.equal(status, 0, String(stderr));
	return String(stdout).trimEnd().split('\n').map((line) => JSON.parse(line));
}

/** ajv's answer; null when its recursion does not end. */
function answerOf(validate, value) {
	try {
		return validate(value);
	} catch {
		return null;
	}
}

function compile(draft, schema) {
	const ajv = new ajvClasses[draft]({ strict: false, validateFormats: false, validateSchema: false, logger: false });
	return ajv.compile(schema);
}

function makePairs(draft) {
	const random = new Random(SEED);
	const generator = new Generator(random, draft);
	return random.many(SCHEMAS, () => generator.schema()).flatMap((schema) => {
		const validate = compile(draft, schema);
		return random.many(VALUES_PER_SCHEMA, () => {
			const value = generator.valueFor(schema, schema);
			return { dialect: dialects[draft], schema, value, ajv: answerOf(validate, value) };
		});
	});
}

for (const draft of Object.keys(dialects)) {
	test(`${draft}: ${SCHEMAS * VALUES_PER_SCHEMA} random pairs as ajv has them`, () => {
		const pairs = makePairs(draft);
		const answers = check(pairs.map(({ dialect, schema, value }) => ({ dialect, schema, value })));
		const different = pairs.flatMap((pair, i) => (pair.ajv === null || answers[i].valid === pair.ajv ? [] : [{ ...pair, ours: answers[i] }]));
		const valid = answers.filter((answer) => answer.valid).length;

		for (const one of different.slice(0, 5)) console.log(JSON.stringify(one));
		assert.equal(different.length, 0, `${different.length} of ${pairs.length} differ; seed ${SEED}`);
		assert.ok(valid > pairs.length / 5 && valid < pairs.length * 4 / 5, `${valid} of ${pairs.length} are valid: the generator is lopsided`);
	});
}

// Where we differ, ours is what the specification says. [what, schema, value as text, ours, ajv's]
const differences = [
	['decimals are exact', { multipleOf: 0.1 }, '0.3', true, false],
	['integers beyond 2^53 keep their digits', { const: 9007199254740992 }, '9007199254740993', false, true],
	['decimals keep their digits', { exclusiveMaximum: 1 }, '0.99999999999999999999', true, false],
	['nothing stands beside $ref in draft-07', { $schema: dialects['draft-07'], definitions: { a: {} }, $ref: '#/definitions/a', type: 'string' }, '1', true, false],
	['contains refuses an empty array beside prefixItems too', { prefixItems: [{}, { type: 'null' }], contains: { type: 'null' } }, '[]', false, true],
	['contains counts only the items it matches as evaluated', { contains: { type: 'null' }, unevaluatedItems: { type: 'string' } }, '[null, 1]', false, true],
	['an if that fails has evaluated nothing', { if: { properties: { a: { const: 1 } } }, then: { required: ['a'] }, unevaluatedProperties: false }, '{"a":2}', false, true],
	['the empty name can be required', { required: [''] }, '{}', false, true],
	['a multiple far beyond 2^53', { multipleOf: 3 }, '1e20', false, true],
];

for (const [what, schema, value, ours, theirs] of differences) {
	test(`a known difference: ${what}`, () => {
		const draft = schema.$schema === undefined ? '2020-12' : 'draft-07';
		const [answer] = check([`{"schema":${JSON.stringify(schema)},"value":${value}}`]);
		assert.equal(answer.valid, ours);
		assert.equal(compile(draft, schema)(JSON.parse(value)), theirs, 'ajv has changed: move it to the pairs');
	});
}
