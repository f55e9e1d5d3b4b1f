// Who the client is when something stands in front: PROXY protocol v2, X-Forwarded-For from
// trusted proxies only. And the listeners besides TCP: Unix sockets, sockets passed by systemd.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, test } from 'node:test';
import { stdioFixture } from './lib/fixture.mjs';
import { prepareGateway, startGateway } from './lib/gateway.mjs';
import { modern, modernBody, modernCall, modernHeaders, openSession } from './lib/mcp.mjs';
import { binary } from './lib/paths.mjs';
import { launch } from './lib/process.mjs';
import { Connection, request, requestBytes } from './lib/raw.mjs';
import { each, until } from './lib/wait.mjs';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** A PROXY v2 header for a TCP connection from `from`. */
function proxyV2({ from = '203.0.113.7', to = '127.0.0.1', command = 1, family = 1, tlv = Buffer.alloc(0) } = {}) {
	const address = family === 2
		? Buffer.concat([from, to].map((text) => {
			const [left, right = ''] = text.split('::');
			const groups = (part) => part.split(':').filter(Boolean);
			const fill = 8 - groups(left).length - groups(right).length;
			return Buffer.from([...groups(left), ...Array(fill).fill('0'), ...groups(right)].map((group) => group.padStart(4, '0')).join(''), 'hex');
		}))
		: family === 1 ? Buffer.from([from, to].flatMap((text) => text.split('.').map(Number))) : Buffer.alloc(0);
	const ports = family === 0 ? Buffer.alloc(0) : Buffer.from([0x30, 0x39, 0x1f, 0x90]);
	const rest = Buffer.concat([address, ports, tlv]);
	return Buffer.concat([SIGNATURE, Buffer.from([0x20 | command, family === 0 ? 0 : (family << 4) | 1, rest.length >> 8, rest.length & 255]), rest]);
}

/** The address that the audit trail has for a request. */
async function auditedAddress(gateway, id) {
	const [row] = await until('the audit row', async () => {
		const rows = (await gateway.cliJson('audit', 'list')).filter(({ event, request_id }) => request_id === id && event !== 'api_key.auth_success'); // which opens its seal
		return rows.length === 1 && rows;
	});
	return row.ip;
}

const call = (gateway, headers) => requestBytes(gateway, {
	headers: { ...modernHeaders(gateway, 'tools/call', { name: 'fx_echo' }), ...headers },
	body: JSON.stringify(modernBody('tools/call', { name: 'fx_echo', arguments: {} })),
});

