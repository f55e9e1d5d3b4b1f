// MCP over raw connections, both eras, without an SDK: tests see statuses, headers and bytes.
//
// A target is what lib/gateway.mjs gives: {port, key?, path?, tls?, socketPath?}.
import { Connection, requestBytes } from './raw.mjs';
import { EventStream } from './sse.mjs';

export const MODERN = '2026-07-28';
export const LEGACY = '2025-11-25';
export const LEGACY_ALL = ['2025-03-26', '2025-06-18', '2025-11-25'];
export const BOTH_TYPES = 'application/json, text/event-stream';

let lastId = 0;

export function nextId() {
	return ++lastId;
}

export function meta(extra = {}) {
	return {
		'io.modelcontextprotocol/protocolVersion': MODERN,
		'io.modelcontextprotocol/clientCapabilities': {},
		'io.modelcontextprotocol/clientInfo': { name: 'e2e', version: '1' },
		...extra,
	};
}

function credentials(target) {
	return target.key === undefined ? {} : { authorization: `Bearer ${target.key}` };
}

export function baseHeaders(target) {
	return { 'content-type': 'application/json', accept: BOTH_TYPES, ...credentials(target) };
}

const NAME_MEMBER = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri', 'tasks/get': 'taskId', 'tasks/update': 'taskId', 'tasks/cancel': 'taskId' };

/** Header value of Mcp-Name: plain where it may be, else the Base64 form. */
export function encodeName(name) {
	return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(name) && !/^=\?base64\?.*\?=$/.test(name)
		? name
		: `=?base64?${Buffer.from(name).toString('base64')}?=`;
}

export function modernHeaders(target, method, params = {}) {
	const name = params[NAME_MEMBER[method]];
	return {
		...baseHeaders(target),
		'mcp-protocol-version': MODERN,
		'mcp-method': method,
		...(name === undefined ? {} : { 'mcp-name': encodeName(name) }),
	};
}

export function modernBody(method, params = {}, { id = nextId(), extraMeta } = {}) {
	return { jsonrpc: '2.0', id, method, params: { ...params, _meta: meta(extraMeta) } };
}

/** Send one POST on `connection` and read its answer: JSON or a whole event stream. */
export async function exchange(connection, target, { method = 'POST', path, headers, body, ms }) {
	await connection.write(requestBytes(target, {
		method,
		path: path ?? target.path ?? '/mcp',
		headers,
		body: body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
	}));
	let head = await connection.head(ms);
	while (head.status < 200) head = await connection.head(ms);
	if ((head.headers['content-type'] ?? '').startsWith('text/event-stream')) {
		const messages = await new EventStream(connection, head).rest(ms);
		return { ...head, message: messages.at(-1), notifications: messages.slice(0, -1), sse: true };
	}
	const text = (await connection.body(head, { ms })).toString('utf8');
	let message;
	try {
		message = text === '' ? undefined : JSON.parse(text);
	} catch {
		/* the test looks at `text` */
	}
	return { ...head, text, message, notifications: [], sse: false };
}

async function once(target, options) {
	const connection = await Connection.open(target);
	try {
		return await exchange(connection, target, options);
	} finally {
		connection.destroy();
	}
}

/** A modern request. Options: id, headers (undefined values are left out), meta, connection, ms. */
export async function modern(target, method, params = {}, options = {}) {
	const request = {
		headers: { ...modernHeaders(target, method, params), ...options.headers },
		body: modernBody(method, params, { id: options.id, extraMeta: options.meta }),
		ms: options.ms,
	};
	return options.connection ? exchange(options.connection, target, request) : once(target, request);
}

export function modernCall(target, name, args = {}, options = {}) {
	return modern(target, 'tools/call', { name, arguments: args }, options);
}

/** Open a modern answer that stays open; returns the stream after its head. */
export async function modernStream(target, method, params = {}, options = {}) {
	const connection = await Connection.open(target);
	await connection.write(requestBytes(target, {
		path: target.path ?? '/mcp',
		headers: { ...modernHeaders(target, method, params), ...options.headers },
		body: JSON.stringify(modernBody(method, params, { id: options.id, extraMeta: options.meta })),
	}));
	return new EventStream(connection, await connection.head(options.ms));
}

/** A session of the era before 2026-07-28. */
export class Session {
	constructor(target, version) {
		this.target = target;
		this.version = version;
		this.id = undefined;
	}

	headers(extra = {}) {
		return {
			...baseHeaders(this.target),
			...(this.id === undefined ? {} : { 'mcp-session-id': this.id }),
			...(this.version === '2025-03-26' || this.id === undefined ? {} : { 'mcp-protocol-version': this.version }),
			...extra,
		};
	}

	send(body, { headers = {}, connection, ms } = {}) {
		const request = { headers: this.headers(headers), body, ms };
		return connection ? exchange(connection, this.target, request) : once(this.target, request);
	}

	request(method, params, options = {}) {
		const body = { jsonrpc: '2.0', id: options.id ?? nextId(), method };
		if (params !== undefined) body.params = params;
		return this.send(body, options);
	}

	notify(method, params, options = {}) {
		return this.send({ jsonrpc: '2.0', method, ...(params === undefined ? {} : { params }) }, options);
	}

	call(name, args = {}, options = {}) {
		const params = { name, arguments: args };
		if (options.progressToken !== undefined) params._meta = { progressToken: options.progressToken };
		return this.request('tools/call', params, options);
	}

	/** The GET stream. */
	async listen(options = {}) {
		const connection = await Connection.open(this.target);
		await connection.write(requestBytes(this.target, {
			method: 'GET',
			path: this.target.path ?? '/mcp',
			headers: this.headers({ 'content-type': null, accept: 'text/event-stream', ...options.headers }),
		}));
		return new EventStream(connection, await connection.head(options.ms));
	}

	end() {
		return once(this.target, { method: 'DELETE', headers: this.headers({ 'content-type': null }) });
	}
}

export async function openSession(target, { version = LEGACY, capabilities = {}, connection } = {}) {
	const session = new Session(target, version);
	const answer = await session.request('initialize',
		{ protocolVersion: version, capabilities, clientInfo: { name: 'e2e', version: '1' } }, { connection });
	if (answer.status !== 200) throw new Error(`initialize: ${answer.status} ${answer.text}`);
	session.id = answer.headers['mcp-session-id'];
	session.initialized = answer.message.result;
	session.version = answer.message.result.protocolVersion;
	await session.notify('notifications/initialized', undefined, { connection });
	return session;
}

/** All pages of a list, through `ask(method, params)`. */
export async function listAll(ask, method, member) {
	const items = [];
	let cursor;
	do {
		const answer = await ask(method, cursor === undefined ? {} : { cursor });
		items.push(...answer.message.result[member]);
		cursor = answer.message.result.nextCursor;
	} while (cursor !== undefined);
	return items;
}
