// Admission: keys, their life and their secrecy; limits and blocks.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modern, modernCall, modernHeaders, modernStream, openSession } from './lib/mcp.mjs';
import { Connection, request } from './lib/raw.mjs';
import { sql, stored } from './lib/sqlite.mjs';
import { each, timed, until } from './lib/wait.mjs';

const listHeaders = { ...modernHeaders({}, 'tools/list'), authorization: undefined };

function ask(gateway, headers = {}, target = {}) {
	return modern({ port: gateway.port, ...target }, 'tools/list', {}, { headers });
}

test('how a key is sent, and what the others get', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const good = [
		{ authorization: `Bearer ${gateway.key}` },
		{ authorization: `bearer ${gateway.key}` },
		{ authorization: `BEARER  ${gateway.key} ` },
		{ 'x-api-key': gateway.key },
	];
	for (const headers of good) assert.equal((await ask(gateway, headers)).status, 200, JSON.stringify(Object.keys(headers)));

	const missing = await ask(gateway);
	assert.equal(missing.status, 401);
	assert.match(missing.headers['www-authenticate'], /^Bearer /);
	assert.doesNotMatch(missing.headers['www-authenticate'], /error=/);
	assert.equal(missing.message.error, 'unauthorized');

	const flipped = gateway.key.slice(0, -3) + (gateway.key.at(-3) === 'a' ? 'b' : 'a') + gateway.key.slice(-2);
	for (const authorization of [`Bearer ${flipped}`, 'Bearer gh_short', 'Bearer', 'Bearer ', `Basic ${btoa('a:b')}`, `Bearer ${'x'.repeat(5000)}`, gateway.key,
		`Bearer ${gateway.key.toUpperCase()}`, `Bearer ${gateway.key}x`, `Bearer ${gateway.key} ${gateway.key}`]) {
		const answer = await ask(gateway, { authorization });
		assert.equal(answer.status, 401, authorization.slice(0, 20));
		assert.match(answer.headers['www-authenticate'], /error="invalid_token"/);
		assert.ok(!answer.text.includes(gateway.key));
	}
	assert.equal((await ask(gateway, { 'x-api-key': flipped })).status, 401);
	// The check comes before anything is read: bad JSON without a key is a 401 too, GET and DELETE as well.
	for (const method of ['POST', 'GET', 'DELETE']) {
		const answer = await request(gateway, { method, headers: { ...listHeaders }, body: method === 'POST' ? '{' : undefined });
		assert.equal(answer.status, 401, method);
	}
	assert.equal((await request(gateway, { method: 'GET', path: '/mcp/nope', headers: {} })).status, 401);
});

test('a key revoked while serving stops working within a second, also on open connections and sessions', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const doomed = await gateway.makeKey('acme');
	const target = { port: gateway.port, key: doomed.key };
	const connections = await each(4, 4, () => Connection.open(target));
	const session = await openSession(target);

	for (const connection of connections) assert.equal((await modernCall(target, 'fx_echo', {}, { connection })).status, 200);
	assert.equal((await gateway.cli('key', 'revoke', doomed.id)).code, 0);
	const { ms } = await timed(() => until('401 everywhere', async () => {
		const answers = await each(4, 4, (n) => modernCall(target, 'fx_echo', {}, { connection: connections[n] }));
		return answers.every(({ status }) => status === 401) && (await session.request('ping')).status === 401;
	}, 3000));
	assert.ok(ms < 1000, `it took ${ms} ms`);
	assert.equal((await ask(gateway, { 'x-api-key': gateway.key })).status, 200);
	for (const connection of connections) connection.destroy();
});

test('streams end with the key that opened them, and only those', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const [doomed, spared] = [await gateway.makeKey('acme'), await gateway.makeKey('acme')];
	const open = async ({ key }) => {
		const target = { port: gateway.port, key };
		return [await (await openSession(target)).listen(), await modernStream(target, 'subscriptions/listen', { notifications: { toolsListChanged: true } })];
	};
	const [lost, kept] = [await open(doomed), await open(spared)];

	assert.equal((await gateway.cli('key', 'revoke', doomed.id)).code, 0);
	for (const stream of lost) await stream.rest(3000);
	await until('only the other two to be open', async () =>
		/\ngatehouse_streams 2\n/.test((await request(gateway, { method: 'GET', path: '/metrics' })).text), 5000);
	for (const { connection } of kept) connection.destroy();
});

