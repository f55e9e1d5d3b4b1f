// Both protocol eras at one endpoint: which requests belong to which, and the status and error
// code of each step of the ladders, as tables of request and answer.
import assert from 'node:assert/strict';
import { before, after, describe, test } from 'node:test';
import { stdioFixture } from './lib/fixture.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { LEGACY, LEGACY_ALL, MODERN, Session, baseHeaders, exchange, meta, modern, modernCall, modernHeaders, openSession } from './lib/mcp.mjs';
import { Connection, requestBytes } from './lib/raw.mjs';
import { each } from './lib/wait.mjs';

const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';
const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities';

const file = scope(after);
let gateway;

before(async () => {
	gateway = await startGateway(file, { tenants: ['acme', 'rival'], upstreams: { fx: stdioFixture() } });
});

async function post(headers, body) {
	const connection = await Connection.open(gateway);
	try {
		return await exchange(connection, gateway, { headers, body });
	} finally {
		connection.destroy();
	}
}

function without(object, ...keys) {
	return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}

function request(method, params, id = 1) {
	return { jsonrpc: '2.0', id, method, params };
}

const list = modernHeaders({}, 'tools/list');
const echo = { name: 'fx_echo', arguments: {} };

/** what, headers (beside the credentials), body, status, JSON-RPC code (0: a result), more. */
const ladder = [
	['a plain modern request', list, request('tools/list', { _meta: meta() }), 200, 0],
	['no _meta but a modern header', list, request('tools/list', {}), 400, -32602,
		(answer) => assert.match(answer.message.error.message, new RegExp(`${VERSION_KEY}.*${CAPABILITIES_KEY}`))],
	['no params at all, modern header', list, { jsonrpc: '2.0', id: 1, method: 'tools/list' }, 400, -32602],
	['a version nobody speaks', { ...list, 'mcp-protocol-version': '2030-01-01' },
		request('tools/list', { _meta: meta({ [VERSION_KEY]: '2030-01-01' }) }), 400, -32022,
		(answer) => assert.deepEqual(answer.message.error.data, { supported: [MODERN], requested: '2030-01-01' })],
	['a legacy version in _meta', { ...list, 'mcp-protocol-version': LEGACY },
		request('tools/list', { _meta: meta({ [VERSION_KEY]: LEGACY }) }), 400, -32022],
	['header and _meta disagree', { ...list, 'mcp-protocol-version': LEGACY }, request('tools/list', { _meta: meta() }), 400, -32020],
	['Mcp-Method says another method', { ...list, 'mcp-method': 'tools/call' }, request('tools/list', { _meta: meta() }), 400, -32020],
	['Mcp-Method in another case', { ...list, 'mcp-method': 'Tools/List' }, request('tools/list', { _meta: meta() }), 400, -32020],
	['Mcp-Method twice', { ...list, 'mcp-method': ['tools/list', 'tools/list'] }, request('tools/list', { _meta: meta() }), 400, -32020],
	['no MCP-Protocol-Version', without(list, 'mcp-protocol-version'), request('tools/list', { _meta: meta() }), 400, -32020],
	['no Mcp-Method', without(list, 'mcp-method'), request('tools/list', { _meta: meta() }), 400, -32020],
	['no Mcp-Name', without(modernHeaders({}, 'tools/call', echo), 'mcp-name'), request('tools/call', { ...echo, _meta: meta() }), 400, -32020],
	['Mcp-Name says another tool', { ...modernHeaders({}, 'tools/call', echo), 'mcp-name': 'fx_fail' },
		request('tools/call', { ...echo, _meta: meta() }), 400, -32020],
	['Mcp-Name in Base64', { ...modernHeaders({}, 'tools/call', echo), 'mcp-name': `=?base64?${btoa('fx_echo')}?=` },
		request('tools/call', { ...echo, _meta: meta() }), 200, 0],
	['Mcp-Name in broken Base64', { ...modernHeaders({}, 'tools/call', echo), 'mcp-name': '=?base64?Zn!?=' },
		request('tools/call', { ...echo, _meta: meta() }), 400, -32020],
	['Mcp-Name in Base64 that is not UTF-8', { ...modernHeaders({}, 'tools/call', echo), 'mcp-name': '=?base64?/w==?=' },
		request('tools/call', { ...echo, _meta: meta() }), 400, -32020],
	['_meta without capabilities', list, request('tools/list', { _meta: without(meta(), CAPABILITIES_KEY) }), 400, -32602,
		(answer) => assert.match(answer.message.error.message, /clientCapabilities/)],
	['capabilities of a wrong type', list, request('tools/list', { _meta: meta({ [CAPABILITIES_KEY]: [] }) }), 400, -32602],
	['a version of a wrong type', list, request('tools/list', { _meta: meta({ [VERSION_KEY]: 20260728 }) }), 400, -32602],
	['clientInfo is optional', list, request('tools/list', { _meta: without(meta(), 'io.modelcontextprotocol/clientInfo') }), 200, 0],
	['the headers are checked before _meta', { ...list, 'mcp-method': 'ping' },
		request('tools/list', { _meta: without(meta(), CAPABILITIES_KEY) }), 400, -32020],
	['the version is checked before Mcp-Name', { ...without(modernHeaders({}, 'tools/call', echo), 'mcp-name'), 'mcp-protocol-version': '2030-01-01' },
		request('tools/call', { ...echo, _meta: meta({ [VERSION_KEY]: '2030-01-01' }) }), 400, -32022],
	['an unknown method', { ...list, 'mcp-method': 'no/such' }, request('no/such', { _meta: meta() }), 404, -32601],
	['ping is gone', { ...list, 'mcp-method': 'ping' }, request('ping', { _meta: meta() }), 404, -32601],
	['logging/setLevel is gone', { ...list, 'mcp-method': 'logging/setLevel' },
		request('logging/setLevel', { level: 'info', _meta: meta() }), 404, -32601],
	['resources/subscribe is gone', { ...list, 'mcp-method': 'resources/subscribe' },
		request('resources/subscribe', { uri: 'fixture://text', _meta: meta() }), 404, -32601],
	['initialize with a claim', { ...list, 'mcp-method': 'initialize' }, request('initialize', { _meta: meta() }), 404, -32601],
	['initialize with only a modern header', { ...list, 'mcp-method': 'initialize' },
		request('initialize', { protocolVersion: LEGACY, capabilities: {}, clientInfo: { name: 'x', version: '1' } }), 400, -32020],
	['an unknown tool', modernHeaders({}, 'tools/call', { name: 'nope' }), request('tools/call', { name: 'nope', _meta: meta() }), 200, -32602],
	['an unknown prompt', modernHeaders({}, 'prompts/get', { name: 'nope' }), request('prompts/get', { name: 'nope', _meta: meta() }), 200, -32602],
	['an unknown resource', modernHeaders({}, 'resources/read', { uri: 'x://y' }), request('resources/read', { uri: 'x://y', _meta: meta() }), 200, -32602,
		(answer) => assert.deepEqual(answer.message.error.data, { uri: 'x://y' })],
	['an invalid cursor', list, request('tools/list', { cursor: 'rubbish', _meta: meta() }), 200, -32602],
	['a tool name of a wrong type', { ...list, 'mcp-method': 'tools/call', 'mcp-name': '5' },
		request('tools/call', { name: 5, _meta: meta() }), 200, -32602],
	['an unknown log level', list, request('tools/list', { _meta: meta({ 'io.modelcontextprotocol/logLevel': 'loud' }) }), 200, -32602],
	['a batch with a claim', list, [request('tools/list', { _meta: meta() })], 400, -32600],
	['an empty batch', list, [], 400, -32600],
	['params that are a list', list, request('tools/list', []), 200, -32602],
	['a null id', list, request('tools/list', { _meta: meta() }, null), 400, -32600],
	['a fractional id', list, request('tools/list', { _meta: meta() }, 1.5), 400, -32600],
	['no jsonrpc member', list, { id: 1, method: 'tools/list', params: { _meta: meta() } }, 400, -32600],
	['jsonrpc 1.0', list, { ...request('tools/list', { _meta: meta() }), jsonrpc: '1.0' }, 400, -32600],
	['both method and result', list, { ...request('tools/list', { _meta: meta() }), result: {} }, 400, -32600],
];

