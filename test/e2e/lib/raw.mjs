// HTTP/1.1 on bare sockets: what is sent is exactly what the test wrote, and answers are parsed
// strictly, so that a framing error of the server is an error of the test.
import net from 'node:net';
import tls from 'node:tls';
import { once } from 'node:events';
import { PATIENCE_MS, within } from './wait.mjs';

const CRLF2 = Buffer.from('\r\n\r\n');

function parseHead(text) {
	const lines = text.split('\r\n');
	const status = /^HTTP\/1\.1 (\d{3}) (.*)$/.exec(lines[0]);
	if (status === null) throw new Error(`not a status line: ${JSON.stringify(lines[0])}`);
	const fields = lines.slice(1).map((line) => {
		const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
		if (field === null) throw new Error(`not a header field: ${JSON.stringify(line)}`);
		return [field[1].toLowerCase(), field[2]];
	});
	const headers = {};
	for (const [name, value] of fields) headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
	return { status: Number(status[1]), reason: status[2], headers, fields };
}

/** One connection. `target`: {port, host?, socketPath?, tls?, localAddress?}. */
export class Connection {
	static async open(target) {
		const { port, host = '127.0.0.1', socketPath, localAddress } = target;
		const where = socketPath === undefined ? { port, host, localAddress } : { path: socketPath };
		const socket = target.tls ? tls.connect({ ...where, ...target.tls }) : net.connect({ ...where, allowHalfOpen: true });
		const connection = new Connection(socket);
		await within('a connection', once(socket, target.tls ? 'secureConnect' : 'connect'));
		socket.setNoDelay(true);
		return connection;
	}

	constructor(socket) {
		this.socket = socket;
		this.bytes = Buffer.alloc(0);
		this.ended = false;
		this.error = null;
		this.wakers = [];
		const wake = () => {
			for (const waker of this.wakers.splice(0)) waker();
		};
		socket.on('data', (chunk) => {
			this.bytes = this.bytes.length === 0 ? chunk : Buffer.concat([this.bytes, chunk]);
			wake();
		});
		socket.on('error', (error) => {
			this.error = error;
			this.ended = true;
			wake();
		});
		for (const event of ['end', 'close']) {
			socket.on(event, () => {
				this.ended = true;
				wake();
			});
		}
	}

	write(data) {
		return new Promise((resolve) => {
			if (this.socket.destroyed) resolve();
			else this.socket.write(data, () => resolve());
		});
	}

	/** No more will be sent; answers may still come. */
	finish() {
		this.socket.end();
	}

	destroy() {
		this.socket.destroy();
	}

	/** A TCP reset instead of a clean end. */
	reset() {
		this.socket.resetAndDestroy();
	}

	#more(ms) {
		return within('bytes from the server', new Promise((resolve) => this.wakers.push(resolve)), ms);
	}

	async #need(test, ms) {
		for (;;) {
			const found = test();
			if (found !== undefined) return found;
			if (this.ended) {
				const error = new Error(`the server closed the connection; left: ${JSON.stringify(this.bytes.toString('latin1').slice(0, 200))}`);
				error.code = 'CLOSED';
				throw error;
			}
			await this.#more(ms);
		}
	}

	#take(n) {
		const taken = this.bytes.subarray(0, n);
		this.bytes = this.bytes.subarray(n);
		return taken;
	}

	async #line(ms) {
		const end = await this.#need(() => {
			const at = this.bytes.indexOf('\r\n');
			return at < 0 ? undefined : at;
		}, ms);
		const line = this.#take(end).toString('latin1');
		this.#take(2);
		return line;
	}

	/** Head of the next answer, interim ones (1xx) included. */
	async head(ms = PATIENCE_MS) {
		const end = await this.#need(() => {
			const at = this.bytes.indexOf(CRLF2);
			return at < 0 ? undefined : at;
		}, ms);
		const head = parseHead(this.#take(end).toString('latin1'));
		this.#take(4);
		return head;
	}

	/** The next piece of a chunked body, null after the last. */
	async chunk(ms = PATIENCE_MS) {
		const size = await this.#line(ms);
		if (!/^[0-9a-fA-F]+$/.test(size)) throw new Error(`not a chunk size: ${JSON.stringify(size)}`);
		const n = Number.parseInt(size, 16);
		await this.#need(() => (this.bytes.length >= n + 2 ? true : undefined), ms);
		const data = Buffer.from(this.#take(n));
		if (this.#take(2).toString('latin1') !== '\r\n') throw new Error('a chunk does not end in CRLF');
		return n === 0 ? null : data;
	}

	async body(head, { noBody = false, ms = PATIENCE_MS } = {}) {
		if (noBody || head.status === 204 || head.status === 304 || head.status < 200) return Buffer.alloc(0);
		if (head.headers['transfer-encoding'] === 'chunked') {
			if ('content-length' in head.headers) throw new Error('both Content-Length and Transfer-Encoding');
			const parts = [];
			for (let part = await this.chunk(ms); part !== null; part = await this.chunk(ms)) parts.push(part);
			return Buffer.concat(parts);
		}
		if ('content-length' in head.headers) {
			const n = Number(head.headers['content-length']);
			await this.#need(() => (this.bytes.length >= n ? true : undefined), ms);
			return Buffer.from(this.#take(n));
		}
		while (!this.ended) await this.#more(ms);
		return Buffer.from(this.#take(this.bytes.length));
	}

	/** The next final answer with its whole body. */
	async response(options = {}) {
		let head = await this.head(options.ms);
		const interim = [];
		while (head.status < 200) {
			interim.push(head.status);
			head = await this.head(options.ms);
		}
		const body = await this.body(head, options);
		const text = body.toString('utf8');
		return {
			...head,
			interim,
			body,
			text,
			get json() {
				return JSON.parse(text);
			},
		};
	}

	/** Resolves when the server has closed its side, with what it still sent. */
	async closed(ms = PATIENCE_MS) {
		while (!this.ended) await this.#more(ms);
		return this.bytes;
	}
}

/** The bytes of a request. Host, Connection and Content-Length are added unless given (null: left out). */
export function requestBytes(target, { method = 'POST', path = '/mcp', headers = {}, body }) {
	const all = { host: `${target.host ?? '127.0.0.1'}:${target.port ?? 80}`, ...headers };
	const payload = body === undefined ? Buffer.alloc(0) : Buffer.from(body);
	if (body !== undefined && all['content-length'] === undefined && all['transfer-encoding'] === undefined) {
		all['content-length'] = String(payload.length);
	}
	const lines = Object.entries(all).flatMap(([name, value]) =>
		value === null || value === undefined ? [] : [value].flat().map((one) => `${name}: ${one}\r\n`));
	return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'), payload]);
}

/** One request on a connection of its own. */
export async function request(target, options) {
	const connection = await Connection.open(target);
	try {
		await connection.write(requestBytes(target, options));
		return await connection.response({ noBody: options.method === 'HEAD', ms: options.ms });
	} finally {
		connection.destroy();
	}
}
