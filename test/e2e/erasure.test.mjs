// Handing out and forgetting people and tenants: afterwards nothing in the data directory names them, their addresses
// in the trail are unreadable, and the trail verifies all the same.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modernCall } from './lib/mcp.mjs';
import { makeUser } from './lib/people.mjs';
import { sql, stored, tablesWith } from './lib/sqlite.mjs';
import { until } from './lib/wait.mjs';

const EMAIL = 'zaphod.planted@acme.example';

/** Files of the data directory, the log, and the database wherever it is, as far as they hold this text. */
async function holders(gateway, text) {
	const files = fs.readdirSync(gateway.data, { recursive: true }).map((name) => path.join(gateway.data, name)).filter((file) => fs.statSync(file).isFile());
	const others = { 'the log': gateway.allStderr, 'the database': await stored(gateway) };
	return [...files.filter((file) => fs.readFileSync(file).includes(text)), ...Object.keys(others).filter((name) => others[name].includes(text))];
}

async function prepare(t) {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	await makeUser(gateway, { tenant: 'acme', email: EMAIL, role: 'member' });
	const [user] = await sql(`${gateway.data}/gatehouse.db`, `SELECT id, tenant_id FROM account WHERE email = '${EMAIL}'`);
	const made = await gateway.makeKey('acme', '--user', user.id, '--name', 'planted-key-name');
	const key = { ...gateway.as('acme'), key: made.key };
	const answer = await modernCall(key, 'fx_echo', { a: 1 });
	assert.equal(answer.status, 200, answer.text);
	const row = await until('the row', async () => (await gateway.cliJson('audit', 'list')).find(({ event, principal }) => event === 'mcp.tool_called' && principal === user.id));
	assert.equal(row.ip, '127.0.0.1');
	return { gateway, user, key, made };
}

test('a user is exported, then erased: no trace but rows that name nobody', async (t) => {
	const { gateway, user, key, made } = await prepare(t);
	const exported = await gateway.cli('user', 'export', user.id);
	assert.equal(exported.code, 0, exported.stderr);
	const all = JSON.parse(exported.stdout);
	assert.equal(all.tables.account[0].email, EMAIL);
	assert.equal(all.tables.api_key[0].name, 'planted-key-name');
	assert.ok(all.audit.some(({ event, ip }) => event === 'mcp.tool_called' && ip === '127.0.0.1'));
	assert.equal(all.audit_complete, true);
	assert.ok(!exported.stdout.includes('argon2') && !exported.stdout.includes(made.key));
	assert.notEqual((await holders(gateway, EMAIL)).length, 0, 'the test can fail');

	assert.notEqual((await gateway.cli('user', 'erase', user.id)).code, 0, 'not without --yes');
	const erased = await gateway.cli('user', 'erase', user.id, '--yes');
	assert.equal(erased.code, 0, erased.stderr);
	assert.deepEqual(await holders(gateway, EMAIL), []);
	assert.deepEqual(await holders(gateway, 'planted-key-name'), []);
	await until('the key to be refused', async () => (await modernCall(key, 'fx_echo', {})).status === 401);
	const rows = (await gateway.cliJson('audit', 'list')).filter(({ principal }) => principal === user.id);
	assert.ok(rows.length > 0 && rows.every(({ ip }) => ip === ''), 'addresses can be read by nobody');
	assert.equal((await gateway.cli('audit', 'verify')).code, 0);
	assert.notEqual((await gateway.cli('user', 'erase', user.id, '--yes')).code, 0, 'once');
	await gateway.stop();
	assert.deepEqual(await holders(gateway, EMAIL), []);
});

test('a tenant is erased with everything it owns', async (t) => {
	const { gateway, user, key } = await prepare(t);
	await gateway.makeKey('rival');
	const erased = await gateway.cli('tenant', 'erase', 'acme', '--yes');
	assert.equal(erased.code, 0, erased.stderr);
	assert.deepEqual(await holders(gateway, EMAIL), []);
	const tables = (await tablesWith(`${gateway.data}/gatehouse.db`, 'tenant_id')).filter((name) => !/^(audit|person_key)/.test(name));
	assert.ok(tables.length >= 10);
	for (const name of tables) assert.deepEqual(await sql(`${gateway.data}/gatehouse.db`, `SELECT * FROM ${name} WHERE tenant_id = '${user.tenant_id}'`), [], name);
	const keys = await sql(`${gateway.data}/gatehouse.db`, 'SELECT length(key) AS n FROM person_key');
	assert.ok(keys.length > 0 && keys.every(({ n }) => n === 0));
	await until('its key to be refused', async () => (await modernCall(key, 'fx_echo', {})).status === 401);
	assert.equal((await modernCall(gateway.as('rival'), 'fx_echo', {})).status, 200);
	assert.equal((await gateway.cli('audit', 'verify')).code, 0);
});
