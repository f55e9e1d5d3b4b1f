// The HTTP a well-behaved client sees: browsers and their preflights, Origin and Host, HEAD,
// Expect, compression, paths and methods, event streams on the wire.
import assert from 'node:assert/strict';
import zlib from 'node:zlib';
import { after, before, describe, test } from 'node:test';
import { startFixture } from './lib/fixture.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { baseHeaders, modern, modernBody, modernHeaders, modernStream, openSession } from './lib/mcp.mjs';
import { Connection, request, requestBytes } from './lib/raw.mjs';
import { until } from './lib/wait.mjs';

const file = scope(after);
let gateway;

before(async () => {
	const http = await startFixture(file, ['--tools', '40']);
	gateway = await startGateway(file, {
		upstreams: { web: http.upstream() },
		limits: { keepalive: '200ms', body: '64KB' },
		config: { origins: ['https://app.example'], hosts: ['gateway.example'] },
	});
});

function preflight(headers) {
	return request(gateway, { method: 'OPTIONS', headers: { 'access-control-request-method': 'POST', ...headers } });
}

function listTools(headers = {}, target = gateway) {
	return request(target, { headers: { ...modernHeaders(target, 'tools/list'), ...headers }, body: JSON.stringify(modernBody('tools/list')) });
}

describe('browsers', () => {
	test('a preflight needs no key and names what may be sent', async () => {
		const answer = await preflight({ origin: 'https://app.example', 'access-control-request-headers': 'authorization,mcp-method,Mcp-Param-Region, x-evil' });
		assert.equal(answer.status, 204);
		assert.equal(answer.headers['access-control-allow-origin'], 'https://app.example');
		assert.match(answer.headers['access-control-allow-methods'], /GET.*POST.*DELETE/);
		const allowed = answer.headers['access-control-allow-headers'].toLowerCase().split(/, */);
		for (const name of ['authorization', 'content-type', 'accept', 'x-api-key', 'mcp-protocol-version', 'mcp-session-id', 'mcp-method', 'mcp-name', 'last-event-id', 'traceparent', 'mcp-param-region']) assert.ok(allowed.includes(name), name);
		assert.ok(!allowed.includes('x-evil'));
		assert.match(answer.headers.vary, /Origin/);
		assert.equal(answer.headers['access-control-allow-credentials'], undefined);
	});

	for (const [origin, ok] of [['https://app.example', true], ['http://localhost', true], ['http://localhost:6274', true], ['http://127.0.0.1:3000', true], ['http://[::1]:1', true],
		['https://evil.example', false], ['https://app.example.evil.example', false], ['http://localhost.evil.example', false], ['null', false], ['http://127.0.0.1.evil.example', false],
		['https://app.example:444', false], ['file://', false], ['http://localhost@evil.example', false]]) {
		test(`Origin ${origin} is ${ok ? 'let in' : 'refused'}`, async () => {
			const answer = await listTools({ origin });
			assert.equal(answer.status, ok ? 200 : 403);
			assert.equal(answer.headers['access-control-allow-origin'], ok ? origin : undefined);
			if (ok) assert.match(answer.headers['access-control-expose-headers'], /mcp-session-id/);
			else assert.equal(answer.json.error.code, -32000);
			assert.equal((await preflight({ origin })).status, ok ? 204 : 403);
		});
	}

	test('errors have the CORS headers too', async () => {
		const origin = 'https://app.example';
		for (const [options, status] of [
			[{ headers: { ...modernHeaders({}, 'tools/list'), origin }, body: '{}' }, 401],
			[{ headers: { ...baseHeaders(gateway), origin }, path: '/nope', body: '{}' }, 404],
			[{ headers: { ...baseHeaders(gateway), origin }, method: 'PUT', body: '{}' }, 405],
			[{ headers: { ...baseHeaders(gateway), origin, 'content-type': 'text/plain' }, body: '{}' }, 415],
			[{ headers: { ...baseHeaders(gateway), origin }, body: '{' }, 400],
		]) {
			const answer = await request(gateway, options);
			assert.equal(answer.status, status);
			assert.equal(answer.headers['access-control-allow-origin'], origin, String(status));
		}
	});

	for (const [host, ok] of [['localhost', true], ['LOCALHOST:1', true], ['127.0.0.1:9', true], ['[::1]:8080', true], ['gateway.example', true], ['gateway.example:443', true],
		['evil.example', false], ['localhost.evil.example', false], ['127.0.0.1.nip.io', false], ['10.0.0.1', false], ['[::2]', false]]) {
		test(`on a loopback listener Host ${host} is ${ok ? 'let in' : 'refused'}`, async () => {
			assert.equal((await listTools({ host })).status, ok ? 200 : 403);
			assert.equal((await request(gateway, { method: 'GET', path: '/status', headers: { host } })).status, ok ? 200 : 403);
		});
	}
});

