// Client certificates as credentials: bound to a service account, refused in every other state, last in the order.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { stdioFixture } from './lib/fixture.mjs';
import { prepareGateway } from './lib/gateway.mjs';
import { modern, modernCall, modernStream } from './lib/mcp.mjs';
import { Connection, request } from './lib/raw.mjs';
import { sql } from './lib/sqlite.mjs';
import { makeAuthority, makeBriefCertificate, makeCertificate } from './lib/tls.mjs';
import { until, within } from './lib/wait.mjs';

/** A gateway that asks TLS clients for certificates, a plain door for the API, and a service account. */
async function start(t, config = {}) {
	const gateway = await prepareGateway(t, { tenants: ['acme', 'other'] });
	const authority = await makeAuthority(gateway.root, 'authority');
	const clients = await makeAuthority(gateway.root, 'clients');
	const server = await makeCertificate(gateway.root, 'server', authority);
	const owner = (await gateway.makeKey('acme', '--role', 'owner')).key;
	gateway.configure({
		listen: [{ address: '127.0.0.1:0', tls: { cert: server.cert, key: server.key, client_ca: clients.cert } }, '127.0.0.1:0'],
		upstreams: { fx: stdioFixture() },
		workers: 1, // so that what one connection has seen of a change the next one sees, too
		config,
	});
	await gateway.start();
	await until('the second listener', () => gateway.listeners().length === 2);
	const plain = { port: Number(/(\d+)$/.exec(gateway.listeners()[1])[1]) };
	await until('the tool', async () => (await modernCall({ ...plain, key: owner }, 'fx_echo', { a: 1 })).message.result !== undefined);

	const ca = fs.readFileSync(authority.cert);
	/** What a client with this certificate talks to; no key unless `more` has one. */
	const target = (made, more = {}) => ({
		port: gateway.port,
		tls: { ca, servername: 'localhost', ...(made === null ? {} : { cert: fs.readFileSync(made.cert), key: fs.readFileSync(made.key) }) },
		...more,
	});
	const api = (method, where, body, { key = owner, headers = {} } = {}) => request(plain, {
		method,
		path: `/api/v1/tenants/self${where}`,
		headers: { 'x-api-key': key, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
		body: body === undefined ? undefined : JSON.stringify(body),
	});
	const machine = (await api('POST', '/service-accounts', { name: 'press', role: 'member' })).json;
	const make = (name) => makeCertificate(gateway.root, name, clients);
	const bind = async (made, more = {}) => {
		const answer = await api('POST', '/certificates', { user_id: machine.id, pem: fs.readFileSync(made.cert, 'utf8'), ...more });
		assert.equal(answer.status, 201, answer.text);
		return answer.json;
	};
	const calls = (made, options = {}) => modernCall(target(made, options.target), 'fx_echo', { a: 1 }, options);
	const works = (made) => until('the certificate to work', async () => (await calls(made)).message.result?.structuredContent?.a === 1);
	const refused = (made) => until('the certificate to be refused', async () => (await calls(made)).status === 401);
	return { gateway, plain, clients, owner, target, api, machine, make, bind, calls, works, refused };
}

const fingerprintOf = ({ cert }) => new X509Certificate(fs.readFileSync(cert)).fingerprint256;

test('a bound certificate is its service account', async (t) => {
	const { gateway, target, api, machine, make, bind, calls, works } = await start(t);
	const client = await make('client');
	const before = await calls(client);
	assert.equal(before.status, 401);
	assert.match(before.message.error_description, /gatehouse certificate create/);
	assert.equal(before.message.error, 'unauthorized');
	assert.equal((await calls(null)).status, 401);

	const bound = await bind(client, { name: 'the press' });
	assert.equal(bound.id, fingerprintOf(client).replaceAll(':', '').toLowerCase());
	assert.equal(bound.pem, undefined);
	await works(client);
	const answer = await calls(client);
	assert.deepEqual(answer.message.result.structuredContent, { a: 1 });
	const connection = await Connection.open(target(client));
	for (let i = 0; i < 3; i++) assert.equal((await calls(client, { connection })).status, 200);
	connection.destroy();
	const me = await request(target(client), { method: 'GET', path: '/api/v1/me' });
	assert.equal(me.status, 200, me.text);
	assert.equal(me.json.credential, 'certificate');
	assert.equal(me.json.role, 'member');
	const rows = await sql(path.join(gateway.data, 'gatehouse.db'), "SELECT event, principal, target FROM audit WHERE event IN ('mcp.tool_called', 'certificate.created', 'api_key.auth_success')");
	assert.ok(rows.some((row) => row.event === 'mcp.tool_called' && row.principal === machine.id));
	assert.ok(rows.some((row) => row.event === 'certificate.created' && row.target === bound.id));
	assert.ok(rows.some((row) => row.event === 'api_key.auth_success' && row.principal === machine.id && bound.id.startsWith(row.target)));

	assert.deepEqual((await api('GET', '/certificates')).json.items, [bound]);
	assert.equal((await api('POST', '/certificates', { user_id: machine.id, fingerprint: fingerprintOf(client) })).status, 409);
});

test('unbound, of another authority, expired, disabled, deleted', async (t) => {
	const { gateway, target, clients, api, machine, make, bind, calls, works, refused } = await start(t);
	const strangers = await makeAuthority(gateway.root, 'strangers');
	const foreign = await makeCertificate(gateway.root, 'foreign', strangers);
	const over = await makeCertificate(gateway.root, 'over', clients, 0);
	for (const made of [foreign, over]) {
		await bind(made);
		await assert.rejects(calls(made), 'the handshake fails, bound or not');
	}
	const client = await make('client');
	const { id } = await bind(client);
	await works(client);
	const account = () => api('GET', `/service-accounts/${machine.id}`);
	const set = async (disabled) => {
		const answer = await api('PATCH', `/service-accounts/${machine.id}`, { disabled }, { headers: { 'if-match': (await account()).headers.etag } });
		assert.equal(answer.status, 200, answer.text);
	};
	await set(true);
	await refused(client);
	await set(false);
	await works(client);

	const kept = await Connection.open(target(client));
	assert.equal((await calls(client, { connection: kept })).status, 200);
	const stream = await modernStream(target(client), 'subscriptions/listen', { notifications: { toolsListChanged: true } });
	await stream.next();
	assert.equal((await api('DELETE', `/certificates/${id}`)).status, 204);
	await within('the end of the stream', stream.rest(), 5000);
	await until('the open connection to be refused', async () => (await calls(client, { connection: kept })).status === 401);
	kept.destroy();
	stream.connection.destroy();
	await refused(client);
	assert.equal((await api('GET', `/certificates/${id}`)).status, 404);

	const last = await make('last');
	await bind(last);
	await works(last);
	assert.equal((await api('DELETE', `/service-accounts/${machine.id}`)).status, 204);
	await refused(last);
});

test('a certificate that ends while its connection is open', async (t) => {
	const { gateway, target, clients, bind, calls, works } = await start(t);
	const brief = await makeBriefCertificate(gateway.root, 'brief', clients, 6);
	await bind(brief);
	await works(brief);
	const kept = await Connection.open(target(brief));
	assert.equal((await calls(brief, { connection: kept })).status, 200);
	const stream = await modernStream(target(brief), 'subscriptions/listen', { notifications: { toolsListChanged: true } });
	await stream.next();
	await until('the open connection to be refused', async () => (await calls(brief, { connection: kept })).status === 401);
	await within('the end of the stream', stream.rest(), 5000);
	kept.destroy();
	stream.connection.destroy();
});

test('headers are not certificates, and a credential in a header wins', async (t) => {
	const { gateway, plain, target, machine, make, bind, works } = await start(t, { trusted_proxies: ['127.0.0.9/32'] });
	const client = await make('client');
	const stranger = await make('stranger');
	await bind(client);
	await works(client);
	const pem = fs.readFileSync(client.cert, 'utf8').replaceAll('\n', '');
	const headers = {
		'x-client-cert': pem, 'client-cert': pem, 'x-forwarded-client-cert': `Hash=${fingerprintOf(client)}`,
		'x-ssl-client-verify': 'SUCCESS', 'x-ssl-client-cert': pem, 'x-ssl-client-fingerprint': fingerprintOf(client),
	};
	for (const where of [plain, target(null), target(stranger), { ...plain, localAddress: '127.0.0.9' }]) {
		assert.equal((await modern(where, 'tools/list', {}, { headers })).status, 401);
	}
	assert.equal((await modern({ ...target(client), localAddress: '127.0.0.9' }, 'tools/list')).status, 401, 'a trusted proxy shows its own');

	const me = (key, more = {}) => request(target(client), { method: 'GET', path: '/api/v1/me', headers: { ...(key ? { 'x-api-key': key } : {}), ...more } });
	assert.equal((await me(gateway.keys.other)).json.tenant, 'other');
	assert.equal((await me(gateway.keys.other)).json.credential, 'key');
	assert.equal((await me(`gh_${'A'.repeat(43)}`)).status, 401, 'a wrong key does not fall back');
	assert.equal((await me(null)).json.user_id ?? machine.id, machine.id);
	assert.equal((await me(null, { cookie: 'a=b' })).status, 401, 'in a browser the session counts');
	assert.equal((await me(null, { origin: 'https://evil.example' })).json.error, 'HTTP_ORIGIN');

	const connection = await Connection.open(target(client));
	const tenants = [];
	for (const key of [undefined, gateway.keys.other, undefined]) {
		const answer = await modern({ ...target(client), key }, 'tools/list', {}, { connection });
		tenants.push(answer.status);
	}
	assert.deepEqual(tenants, [200, 200, 200]);
	connection.destroy();
});

test('who may bind what', async (t) => {
	const { gateway, plain, api, machine, make, bind, calls } = await start(t);
	const client = await make('client');
	const pem = fs.readFileSync(client.cert, 'utf8');
	const admin = (await gateway.makeKey('acme', '--role', 'admin')).key;
	const member = (await gateway.makeKey('acme', '--role', 'member')).key;
	const narrow = (await gateway.makeKey('acme', '--role', 'owner', '--scopes', 'api')).key;
	const foreigner = (await gateway.makeKey('other', '--role', 'owner')).key;
	const boss = (await api('POST', '/service-accounts', { name: 'boss', role: 'owner' })).json;
	const person = (await api('POST', '/users', { email: 'ada@example.com', role: 'member' })).json;
	const ask = (body, options) => api('POST', '/certificates', body, options);

	assert.equal((await ask({ user_id: machine.id, pem }, { key: member })).status, 403);
	assert.equal((await ask({ user_id: boss.id, pem }, { key: admin })).json.error, 'API_ESCALATION');
	assert.equal((await ask({ user_id: machine.id, pem }, { key: narrow })).json.error, 'API_ESCALATION');
	for (const [body, pointer, options] of [
		[{ user_id: machine.id, pem }, '/user_id', { key: foreigner }],
		[{ user_id: person.id, pem }, '/user_id'],
		[{ pem }, '/user_id'],
		[{ user_id: machine.id }, '/pem'],
		[{ user_id: machine.id, pem, fingerprint: fingerprintOf(client) }, '/pem'],
		[{ user_id: machine.id, pem: 'nothing' }, '/pem'],
		[{ user_id: machine.id, pem: pem + fs.readFileSync(client.key, 'utf8') }, '/pem'],
		[{ user_id: machine.id, fingerprint: 'a1b2' }, '/fingerprint'],
		[{ user_id: machine.id, name: 'two\nlines', pem }, '/name'],
	]) {
		const answer = await ask(body, options);
		assert.equal(answer.status, 422, answer.text);
		assert.equal(answer.json.pointer, pointer, answer.text);
	}
	assert.equal((await calls(client)).status, 401);
	const { id } = await bind(client);
	assert.equal((await api('GET', `/certificates/${id}`, undefined, { key: foreigner })).status, 404);
	assert.equal((await api('DELETE', `/certificates/${id}`, undefined, { key: foreigner })).status, 404);
	assert.deepEqual((await api('GET', '/certificates', undefined, { key: foreigner })).json.items, []);
	assert.equal((await request(plain, { method: 'GET', path: '/api/v1/tenants/self/certificates' })).status, 401);

	// The command line does the same.
	assert.equal((await gateway.cli('certificate', 'delete', id, '--tenant', 'acme')).code, 0);
	const made = await gateway.cliJson('certificate', 'create', '--tenant', 'acme', '--user-id', machine.id, '--pem', `@${client.cert}`);
	assert.equal(made.id, id);
	assert.deepEqual(await gateway.cliJson('certificate', 'show', id, '--tenant', 'acme'), made);
	assert.equal((await gateway.cli('certificate', 'create', '--tenant', 'acme', '--user-id', machine.id, '--pem', '@/nowhere')).code, 2);
	await until('the certificate to work', async () => (await calls(client)).status === 200);
});
