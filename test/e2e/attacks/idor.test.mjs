// Another tenant's objects, by every way that the API's own document shows: a resource that is added there is attacked
// here without anybody having to think of it. Every attempt must look as if the thing did not exist, and change nothing.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { call, changes, describe, samples } from '../lib/api.mjs';
import { startGateway } from '../lib/gateway.mjs';
import { sql } from '../lib/sqlite.mjs';

const TABLES = ['tenant', 'account', 'role', 'api_key', 'certificate', 'oauth_client', 'oauth_grant', 'policy_rule', 'upstream', 'toolset', 'blocked'];
const VOLATILE = new Set(['last_used_ms', 'last_login_ms']);

/** Everything that is the victim's, or nobody's. */
async function belongings(gateway, victim) {
	const kept = {};
	for (const table of TABLES) {
		const rows = await sql(path.join(gateway.data, 'gatehouse.db'), `SELECT * FROM ${table}`);
		kept[table] = rows.filter((row) => ('tenant_id' in row ? [victim, ''].includes(row.tenant_id) : table === 'blocked' || row.id === victim))
			.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !VOLATILE.has(name))));
	}
	return kept;
}

test('no operation reaches into another tenant', async (t) => {
	const gateway = await startGateway(t, { upstreams: {} });
	const victimKey = (await gateway.makeKey('victim', '--role', 'owner')).key;
	const attackerKey = (await gateway.makeKey('attacker', '--role', 'owner')).key;
	const victim = (await call(gateway, 'GET', '/me', { key: victimKey })).json.tenant_id;
	const { operations } = await describe(gateway);

	// One object of each kind; the trail has rows of its own by then.
	const ids = {};
	const etags = {};
	for (const name of Object.keys(samples())) {
		const body = samples(1, ids['service-accounts'])[name];
		const made = await call(gateway, 'POST', `/tenants/self/${name}`, { key: victimKey, body });
		assert.equal(made.status, 201, `${name}: ${made.text}`);
		ids[name] = made.json.id ?? made.json.name;
		etags[name] = made.headers.etag;
	}
	const trail = (await call(gateway, 'GET', '/tenants/self/audit', { key: victimKey })).json.items;
	ids.audit = String(trail[0].seq);
	const before = await belongings(gateway, victim);
	const secrets = [victim, ...Object.values(ids).filter((id) => id.length === 26)];
	let attempts = 0;

	async function attack(operation, at) {
		const name = operation.path.split('/').findLast((part) => part in samples() || part === 'audit') ?? 'tenants';
		const body = { GET: undefined, DELETE: undefined, PATCH: changes[name] ?? {}, POST: operation.path.endsWith('}') || operation.path.split('/').length > 4 ? {} : samples(99)[name] ?? {} };
		for (const etag of ['*', etags[name] ?? '*']) {
			const answer = await call(gateway, operation.method, at, { key: attackerKey, body: body[operation.method], headers: { 'if-match': etag } });
			attempts++;
			assert.ok([403, 404].includes(answer.status), `${operation.method} ${at}: ${answer.status} ${answer.text}`);
			for (const secret of secrets) assert.ok(!answer.text.includes(secret) || at.includes(secret), `${operation.method} ${at} names ${secret}`);
		}
	}

	for (const operation of operations) {
		const name = operation.path.split('/').findLast((part) => part in ids);
		const id = encodeURIComponent(ids[name] ?? '01M0000000000000000000000');
		if (operation.path.startsWith('/tenants/{tenant}')) {
			for (const tenant of ['victim', victim]) await attack(operation, operation.path.replace('{tenant}', tenant).replace('{id}', id));
			// The victim's id below the attacker's own tenant; names are anybody's.
			if (operation.path.includes('{id}') && !['roles'].includes(name)) await attack(operation, operation.path.replace('{tenant}', 'self').replace('{id}', id));
		} else if (operation.path.startsWith('/tenants/{id}')) {
			for (const tenant of ['victim', victim]) await attack(operation, operation.path.replace('{id}', tenant));
		} else if (operation['x-permission'] === 'operate') {
			await attack(operation, operation.path.replace('{id}', id));
		}
	}
	assert.ok(attempts > 100, `${attempts} attempts`);
	assert.deepEqual(await belongings(gateway, victim), before, 'nothing of the victim has changed');

	// Lists of everything show the attacker's own alone.
	const tenants = (await call(gateway, 'GET', '/tenants', { key: attackerKey })).json.items;
	assert.deepEqual(tenants.map((one) => one.name), ['attacker']);
	const rows = (await call(gateway, 'GET', '/tenants/self/audit?limit=200', { key: attackerKey })).json.items;
	assert.ok(rows.every((row) => row.tenant_id !== victim));

	// What exists and what does not are told alike.
	const [real, made] = await Promise.all([`/tenants/victim/keys/${ids.keys}`, '/tenants/nosuch/keys/01M0000000000000000000000']
		.map((at) => call(gateway, 'GET', at, { key: attackerKey })));
	const plain = (answer) => ({ ...answer.json, request_id: '' });
	assert.deepEqual(plain(real), plain(made));
});