describe('the ladder of 2026-07-28', () => {
	for (const [what, headers, body, status, code, more] of ladder) {
		test(what, async () => {
			const answer = await post({ ...headers, ...baseHeaders(gateway) }, body);
			assert.equal(answer.status, status, answer.text);
			assert.equal(answer.message.jsonrpc, '2.0');
			assert.equal(answer.message.error?.code ?? 0, code, answer.text);
			more?.(answer);
		});
	}

	test('a notification is accepted with 202 and no body', async () => {
		const answer = await post({ ...baseHeaders(gateway), 'mcp-protocol-version': MODERN },
			{ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1, _meta: meta() } });
		assert.equal(answer.status, 202);
		assert.equal(answer.text, '');
	});

	test('a session header means nothing and is never sent', async () => {
		const answer = await modern(gateway, 'tools/list', {}, { headers: { 'mcp-session-id': 'stale', 'last-event-id': '7' } });
		assert.equal(answer.status, 200);
		assert.equal(answer.headers['mcp-session-id'], undefined);
	});

	test('server/discover says what is served', async () => {
		const { message } = await modern(gateway, 'server/discover');
		assert.equal(message.result.resultType, 'complete');
		assert.deepEqual(message.result.supportedVersions, [MODERN]);
		assert.deepEqual(message.result.capabilities.tools, { listChanged: true });
		assert.equal(message.result._meta['io.modelcontextprotocol/serverInfo'].name, 'gatehouse');
		assert.ok(Number.isInteger(message.result.ttlMs));
	});

	test('lists and results have resultType and serverInfo', async () => {
		for (const [method, params] of [['tools/list', {}], ['prompts/list', {}], ['resources/list', {}], ['resources/templates/list', {}], ['tools/call', echo]]) {
			const { message } = await modern(gateway, method, params);
			assert.equal(message.result.resultType, 'complete', method);
			assert.ok(message.result._meta['io.modelcontextprotocol/serverInfo'], method);
		}
	});
});

