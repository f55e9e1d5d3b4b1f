// TLS on the listener: versions, client certificates, new certificates on reload; and towards
// upstreams: trust, names, client certificates.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { startFixture, stdioFixture } from './lib/fixture.mjs';
import { prepareGateway, startGateway } from './lib/gateway.mjs';
import { modern, modernCall, modernStream, openSession } from './lib/mcp.mjs';
import { Connection, request } from './lib/raw.mjs';
import { makeAuthority, makeCertificate } from './lib/tls.mjs';
import { each, until, within } from './lib/wait.mjs';

/** A gateway on TLS, and how its target is spelt. */
async function startTls(t, { settings = {}, ...options } = {}) {
	const gateway = await prepareGateway(t, options);
	const authority = await makeAuthority(gateway.root, 'authority');
	const certificate = await makeCertificate(gateway.root, 'server', authority);
	gateway.configure({ listen: [{ address: '127.0.0.1:0', tls: { cert: certificate.cert, key: certificate.key, ...settings(gateway) } }, '127.0.0.1:0'], upstreams: { fx: stdioFixture() } });
	await gateway.start();
	await until('the second listener', () => gateway.listeners().length === 2);
	const plain = { port: Number(/(\d+)$/.exec(gateway.listeners()[1])[1]), key: gateway.key };
	await until('the catalog', async () => (await request(plain, { method: 'GET', path: '/health/ready' })).status === 200);
	const ca = fs.readFileSync(authority.cert);
	return { gateway, authority, certificate, plain, target: (more = {}) => ({ port: gateway.port, key: gateway.key, tls: { ca, servername: 'localhost', ...more } }) };
}

const none = () => ({});

/** The error of a handshake (or of the first bytes after it: TLS 1.3 refuses clients late), else null. */
async function handshakeError(target) {
	const socket = tls.connect({ port: target.port, host: '127.0.0.1', ...target.tls });
	return within('the handshake', new Promise((resolve) => {
		socket.on('error', resolve);
		socket.on('close', () => resolve(new Error('closed')));
		socket.on('secureConnect', () => {
			socket.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
			socket.once('data', () => {
				resolve(null);
				socket.destroy();
			});
		});
	}));
}

test('TLS 1.3 serves both eras and streams; 1.2 and plain text are refused', async (t) => {
	const { gateway, target } = await startTls(t, { settings: none });
	const connection = await Connection.open(target());
	assert.equal(connection.socket.getProtocol(), 'TLSv1.3');
	await each(50, 1, async (i) => assert.deepEqual((await modernCall(target(), 'fx_echo', { i }, { connection })).message.result.structuredContent, { i }));
	const session = await openSession(target());
	const bytes = 3 << 20;
	assert.equal((await session.call('fx_size', { bytes })).message.result.content[0].text.length, bytes);
	const stream = await modernStream(target(), 'subscriptions/listen', { notifications: { toolsListChanged: true } });
	assert.equal((await stream.next()).method, 'notifications/subscriptions/acknowledged');
	stream.connection.destroy();
	connection.destroy();

	assert.match((await handshakeError(target({ maxVersion: 'TLSv1.2' }))).message, /protocol version|alert|closed/i);
	assert.equal(await handshakeError(target({ minVersion: 'TLSv1.3' })), null);
	const plain = await Connection.open({ port: gateway.port });
	await plain.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
	assert.ok(!(await plain.closed()).toString('latin1').startsWith('HTTP/1.1 200'));
	plain.destroy();
});

test('TLS 1.2 where it is asked for, 1.1 never', async (t) => {
	const { target } = await startTls(t, { settings: () => ({ allow_tls12: true }) });
	const connection = await Connection.open(target({ maxVersion: 'TLSv1.2' }));
	assert.equal(connection.socket.getProtocol(), 'TLSv1.2');
	assert.equal((await modern(target(), 'tools/list', {}, { connection })).status, 200);
	connection.destroy();
	assert.notEqual(await handshakeError(target({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })), null);
});

test('doctor knows how long a certificate is good', async (t) => {
	const { gateway, authority, certificate } = await startTls(t, { settings: none });

	for (const [days, expected, text] of [[2, 'WARN', /expires in [12] days; renew it/], [90, 'OK', /good for (89|90) days/], [0, 'FAIL', /has expired; renew it/]]) {
		const made = await makeCertificate(gateway.root, `days${days}`, authority, days);
		fs.copyFileSync(made.cert, certificate.cert);
		fs.copyFileSync(made.key, certificate.key);
		const { findings } = JSON.parse((await gateway.cli('doctor', '--json')).stdout);
		const { finding, text: said } = findings.find(({ what }) => what === 'certificate');
		assert.equal(finding, expected, said);
		assert.match(said, text);
	}
});