describe('PROXY protocol v2', () => {
	const settings = { listen: [{ address: '127.0.0.1:0', proxy_protocol: true }], upstreams: { fx: stdioFixture() }, settle: false };
	const ready = (gateway) => gateway.untilLogged('catalog.published', ({ tools }) => tools > 0);

	test('the address it names is the client, for limits and audit', async (t) => {
		const gateway = await startGateway(t, { ...settings, config: { trusted_proxies: ['127.0.0.0/8'] }, limits: { per_ip: '3/min' } });
		await ready(gateway);
		const send = async (header, headers = {}) => {
			const connection = await Connection.open(gateway);
			await connection.write(Buffer.concat([header, call(gateway, headers)]));
			const answer = await connection.response();
			connection.destroy();
			return answer.status;
		};
		assert.equal(await send(proxyV2(), { 'x-request-id': 'four' }), 200);
		assert.equal(await auditedAddress(gateway, 'four'), '203.0.113.7');
		assert.equal(await send(proxyV2({ family: 2, from: '2001:db8::7', to: '::1' }), { 'x-request-id': 'six' }), 200);
		assert.equal(await auditedAddress(gateway, 'six'), '2001:db8::7');
		assert.equal(await send(proxyV2({ tlv: Buffer.from([0x04, 0, 3, 1, 2, 3]) })), 200, 'with a TLV');
		assert.equal(await send(proxyV2()), 200);
		assert.equal(await send(proxyV2()), 429, 'its limit');
		assert.equal(await send(proxyV2({ from: '203.0.113.8' })), 200, 'another one\'s is its own');
		assert.equal(await send(proxyV2({ command: 0, family: 0 }), { 'x-request-id': 'local' }), 200, 'LOCAL: the proxy itself');
		assert.equal(await auditedAddress(gateway, 'local'), '127.0.0.1');
	});

	test('a header in pieces; none; a broken one; v1', async (t) => {
		const gateway = await startGateway(t, { ...settings, config: { trusted_proxies: ['127.0.0.0/8'] }, limits: { header_timeout: '1s' } });
		await ready(gateway);
		const pieces = await Connection.open(gateway);
		for (const byte of proxyV2()) await pieces.write(Buffer.of(byte));
		await pieces.write(call(gateway));
		assert.equal((await pieces.response()).status, 200);
		pieces.destroy();

		const wrong = [
			['none', call(gateway)],
			['v1', Buffer.concat([Buffer.from('PROXY TCP4 203.0.113.7 127.0.0.1 1 2\r\n'), call(gateway)])],
			['a wrong version', Buffer.concat([SIGNATURE, Buffer.from([0x11, 0x11, 0, 12]), Buffer.alloc(12), call(gateway)])],
			['a wrong command', Buffer.concat([proxyV2({ command: 5 }), call(gateway)])],
			['too short for its family', Buffer.concat([SIGNATURE, Buffer.from([0x21, 0x11, 0, 4, 1, 2, 3, 4]), call(gateway)])],
			['half of one', proxyV2().subarray(0, 14)],
		];
		await each(wrong.length, wrong.length, async (n) => {
			const [what, bytes] = wrong[n];
			const connection = await Connection.open(gateway);
			await connection.write(bytes);
			const left = await connection.closed(15000).catch(() => Buffer.from('still open'));
			assert.ok(!left.includes('HTTP/1.1 200') && !left.includes('still open'), `${what}: ${left.toString('latin1').slice(0, 60)}`);
			connection.destroy();
		});
	});

	test('from an untrusted peer it is not believed', async (t) => {
		const gateway = await startGateway(t, { ...settings, config: { trusted_proxies: ['10.0.0.0/8'] } });
		await ready(gateway);
		const connection = await Connection.open(gateway);
		await connection.write(Buffer.concat([proxyV2(), call(gateway, { 'x-request-id': 'untrusted' })]));
		const answer = await connection.response().catch(({ code }) => ({ status: code }));
		if (answer.status === 200) assert.equal(await auditedAddress(gateway, 'untrusted'), '127.0.0.1');
		else assert.ok([400, 'CLOSED'].includes(answer.status), String(answer.status));
		connection.destroy();
	});
});

describe('X-Forwarded-For', () => {
	// what, header, the address that counts when 127.0.0.1 and 10/8 are trusted
	const cases = [
		['one address', '203.0.113.5', '203.0.113.5'],
		['the last untrusted counts', '198.51.100.1, 203.0.113.5', '203.0.113.5'],
		['trusted hops are skipped', '203.0.113.5, 10.1.2.3', '203.0.113.5'],
		['a forged head is ignored', '127.0.0.1, 198.51.100.1, 203.0.113.5, 10.0.0.1', '203.0.113.5'],
		['IPv6', '2001:db8::5', '2001:db8::5'],
		['IPv6 with port', '[2001:db8::5]:1234', '2001:db8::5'],
		['IPv4 with port', '203.0.113.5:1234', '203.0.113.5'],
		['several lines are one list', ['203.0.113.9', '203.0.113.5'], '203.0.113.5'],
		['nonsense leaves the proxy\'s own', 'nonsense', '127.0.0.1'],
		['nothing', undefined, '127.0.0.1'],
	];
	test('from a trusted proxy', async (t) => {
		const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() }, config: { trusted_proxies: ['127.0.0.1/32', '10.0.0.0/8'] } });
		await each(cases.length, 4, async (n) => {
			const [what, header, expected] = cases[n];
			const answer = await modernCall(gateway, 'fx_echo', {}, { headers: { 'x-forwarded-for': header, 'x-request-id': `case-${n}` } });
			assert.equal(answer.status, 200);
			assert.equal(await auditedAddress(gateway, `case-${n}`), expected, what);
		});
	});

	test('from anybody else it is ignored, also for limits', async (t) => {
		const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() }, config: { trusted_proxies: ['10.0.0.0/8'] }, limits: { per_ip: '4/min' } });
		const answers = await each(6, 1, (n) => modernCall(gateway, 'fx_echo', {}, { headers: { 'x-forwarded-for': `203.0.113.${n}`, 'x-request-id': `free-${n}` } }));
		assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 200, 429, 429]);
		assert.equal(await auditedAddress(gateway, 'free-0'), '127.0.0.1');
	});
});

