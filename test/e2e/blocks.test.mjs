// Blocked addresses: by an operator's word and by themselves, on every loop, over a restart, and lifted again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGateway } from './lib/gateway.mjs';
import { call } from './lib/api.mjs';
import { modernBody, modernHeaders } from './lib/mcp.mjs';
import { request } from './lib/raw.mjs';
import { until } from './lib/wait.mjs';

const ask = (gateway, localAddress, headers = {}) => request({ port: gateway.port, localAddress },
	{ headers: { ...modernHeaders(gateway, 'tools/list'), ...headers }, body: JSON.stringify(modernBody('tools/list')) });
const becomes = (gateway, localAddress, status) => until(`${localAddress} to get ${status}`, async () => (await ask(gateway, localAddress)).status === status);

test('an operator blocks an address or a network, on every loop and over a restart, and lifts it', async (t) => {
	const gateway = await startGateway(t, { upstreams: {}, workers: 2 });
	const until_ = new Date(Date.now() + 3600_000).toISOString();
	assert.equal((await ask(gateway, '127.0.0.7')).status, 200);
	const made = await gateway.cliJson('block', 'create', '--prefix', '127.0.0.7', '--reason', 'scans us', '--until', until_);
	assert.equal(made.prefix, '127.0.0.7');
	await becomes(gateway, '127.0.0.7', 429);
	for (let i = 0; i < 20; i++) { // connections land on either loop
		const refused = await ask(gateway, '127.0.0.7', { 'x-forwarded-for': '203.0.113.9' });
		assert.equal(refused.status, 429);
		assert.ok(Number(refused.headers['retry-after']) > 3000, refused.headers['retry-after']);
	}
	assert.equal((await ask(gateway, '127.0.0.8')).status, 200);

	assert.equal((await gateway.cliJson('block', 'create', '--prefix', '127.0.9.77/24')).prefix, '127.0.9.0/24');
	await becomes(gateway, '127.0.9.200', 429);
	assert.equal((await ask(gateway, '127.0.9.200')).headers['retry-after'], undefined, 'until it is lifted');
	assert.equal((await ask(gateway, '127.0.10.1')).status, 200);

	await gateway.stop();
	await gateway.start();
	assert.equal((await ask(gateway, '127.0.0.7')).status, 429, 'the first request after a restart');
	assert.deepEqual((await gateway.cliJson('block', 'list')).map(({ prefix }) => prefix), ['127.0.0.7', '127.0.9.0/24']);
	for (const prefix of ['127.0.0.7', '127.0.9.0/24']) assert.equal((await gateway.cli('block', 'delete', prefix)).code, 0);
	await becomes(gateway, '127.0.0.7', 200);
	await becomes(gateway, '127.0.9.200', 200);
	const events = (await gateway.cliJson('audit', 'list')).filter(({ event }) => event.startsWith('blocked_ip.'));
	assert.deepEqual(events.map(({ event, target }) => [event, target]), [
		['blocked_ip.created', '127.0.0.7'], ['blocked_ip.created', '127.0.9.0/24'], ['blocked_ip.deleted', '127.0.0.7'], ['blocked_ip.deleted', '127.0.9.0/24'],
	]);
});

test('a block ends by itself', async (t) => {
	const gateway = await startGateway(t, { upstreams: {} });
	await gateway.cliJson('block', 'create', '--prefix', '127.0.0.7', '--until', new Date(Date.now() + 3000).toISOString());
	await becomes(gateway, '127.0.0.7', 429);
	await becomes(gateway, '127.0.0.7', 200);
});

test('an address that blocked itself is seen, and can be let in again', async (t) => {
	const gateway = await startGateway(t, { upstreams: {}, limits: { auth_failures: 3, auth_block: '1h' } });
	for (let i = 0; i < 3; i++) assert.equal((await ask(gateway, '127.0.0.7', { authorization: `Bearer gh_${'A'.repeat(43)}` })).status, 401);
	assert.equal((await ask(gateway, '127.0.0.7')).status, 429, 'at once');
	const [row] = (await gateway.cliJson('block', 'list'));
	assert.equal(row.prefix, '127.0.0.7');
	assert.match(row.reason, /failed sign-ins/);
	assert.equal((await gateway.cli('block', 'delete', '127.0.0.7')).code, 0);
	await becomes(gateway, '127.0.0.7', 200);
});

test('what is no address is refused with words, and tenants do not block', async (t) => {
	const gateway = await startGateway(t, { upstreams: {} });
	const owner = (await gateway.makeKey('acme', '--role', 'owner')).key;
	for (const prefix of ['', 'example.com', '1.2.3', '10.0.0.0/33', '::/129', '10.0.0.0/8/8']) {
		const refused = await gateway.cli('block', 'create', '--prefix', prefix);
		assert.notEqual(refused.code, 0, prefix);
		assert.match(refused.stderr, /prefix/, prefix);
	}
	for (const [method, path, body] of [['GET', '/blocked'], ['POST', '/blocked', { prefix: '192.0.2.1' }], ['DELETE', '/blocked/192.0.2.1']]) {
		const { status } = await call(gateway, method, path, { key: owner, body });
		assert.ok(status === 403 || status === 404, `${method}: ${status}`);
	}
});

test('a tenant is called from its own networks only, once it names some', async (t) => {
	const gateway = await startGateway(t, { upstreams: {} });
	const own = { port: gateway.port, key: (await gateway.makeKey('acme', '--role', 'owner')).key };
	const other = { port: gateway.port, key: (await gateway.makeKey('umbrella')).key };
	const from = (target, localAddress, headers = {}) => request({ ...target, localAddress }, { headers: { ...modernHeaders(target, 'tools/list'), ...headers }, body: JSON.stringify(modernBody('tools/list')) });
	assert.equal((await from(own, '127.0.0.7')).status, 200);
	const tenant = await call(gateway, 'GET', '/tenants/self', { key: own.key });
	const wrong = await call(gateway, 'PATCH', '/tenants/self', { key: own.key, body: { networks: ['10.0.0.0/99'] }, headers: { 'if-match': tenant.headers.etag } });
	assert.ok(wrong.status >= 400, wrong.text);
	const changed = await call(gateway, 'PATCH', '/tenants/self', { key: own.key, body: { networks: ['127.0.0.1', '127.9.0.0/16'] }, headers: { 'if-match': tenant.headers.etag } });
	assert.equal(changed.status, 200, changed.text);
	await until('the list to hold, whichever loop is asked', async () =>
		(await Promise.all(Array.from({ length: 8 }, () => from(own, '127.0.0.7')))).every(({ status }) => status === 403));
	const refused = await from(own, '127.0.0.7', { 'x-forwarded-for': '127.9.0.1' });
	assert.equal(refused.status, 403);
	assert.match(refused.text, /address/);
	assert.equal((await from(own, '127.9.3.4')).status, 200);
	assert.equal((await from(own, '127.0.0.1')).status, 200);
	assert.equal((await from(other, '127.0.0.7')).status, 200, 'another tenant');
	const rows = (await gateway.cliJson('audit', 'list')).filter(({ outcome }) => outcome === 'NETWORK');
	assert.equal(rows.length, 1, 'one row a minute');
});
