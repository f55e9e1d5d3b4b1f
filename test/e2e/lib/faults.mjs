// A network that fails on demand: a TCP proxy in front of PostgreSQL, Redis, an upstream or a replica.
//
//   const link = await startFaultProxy(t, { port: postgres.port });
//   link.delay(50)      each piece of bytes comes 50 ms late, in both directions
//   link.partition()    nothing goes through any more, and nobody is told: what is sent waits, as TCP would send it again
//   link.blackhole()    the same, but what is sent meanwhile is lost: such a connection never recovers (half-open)
//   link.reset()        connections end with RST, and new ones are reset too
//   link.cutAfter(100)  each connection is reset when that many bytes of an answer went through
//   link.heal()         as new; connections that still exist go on
//   link.resetAll()     RST for those that exist, new ones are welcome
//
// The kernel still accepts connections during a partition: a client sees a connection that stays silent.
import net from 'node:net';
import { once } from 'node:events';

class Link {
	constructor(proxy, client, server) {
		this.proxy = proxy;
		this.ends = [client, server];
		this.answered = 0;
		for (const [from, to] of [[client, server], [server, client]]) {
			from.on('data', (bytes) => this.#pass(from, to, bytes));
			from.on('end', () => this.#inTurn(() => to.end()));
			from.on('error', () => this.reset());
			from.on('close', () => this.#ended());
		}
		if (proxy.mode === 'partition') this.pause();
	}

	/** A socket that has been told to end cannot be reset any more: Node keeps its handle for ever and does not end itself. */
	reset() {
		for (const socket of this.ends) {
			if (socket.writableEnded) socket.destroy();
			else socket.resetAndDestroy();
		}
		this.proxy.links.delete(this);
	}

	pause() {
		for (const socket of this.ends) socket.pause();
	}

	resume() {
		for (const socket of this.ends) socket.resume();
		this.#ended();
	}

	/** The end of one side is the other's, too, unless nothing goes through now; then it stays one of ours until it can be told. */
	#ended() {
		const open = this.ends.filter((socket) => !socket.destroyed);
		if (open.length === 0) this.proxy.links.delete(this);
		else if (open.length === 1 && this.proxy.mode === 'pass') open[0].destroySoon();
	}

	/** Late pieces stay in order because every piece waits the same time. */
	#inTurn(act) {
		if (this.proxy.delayMs === 0) act();
		else setTimeout(act, this.proxy.delayMs);
	}

	#pass(from, to, bytes) {
		const { proxy } = this;
		let passed = bytes;

		if (proxy.mode === 'blackhole') {
			proxy.lostBytes += bytes.length;
			return;
		}
		if (from === this.ends[1]) {
			passed = bytes.subarray(0, Math.max(0, proxy.cutBytes - this.answered));
			this.answered += passed.length;
		}
		proxy.passedBytes += passed.length;
		this.#inTurn(() => {
			if (to.destroyed) return;
			if (!to.write(passed)) {
				from.pause();
				to.once('drain', () => proxy.mode !== 'partition' && from.resume());
			}
			if (passed.length < bytes.length) this.#cut(to);
		});
	}

	/** What was let through arrives before the end does. */
	#cut(to) {
		if (to.writableLength === 0) this.reset();
		else to.once('drain', () => this.reset());
	}
}

export class FaultProxy {
	constructor(target) {
		this.target = target;
		this.links = new Set();
		this.passedBytes = 0;
		this.lostBytes = 0;
		this.accepted = 0;
		this.heal();
		this.server = net.createServer({ allowHalfOpen: true, pauseOnConnect: false }, (client) => this.#accept(client));
	}

	async listen(port = 0) {
		this.server.listen(port, '127.0.0.1');
		await once(this.server, 'listening');
		this.port = this.server.address().port;
		return this;
	}

	#accept(client) {
		this.accepted++;
		client.on('error', () => {});
		if (this.mode === 'reset') {
			client.resetAndDestroy();
			return;
		}
		const { port, host = '127.0.0.1' } = this.target;
		const server = net.connect({ port, host, allowHalfOpen: true });
		server.on('error', () => client.resetAndDestroy());
		client.setNoDelay(true);
		server.setNoDelay(true);
		this.links.add(new Link(this, client, server));
	}

	heal() {
		const before = this.mode;
		this.mode = 'pass';
		this.delayMs = 0;
		this.cutBytes = Infinity;
		if (before === 'partition') for (const link of this.links) link.resume();
	}

	delay(ms) {
		this.delayMs = ms;
	}

	cutAfter(bytes) {
		this.cutBytes = bytes;
	}

	partition() {
		this.mode = 'partition';
		for (const link of this.links) link.pause();
	}

	blackhole() {
		this.mode = 'blackhole';
	}

	reset() {
		this.mode = 'reset';
		this.resetAll();
	}

	resetAll() {
		for (const link of [...this.links]) link.reset();
	}

	async close() {
		this.resetAll();
		this.server.close();
		await once(this.server, 'close');
	}
}

/** `target`: {port, host}. */
export async function startFaultProxy(t, target) {
	const proxy = await new FaultProxy(target).listen();

	t.after(() => proxy.close());
	return proxy;
}
