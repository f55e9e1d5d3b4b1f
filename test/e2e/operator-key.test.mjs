// The operator's key, and the order of credentials.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modern } from './lib/mcp.mjs';
import { request } from './lib/raw.mjs';
import { sql } from './lib/sqlite.mjs';

const bearer = (key) => ({ Authorization: `Bearer ${key}` });
const get = (gateway, path, headers) => request({ port: gateway.port }, { method: 'GET', path, headers });

test("the operator's key manages every tenant, calls no tools, and is another one after it was rotated", async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	await gateway.makeKey('acme');
	const { key } = await gateway.cliJson('operator-key', 'create');
	assert.match(key, /^gho_[A-Za-z0-9_-]{43}$/);
	assert.equal(fs.statSync(`${gateway.data}/operator.key`).mode & 0o777, 0o600);
	assert.equal((await gateway.cli('operator-key', 'create')).code, 1);

	assert.equal((await get(gateway, '/api/v1/tenants', bearer(key))).status, 401); // not known before the reload
	assert.equal((await gateway.cli('reload')).code, 0);
	const tenants = await get(gateway, '/api/v1/tenants', bearer(key));
	assert.equal(tenants.status, 200, tenants.text);
	assert.match(tenants.text, /"acme"/);
	assert.equal((await get(gateway, '/api/v1/tenants', bearer(`${key.slice(0, -4)}AAAA`))).status, 401);

	const refused = await modern({ port: gateway.port, key }, 'tools/list');
	assert.equal(refused.status, 403);
	assert.match(refused.text, /calls no tools; make a key for a tenant: `gatehouse key create/);

	const next = await gateway.cliJson('operator-key', 'rotate');
	assert.equal((await gateway.cli('reload')).code, 0);
	assert.equal((await get(gateway, '/api/v1/tenants', bearer(key))).status, 401);
	assert.equal((await get(gateway, '/api/v1/tenants', bearer(next.key))).status, 200);

	fs.chmodSync(`${gateway.data}/operator.key`, 0o644);
	assert.match((await gateway.cli('reload')).stderr, /operator\.key: others may read it/);
	fs.chmodSync(`${gateway.data}/operator.key`, 0o600);
});

test('two credentials that differ are refused, the same one twice is one', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const one = await gateway.makeKey('acme');
	const other = await gateway.makeKey('acme');
	const ask = (headers) => request({ port: gateway.port }, { method: 'GET', path: '/api/v1/me', headers });

	assert.equal((await ask({ 'X-API-Key': one.key })).status, 200);
	assert.equal((await ask({ 'X-API-Key': one.key, ...bearer(one.key) })).status, 200);
	const both = await ask({ 'X-API-Key': one.key, ...bearer(other.key) });
	assert.equal(both.status, 400, both.text);
	assert.match(both.text, /send one of them/);
	assert.equal((await ask({ 'X-API-Key': one.key, Authorization: 'Basic abc' })).status, 400);
	assert.equal((await ask({})).status, 401);
});

test('a key that proves itself on many connections has one row a minute', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const { key, id } = await gateway.makeKey('acme');
	for (let i = 0; i < 10; i++) assert.equal((await modern({ port: gateway.port, key }, 'tools/list')).status, 200);
	await gateway.stop();
	const rows = await sql(`${gateway.data}/gatehouse.db`, "SELECT target FROM audit WHERE event = 'api_key.auth_success'");
	assert.deepEqual(rows, [{ target: id }]);
});