test('a key expires by itself, also on an open connection', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const brief = await gateway.makeKey('acme', '--expires', '2s');
	const target = { port: gateway.port, key: brief.key };
	const connection = await Connection.open(target);

	assert.equal((await modern(target, 'tools/list', {}, { connection })).status, 200);
	await until('the key to expire', async () => (await modern(target, 'tools/list', {}, { connection })).status === 401, 4000);
	connection.destroy();
	const keys = await gateway.cliJson('key', 'list');
	assert.equal(keys.find(({ id }) => id === brief.id).state, 'expired');
});

test('a key made while serving works at once', async (t) => {
	const gateway = await startGateway(t, { upstreams: {} });
	const { key } = await gateway.makeKey('newcomer');
	assert.equal((await ask(gateway, { 'x-api-key': key })).status, 200);
});

test('a viewer may list nothing it may not call, and calls nothing', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const { key } = await gateway.makeKey('acme', '--role', 'viewer');
	const target = { port: gateway.port, key };

	assert.deepEqual((await modern(target, 'tools/list')).message.result.tools, []);
	const refused = await modernCall(target, 'fx_echo', {});
	assert.ok(refused.message.error !== undefined || refused.message.result.isError, refused.text);
});

test('rate limits: per address and per tenant, with Retry-After and RateLimit headers', async (t) => {
	const gateway = await startGateway(t, { tenants: ['acme', 'rival'], upstreams: { fx: stdioFixture() }, limits: { per_ip: '20/min', per_tenant: '30/min' } });

	const answers = await each(25, 5, () => ask(gateway, { 'x-api-key': gateway.key }, { localAddress: '127.0.0.2' }));
	assert.equal(answers.filter(({ status }) => status === 200).length, 20);
	const limited = answers.find(({ status }) => status === 429);
	const retry = Number(limited.headers['retry-after']);
	assert.ok(retry >= 1 && retry <= 60, `Retry-After: ${limited.headers['retry-after']}`);
	assert.equal(limited.headers['ratelimit-limit'], '20');
	assert.equal(limited.headers['ratelimit-remaining'], '0');
	assert.ok(Number(limited.headers['ratelimit-reset']) >= retry);
	assert.equal(limited.message.error.code, -32000);

	// Another address has its own measure, until the tenant's is full as well.
	const more = await each(20, 4, () => ask(gateway, { 'x-api-key': gateway.key }, { localAddress: '127.0.0.3' }));
	assert.equal(more.filter(({ status }) => status === 200).length, 10);
	assert.equal(more.find(({ status }) => status === 429).headers['ratelimit-limit'], '30');
	// Another tenant is not touched, nor is the operator's view.
	assert.equal((await ask(gateway, { 'x-api-key': gateway.keys.rival }, { localAddress: '127.0.0.4' })).status, 200);
	const metrics = (await request(gateway, { method: 'GET', path: '/metrics' })).text;
	assert.match(metrics, /gatehouse_limited_total\{limit="ip"\} 5\n/);
	assert.match(metrics, /gatehouse_limited_total\{limit="tenant"\} 10\n/);
});

test('a limit opens again as time passes', async (t) => {
	const gateway = await startGateway(t, { upstreams: {}, limits: { per_ip: '10/10s' } }); // a place a second, however slow the machine
	const answers = await each(20, 4, () => ask(gateway, { 'x-api-key': gateway.key }));
	assert.ok(answers.some(({ status }) => status === 429));
	await until('a free place', async () => (await ask(gateway, { 'x-api-key': gateway.key })).status === 200);
});

test('an address that fails ten times is blocked, and only that one', async (t) => {
	const gateway = await startGateway(t, { upstreams: {}, limits: { auth_failures: 10, auth_block: '2s' } });
	const from = { localAddress: '127.0.0.9' };
	const wrong = { authorization: `Bearer gh_${'A'.repeat(43)}` };

	// A missing key is no failed attempt: clients probe without one.
	for (let i = 0; i < 12; i++) assert.equal((await ask(gateway, {}, from)).status, 401);
	for (let i = 0; i < 10; i++) assert.equal((await ask(gateway, wrong, from)).status, 401, `attempt ${i + 1}`);
	const blocked = await ask(gateway, { 'x-api-key': gateway.key }, from);
	assert.equal(blocked.status, 429);
	assert.ok(Number(blocked.headers['retry-after']) >= 1);
	assert.equal((await ask(gateway, { 'x-api-key': gateway.key }, { localAddress: '127.0.0.10' })).status, 200);

	const events = await until('the audit rows', async () => {
		const rows = await sql(`${gateway.data}/gatehouse.db`, "SELECT event, ip, count(*) AS n FROM audit WHERE event IN ('auth.blocked_ip', 'api_key.auth_failure') GROUP BY 1, 2 ORDER BY 1");
		return rows.some(({ event }) => event === 'auth.blocked_ip') && rows;
	});
	assert.deepEqual(events, [{ event: 'api_key.auth_failure', ip: '127.0.0.9', n: 10 }, { event: 'auth.blocked_ip', ip: '127.0.0.9', n: 1 }]);
	await until('the end of the block', async () => (await ask(gateway, { 'x-api-key': gateway.key }, from)).status === 200, 6000);
});

