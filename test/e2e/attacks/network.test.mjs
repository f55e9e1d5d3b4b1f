// What a stranger on the network can write into a request line, a header or an address does not carry it further than it may go.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { stdioFixture } from '../lib/fixture.mjs';
import { scope, startGateway } from '../lib/gateway.mjs';
import { modern, modernBody, modernHeaders } from '../lib/mcp.mjs';
import { Connection, request } from '../lib/raw.mjs';
import { until } from '../lib/wait.mjs';

const file = scope(after);
const gateway = await startGateway(file, { upstreams: { fx: stdioFixture() }, config: { toolsets: { small: { include: ['fx.echo'] } } } });
await gateway.settled();

const list = (target, headers = {}) => request(target, { headers: { ...modernHeaders(target, 'tools/list'), ...headers }, body: JSON.stringify(modernBody('tools/list')) });

test('no address that a client claims gets it around a limit', async (t) => {
	const limited = await startGateway(t, { upstreams: {}, limits: { per_ip: '5/1h', auth_failures: 3, auth_block: '1h' } });
	const claims = (i) => [
		{ 'x-forwarded-for': `203.0.113.${i}` },
		{ 'x-forwarded-for': `203.0.113.${i}, 127.0.0.1` },
		{ forwarded: `for=203.0.113.${i}` },
		{ 'x-real-ip': `203.0.113.${i}` },
		{ 'x-forwarded-for': `203.0.113.${i}`, forwarded: `for="[2001:db8::${i}]"` },
		{ 'true-client-ip': `203.0.113.${i}`, 'cf-connecting-ip': `203.0.113.${i}` },
	];
	const statuses = [];
	for (let i = 1; i <= 3; i++) {
		for (const headers of claims(i)) statuses.push((await list(limited, headers)).status);
	}
	assert.deepEqual(statuses.slice(0, 5), [200, 200, 200, 200, 200]);
	assert.ok(statuses.slice(5).every((status) => status === 429), `${statuses}`);

	const from = { port: limited.port, key: `gh_${'A'.repeat(43)}`, localAddress: '127.0.0.8' };
	const refusals = [];
	for (let i = 1; i <= 6; i++) refusals.push((await list(from, { 'x-forwarded-for': `198.51.100.${i}` })).status);
	assert.deepEqual(refusals, [401, 401, 401, 429, 429, 429]);
});

test('behind a trusted proxy, what was there before it came is not believed', async (t) => {
	const proxied = await startGateway(t, { upstreams: {}, limits: { per_ip: '4/1h' }, config: { trusted_proxies: ['127.0.0.1'] } });
	const statuses = [];
	// The proxy appends who it saw; everything left of that is the client's own invention.
	for (let i = 1; i <= 8; i++) statuses.push((await list(proxied, { 'x-forwarded-for': `203.0.113.${i}, 198.51.100.7` })).status);
	assert.deepEqual(statuses, [200, 200, 200, 200, 429, 429, 429, 429]);
	assert.equal((await list(proxied, { 'x-forwarded-for': '198.51.100.8' })).status, 200, 'another client of the proxy');
});

test('no path leads out of the routes, and none to another one', async () => {
	const paths = [
		'/mcp/../api/v1/tenants', '/mcp/..%2fapi/v1/tenants', '/mcp/%2e%2e/api/v1/tenants', '/mcp/%2e%2e%2fapi/v1/tenants', '/mcp/..;/api/v1/tenants', '/mcp//../../etc/passwd',
		'/mcp/small/../../api/v1/tenants', '/.well-known/../api/v1/tenants', '/.well-known/oauth-protected-resource/../../etc/passwd',
		'/assets/../../gatehouse.yaml', '/login/..%2f..%2fetc%2fpasswd/callback', '/mcp\\..\\api\\v1', '/%6dcp%00/api/v1/tenants', '/mcp/%c0%ae%c0%ae/api/v1/tenants',
		'//api/v1/tenants', '/./api/v1/tenants', '/health/../api/v1/me', '/api/v1/../../api/v1/tenants', '/api/v1/tenants/..%2f..%2fme', '/api/v1/tenants/%2e%2e',
	];
	const stranger = { port: gateway.port, localAddress: '127.0.0.8' };
	for (const path of paths) {
		for (const method of ['GET', 'POST']) {
			const { status, text } = await request(stranger, { method, path, headers: { 'content-type': 'application/json' }, body: method === 'POST' ? '{}' : undefined });
			assert.ok([400, 401, 403, 404, 405].includes(status), `${method} ${path}: ${status}`);
			assert.doesNotMatch(text, /root:|upstreams|"tenants"|gatehouse_/, `${method} ${path}`);
		}
	}
});

