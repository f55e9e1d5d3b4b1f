// Limits of a caller, and what a flood of refusals leaves in the trail.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modern } from './lib/mcp.mjs';
import { sql } from './lib/sqlite.mjs';

const ask = async (gateway, key, headers = {}) => modern({ port: gateway.port, key }, 'tools/list', {}, { headers });
const rows = (gateway, event) => sql(`${gateway.data}/gatehouse.db`, `SELECT target FROM audit WHERE event = '${event}'`);

test('one caller is bounded with all of their keys; others go on; a flood leaves one row', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() }, limits: { per_principal: '5/min' } });
	await gateway.makeKey('acme');
	const user = await gateway.cliJson('user', 'create', '--tenant', 'acme', '--email', 'ada@acme.example');
	const keys = [await gateway.makeKey('acme', '--user', user.id), await gateway.makeKey('acme', '--user', user.id)];
	for (let i = 0; i < 5; i++) assert.equal((await ask(gateway, keys[i % 2].key)).status, 200);
	for (let i = 0; i < 20; i++) {
		// Who is not behind a trusted proxy is the address that they come from, and no header makes them another one.
		const refused = await ask(gateway, keys[i % 2].key, { 'x-forwarded-for': `198.51.100.${i}` });
		assert.equal(refused.status, 429);
		assert.ok(Number(refused.headers['retry-after']) > 0);
	}
	assert.equal((await ask(gateway, gateway.key)).status, 200);
	await gateway.stop();
	assert.deepEqual(await rows(gateway, 'rate_limit.exceeded'), [{ target: 'per_principal' }]);
});

test('a header names no other address, and guessing leaves ten rows a minute', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	await gateway.makeKey('acme');
	for (let i = 0; i < 30; i++) {
		const guess = `gh_${'A'.repeat(41)}${String(i).padStart(2, '0')}`;
		assert.equal((await ask(gateway, guess, { 'x-forwarded-for': `198.51.100.${i}` })).status, 401);
	}
	await gateway.stop();
	const found = await rows(gateway, 'api_key.auth_failure');
	assert.equal(found.length, 10);
});
