// The network that fails on demand: each fault as the two ends see it.
import assert from 'node:assert/strict';
import net from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { startFaultProxy } from './lib/faults.mjs';
import { Connection } from './lib/raw.mjs';
import { timed, until } from './lib/wait.mjs';

/** A server that answers what it hears, and the proxy before it. */
async function echoBehindProxy(t) {
	const server = net.createServer({ allowHalfOpen: true }, (socket) => {
		socket.on('error', () => {});
		socket.pipe(socket);
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => server.close());
	return startFaultProxy(t, { port: server.address().port });
}

async function echoed(connection, text) {
	const before = connection.bytes.length;
	connection.socket.write(text);
	await until('the echo', () => connection.bytes.length >= before + text.length);
	return connection.bytes.toString('latin1', before);
}

async function open(t, proxy) {
	const connection = await Connection.open({ port: proxy.port });
	t.after(() => connection.socket.destroy());
	return connection;
}

test('bytes go through whole, both ways, and so does an end', async (t) => {
	const proxy = await echoBehindProxy(t);
	const connection = await open(t, proxy);
	const big = 'x'.repeat(1 << 20);

	assert.equal(await echoed(connection, 'hello'), 'hello');
	assert.equal(await echoed(connection, big), big);
	connection.socket.end();
	await until('the end', () => connection.ended);
	assert.equal(connection.error, null);
	await until('the proxy to forget it', () => proxy.links.size === 0);
});

test('a delay delays each way', async (t) => {
	const proxy = await echoBehindProxy(t);
	const connection = await open(t, proxy);

	proxy.delay(40);
	const { ms } = await timed(() => echoed(connection, 'late'));
	assert.ok(ms >= 75, `${ms} ms`);
});

test('a partition is silence, and what was sent arrives when it heals', async (t) => {
	const proxy = await echoBehindProxy(t);
	const old = await open(t, proxy);

	assert.equal(await echoed(old, 'a'), 'a');
	proxy.partition();
	const fresh = await open(t, proxy);
	old.socket.write('b');
	fresh.socket.write('c');
	await assert.rejects(until('an answer', () => old.bytes.length > 1 || fresh.bytes.length > 0, 200));
	assert.equal(old.ended || fresh.ended, false);
	proxy.heal();
	await until('both answers', () => old.bytes.toString() === 'ab' && fresh.bytes.toString() === 'c');
});

test('what a black hole swallowed never comes', async (t) => {
	const proxy = await echoBehindProxy(t);
	const connection = await open(t, proxy);

	assert.equal(await echoed(connection, 'a'), 'a');
	proxy.blackhole();
	connection.socket.write('lost');
	await until('the loss', () => proxy.lostBytes === 4);
	proxy.heal();
	assert.equal(await echoed(connection, 'b'), 'b');
	assert.equal(connection.bytes.toString(), 'ab');
});

test('a reset ends what exists and refuses what comes', async (t) => {
	const proxy = await echoBehindProxy(t);
	const connection = await open(t, proxy);

	assert.equal(await echoed(connection, 'a'), 'a');
	proxy.reset();
	await until('the reset', () => connection.error !== null);
	assert.equal(connection.error.code, 'ECONNRESET');
	const refused = net.connect({ port: proxy.port, host: '127.0.0.1' });
	const [error] = await once(refused, 'error');
	assert.equal(error.code, 'ECONNRESET');
	proxy.heal();
	assert.equal(await echoed(await open(t, proxy), 'b'), 'b');
});

test('an answer is cut at the byte', async (t) => {
	const proxy = await echoBehindProxy(t);
	const connection = await open(t, proxy);

	proxy.cutAfter(5);
	connection.socket.write('hello, world');
	await until('the cut', () => connection.ended);
	assert.equal(connection.bytes.toString(), 'hello'.slice(0, connection.bytes.length));
	assert.ok(proxy.passedBytes <= 12 + 5);
});