describe('methods and paths', () => {
	for (const [method, path, status] of [['PUT', '/mcp', 405], ['PATCH', '/mcp', 405], ['HEAD', '/mcp', 405], ['TRACE', '/mcp', 405], ['BREW', '/mcp', 400], ['GET', '/', 404], ['POST', '/', 404], ['GET', '/mcpx', 404],
		['GET', '/MCP', 404], ['POST', '/health/live', 405], ['GET', '/health', 404], ['GET', '/health/live/', 404], ['GET', '/favicon.ico', 404]]) {
		test(`${method} ${path} is ${status}`, async () => {
			const answer = await request(gateway, { method, path, headers: baseHeaders(gateway) });
			assert.equal(answer.status, status);
			if (status === 405) assert.match(answer.headers.allow ?? '', /GET|POST/);
			if (method !== 'HEAD') assert.equal(answer.json.jsonrpc, '2.0');
		});
	}

	for (const path of ['/mcp/../../etc/passwd', '/mcp/..%2f..%2fetc/passwd', '/%00', '/mcp%00', '/mcp/%', '/mcp/%zz', '/a/./b', '//mcp', '/mcp\\..\\x']) {
		test(`GET ${path} reaches nothing`, async () => {
			const answer = await request(gateway, { method: 'GET', path, headers: baseHeaders(gateway) });
			assert.ok([400, 404].includes(answer.status), String(answer.status));
			assert.ok(!answer.text.includes('gatehouse_'));
		});
	}

	test('HEAD has the headers of GET and no body', async () => {
		const connection = await Connection.open(gateway);
		const get = await request(gateway, { method: 'GET', path: '/health/live' });
		await connection.write(requestBytes(gateway, { method: 'HEAD', path: '/health/live' }));
		const head = await connection.response({ noBody: true });
		assert.equal(head.status, 200);
		assert.equal(head.headers['content-length'], get.headers['content-length']);
		await connection.write(requestBytes(gateway, { method: 'GET', path: '/health/live' }));
		assert.equal((await connection.response()).text, get.text);
		connection.destroy();
	});

	test('OPTIONS *', async () => {
		assert.equal((await request(gateway, { method: 'OPTIONS', path: '*' })).status, 204);
	});
});