test('request ids: kept when they are plain, made when not; logged, audited, passed upstream', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });

	for (const id of ['abc-123', 'A.b_c-9', 'x'.repeat(128)]) {
		const answer = await modernCall(gateway, 'fx_echo', {}, { headers: { 'x-request-id': id } });
		assert.equal(answer.headers['x-request-id'], id);
	}
	for (const id of ['', 'a b', 'x'.repeat(129), '"quoted"', 'semi;colon', '<b>']) {
		const answer = await modernCall(gateway, 'fx_echo', {}, { headers: { 'x-request-id': id } });
		assert.notEqual(answer.headers['x-request-id'], id);
		assert.match(answer.headers['x-request-id'], /^[0-9A-Za-z._-]{16,}$/);
	}
	await until('the audit row', async () => (await sql(`${gateway.data}/gatehouse.db`, "SELECT 1 AS found FROM audit WHERE request_id = 'abc-123' AND event = 'mcp.tool_called'")).length === 1);
	await modernCall(gateway, 'nope', {}, { headers: { 'x-request-id': 'to-be-logged' } });
	assert.equal((await gateway.untilLogged('request.failed', (line) => line.request_id === 'to-be-logged')).error, 'MCP_UNKNOWN_TOOL');
});

test('the raw key is in no file, no log and no answer', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const secret = gateway.key;

	// Wherever a client may put it by mistake.
	await modernCall(gateway, 'fx_echo', { key: 'argument-of-a-call' });
	await modernCall(gateway, `fx_${secret}`, {});
	await modern(gateway, 'resources/read', { uri: `fixture://${secret}` });
	await request(gateway, { method: 'GET', path: `/mcp/${secret}?key=${secret}`, headers: { 'x-api-key': secret } });
	await request(gateway, { method: 'GET', path: `/${secret}`, headers: { authorization: `Basic ${secret}` } });
	await ask(gateway, { authorization: `Bearer ${secret}x` });
	await ask(gateway, { authorization: `Bearer ${secret}`, 'x-request-id': secret });
	await modern(gateway, secret, {});
	await gateway.cli('key', 'list');
	const ended = await gateway.stop();
	assert.equal(ended.code, 0);

	const needles = [secret, secret.slice(3), Buffer.from(secret.slice(3), 'base64url')];
	for (const file of fs.readdirSync(gateway.data, { recursive: true })) {
		const full = path.join(gateway.data, file);
		if (!fs.statSync(full).isFile()) continue;
		const bytes = fs.readFileSync(full);
		for (const needle of needles) assert.ok(!bytes.includes(needle), `the key is in ${file}`);
		assert.equal(fs.statSync(full).mode & 0o077, 0, `others may read ${file}`);
		assert.ok(!bytes.includes('argument-of-a-call'), `arguments are in ${file}`);
	}
	const kept = await stored(gateway);
	for (const needle of [...needles, needles[2].toString('hex'), 'argument-of-a-call']) assert.ok(!kept.includes(needle), 'it is in the database');
	assert.ok(!ended.stderr.includes(secret.slice(3)), 'the key is in the log');
	assert.ok(!ended.stdout.includes(secret.slice(3)), 'the key was printed');
});

test('without authentication it listens on loopback only', async (t) => {
	const gateway = await startGateway(t, { config: { auth: 'none' }, upstreams: { fx: stdioFixture() } });
	assert.equal((await modernCall({ port: gateway.port }, 'fx_echo', { open: true })).message.result.structuredContent.open, true);
	await gateway.stop();
	for (const listen of ['0.0.0.0:0', ':0', '[::]:0']) {
		gateway.configure({ listen });
		const refused = await gateway.cli('serve');
		assert.equal(refused.code, 1, listen);
		assert.match(refused.stderr, /auth/);
	}
});
