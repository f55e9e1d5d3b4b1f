// An MCP server whose one tool asks its client things, without an SDK, in either era and over either
// transport:
//
//   node asking-server.mjs legacy|modern stdio|http
//
// Tool `ask {rounds: [{key: {method, params}}, ...]}` asks each round's questions at once, the next
// round when all are answered, and returns the answers as JSON text: [{key: result | {error}}, ...].
// A round that is a number waits so many ms (legacy) or is a round of state alone (modern). Prompt
// and resource `ask` ask one elicitation. Tool `seen` tells what the server has seen.
// Over HTTP it prints {"url": ...}.
import crypto from 'node:crypto';
import http from 'node:http';
import readline from 'node:readline';

const [era, transport] = process.argv.slice(2);
const modern = era === 'modern';
const seen = { calls: 0, cancelled: [], capabilities: null, refused: 0 };
const open = new Map(); // legacy: question id to its promise
const calls = new Map(); // legacy: running call id to its questions' ids
const ONE = { who: { method: 'elicitation/create', params: { message: 'Who?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } } } } } };
let lastId = 0;

const text = (value) => ({ content: [{ type: 'text', text: JSON.stringify(value) }] });
const complete = (result) => (modern ? { resultType: 'complete', ...result } : result);

function fail(code, message, data) {
	throw Object.assign(new Error(message), { rpc: { code, message, ...(data === undefined ? {} : { data }) } });
}

/* ---- legacy: requests on the way --------------------------------------------------------------- */

function question(call, send, method, params) {
	const id = `q-${++lastId}`;
	calls.get(call)?.add(id);
	return new Promise((resolve) => {
		open.set(id, resolve);
		send({ jsonrpc: '2.0', id, method, ...(params === undefined ? {} : { params }) });
	});
}

async function askLegacy(call, rounds, send) {
	const answers = [];
	for (const round of rounds) {
		if (typeof round === 'number') {
			await new Promise((resolve) => setTimeout(resolve, round));
			continue;
		}
		const entries = await Promise.all(Object.entries(round).map(async ([key, { method, params, after = 0, takeBack }]) => {
			await new Promise((resolve) => setTimeout(resolve, after));
			const asked = question(call, send, method, params);
			if (takeBack !== undefined) {
				const id = `q-${lastId}`;
				setTimeout(() => {
					send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id, reason: 'changed my mind' } });
					open.get(id)?.('taken back');
					open.delete(id);
				}, takeBack);
			}
			const answer = await asked;
			if (params?.elicitationId !== undefined) send({ jsonrpc: '2.0', method: 'notifications/elicitation/complete', params: { elicitationId: params.elicitationId } });
			return [key, answer];
		}));
		answers.push(Object.fromEntries(entries));
	}
	return answers;
}

/* ---- modern: rounds ---------------------------------------------------------------------------- */

function askModern(rounds, params) {
	const state = params.requestState === undefined ? { at: 0, answers: [] } : JSON.parse(Buffer.from(params.requestState, 'base64url'));
	if (state.broken) fail(-32602, 'bad state');
	const asked = rounds[state.at - 1];
	if (state.at > 0 && typeof asked === 'object') state.answers.push(params.inputResponses ?? null);
	if (state.at >= rounds.length) return complete(text(state.answers));
	const round = rounds[state.at];
	const next = Buffer.from(JSON.stringify({ ...state, at: state.at + 1 })).toString('base64url');
	return { resultType: 'input_required', ...(typeof round === 'number' ? {} : { inputRequests: round }), requestState: next };
}

/* ---- what is served ---------------------------------------------------------------------------- */

const TOOLS = ['ask', 'seen', 'needs', 'url'].map((name) => ({ name, inputSchema: { type: 'object' } }));
if (modern) TOOLS.push({ name: 'numbers', inputSchema: { type: 'object' }, outputSchema: { type: 'array', items: { $ref: '#/$defs/n' }, $defs: { n: { type: 'integer' } } } });
const LISTS = {
	'tools/list': { tools: TOOLS },
	'prompts/list': { prompts: [{ name: 'ask' }] },
	'resources/list': { resources: [{ uri: `ask://${era}/${transport}`, name: 'ask' }] },
	'resources/templates/list': { resourceTemplates: [] },
};

