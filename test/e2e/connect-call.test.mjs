// Calls that carry tokens of connected accounts, and signed ones: through the real binary, to a server that judges every
// request. What a caller without an account is told; what becomes of tokens that end, are taken back or allow too little; that one
// renewal serves a hundred callers; and that nothing of the caller's own ever reaches the server.
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import http from 'node:http';
import { test } from 'node:test';
import { call } from './lib/api.mjs';
import { connectable, connectAccount, makeLink } from './lib/connect.mjs';
import { startGateway } from './lib/gateway.mjs';
import { LEGACY, modern, modernCall, openSession } from './lib/mcp.mjs';
import { binary } from './lib/paths.mjs';
import { makeUser } from './lib/people.mjs';
import { run } from './lib/process.mjs';
import { startProvider } from './lib/provider.mjs';
import { request } from './lib/raw.mjs';
import { stored } from './lib/sqlite.mjs';
import { until } from './lib/wait.mjs';

const RESULTS = {
	'server/discover': { supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, serverInfo: { name: 'svc', version: '1' }, ttlMs: 60000, cacheScope: 'public' },
	initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'svc', version: '1' } },
	'tools/list': { tools: ['read', 'write'].map((name) => ({ name, inputSchema: { type: 'object' } })), ttlMs: 60000, cacheScope: 'public' },
};