test('client certificates: asked for, and demanded', async (t) => {
	let clients;
	let files;
	const { gateway, target, certificate } = await startTls(t, {
		settings: (gateway) => {
			files = { ca: gateway.file('clients.crt') };
			fs.writeFileSync(files.ca, fs.readFileSync(gateway.file('authority.crt')));
			return { client_ca: files.ca, client_required: true };
		},
	});
	clients = await makeAuthority(gateway.root, 'clients');
	const strangers = await makeAuthority(gateway.root, 'strangers');
	const client = await makeCertificate(gateway.root, 'client', clients);
	const stranger = await makeCertificate(gateway.root, 'stranger', strangers);
	assert.equal((await gateway.reload()).code, 0);
	const pair = ({ cert, key }) => ({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) });

	await until('the reloaded authority', async () => (await handshakeError(target(pair(client)))) === null);
	assert.equal((await modern(target(pair(client)), 'tools/list')).status, 200);
	assert.equal((await modern({ ...target(pair(client)), key: undefined }, 'tools/list')).status, 401, 'a certificate is no key');
	assert.notEqual(await handshakeError(target()), null);
	assert.notEqual(await handshakeError(target(pair(stranger))), null);
	assert.notEqual(await handshakeError(target(pair(certificate))), null, 'signed by the authority of before');
});

test('a new certificate is served after a reload; connections go on with the old one; a bad one changes nothing', async (t) => {
	const { gateway, target, authority, certificate } = await startTls(t, { settings: none });
	const serial = async () => {
		const connection = await Connection.open(target());
		const { serialNumber } = connection.socket.getPeerCertificate();
		connection.destroy();
		return serialNumber;
	};
	const before = await serial();
	const old = await Connection.open(target());
	await modern(target(), 'tools/list', {}, { connection: old });

	const renewed = await makeCertificate(gateway.root, 'renewed', authority);
	fs.copyFileSync(renewed.cert, certificate.cert);
	fs.copyFileSync(renewed.key, certificate.key);
	gateway.signal('SIGHUP');
	const after = await until('the new certificate', async () => {
		const now = await serial();
		return now !== before && now;
	});
	assert.equal((await modern(target(), 'tools/list', {}, { connection: old })).status, 200);
	old.destroy();

	fs.writeFileSync(certificate.key, 'not a key');
	const refused = await gateway.reload();
	assert.equal(refused.code, 1);
	assert.match(refused.stderr, /key|certificate/);
	assert.equal(await serial(), after);
});

test('handshakes that stop half-way are closed', async (t) => {
	const { gateway, target } = await startTls(t, { settings: none, limits: { header_timeout: '700ms' } });
	const halves = await each(10, 10, () => Connection.open({ port: gateway.port }));
	await each(10, 10, (n) => halves[n].write(Buffer.from('16030102000100', 'hex')));
	assert.equal((await modern(target(), 'tools/list')).status, 200);
	await each(10, 10, (n) => halves[n].closed(8000));
	for (const half of halves) half.destroy();
});

describe('upstreams over TLS', () => {
	/** A TLS front before an HTTP fixture; its port. */
	async function startFront(t, fixture, options) {
		const server = tls.createServer({ minVersion: 'TLSv1.2', ...options }, (front) => {
			const back = net.connect({ port: fixture.port, host: '127.0.0.1' });
			front.pipe(back).pipe(front);
			front.on('error', () => back.destroy());
			back.on('error', () => front.destroy());
			open.add(front).add(back);
		});
		const open = new Set();
		server.on('tlsClientError', () => {});
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
		t.after(() => {
			server.close();
			for (const socket of open) socket.destroy();
		});
		return server.address().port;
	}

	test('trusted, by name, with a client certificate; and not otherwise', async (t) => {
		const gateway = await prepareGateway(t);
		const authority = await makeAuthority(gateway.root, 'authority');
		const other = await makeAuthority(gateway.root, 'other');
		const server = await makeCertificate(gateway.root, 'server', authority);
		const client = await makeCertificate(gateway.root, 'client', authority);
		const fixture = await startFixture(t);
		const read = (name) => fs.readFileSync(name);
		const plain = await startFront(t, fixture, { cert: read(server.cert), key: read(server.key) });
		const strict = await startFront(t, fixture, { cert: read(server.cert), key: read(server.key), ca: read(authority.cert), requestCert: true, rejectUnauthorized: true });
		const upstream = (port, host, more) => ({ http: { url: `https://${host}:${port}/mcp`, allow_private: true, ...more } });
		gateway.configure({
			upstreams: {
				good: upstream(plain, 'localhost', { ca: authority.cert }),
				address: upstream(plain, '127.0.0.1', { ca: authority.cert }),
				untrusted: upstream(plain, 'localhost', { ca: other.cert }),
				system: upstream(plain, 'localhost', {}),
				mutual: upstream(strict, 'localhost', { ca: authority.cert, cert: client.cert, key: client.key }),
				anonymous: upstream(strict, 'localhost', { ca: authority.cert }),
				wrong_name: upstream(plain, 'localhost.localdomain', { ca: authority.cert }),
			},
		});
		await gateway.start();
		for (const name of ['good', 'address', 'mutual']) {
			await gateway.untilUpstream(name, 'up');
			await until(`the tools of ${name}`, async () => (await modernCall(gateway, `${name}_echo`, { name })).message.result?.structuredContent?.name === name);
		}
		for (const name of ['untrusted', 'system', 'anonymous', 'wrong_name']) {
			await gateway.untilUpstream(name, 'down');
			assert.match((await gateway.upstream(name)).last_error, /./);
		}
	});
});