test('nothing of a request becomes a header of an answer', async () => {
	const evil = 'x\r\nSet-Cookie: planted=1\r\nX-Planted: 1';
	const escaped = encodeURIComponent(evil);
	const tries = [
		{ method: 'GET', path: `/mcp/${escaped}` },
		{ method: 'GET', path: `/oauth/authorize?client_id=${escaped}&redirect_uri=${escaped}&state=${escaped}` },
		{ method: 'GET', path: `/login?return_to=${escaped}` },
		{ method: 'GET', path: `/login/${escaped}/callback?state=${escaped}&code=${escaped}&error=${escaped}` },
		{ method: 'GET', path: `/.well-known/oauth-protected-resource/${escaped}` },
		{ method: 'GET', path: `/api/v1/tenants/${escaped}` },
		{ method: 'OPTIONS', path: '/mcp', headers: { origin: 'http://localhost', 'access-control-request-headers': `mcp-param-${escaped}` } },
	];
	for (const options of tries) {
		const { headers } = await request(gateway, options);
		assert.equal(headers['x-planted'], undefined, options.path);
		assert.doesNotMatch(headers['set-cookie'] ?? '', /planted/, options.path);
	}
	for (const name of ['x-request-id', 'mcp-session-id', 'last-event-id', 'traceparent']) {
		const connection = await Connection.open(gateway);
		await connection.write(Buffer.from(`POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n${name}: a\rX-Planted: 1\r\n\r\n`, 'latin1'));
		assert.equal((await connection.response()).status, 400, `a bare CR in ${name}`);
		connection.destroy();
	}
	const id = (await list(gateway, { 'x-request-id': 'ok\x01' }).catch(() => ({ headers: {} }))).headers['x-request-id'];
	assert.notEqual(id, 'ok\x01');
});

test('a foreign page can do nothing with the gateway, whatever the browser sends along', async () => {
	const foreign = { origin: 'https://evil.example' };
	for (const [method, path] of [['POST', '/mcp'], ['POST', '/login'], ['POST', '/logout'], ['POST', '/oauth/authorize'], ['POST', '/api/v1/tenants'], ['DELETE', '/mcp']]) {
		const { status, headers } = await request(gateway, { method, path, headers: { ...foreign, 'content-type': 'application/x-www-form-urlencoded', authorization: `Bearer ${gateway.key}` }, body: 'a=b' });
		assert.ok([400, 403, 405].includes(status), `${method} ${path}: ${status}`);
		assert.notEqual(headers['access-control-allow-origin'], 'https://evil.example', path);
		assert.equal(headers['access-control-allow-credentials'], undefined, path);
	}
	const { status } = await request(gateway, { path: '/mcp', headers: { ...modernHeaders(gateway, 'tools/list'), host: 'evil.example' }, body: JSON.stringify(modernBody('tools/list')) });
	assert.equal(status, 403, 'a name that was pointed at 127.0.0.1');
});

test('a name that leads inside is not followed', async (t) => {
	// An address, or localhost, that the operator wrote down is meant; another name may be anybody's, and the resolver reads many things as an address.
	const inside = { decimal: 'http://2130706433:9/mcp', octal: 'http://0177.0.0.1:9/mcp', short: 'http://127.1:9/mcp', hexadecimal: 'http://0x7f000001:9/mcp' };
	const guarded = await startGateway(t, { upstreams: Object.fromEntries(Object.entries(inside).map(([name, url]) => [name, { http: { url } }])) });
	for (const name of Object.keys(inside)) {
		const { last_error: why } = await until(`${name} to fail`, async () => {
			const upstream = await guarded.upstream(name);
			return upstream?.state === 'down' && upstream;
		});
		assert.match(why, /private address|host name could not be resolved/, `${name}: ${why}`);
	}
	assert.deepEqual((await modern(guarded, 'tools/list')).message.result.tools, []);
});
