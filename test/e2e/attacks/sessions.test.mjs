// A browser's cookie is worth nothing beyond its own tenant, its own forms and its own pages.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { call } from '../lib/api.mjs';
import { scope, startGateway } from '../lib/gateway.mjs';
import { modernBody, modernHeaders } from '../lib/mcp.mjs';
import { hiddenFields, makeUser, Visitor } from '../lib/people.mjs';
import { request } from '../lib/raw.mjs';

const file = scope(after);
const gateway = await startGateway(file, { upstreams: {} });
await gateway.makeKey('umbrella');
const ann = await makeUser(gateway, { tenant: 'acme', email: 'ann@acme.example', role: 'owner' });
const eve = await makeUser(gateway, { tenant: 'umbrella', email: 'eve@umbrella.example', role: 'owner' });
const origin = `http://127.0.0.1:${gateway.port}`;

async function signedIn(user) {
	const visitor = new Visitor(origin);
	assert.equal((await visitor.signIn(user)).status, 303);
	visitor.cookie = [...visitor.cookies].map((pair) => pair.join('=')).join('; ');
	return visitor;
}

const asCookie = (visitor, method, path, { headers = {}, body } = {}) => call(gateway, method, path, { key: null, body, headers: { cookie: visitor.cookie, origin, ...headers } });

test('a stolen cookie opens its own tenant and no other', async () => {
	const thief = await signedIn(eve);
	assert.equal((await asCookie(thief, 'GET', '/me')).json.tenant, 'umbrella');
	const { json: own } = await call(gateway, 'GET', '/tenants/self', { key: gateway.keys.acme });
	for (const tenant of ['acme', own?.id ?? 'acme']) {
		for (const path of ['', '/users', '/keys', '/audit', `/users/${ann.id}`, '/upstreams', '/rules', '/clients', '/grants']) {
			const { status, text } = await asCookie(thief, 'GET', `/tenants/${tenant}${path}`);
			assert.equal(status, 404, `${tenant}${path}`);
			assert.ok(!text.includes(ann.email));
		}
	}
	assert.equal((await asCookie(thief, 'GET', `/tenants/self/users/${ann.id}`)).status, 404);
});

test('a cookie changes nothing without the token of its session, nor with another one\'s', async () => {
	const [one, other] = [await signedIn(ann), await signedIn(ann)];
	const token = async (visitor) => hiddenFields((await visitor.get('/login')).text).csrf ?? hiddenFields((await visitor.get('/account')).text).csrf;
	const body = { name: 'made by a form', role: 'viewer' };
	const tokens = [undefined, '', 'x'.repeat(43), await token(other)];
	for (const csrf of tokens) {
		const { status } = await asCookie(one, 'POST', '/tenants/self/keys', { body, headers: csrf === undefined ? {} : { 'x-csrf-token': csrf } });
		assert.ok(status === 401 || status === 403, `${csrf}: ${status}`);
	}
	const foreign = await asCookie(one, 'POST', '/tenants/self/keys', { body, headers: { 'x-csrf-token': await token(one), origin: 'https://evil.example' } });
	assert.equal(foreign.status, 403);
	const own = await asCookie(one, 'POST', '/tenants/self/keys', { body: { ...body, name: 'made by its owner' }, headers: { 'x-csrf-token': await token(one) } });
	assert.equal(own.status, 201, own.text);
	assert.equal((await call(gateway, 'GET', '/tenants/self/keys', { key: (await gateway.makeKey('acme', '--role', 'owner')).key })).json.items.filter(({ name }) => name === body.name).length, 0);
});

test('a cookie is no credential where tools are', async () => {
	const visitor = await signedIn(ann);
	for (const path of ['/mcp', '/sse', '/metrics', '/status']) {
		const { status } = await request(gateway, { method: path === '/mcp' ? 'POST' : 'GET', path, headers: { ...modernHeaders(gateway, 'tools/list'), authorization: null, cookie: visitor.cookie },
			body: path === '/mcp' ? JSON.stringify(modernBody('tools/list')) : undefined });
		if (path === '/mcp' || path === '/sse') assert.equal(status, 401, path);
	}
});

test('a cookie that was changed, doubled or planted is nobody\'s', async () => {
	const visitor = await signedIn(ann);
	const [[name, value]] = visitor.cookies;
	const flipped = `${value.slice(0, 9)}${value[9] === 'A' ? 'B' : 'A'}${value.slice(10)}`;
	for (const cookie of [`${name}=${flipped}`, `${name}=${value}x`, `${name}=`, `${name}=${value}; ${name}=${flipped}`, `${name}=${flipped}; ${name}=${value}`, `${name}="${value}"x`, `x${name}=${value}`]) {
		assert.equal((await call(gateway, 'GET', '/me', { key: null, headers: { cookie } })).status, 401, cookie.replaceAll(value, '…'));
	}
	assert.equal((await asCookie(visitor, 'GET', '/me')).status, 200);
	await visitor.post('/logout', hiddenFields((await visitor.get('/logout')).text));
	assert.equal((await asCookie(visitor, 'GET', '/me')).status, 401, 'after signing out');
});

test('a cookie gets nobody around the limits of a caller', async (t) => {
	const limited = await startGateway(t, { upstreams: {}, limits: { per_principal: '5/1h' } });
	const user = await makeUser(limited, { email: 'bob@acme.example', role: 'owner' });
	const visitor = new Visitor(`http://127.0.0.1:${limited.port}`);
	assert.equal((await visitor.signIn(user)).status, 303);
	const cookie = [...visitor.cookies].map((pair) => pair.join('=')).join('; ');
	const statuses = [];
	for (let i = 0; i < 7; i++) statuses.push((await call(limited, 'GET', '/me', { key: null, headers: { cookie } })).status);
	assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429, 429]);
});
