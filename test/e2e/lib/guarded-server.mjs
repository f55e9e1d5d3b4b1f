// An MCP server (2026-07-28) that takes tokens of a simulated provider only: one tool, which says whose token it was.
import { once } from 'node:events';
import http from 'node:http';

const CACHED = { ttlMs: 60000, cacheScope: 'public' };

/** In front of it stands provider.judge(). `scope`: of calls; `calls`: whose they were, in order; `headers`: of the last. */
export async function startGuarded(t, provider, { scope } = {}) {
	const guarded = { scope, calls: [], headers: {}, refused: 0 };
	const results = {
		'server/discover': () => ({ supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, serverInfo: { name: 'guarded', version: '1' }, ...CACHED }),
		'tools/list': () => ({ tools: [{ name: 'whoami', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } }], ...CACHED }),
		'tools/call': ({ family }) => {
			guarded.calls.push(family.account);
			return { content: [{ type: 'text', text: family.account }] };
		},
	};
	const server = http.createServer(async (request, response) => {
		const pieces = [];
		for await (const piece of request) pieces.push(piece);
		const say = (status, value, headers = {}) => response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(value === undefined ? '' : JSON.stringify(value));
		const message = request.method === 'POST' ? JSON.parse(Buffer.concat(pieces)) : {};
		const { row, status, challenge } = provider.judge(request.headers, { scope: message.method === 'tools/call' ? guarded.scope : undefined });
		if (row === undefined) {
			guarded.refused++;
			return say(status, { error: 'no' }, { 'www-authenticate': challenge });
		}
		if (message.id === undefined) return say(request.method === 'POST' ? 202 : 405);
		const make = results[message.method];
		guarded.headers = request.headers;
		if (make === undefined) return say(404, { jsonrpc: '2.0', id: message.id, error: { code: -32601, message: 'Method not found' } });
		return say(200, { jsonrpc: '2.0', id: message.id, result: { resultType: 'complete', ...make(row) } });
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	return Object.assign(guarded, { url: `http://127.0.0.1:${server.address().port}/mcp` });
}
