// An MCP server (2026-07-28, HTTP) whose tools leave marks that can be counted:
//
//   node effects-server.mjs
//
//   append {id, ms}   has a side effect and says nothing of being idempotent: must never run twice
//   put {id, ms}      idempotent: may run twice
//   look {id, ms}     read only
//
// Each waits `ms` after its effect, so that a call can be caught under way. GET /effects returns {tool: {id: times}}. It prints
// {"url": ..., "port": ...}.
import http from 'node:http';

const schema = { type: 'object', properties: { id: { type: 'string' }, ms: { type: 'number' } }, required: ['id'] };
const TOOLS = [
	{ name: 'append', inputSchema: schema, annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false } },
	{ name: 'put', inputSchema: schema, annotations: { readOnlyHint: false, idempotentHint: true } },
	{ name: 'look', inputSchema: schema, annotations: { readOnlyHint: true } },
];
const effects = Object.fromEntries(TOOLS.map(({ name }) => [name, new Map()]));
const cached = { ttlMs: 60000, cacheScope: 'public' };
const RESULTS = {
	'server/discover': { supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, serverInfo: { name: 'effects', version: '1' }, ...cached },
	'tools/list': { tools: TOOLS, ...cached },
};

async function call({ name, arguments: { id, ms = 0 } = {} }) {
	const marks = effects[name];
	if (marks === undefined) return null;
	marks.set(id, (marks.get(id) ?? 0) + 1);
	if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
	return { content: [{ type: 'text', text: id }], structuredContent: { id } };
}

async function answer({ id, method, params }) {
	const result = RESULTS[method] ?? (method === 'tools/call' ? await call(params) : null);
	if (result === null) return { jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } };
	return { jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } };
}

const server = http.createServer({ keepAliveTimeout: 600000 }, (request, response) => {
	const pieces = [];
	request.on('data', (piece) => pieces.push(piece));
	request.on('end', async () => {
		const send = (status, value) => {
			response.writeHead(status, { 'content-type': 'application/json' });
			response.end(value === undefined ? '' : JSON.stringify(value));
		};
		if (request.method === 'GET' && request.url === '/effects') {
			send(200, Object.fromEntries(Object.entries(effects).map(([name, marks]) => [name, Object.fromEntries(marks)])));
		} else if (request.method !== 'POST') {
			send(405);
		} else {
			const message = JSON.parse(Buffer.concat(pieces));
			if (message.id === undefined) send(202);
			else send(200, await answer(message));
		}
	});
});

server.listen(0, '127.0.0.1', () => {
	const { port } = server.address();
	console.log(JSON.stringify({ port, url: `http://127.0.0.1:${port}/mcp` }));
});