async function ask(id, params, rounds, send) {
	if (modern) return askModern(rounds, params);
	calls.set(id, new Set());
	const answers = await askLegacy(id, rounds, send);
	calls.delete(id);
	return text(answers);
}

async function run({ id, method, params = {} }, send) {
	const caps = { tools: {}, prompts: {}, resources: {} };
	if (method in LISTS) return complete({ ...LISTS[method], ...(modern ? { ttlMs: 0, cacheScope: 'private' } : {}) });
	switch (method) {
	case 'server/discover':
		if (!modern) fail(-32601, 'Method not found');
		return complete({ supportedVersions: ['2026-07-28'], capabilities: caps, ttlMs: 0, cacheScope: 'private' });
	case 'initialize':
		if (modern) fail(-32601, 'Method not found');
		return { protocolVersion: '2025-11-25', capabilities: caps, serverInfo: { name: 'asking', version: '1' } };
	case 'ping':
		return {};
	case 'prompts/get': {
		const result = await ask(id, params, [ONE], send);
		return result.content === undefined ? result : complete({ messages: [{ role: 'user', content: result.content[0] }] });
	}
	case 'resources/read': {
		const result = await ask(id, params, [ONE], send);
		return result.content === undefined ? result
			: complete({ contents: [{ uri: params.uri, text: result.content[0].text }], ...(modern ? { ttlMs: 0, cacheScope: 'private' } : {}) });
	}
	case 'tools/call':
		break;
	default:
		fail(-32601, 'Method not found');
	}
	seen.calls++;
	seen.capabilities = params._meta?.['io.modelcontextprotocol/clientCapabilities'] ?? seen.capabilities;
	const args = params.arguments ?? {};
	if (params.name === 'seen') return complete(text({ ...seen, open: open.size }));
	if (params.name === 'numbers') return complete({ content: [], structuredContent: [1, 2] });
	if (params.name === 'needs') fail(-32021, 'needs sampling', { requiredCapabilities: { sampling: {} } });
	if (params.name === 'url') {
		if (seen.agreed === args.nonce) return complete(text('thanks'));
		seen.agreed = args.nonce;
		fail(-32042, 'open this', { elicitations: [{ mode: 'url', elicitationId: 'x1', url: 'https://example.test/a', message: 'Sign in' }] });
	}
	return ask(id, params, args.rounds, send);
}

async function take(message, send) {
	if (message.method === undefined) {
		const resolve = open.get(message.id);
		open.delete(message.id);
		if (message.error !== undefined) seen.refused++;
		resolve?.(message.error === undefined ? message.result : { error: message.error });
		return;
	}
	if (message.id === undefined) {
		if (message.method === 'notifications/cancelled') seen.cancelled.push(message.params.requestId);
		return;
	}
	try {
		const result = await run(message, send);
		send({ jsonrpc: '2.0', id: message.id, result }, true);
	} catch (error) {
		send({ jsonrpc: '2.0', id: message.id, error: error.rpc ?? { code: -32603, message: error.message } }, true);
	}
}

/* ---- transports -------------------------------------------------------------------------------- */

function serveStdio() {
	const send = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
	readline.createInterface({ input: process.stdin }).on('line', (line) => take(JSON.parse(line), send)).on('close', () => process.exit(0));
}

function serveHttp() {
	const server = http.createServer((request, response) => {
		let body = '';
		request.on('data', (chunk) => { body += chunk; });
		request.on('end', () => {
			if (request.method !== 'POST') return response.writeHead(405).end();
			const message = JSON.parse(body);
			if (message.id === undefined || message.method === undefined) {
				take(message, () => {});
				return response.writeHead(202).end();
			}
			let begun = false;
			return take(message, (out, last) => {
				const session = message.method === 'initialize' ? { 'mcp-session-id': crypto.randomUUID() } : {};
				if (last && !begun) {
					const status = out.error?.code === -32021 ? 400 : 200;
					response.writeHead(status, { 'content-type': 'application/json', ...session }).end(JSON.stringify(out));
					return;
				}
				if (!begun) response.writeHead(200, { 'content-type': 'text/event-stream' });
				begun = true;
				response.write(`event: message\ndata: ${JSON.stringify(out)}\n\n`);
				if (last) response.end();
			});
		});
	});
	server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}/mcp` })));
}

if (transport === 'http') serveHttp();
else serveStdio();
