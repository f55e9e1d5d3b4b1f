// The life of a key, against a running gateway: made, rotated with both keys valid, ended, revoked on every loop,
// somebody's, and never without an end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modern } from './lib/mcp.mjs';
import { sql } from './lib/sqlite.mjs';
import { until } from './lib/wait.mjs';

const SOON_MS = 2000; // a change is seen within a second; the machine may be slow

const status = async (gateway, key) => (await modern({ port: gateway.port, key }, 'tools/list')).status;
const untilStatus = (gateway, key, wanted, ms = SOON_MS) =>
	until(`${key.slice(0, 7)} to be answered with ${wanted}`, async () => (await status(gateway, key)) === wanted, ms);
const listed = async (gateway, id) => (await gateway.cliJson('key', 'list')).find((key) => key.id === id);

test('rotation: both keys work until the grace ends, and the old one has one successor only', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const old = await gateway.makeKey('acme', '--name', 'ci', '--scopes', 'mcp:read mcp:tools');
	assert.equal(await status(gateway, old.key), 200);

	const fresh = await gateway.cliJson('key', 'rotate', old.id);
	assert.notEqual(fresh.key, old.key);
	assert.equal(await status(gateway, fresh.key), 200);
	assert.equal(await status(gateway, old.key), 200);
	const before = await listed(gateway, old.id);
	const after = await listed(gateway, fresh.id);
	assert.equal(before.state, 'rotated');
	assert.equal(before.successor, fresh.id);
	assert.ok(Math.abs(Date.parse(before.expires) - Date.now() - 86400e3) < 60e3, before.expires);
	assert.equal(after.name, 'ci');
	assert.equal(after.scopes, 'mcp:read mcp:tools');

	const again = await gateway.cli('key', 'rotate', old.id);
	assert.equal(again.code, 1);
	assert.match(again.stderr, /is rotated and cannot be rotated/);

	// A grace that is over.
	const third = await gateway.cliJson('key', 'rotate', fresh.id, '--grace', '1s');
	await untilStatus(gateway, fresh.key, 401, 4000);
	assert.equal(await status(gateway, third.key), 200);
	const events = await sql(`${gateway.data}/gatehouse.db`, "SELECT event, target FROM audit WHERE event LIKE 'api_key.r%' ORDER BY seq");
	assert.deepEqual(events, [{ event: 'api_key.rotated', target: old.id }, { event: 'api_key.rotated', target: fresh.id }]);
});

test('a key is never without an end unless somebody says so, and somebody may say that nobody may', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() }, config: { keys: { life: '30d' } } });
	const made = await gateway.makeKey('acme');
	assert.ok(Math.abs(Date.parse((await listed(gateway, made.id)).expires) - Date.now() - 30 * 86400e3) < 60e3);
	const eternal = await gateway.makeKey('acme', '--expires', 'never');
	assert.equal((await listed(gateway, eternal.id)).expires, null);

	gateway.configure({ config: { keys: { life: '30d', life_max: '10d' } } });
	const refused = await gateway.cli('key', 'create', '--tenant', 'acme', '--expires', 'never');
	assert.equal(refused.code, 2);
	assert.match(refused.stderr, /at most \(keys\.life_max\)/);
	assert.equal((await gateway.cli('key', 'create', '--tenant', 'acme', '--expires', '11d')).code, 2);
	const short = await gateway.makeKey('acme');
	assert.ok(Date.parse((await listed(gateway, short.id)).expires) < Date.now() + 10 * 86400e3 + 60e3);
});

test('a key that is somebody\'s ends with them', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	await gateway.makeKey('acme');
	const user = await gateway.cliJson('user', 'create', '--tenant', 'acme', '--email', 'ada@acme.example', '--role', 'member');
	const refused = await gateway.cli('key', 'create', '--tenant', 'acme', '--user', user.id, '--role', 'admin');
	assert.equal(refused.code, 2);
	assert.match(refused.stderr, /no more than they may/);
	const key = await gateway.makeKey('acme', '--user', user.id);
	assert.equal(key.role, 'member');
	assert.equal(await status(gateway, key.key), 200);
	assert.equal((await gateway.cli('user', 'disable', user.id)).code, 0);
	await untilStatus(gateway, key.key, 401);
	assert.equal((await gateway.cli('user', 'enable', user.id)).code, 0);
	await untilStatus(gateway, key.key, 200);
});

test('a revoked key is refused by every loop within a second, and its use was noted', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() }, workers: 2 });
	const kept = await gateway.makeKey('acme');
	const { key, id } = await gateway.makeKey('acme');
	assert.equal(await status(gateway, kept.key), 200);
	for (let i = 0; i < 8; i++) assert.equal(await status(gateway, key), 200);
	assert.equal((await gateway.cli('key', 'revoke', id)).code, 0);
	await untilStatus(gateway, key, 401);
	for (let i = 0; i < 16; i++) assert.equal(await status(gateway, key), 401);
	await gateway.stop();
	assert.ok((await listed(gateway, kept.id)).last_used);
});
