// Arguments that are repeated as Mcp-Param-* headers (x-mcp-header): which tools stay out of the catalog,
// what a modern client's headers must say, and what reaches a modern server whatever the client speaks.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startFixture, stdioFixture } from './lib/fixture.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { encodeName, listAll, modern, modernCall, openSession } from './lib/mcp.mjs';

const file = scope(after);
let gateway;

before(async () => {
	const web = await startFixture(file, ['--era', 'modern', '--with', 'headers']);
	const old = await startFixture(file, ['--era', 'legacy', '--with', 'headers']);
	gateway = await startGateway(file, {
		upstreams: {
			web: web.upstream(),
			old: old.upstream(),
			pipe: stdioFixture(['--era', 'modern', '--with', 'headers']),
		},
	});
});

/** The Mcp-Param-* headers that the server saw. */
function seen(answer) {
	assert.equal(answer.message.error, undefined, JSON.stringify(answer.message.error));
	return Object.fromEntries(answer.message.result.structuredContent.headers
		.filter(([name]) => name.toLowerCase().startsWith('mcp-param-'))
		.map(([name, value]) => [name.toLowerCase().slice('mcp-param-'.length), value]));
}

const call = (tool, args, headers = {}) => modernCall(gateway, tool, args, { headers });

describe('tools with faulty annotations', () => {
	test('are left out when their server is called over modern HTTP, and nowhere else', async () => {
		const tools = await listAll((method, params) => modern(gateway, method, params), 'tools/list', 'tools');
		const names = tools.map(({ name }) => name);
		assert.ok(names.includes('web_mirror'));
		assert.deepEqual(names.filter((name) => name.startsWith('web_invalid')), []);
		assert.ok(names.includes('old_invalid_space'));
		assert.ok(names.includes('pipe_invalid_space'));
		const logged = gateway.logged((line) => line.event === 'catalog.tool_left_out').map((line) => line.tool);
		assert.equal(logged.length, 12, logged.join());
	});

	test('cannot be called either', async () => {
		const answer = await call('web_invalid_space', { a: 'x' });
		assert.equal(answer.message.error.code, -32602);
	});

	test('annotations that are in order stay in the schema', async () => {
		const tools = await listAll((method, params) => modern(gateway, method, params), 'tools/list', 'tools');
		const { inputSchema } = tools.find(({ name }) => name === 'web_mirror');
		assert.equal(inputSchema.properties.region['x-mcp-header'], 'Region');
	});
});

/** what, arguments, headers, ok? */
const checks = [
	['the same text', { region: 'us-west1' }, { 'mcp-param-region': 'us-west1' }, true],
	['any case in the header\'s name', { region: 'us-west1' }, { 'MCP-PARAM-REGION': 'us-west1' }, true],
	['the text in Base64', { region: 'us-west1' }, { 'mcp-param-region': '=?base64?dXMtd2VzdDE=?=' }, true],
	['text that needs Base64', { region: 'Zürich' }, { 'mcp-param-region': encodeName('Zürich') }, true],
	['the empty text as an empty header', { region: '' }, { 'mcp-param-region': '' }, true],
	['the empty text in Base64', { region: '' }, { 'mcp-param-region': '=?base64??=' }, true],
	['a text that lacks the Base64 tail is literal', { region: '=?base64?eA==' }, { 'mcp-param-region': '=?base64?eA==' }, true],
	['an integer', { priority: 42 }, { 'mcp-param-priority': '42' }, true],
	['an integer by value', { priority: 42 }, { 'mcp-param-priority': '42.0' }, true],
	['a boolean', { verbose: false }, { 'mcp-param-verbose': 'false' }, true],
	['a nested argument', { at: { zone: 'a' } }, { 'mcp-param-zone': 'a' }, true],
	['no argument, no header', { query: 'x' }, {}, true],
	['a header nobody asked for', { query: 'x' }, { 'mcp-param-query': 'y' }, true],
	['a missing header', { region: 'us-west1' }, {}, false],
	['another text', { region: 'us-west1' }, { 'mcp-param-region': 'us-west2' }, false],
	['another case', { region: 'us-west1' }, { 'mcp-param-region': 'US-WEST1' }, false],
	['bad padding', { region: 'Hello' }, { 'mcp-param-region': '=?base64?SGVsbG8?=' }, false],
	['foreign characters', { region: 'Hello' }, { 'mcp-param-region': '=?base64?SGVs!G8=?=' }, false],
	['raw bytes beyond ASCII', { region: '\u00fc' }, { 'mcp-param-region': '\u00c3\u00bc' }, false],
	['a header without argument', {}, { 'mcp-param-region': 'x' }, false],
	['twice', { region: 'x' }, { 'mcp-param-region': ['x', 'x'] }, false],
	['another integer', { priority: 42 }, { 'mcp-param-priority': '43' }, false],
	['no number', { priority: 42 }, { 'mcp-param-priority': 'forty-two' }, false],
	['another boolean', { verbose: true }, { 'mcp-param-verbose': 'false' }, false],
];