/** An MCP server that asks `judge` about each request: nothing, or {status, headers} of a refusal. */
async function startServer(t, judge, { legacy = false, echo = true } = {}) {
	const seen = [];
	const server = http.createServer(async (req, res) => {
		const pieces = [];
		for await (const piece of req) pieces.push(piece);
		const text = Buffer.concat(pieces).toString();
		const message = text === '' ? {} : JSON.parse(text);
		const say = (status, value, headers = {}) => {
			res.writeHead(status, { 'content-type': 'application/json', ...headers });
			res.end(value === undefined ? '' : JSON.stringify(value));
		};
		seen.push({ method: message.method ?? req.method, headers: req.headers, url: req.url });
		const refusal = judge({ req, text, message });
		if (refusal !== undefined) return say(refusal.status, undefined, refusal.headers);
		if (req.method !== 'POST') return say(405);
		if (message.id === undefined) return say(202);
		if (message.method === (legacy ? 'server/discover' : 'initialize')) return say(legacy ? 200 : 404, { jsonrpc: '2.0', id: message.id, error: { code: -32601, message: 'Method not found' } });
		const result = RESULTS[message.method] ?? { content: [{ type: 'text', text: echo ? `done as ${req.headers.authorization ?? 'nobody'}` : 'done' }] };
		return say(200, { jsonrpc: '2.0', id: message.id, result: legacy ? result : { resultType: 'complete', ...result } }, legacy && message.method === 'initialize' ? { 'mcp-session-id': randomBytes(8).toString('hex') } : {});
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	return { seen, url: `http://127.0.0.1:${server.address().port}/mcp`, calls: () => seen.filter(({ method }) => method === 'tools/call').length };
}

/** A provider, a server that takes its tokens, a gateway between them and a person who has connected an account. */
async function start(t, { legacy, echo, provider: options = {}, auth = {}, people = ['ada', 'ben'] } = {}) {
	const provider = await startProvider(t, options);
	const server = await startServer(t, ({ req, message }) => {
		const { status, challenge } = provider.judge(req.headers, message.params?.name === 'write' ? { scope: 'read write' } : {});
		return status === undefined ? undefined : { status, headers: { 'www-authenticate': challenge } };
	}, { legacy, echo });
	const gateway = await startGateway(t, { tenants: ['acme'], workers: 2, upstreams: { svc: connectable(provider, { url: server.url, ...auth }) } });
	const found = { provider, server, gateway };
	for (const name of people) {
		const user = await makeUser(gateway, { email: `${name}@acme.example` });
		const made = await gateway.cliJson('key', 'create', '--tenant', 'acme', '--user', user.id);
		found[name] = { ...user, target: { port: gateway.port, key: made.key } };
	}
	return found;
}

async function connected(t, options) {
	const found = await start(t, options);
	await connectAccount(found.gateway, { person: found.ada });
	await untilListed(found.ada.target);
	return found;
}

async function untilListed(target) {
	await until('the tools of the server to be listed', async () => (await modern(target, 'tools/list')).message.result?.tools?.length === 2);
}

const resultOf = (answer) => answer.message.result;
const textOf = (answer) => resultOf(answer)?.content?.[0]?.text ?? JSON.stringify(answer.message);
const linkIn = (text) => /http:\/\/127\.0\.0\.1:\d+\/auth\/svc\/start\?ticket=[\w-]{43}/.exec(text)?.[0];
const URL_CLIENT = { meta: { 'io.modelcontextprotocol/clientCapabilities': { elicitation: { url: {} } } } };

async function trail(gateway, event) {
	gateway.owner ??= (await gateway.makeKey('acme', '--role', 'owner')).key;
	const listed = await call(gateway, 'GET', `/tenants/acme/audit?event=${event}`, { key: gateway.owner });
	assert.equal(listed.status, 200, listed.text);
	return listed.json.items;
}

for (const legacy of [false, true]) {
	test(`an account of a server of the ${legacy ? 'sessions' : 'modern'} era: lists come with the first one, calls carry each one's own`, async (t) => {
		const { provider, server, gateway, ada, ben } = await start(t, { legacy });
		const before = await modern(ada.target, 'tools/list');
		assert.deepEqual(before.message.result.tools, []);
		await connectAccount(gateway, { person: ada });
		await untilListed(ada.target);

		const done = await modernCall(ada.target, 'svc_read', {}, { headers: { cookie: 'session=mine', dpop: 'mine', 'x-api-key': undefined } });
		const token = /done as Bearer (\S+)/.exec(textOf(done))?.[1];
		assert.ok(provider.good(token), textOf(done));

		// whoever has none gets a link, the same one twice, and afterwards their own account
		const none = await modernCall(ben.target, 'svc_read');
		assert.equal(resultOf(none)?.isError, true, none.text);
		const link = linkIn(textOf(none));
		assert.ok(link, textOf(none));
		assert.equal(linkIn(textOf(await modernCall(ben.target, 'svc_read'))), link);
		await connectAccount(gateway, { person: ben, link: { url: link } });
		const other = /done as Bearer (\S+)/.exec(textOf(await modernCall(ben.target, 'svc_read')))?.[1];
		assert.ok(provider.good(other) && other !== token);

		// a link is a secret, and so are tokens and what callers come with
		for (const secret of [new URL(link).searchParams.get('ticket'), token, other]) assert.equal(gateway.allStderr.includes(secret), false);
		for (const { headers } of server.seen) {
			const carried = JSON.stringify(headers);
			for (const own of [ada.target.key, ben.target.key, 'session=mine']) assert.equal(carried.includes(own), false, carried);
			assert.equal(headers.cookie ?? headers.dpop ?? headers['x-api-key'], undefined, carried);
		}
	});
}

test('a client that opens links is asked in a round, and its repeated call succeeds', async (t) => {
	const { server, gateway, ben } = await connected(t);
	const asked = await modernCall(ben.target, 'svc_read', {}, URL_CLIENT);
	const { inputRequests, resultType } = resultOf(asked) ?? {};
	assert.equal(resultType, 'input_required', asked.text);
	const [[key, request]] = Object.entries(inputRequests);
	assert.equal(request.method, 'elicitation/create');
	assert.equal(request.params.mode, 'url');
	assert.equal(server.calls(), 0);
	const again = { name: 'svc_read', arguments: {}, inputResponses: { [key]: { action: 'accept' } } };
	assert.equal(resultOf(await modern(ben.target, 'tools/call', again, URL_CLIENT)).isError, true); // not yet
	await connectAccount(gateway, { person: ben, link: { url: request.params.url } });
	assert.match(textOf(await modern(ben.target, 'tools/call', again, URL_CLIENT)), /^done as Bearer /);
});

test('a session of 2025-11-25 gets error -32042 where its client opens links, and is told when the account is there', async (t) => {
	const { gateway, ben } = await connected(t);
	const session = await openSession(ben.target, { version: LEGACY, capabilities: { elicitation: { url: {} } } });
	const { error } = (await session.call('svc_read')).message;
	assert.equal(error?.code, -32042, JSON.stringify(error));
	const [elicitation] = error.data.elicitations;
	assert.equal(elicitation.mode, 'url');
	assert.ok(elicitation.elicitationId && linkIn(elicitation.url) && elicitation.message);
	const stream = await session.listen();
	await connectAccount(gateway, { person: ben, link: { url: elicitation.url } });
	const told = await stream.next(({ method }) => method === 'notifications/elicitation/complete');
	assert.equal(told.params.elicitationId, elicitation.elicitationId);
	stream.connection.destroy();
	assert.match(textOf(await session.call('svc_read')), /^done as Bearer /);
	const plain = await openSession({ port: gateway.port, key: ben.target.key }, { version: LEGACY });
	assert.match(textOf(await plain.call('svc_read')), /^done as Bearer /);
});

for (const rotation of [true, false]) {
	test(`a hundred callers meet one token that has ended${rotation ? ', and a refresh token that works once' : ''}: one renewal`, async (t) => {
		const { provider, ada } = await connected(t, { provider: { rotation } });
		assert.match(textOf(await modernCall(ada.target, 'svc_read')), /^done/);
		provider.expire();
		const answers = await Promise.all(Array.from({ length: 100 }, () => modernCall(ada.target, 'svc_read')));
		for (const answer of answers) assert.match(textOf(answer), /^done as Bearer /);
		assert.equal(provider.stats().refresh, 1);
		assert.equal(provider.stats().reused ?? 0, 0);
	});
}

test('a token that has ended is found out by whatever comes first, initialize too, and nothing of the caller is in any request', async (t) => {
	const { provider, server, gateway, ben } = await connected(t, { legacy: true });
	await connectAccount(gateway, { person: ben });
	const session = await openSession(ben.target, { version: LEGACY });
	const begun = server.seen.length;
	provider.expire();
	assert.match(textOf(await session.call('svc_read')), /^done as Bearer /); // its instance begins with the question for the era
	const methods = server.seen.slice(begun).map(({ method }) => method);
	assert.ok(methods.includes('initialize') && methods.filter((method) => method === 'tools/call').length === 1, methods.join());
	await session.end();
	for (const { method, headers } of server.seen.slice(begun)) {
		assert.match(headers.authorization ?? '', /^Bearer at-/, method);
		assert.equal(JSON.stringify(headers).includes(ben.target.key), false);
	}
	assert.equal(provider.stats().reused ?? 0, 0);
});

test('a consent that was taken back is found out once, told once, and mended by connecting again', async (t) => {
	const { provider, server, gateway, ada } = await connected(t);
	assert.match(textOf(await modernCall(ada.target, 'svc_read')), /^done/);
	provider.forget();
	const calls = server.calls();
	const ended = await modernCall(ada.target, 'svc_read');
	assert.equal(resultOf(ended)?.isError, true, ended.text);
	const link = linkIn(textOf(ended));
	assert.ok(link, textOf(ended));
	const asked = provider.stats().refresh;
	for (let i = 0; i < 5; i++) assert.equal(linkIn(textOf(await modernCall(ada.target, 'svc_read'))), link);
	// the other loop may not have heard of it before its own first call
	const heard = server.calls();
	assert.ok(heard <= calls + 2, `${heard - calls} calls`);
	for (let i = 0; i < 5; i++) await modernCall(ada.target, 'svc_read');
	assert.ok(server.calls() <= calls + 2);
	assert.equal(provider.stats().refresh, asked);
	assert.equal((await trail(gateway, 'credential.reauth_required')).length, 1);
	await connectAccount(gateway, { person: ada, link: { url: link } });
	await until('calls to go through again', async () => /^done/.test(textOf(await modernCall(ada.target, 'svc_read'))));
});

test('a tool that wants more than was agreed to: the link asks for it, and the call succeeds after it', async (t) => {
	const { gateway, ada } = await connected(t);
	const more = await modernCall(ada.target, 'svc_write');
	const link = linkIn(textOf(more));
	assert.ok(link, textOf(more));
	assert.match(textOf(await modernCall(ada.target, 'svc_read')), /^done/); // what it has is still good
	await connectAccount(gateway, { person: ada, link: { url: link } });
	await until('the tool to be called', async () => /^done/.test(textOf(await modernCall(ada.target, 'svc_write'))));
});

test('the tenant\'s account: whoever manages upstreams gets the link, others learn whom to ask', async (t) => {
	const { gateway, ada, ben } = await start(t, { auth: { each: 'tenant' } });
	await connectAccount(gateway, { person: await makeUser(gateway, { email: 'boss@acme.example', role: 'owner' }), each: 'tenant' });
	await untilListed(ada.target);
	assert.match(textOf(await modernCall(ada.target, 'svc_read')), /^done/);
	assert.equal(textOf(await modernCall(ben.target, 'svc_read')), textOf(await modernCall(ada.target, 'svc_read')));
	const { items: [row] } = (await call(gateway, 'GET', '/tenants/acme/credentials', { key: gateway.owners.acme })).json;
	assert.equal((await call(gateway, 'DELETE', `/tenants/acme/credentials/${row.id}`, { key: gateway.owners.acme })).status, 204);
	await until('the account to be gone', async () => /administrator/.test(textOf(await modernCall(ben.target, 'svc_read'))));
	assert.equal(linkIn(textOf(await modernCall(ben.target, 'svc_read'))), undefined);
	const boss = { port: gateway.port, key: gateway.owners.acme };
	assert.ok(linkIn(textOf(await modernCall(boss, 'svc_read'))));
});

test('tokens, the client\'s secret and links are nowhere but on their way', async (t) => {
	const { provider, gateway, ada, ben } = await connected(t, { echo: false });
	const told = [];
	const say = async (target) => told.push((await modernCall(target, 'svc_read')).text);

	await say(ben.target); // a link, for him alone
	const link = new URL(linkIn(told[0])).searchParams.get('ticket');
	const before = [...provider.tokens.access.keys(), ...provider.tokens.refresh.keys()];
	await modernCall(ada.target, 'svc_read');
	provider.expire();
	await modernCall(ada.target, 'svc_read');
	const secrets = new Set([...before, ...provider.tokens.access.keys(), ...provider.tokens.refresh.keys(), provider.client.secret, link]);
	assert.ok(secrets.size >= 6);
	gateway.owner ??= (await gateway.makeKey('acme', '--role', 'owner')).key;
	const pages = [];
	for (const path of ['credentials', 'audit', 'connections']) pages.push((await call(gateway, 'GET', `/tenants/acme/${path}`, { key: gateway.owner })).text);
	pages.push((await request(gateway, { method: 'GET', path: '/metrics' })).text, gateway.allStderr);
	const bytes = Buffer.concat([Buffer.from(await stored(gateway)), ...pages.map((text) => Buffer.from(String(text)))]);
	for (const one of secrets) {
		for (const form of [one, Buffer.from(one).toString('base64'), Buffer.from(one).toString('hex'), encodeURIComponent(one)]) {
			assert.equal(bytes.includes(Buffer.from(form)), false, `${one.slice(0, 12)}... can be read`);
		}
	}
});

test('signed requests: over method, path, query, time and body, each anew', async (t) => {
	const key = randomBytes(24).toString('base64url');
	const server = await startServer(t, ({ req, text }) => {
		const url = new URL(req.url, 'http://x');
		const when = Number(req.headers['x-time']);
		const want = createHmac('sha512', key).update(`${req.method}\n${url.pathname}\n${url.search.slice(1)}\n${when}\n${text}`).digest('base64');
		return req.headers['x-signature'] === `v1=${want}` && req.headers['x-key'] === 'robot' && Math.abs(Date.now() - when) < 60000 ? undefined : { status: 401 };
	});
	const gateway = await startGateway(t, {
		tenants: ['acme'],
		upstreams: { svc: { http: { url: `${server.url}?v=2` }, auth: { type: 'hmac', name: 'X-Signature', id_name: 'X-Key', timestamp_name: 'X-Time', timestamp: 'milliseconds', prefix: 'v1=', digest: 'sha512', encoding: 'base64', over: '{method}\n{path}\n{query}\n{timestamp}\n{body}' } } },
	});
	const set = await run(binary, ['credential', 'set', '--tenant', 'acme', '--upstream', 'svc', '--config', gateway.configFile], { cwd: gateway.root, input: `robot:${key}\n` });
	assert.equal(set.code, 0, set.stderr);
	const target = { port: gateway.port, key: (await gateway.makeKey('acme')).key };
	await untilListed(target);
	assert.match(textOf(await modernCall(target, 'svc_read', { some: 'ünïcode' })), /^done/);
	assert.equal(gateway.allStderr.includes(key), false);
});