describe('sessions of earlier revisions', () => {
	for (const [asked, given] of [['2024-11-05', '2024-11-05'], ['2025-03-26', '2025-03-26'], ['2025-06-18', '2025-06-18'],
		['2025-11-25', '2025-11-25'], ['2026-07-28', '2025-11-25'], ['1999-01-01', '2025-11-25'], ['rubbish', '2025-11-25']]) {
		test(`initialize with ${asked} is answered ${given}`, async () => {
			const session = await openSession(gateway, { version: asked });
			assert.equal(session.initialized.protocolVersion, given);
			assert.match(session.id, /^[\x21-\x7e]+$/);
			assert.deepEqual((await session.request('ping')).message.result, {});
		});
	}

	/** what, how to send it on an open session, status, code. */
	const rules = [
		['no session id', (session) => post(without(session.headers(), 'mcp-session-id'), request('tools/list')), 400, -32000],
		['an unknown session', (session) => post({ ...session.headers(), 'mcp-session-id': 'nobody' }, request('tools/list')), 404, -32001],
		['a session id with one character changed', (session) => post({ ...session.headers(),
			'mcp-session-id': session.id.slice(0, -1) + (session.id.endsWith('A') ? 'B' : 'A') }, request('tools/list')), 404, -32001],
		['another principal\'s session', (session) => post({ ...session.headers(), authorization: `Bearer ${gateway.keys.rival}` },
			request('tools/list')), 404, -32001],
		['a version header nobody knows', (session) => post({ ...session.headers(), 'mcp-protocol-version': '1999-01-01' },
			request('tools/list')), 400, -32000],
		['a version header other than negotiated', (session) => post({ ...session.headers(), 'mcp-protocol-version': '2025-06-18' },
			request('tools/list')), 200, 0],
		['no version header', (session) => post(without(session.headers(), 'mcp-protocol-version'), request('tools/list')), 200, 0],
		['a second initialize', (session) => session.request('initialize', { protocolVersion: LEGACY, capabilities: {}, clientInfo: { name: 'x', version: '1' } }), 400, -32600],
		['an unknown method', (session) => session.request('no/such', {}), 200, -32601],
		['server/discover without a claim', (session) => session.request('server/discover', {}), 200, -32601],
		['subscriptions/listen', (session) => session.request('subscriptions/listen', { notifications: {} }), 200, -32601],
		['an unknown tool', (session) => session.call('nope'), 200, -32602],
		['an unknown resource', (session) => session.request('resources/read', { uri: 'x://y' }), 200, -32002],
		['an invalid cursor', (session) => session.request('tools/list', { cursor: 'rubbish' }), 200, -32602],
		['a valid log level', (session) => session.request('logging/setLevel', { level: 'warning' }), 200, 0],
		['an invalid log level', (session) => session.request('logging/setLevel', { level: 'loud' }), 200, -32602],
		['a batch', (session) => session.send([request('ping')]), 400, -32600],
	];
	for (const [what, send, status, code] of rules) {
		test(what, async () => {
			const answer = await send(await openSession(gateway));
			assert.equal(answer.status, status, answer.text);
			assert.equal(answer.message?.error?.code ?? 0, code, answer.text);
		});
	}

	test('a response is taken with 202', async () => {
		const session = await openSession(gateway);
		const answer = await session.send({ jsonrpc: '2.0', id: 'gw-1', result: {} });
		assert.deepEqual([answer.status, answer.text], [202, '']);
	});

	test('ids keep their type and their digits', async () => {
		const session = await openSession(gateway);
		for (const id of ['"text"', '"5"', '5', '-1', '0', '12345678901234567890', '"\\u00e9\\n"']) {
			const answer = await session.send(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`);
			assert.equal(answer.text, `{"jsonrpc":"2.0","id":${id},"result":{}}`);
		}
	});

	test('a second GET stream is refused, and taken once the first is gone', async (t) => {
		const session = await openSession(gateway);
		const first = await session.listen();
		t.after(() => first.connection.destroy());
		assert.equal(first.head.status, 200);
		const second = await session.listen();
		assert.equal(second.head.status, 409);
		second.connection.destroy();
		assert.equal(first.head.headers['content-type'], 'text/event-stream');
		assert.match(first.head.headers['cache-control'], /no-cache/);
		assert.equal(first.head.headers['x-accel-buffering'], 'no');
	});

	test('GET: 406 without event-stream, 405 without a session, 404 for an unknown one', async () => {
		const session = await openSession(gateway);
		for (const [headers, status] of [[{ accept: 'application/json' }, 406], [{ 'mcp-session-id': null }, 405], [{ 'mcp-session-id': 'nobody' }, 404]]) {
			const stream = await session.listen({ headers });
			assert.equal(stream.head.status, status);
			if (status === 405) assert.match(stream.head.headers.allow, /POST/);
			stream.connection.destroy();
		}
	});

	test('DELETE ends the session everywhere', async () => {
		const session = await openSession(gateway);
		assert.equal((await session.end()).status, 200);
		const answers = await each(8, 8, () => session.request('ping'));
		assert.deepEqual(answers.map(({ status }) => status), Array(8).fill(404));
		assert.equal((await session.end()).status, 404);
	});
});

describe('both at once', () => {
	test('sessions and stateless calls on many connections and both workers', async () => {
		const sessions = await each(6, 3, (i) => openSession(gateway, { version: LEGACY_ALL[i % 3] }));
		const connections = await each(12, 12, () => Connection.open(gateway));
		try {
			await each(12, 12, async (lane) => {
				for (let i = 0; i < 50; i++) {
					const args = { lane, i, text: `é ${lane}/${i}` };
					// A session's requests come in on every connection, so on every worker.
					const answer = i % 2 === 0
						? await modernCall(gateway, 'fx_echo', args, { connection: connections[lane] })
						: await sessions[(lane + i) % sessions.length].call('fx_echo', args, { connection: connections[lane] });
					assert.deepEqual(answer.message.result.structuredContent, args);
					assert.equal(answer.message.result.resultType, i % 2 === 0 ? 'complete' : undefined);
				}
			});
		} finally {
			for (const connection of connections) connection.destroy();
		}
	});

	test('a session takes part without ever having been initialized by this process', async () => {
		// The token carries what is needed: nothing is looked up on the worker that gets the request.
		const session = await openSession(gateway);
		const twin = new Session(gateway, LEGACY);
		twin.id = session.id;
		assert.equal((await twin.call('fx_echo', { twin: true })).message.result.structuredContent.twin, true);
	});

	test('pipelined requests of both eras are answered in order', async () => {
		const session = await openSession(gateway);
		const connection = await Connection.open(gateway);
		const bytes = [];
		for (let i = 0; i < 10; i++) {
			bytes.push(i % 2 === 0
				? requestBytes(gateway, { headers: modernHeaders(gateway, 'tools/call', echo), body: JSON.stringify(request('tools/call', { ...echo, arguments: { i }, _meta: meta() }, i)) })
				: requestBytes(gateway, { headers: session.headers(), body: JSON.stringify(request('tools/call', { ...echo, arguments: { i } }, i)) }));
		}
		await connection.write(Buffer.concat(bytes));
		for (let i = 0; i < 10; i++) {
			const { json } = await connection.response();
			assert.equal(json.id, i);
			assert.deepEqual(json.result.structuredContent, { i });
		}
		connection.destroy();
	});
});
