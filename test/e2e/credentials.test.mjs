// Credentials that callers never see: one server, called by two tenants and by two users, each with what was set for them; what
// happens without one, with a refused one and after each change; and nowhere but in the server's own requests a byte of them.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { test } from 'node:test';
import { call } from './lib/api.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modernCall, openSession } from './lib/mcp.mjs';
import { binary } from './lib/paths.mjs';
import { run } from './lib/process.mjs';
import { request } from './lib/raw.mjs';
import { sql, stored } from './lib/sqlite.mjs';
import { until } from './lib/wait.mjs';

const TOOL = { name: 'who', inputSchema: { type: 'object' } };
const OWN = 'the-gateways-own-for-lists';

const secret = (name) => `planted-${name}-${randomBytes(18).toString('base64url')}`;

/** A server that notes what each request carried and takes nobody without a credential. */
async function startServer(t, { legacy = false } = {}) {
	const seen = [];
	const refused = new Set();
	const results = {
		'server/discover': { supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, serverInfo: { name: 'who', version: '1' }, ttlMs: 60000, cacheScope: 'public' },
		initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'who', version: '1' } },
		'tools/list': { tools: [TOOL], ttlMs: 60000, cacheScope: 'public' },
		'tools/call': { content: [{ type: 'text', text: 'done' }] },
	};
	const server = http.createServer((req, res) => {
		const pieces = [];
		req.on('data', (piece) => pieces.push(piece));
		req.on('end', () => {
			const text = Buffer.concat(pieces).toString();
			const message = text === '' ? {} : JSON.parse(text);
			const carried = req.headers.authorization ?? req.headers['x-api-key'] ?? new URL(req.url, 'http://x').searchParams.get('key');
			const say = (status, value) => {
				res.writeHead(status, { 'content-type': 'application/json' });
				res.end(value === undefined ? '' : JSON.stringify(value));
			};
			seen.push({ method: message.method ?? req.method, carried, url: req.url });
			if (carried === null || carried === undefined || refused.has(carried)) return say(401);
			if (req.method !== 'POST') return say(405);
			if (message.id === undefined) return say(202);
			if (message.method === (legacy ? 'server/discover' : 'initialize') || results[message.method] === undefined) {
				return say(legacy ? 200 : 404, { jsonrpc: '2.0', id: message.id, error: { code: -32601, message: 'Method not found' } });
			}
			return say(200, { jsonrpc: '2.0', id: message.id, result: legacy ? results[message.method] : { resultType: 'complete', ...results[message.method] } });
		});
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	return {
		seen,
		refused,
		url: `http://127.0.0.1:${server.address().port}/mcp`,
		/** What the last call carried. */
		last: () => seen.filter(({ method }) => method === 'tools/call').at(-1)?.carried,
		calls: () => seen.filter(({ method }) => method === 'tools/call').length,
	};
}

async function set(gateway, value, ...words) {
	const ended = await run(binary, ['credential', 'set', ...words, '--config', gateway.configFile, '--json'], { cwd: gateway.root, input: `${value}\n` });
	assert.equal(ended.code, 0, ended.stderr);
	return JSON.parse(ended.stdout);
}

/** The management API, as an owner of acme. */
async function api(gateway, method, path, options = {}) {
	gateway.owner ??= (await gateway.makeKey('acme', '--role', 'owner')).key;
	return call(gateway, method, path, { key: gateway.owner, ...options });
}

const textOf = (answer) => answer.message.result?.content?.[0]?.text ?? '';

/** Call until the server hears `wanted`: a change reaches every loop within a moment. */
async function untilCarried(server, target, wanted) {
	await until(`the server to hear ${wanted.slice(0, 20)}`, async () => {
		await modernCall(target, 'api_who');
		return server.last() === wanted;
	});
}

async function userKey(gateway, tenant, email) {
	const made = await gateway.cliJson('user', 'create', '--tenant', tenant, '--email', email);
	const key = await gateway.cliJson('key', 'create', '--tenant', tenant, '--user', made.id);
	return { id: made.id, target: { port: gateway.port, key: key.key } };
}

/** Every byte that leaves the process, but for what the server gets. */
async function channels(gateway, answers) {
	const metrics = await request(gateway, { method: 'GET', path: '/metrics' });
	const listed = await api(gateway, 'GET', '/tenants/acme/credentials');
	const audit = await api(gateway, 'GET', '/tenants/acme/audit');
	assert.equal(listed.status, 200, listed.text);
	return Buffer.concat([Buffer.from(await stored(gateway)), ...[gateway.allStderr, metrics.text, listed.text, audit.text, ...answers].map((text) => Buffer.from(String(text)))]);
}

function assertNowhere(bytes, secrets) {
	for (const one of secrets) {
		for (const form of [one, Buffer.from(one).toString('base64'), Buffer.from(one).toString('hex'), encodeURIComponent(one)]) {
			assert.equal(bytes.includes(Buffer.from(form)), false, `${one.slice(0, 16)}... can be read`);
		}
	}
}

for (const legacy of [false, true]) {
	test(`two tenants call one server of the ${legacy ? 'sessions' : 'modern'} era, each with its own credential`, async (t) => {
		const server = await startServer(t, { legacy });
		const gateway = await startGateway(t, {
			tenants: ['acme', 'rival', 'poor'],
			workers: 2,
			upstreams: { api: { http: { url: server.url, headers: { Authorization: `Bearer ${OWN}` } }, auth: { type: 'bearer', each: 'tenant' } } },
		});
		const secrets = { acme: secret('acme'), rival: secret('rival') };
		const answers = [];

		for (const [tenant, value] of Object.entries(secrets)) {
			const made = await set(gateway, value, '--tenant', tenant, '--upstream', 'api');
			answers.push(JSON.stringify(made));
			assert.equal(made.state, 'active');
			assert.equal(made.hint, `...${value.slice(-4)}`);
		}
		for (const [tenant, value] of Object.entries(secrets)) {
			await untilCarried(server, gateway.as(tenant), `Bearer ${value}`);
			const session = await openSession(gateway.as(tenant));
			const answer = await session.call('api_who', {});
			answers.push(answer.text);
			assert.equal(textOf(answer), 'done');
			assert.equal(server.last(), `Bearer ${value}`);
		}
		// everything but calls and a tenant's own session went by the gateway's own
		for (const { method, carried } of server.seen.filter((one) => one.method === 'tools/list' || one.method === 'server/discover')) {
			assert.equal(carried, `Bearer ${OWN}`, method);
		}

		// a tenant without one is told what to do, and the server does not hear of it
		const before = server.calls();
		const refused = await modernCall(gateway.as('poor'), 'api_who');
		answers.push(refused.text);
		assert.equal(refused.message.result.isError, true, refused.text);
		assert.match(textOf(refused), /no credential is kept.*gatehouse credential set/);
		assert.equal(server.calls(), before);

		// a changed one replaces the old one everywhere
		const changed = secret('changed');
		const again = await set(gateway, changed, '--tenant', 'acme', '--upstream', 'api');
		await untilCarried(server, gateway.as('acme'), `Bearer ${changed}`);
		assert.equal((await api(gateway, 'GET', '/tenants/acme/credentials')).json.items.length, 1);

		// a refused one is said to be refused, and others' calls go on
		server.refused.add(`Bearer ${changed}`);
		const rejected = await modernCall(gateway.as('acme'), 'api_who');
		answers.push(rejected.text);
		assert.match(textOf(rejected), /refused the credential that is kept for you/);
		assert.equal(textOf(await modernCall(gateway.as('rival'), 'api_who')), 'done');
		await until('the state to be noted', async () => (await api(gateway, 'GET', `/tenants/acme/credentials/${again.id}`)).json.state === 'refused');

		// new data keys for all: the same credentials
		const rotated = await gateway.cli('vault', 'rotate');
		assert.equal(rotated.code, 0, rotated.stderr);
		assert.match(rotated.stdout, /2 keys made.* 2 values sealed anew/);
		assert.equal((await sql(`${gateway.data}/gatehouse.db`, 'SELECT max(version) AS v, count(*) AS n FROM data_key'))[0].v, 2);
		await untilCarried(server, gateway.as('rival'), `Bearer ${secrets.rival}`);

		// destroyed keys: nothing can be read any more
		assert.equal((await gateway.cli('vault', 'destroy', '--tenant', 'rival', '--yes')).code, 0);
		await until('the credential to be gone', async () => /no credential is kept/.test(textOf(await modernCall(gateway.as('rival'), 'api_who'))));

		const removed = await gateway.cli('credential', 'delete', '--tenant', 'acme', again.id);
		assert.equal(removed.code, 0, removed.stderr);
		await until('the other to be gone', async () => /no credential is kept/.test(textOf(await modernCall(gateway.as('acme'), 'api_who'))));
		assertNowhere(await channels(gateway, answers), [...Object.values(secrets), changed]);
	});
}

const WAYS = {
	basic: { auth: { type: 'basic' }, form: (value) => `Basic ${Buffer.from(value).toString('base64')}` },
	header: { auth: { type: 'header', name: 'X-Api-Key' }, form: (value) => value },
	query: { auth: { type: 'query', name: 'key' }, form: (value) => value },
};

for (const [way, { auth, form }] of Object.entries(WAYS)) {
	test(`two users of a tenant call one server, each with their own: ${way}`, async (t) => {
		const server = await startServer(t);
		const gateway = await startGateway(t, {
			upstreams: { api: { http: { url: server.url, headers: { [way === 'header' ? 'X-Api-Key' : 'Authorization']: OWN } }, auth: { ...auth, each: 'user' } } },
			settle: true,
		});
		const people = { ann: await userKey(gateway, 'acme', 'ann@acme.example'), ben: await userKey(gateway, 'acme', 'ben@acme.example') };
		const secrets = { ann: `ann:${secret('ann')}&=+ %`, ben: `ben:${secret('ben')}` };
		const made = await api(gateway, 'POST', '/tenants/acme/credentials', { body: { upstream: 'api', user: 'ann@acme.example', secret: secrets.ann } });
		const nobody = await modernCall(gateway.as('acme'), 'api_who');
		const answers = [made.text, nobody.text];

		assert.equal(made.status, 201, made.text);
		assert.equal(made.json.user, people.ann.id);
		assert.match(textOf(nobody), /no credential is kept/); // a key that is nobody's
		await set(gateway, secrets.ben, '--tenant', 'acme', '--upstream', 'api', '--user', people.ben.id);
		for (const [name, { target }] of Object.entries(people)) {
			await until(`what ${name} carries`, async () => {
				await modernCall(target, 'api_who');
				const { carried, url } = server.seen.filter(({ method }) => method === 'tools/call').at(-1) ?? {};
				return way === 'query' ? new URL(url, 'http://x').searchParams.get('key') === form(secrets[name]) : carried === form(secrets[name]);
			});
		}
		const wrong = await api(gateway, 'POST', '/tenants/acme/credentials', { body: { upstream: 'api', secret: 'two\nlines' } });
		const stranger = await api(gateway, 'POST', '/tenants/acme/credentials', { body: { upstream: 'api', user: 'eve@acme.example', secret: secrets.ann } });
		assert.deepEqual([wrong.status, stranger.status], [422, 422]);
		answers.push(wrong.text, stranger.text);
		assertNowhere(await channels(gateway, answers), Object.values(secrets));
	});
}

test('what cannot be is refused when the configuration is read', async (t) => {
	const gateway = await startGateway(t, {});
	for (const [upstream, words] of [
		[{ http: 'http://127.0.0.1:1/mcp', auth: { type: 'header' } }, /name.* is needed/],
		[{ http: 'http://127.0.0.1:1/mcp', auth: { type: 'bearer', name: 'x' } }, /for the types/],
		[{ stdio: { command: 'true' }, auth: { type: 'bearer' } }, /is for `http` servers/],
	]) {
		gateway.configure({ upstreams: { api: upstream } });
		const checked = await gateway.cli('check');
		assert.notEqual(checked.code, 0);
		assert.match(checked.stderr + checked.stdout, words);
	}
});

test('another credential-kek: data keys are wrapped anew beside a running gateway, and everything can still be read', async (t) => {
	const server = await startServer(t);
	const gateway = await startGateway(t, {
		upstreams: { api: { http: { url: server.url, headers: { Authorization: `Bearer ${OWN}` } }, auth: { type: 'bearer' } } },
	});
	const value = secret('acme');
	const wrappedBy = async () => (await sql(`${gateway.data}/gatehouse.db`, 'SELECT kek FROM data_key')).map(({ kek }) => kek);
	const secretCommand = (...words) => run(binary, ['secret', ...words, '--config', gateway.configFile], { cwd: gateway.root, input: randomBytes(32).toString('hex') });
	const seen = [];

	await set(gateway, value, '--tenant', 'acme', '--upstream', 'api');
	await untilCarried(server, gateway.as('acme'), `Bearer ${value}`);
	seen.push(...await wrappedBy());
	for (const words of [['set', 'credential-kek'], ['rotate', 'credential-kek']]) {
		const ended = await secretCommand(...words);
		assert.equal(ended.code, 0, ended.stderr);
		const finished = await gateway.cli('vault', 'rotate', '--finish');
		assert.equal(finished.code, 0, finished.stderr);
		assert.match(finished.stdout, /0 keys made, 1 wrapped anew, 0 values/);
		const [now, ...more] = await wrappedBy();
		assert.equal(more.length, 0);
		assert.ok(!seen.includes(now), `${now} has wrapped it before`);
		seen.push(now);
		// any change makes the gateway look at key and row again: it learns of the KEK by its name
		await gateway.makeKey('acme');
		await untilCarried(server, gateway.as('acme'), `Bearer ${value}`);
	}
	await gateway.stop();
	await gateway.start();
	await gateway.settled();
	await untilCarried(server, gateway.as('acme'), `Bearer ${value}`);
});