describe('headers of a modern client', () => {
	for (const upstream of ['web', 'old', 'pipe']) {
		for (const [what, args, headers, ok] of checks) {
			test(`${upstream}: ${what}`, async () => {
				const answer = await call(`${upstream}_mirror`, args, headers);
				if (ok) {
					assert.equal(answer.status, 200, answer.text);
					assert.ok(answer.message.result, answer.text);
				} else {
					assert.equal(answer.status, 400, answer.text);
					assert.equal(answer.message.error.code, -32020);
				}
			});
		}
	}
});

describe('headers that reach the server', () => {
	const args = { region: ' padded ', priority: 42, verbose: false, query: 'not mirrored', at: { zone: 'a\tb' } };
	const wanted = { region: '=?base64?IHBhZGRlZCA=?=', priority: '42', verbose: 'false', zone: '=?base64?YQli?=' };

	test('from a modern client', async () => {
		const answer = await call('web_mirror', args, {
			'mcp-param-region': wanted.region, 'mcp-param-priority': '42.0', 'mcp-param-verbose': 'false', 'mcp-param-zone': wanted.zone,
		});
		assert.deepEqual(seen(answer), wanted);
	});

	test('from a client of a session, which sends none', async () => {
		const session = await openSession(gateway);
		assert.deepEqual(seen(await session.call('web_mirror', args)), wanted);
		assert.deepEqual(seen(await session.call('web_mirror', { query: 'x' })), {});
	});

	for (const [what, region, header] of [
		['plain', 'us-west1', 'us-west1'],
		['beyond ASCII', 'Hello, 世界', '=?base64?SGVsbG8sIOS4lueVjA==?='],
		['a line break', 'line1\nline2', '=?base64?bGluZTEKbGluZTI=?='],
		['CRLF and a header', 'x\r\nX-Evil: 1', `=?base64?${btoa('x\r\nX-Evil: 1')}?=`],
		['a leading tab', '\tx', `=?base64?${btoa('\tx')}?=`],
		['what looks encoded', '=?base64?literal?=', '=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?='],
		['a control character', 'a\u0001b', `=?base64?${btoa('a\u0001b')}?=`],
		['empty', '', '=?base64??='],
	]) {
		test(what, async () => {
			const session = await openSession(gateway);
			assert.deepEqual(seen(await session.call('web_mirror', { region })), { region: header });
		});
	}

	test('when they are refused, the tool is looked at again and the call made once more', async (t) => {
		const changing = await startFixture(t, ['--era', 'modern', '--with', 'headers']);
		const own = await startGateway(t, { upstreams: { web: changing.upstream() } });
		const session = await openSession(own);
		assert.deepEqual(seen(await session.call('web_mirror', { region: 'x' })), { region: 'x' });
		await changing.control({ rename_header: true });
		assert.deepEqual(seen(await session.call('web_mirror', { region: 'y' })), { area: 'y' });
	});

	test('a legacy server gets none', async () => {
		assert.deepEqual(seen(await call('old_mirror', { region: 'x' }, { 'mcp-param-region': 'x' })), {});
	});
});
