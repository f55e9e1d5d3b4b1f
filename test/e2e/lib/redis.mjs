// A Redis or Valkey of one's own: on a loopback port, with a password, without a file on disk.
//
//   const redis = await startRedis(t);
//   redis.url, redis.passwordFile   redis://127.0.0.1:PORT/0, and the way in
//   await redis.command('GET', 'key')
//
// Both servers speak the same protocol; REDIS_SERVER in the environment names another binary.
import fs from 'node:fs';
import path from 'node:path';
import { launch } from './process.mjs';
import { Connection } from './raw.mjs';
import { freePort } from './port.mjs';
import { findProgram, lent, lentDirectory } from './unprivileged.mjs';
import { until, within } from './wait.mjs';

const PASSWORD = 'throw-away';

/** What is installed: [{name, file}], one for each kind of server. */
export function redisServers() {
	const given = process.env.REDIS_SERVER;
	const names = given ? [given] : ['redis-server', 'valkey-server'];
	return names.map((name) => ({ name, file: given ?? findProgram([name]) })).filter(({ file }) => file !== null);
}

/** One reply of RESP 2 at `at`: [value, where it ends], or null while it is not whole. */
function parseReply(bytes, at = 0) {
	const end = bytes.indexOf('\r\n', at);
	if (end < 0) return null;
	const text = bytes.toString('utf8', at + 1, end);
	const next = end + 2;

	switch (String.fromCharCode(bytes[at])) {
	case '+':
		return [text, next];
	case '-':
		return [new Error(text), next];
	case ':':
		return [Number(text), next];
	case '$': {
		const length = Number(text);
		if (length < 0) return [null, next];
		return bytes.length < next + length + 2 ? null : [bytes.toString('utf8', next, next + length), next + length + 2];
	}
	case '*': {
		const items = [];
		let where = next;
		for (let left = Number(text); left > 0; left--) {
			const item = parseReply(bytes, where);
			if (item === null) return null;
			items.push(item[0]);
			where = item[1];
		}
		return [items, where];
	}
	default:
		throw new Error(`not RESP: ${bytes.toString('latin1', at, at + 40)}`);
	}
}

function formatCommand(words) {
	return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(String(word))}\r\n${word}\r\n`).join('')}`;
}

/** Ask one server one thing, on a connection of its own. */
async function ask(port, password, words) {
	const connection = await Connection.open({ port });
	try {
		const commands = [['AUTH', password], words];
		connection.socket.write(commands.map(formatCommand).join(''));
		return await until(`redis ${words[0]}`, () => {
			const auth = parseReply(connection.bytes);
			const reply = auth && parseReply(connection.bytes, auth[1]);
			if (reply) return { value: reply[0] };
			if (connection.ended) throw Object.assign(new Error('redis closed the connection'), { fatal: true });
			return null;
		});
	} finally {
		connection.socket.destroy();
	}
}

export class Redis {
	constructor(file, directory, port, options) {
		this.file = file;
		this.directory = directory;
		this.port = port;
		this.options = options;
		this.passwordFile = path.join(directory, 'password');
		fs.writeFileSync(this.passwordFile, PASSWORD, { mode: 0o600 });
	}

	/** Where it is, for those who have the password from `passwordFile`. */
	urlAt(port) {
		return `redis://127.0.0.1:${port}/0`;
	}

	get url() {
		return this.urlAt(this.port);
	}

	async start() {
		const settings = {
			port: this.port,
			bind: '127.0.0.1',
			unixsocket: path.join(this.directory, 'redis.sock'),
			dir: this.directory,
			requirepass: PASSWORD,
			save: '',
			appendonly: 'no',
			daemonize: 'no',
			...this.options,
		};
		const args = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)]);

		this.child = launch(...lent(this.file, args), { cwd: this.directory });
		await until('Redis to answer', async () => {
			if (this.child.exitCode !== null) throw Object.assign(new Error(`redis ended: ${this.child.output.stdout}`), { fatal: true });
			return (await this.command('PING')) === 'PONG';
		});
		return this;
	}

	/** One command; an error reply is thrown. */
	async command(...words) {
		const { value } = await ask(this.port, PASSWORD, words);
		if (value instanceof Error) throw value;
		return value;
	}

	async #end(signal) {
		if (this.child === undefined || this.child.exitCode !== null || this.child.signalCode !== null) return;
		this.child.kill(signal);
		await within('the end of Redis', this.child.ended);
	}

	/** It has no file: everything it knew is gone. */
	stop() {
		return this.#end('SIGTERM');
	}

	kill() {
		return this.#end('SIGKILL');
	}

	async restart() {
		await this.stop();
		return this.start();
	}

	async cleanup() {
		try {
			await this.kill();
		} finally {
			fs.rmSync(this.directory, { recursive: true, force: true });
		}
	}
}

/** `server`: one of redisServers(), the first by default; `options`: of its configuration. */
export async function startRedis(t, { server = redisServers()[0], options = {} } = {}) {
	if (server === undefined) throw new Error('neither redis-server nor valkey-server is installed: ./dev deps');
	const redis = new Redis(server.file, lentDirectory('gatehouse-redis-'), await freePort(), options);

	t.after(() => redis.cleanup());
	return redis.start();
}