describe('bodies on the wire', () => {
	test('Expect: 100-continue is asked for the body, or refused before it', async () => {
		const body = JSON.stringify(modernBody('tools/list'));
		const connection = await Connection.open(gateway);
		await connection.write(requestBytes(gateway, { headers: { ...modernHeaders(gateway, 'tools/list'), expect: '100-continue', 'content-length': body.length } }));
		assert.equal((await connection.head()).status, 100);
		await connection.write(body);
		const answer = await connection.response();
		assert.deepEqual([answer.status, answer.interim], [200, []]);
		// The body is already there: no interim answer is needed.
		await connection.write(requestBytes(gateway, { headers: { ...modernHeaders(gateway, 'tools/list'), expect: '100-continue' }, body }));
		assert.equal((await connection.response()).status, 200);
		connection.destroy();

		const large = await Connection.open(gateway);
		await large.write(requestBytes(gateway, { headers: { ...modernHeaders(gateway, 'tools/list'), expect: '100-continue', 'content-length': 1 << 20 } }));
		const refused = await large.response();
		assert.deepEqual([refused.status, refused.interim], [413, []]);
		await large.closed();
	});

	test('large answers are compressed for who can read that', async () => {
		const plain = await listTools();
		assert.equal(plain.headers['content-encoding'], undefined);
		assert.match(plain.headers.vary, /Accept-Encoding/i);
		for (const [accept, packed] of [['gzip', true], ['deflate, gzip;q=0.5', true], ['*', true], ['x-gzip', true], ['gzip;q=0', false], ['identity', false], ['br', false], ['*;q=0, identity', false], ['', false]]) {
			const answer = await listTools({ 'accept-encoding': accept });
			assert.equal(answer.headers['content-encoding'], packed ? 'gzip' : undefined, accept);
			const text = packed ? zlib.gunzipSync(answer.body).toString() : answer.text;
			assert.deepEqual(JSON.parse(text).result.tools, plain.json.result.tools);
		}
		assert.equal((await request(gateway, { method: 'GET', path: '/health/live', headers: { 'accept-encoding': 'gzip' } })).headers['content-encoding'], undefined);
	});

	test('Content-Encoding of requests is not supported and not ignored', async () => {
		const body = zlib.gzipSync(JSON.stringify(modernBody('tools/list')));
		const answer = await request(gateway, { headers: { ...modernHeaders(gateway, 'tools/list'), 'content-encoding': 'gzip' }, body });
		assert.ok([400, 415].includes(answer.status), String(answer.status));
	});
});

describe('event streams on the wire', () => {
	test('a GET stream: head and comment at once, then keepalives, uncompressed', async (t) => {
		const session = await openSession(gateway);
		const stream = await session.listen({ headers: { 'accept-encoding': 'gzip' } });
		t.after(() => stream.connection.destroy());
		assert.equal(stream.head.status, 200);
		assert.equal(stream.head.headers['content-encoding'], undefined);
		assert.equal(stream.head.headers['content-length'], undefined);
		await until('three comments', async () => (await stream.advance()) && stream.comments >= 3);
		assert.deepEqual(stream.messages, []);
	});

	test('a silent call on an event stream gets keepalives too', async () => {
		const stream = await modernStream(gateway, 'tools/call', { name: 'web_progress', arguments: { steps: 2, ms: 700 } }, { meta: { progressToken: 1 } });
		assert.equal(stream.head.headers['content-type'], 'text/event-stream');
		assert.match(stream.head.headers['cache-control'], /no-cache/);
		assert.match(stream.head.headers['cache-control'], /no-transform/);
		assert.equal(stream.head.headers['x-accel-buffering'], 'no');
		const messages = await stream.rest();
		assert.deepEqual(messages.map(({ method }) => method), ['notifications/progress', 'notifications/progress', undefined]);
		assert.ok(stream.comments >= 3, `${stream.comments} comments`);
	});

	test('after a finished stream the connection takes the next request', async () => {
		const connection = await Connection.open(gateway);
		for (let i = 0; i < 3; i++) {
			const answer = await modern(gateway, 'tools/call', { name: 'web_progress', arguments: { steps: 1, ms: 1 } }, { connection, meta: { progressToken: 'p' } });
			assert.equal(answer.sse, true);
			assert.equal((await modern(gateway, 'tools/list', {}, { connection })).status, 200);
		}
		connection.destroy();
	});

	test('log messages only for who asked, and of the level asked', async () => {
		const params = { name: 'web_log', arguments: { count: 2, ms: 1, level: 'warning' } };
		const silent = await modern(gateway, 'tools/call', params);
		assert.deepEqual([silent.sse, silent.notifications], [false, []]);
		const told = await modern(gateway, 'tools/call', params, { meta: { 'io.modelcontextprotocol/logLevel': 'info' } });
		assert.deepEqual(told.notifications.map(({ method, params: { level } }) => [method, level]), Array(2).fill(['notifications/message', 'warning']));
		const higher = await modern(gateway, 'tools/call', params, { meta: { 'io.modelcontextprotocol/logLevel': 'error' } });
		assert.deepEqual(higher.notifications, []);
	});
});