test('a Unix socket', async (t) => {
	const gateway = await prepareGateway(t, { upstreams: { fx: stdioFixture() } });
	const socketPath = gateway.file('gatehouse.sock');
	gateway.configure({ listen: `unix:${socketPath}` });
	await gateway.start();
	const target = { socketPath, key: gateway.key, host: 'localhost' };
	await until('the catalog', async () => (await request(target, { method: 'GET', path: '/health/ready' })).status === 200);
	assert.equal((await modernCall(target, 'fx_echo', { over: 'unix' })).message.result.structuredContent.over, 'unix');
	assert.equal((await (await openSession(target)).call('fx_echo', { n: 1 })).message.result.structuredContent.n, 1);
	assert.equal(fs.statSync(socketPath).mode & 0o007, 0, 'others may not connect');
	await gateway.crash();
	await gateway.start(); // over the socket file that the crash left
	assert.equal((await request(target, { method: 'GET', path: '/health/live' })).status, 200);
});

test('several listeners at once', async (t) => {
	const gateway = await prepareGateway(t, { upstreams: { fx: stdioFixture() } });
	const socketPath = gateway.file('also.sock');
	gateway.configure({ listen: ['127.0.0.1:0', '[::1]:0', `unix:${socketPath}`] });
	await gateway.start();
	const [four, six] = gateway.listeners().map((address) => Number(/:(\d+)$/.exec(address)?.[1]));
	for (const target of [{ port: four }, { port: six, host: '::1' }, { socketPath }]) {
		const answer = await request(target, { method: 'GET', path: '/health/live', headers: { host: 'localhost' } });
		assert.equal(answer.status, 200);
	}
});

// What systemd does for a .socket unit: a listening socket as descriptor 3, and whom it is for.
const ACTIVATE = `
import os, socket, sys
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
sys.stdin.readline()
os.execv(sys.argv[1], sys.argv[1:])
`;

test('a socket passed by systemd is used instead of one of its own', async (t) => {
	const gateway = await prepareGateway(t, { upstreams: { fx: stdioFixture() } });
	gateway.configure({ listen: '127.0.0.1:1' }); // a port it could not have opened as it is
	const child = launch('python3', ['-c', ACTIVATE, binary, 'serve', '--config', gateway.configFile], { cwd: gateway.root, stdio: ['pipe', 'pipe', 'pipe'] });
	gateway.child = child;
	gateway.pid = child.pid;
	gateway.port = Number(await until('the port', () => /^(\d+)\n/.exec(child.output.stdout)?.[1]));

	// Who comes before the gateway runs waits in the socket's queue.
	const early = Connection.open(gateway).then(async (connection) => {
		await connection.write(requestBytes(gateway, { method: 'GET', path: '/health/live' }));
		const answer = await connection.response();
		connection.destroy();
		return answer.status;
	});
	child.stdin.end('go\n');
	assert.equal(await early, 200);
	await gateway.settled();
	assert.equal((await modern(gateway, 'tools/list')).status, 200);
	assert.match(gateway.listeners()[0], new RegExp(`:${gateway.port}$`));
});
