// The tools on the v1 line of the SDK: sessions, 2025-11-25.
//
//   node v1.mjs [stdio]     on stdin and stdout; without it over HTTP, its first line says {"port":..,"url":..}
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
	CallToolRequestSchema, CreateMessageResultSchema, ElicitResultSchema, ListResourcesRequestSchema, ListRootsResultSchema,
	ListToolsRequestSchema, ReadResourceRequestSchema, SetLevelRequestSchema, SubscribeRequestSchema, UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { CAPABILITIES, listTools, readResource, resources, runTool, WATCHED } from './tools.mjs';

const RESULTS = { 'elicitation/create': ElicitResultSchema, 'sampling/createMessage': CreateMessageResultSchema, 'roots/list': ListRootsResultSchema };
const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];
const servers = new Set();

function face(extra, state) {
	const token = extra._meta?.progressToken;
	const notify = (method, params) => extra.sendNotification({ method, params });
	return {
		signal: extra.signal,
		ask: (key, method, params) => extra.sendRequest({ method, params }, RESULTS[method]),
		progress: (progress, total) => (token === undefined ? undefined : notify('notifications/progress', { progressToken: token, progress, total })),
		log: (level, data) => (LEVELS.indexOf(level) < LEVELS.indexOf(state.level) ? undefined : notify('notifications/message', { level, data })),
		touch: () => Promise.all([...servers].filter(({ watching }) => watching).map(({ server }) => server.sendResourceUpdated({ uri: WATCHED }))),
		grow: () => Promise.all([...servers].map(({ server }) => server.sendToolListChanged())),
	};
}

function makeServer() {
	const server = new Server({ name: 'sdk-v1', version: '1' }, { capabilities: CAPABILITIES });
	const state = { server, level: 'debug', watching: false };
	server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: listTools() }));
	server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) => runTool(params.name, params.arguments, face(extra, state)));
	server.setRequestHandler(ListResourcesRequestSchema, () => ({ resources }));
	server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => readResource(params.uri));
	for (const [schema, watching] of [[SubscribeRequestSchema, true], [UnsubscribeRequestSchema, false]]) {
		server.setRequestHandler(schema, () => {
			state.watching = watching;
			return {};
		});
	}
	server.setRequestHandler(SetLevelRequestSchema, ({ params }) => {
		state.level = params.level;
		return {};
	});
	servers.add(state);
	server.onclose = () => servers.delete(state);
	return server;
}

const sessions = new Map();

async function openSession() {
	const transport = new StreamableHTTPServerTransport({
		sessionIdGenerator: randomUUID,
		onsessioninitialized: (id) => void sessions.set(id, transport),
		onsessionclosed: (id) => void sessions.delete(id),
	});
	await makeServer().connect(transport);
	return transport;
}

if (process.argv[2] === 'stdio') {
	await makeServer().connect(new StdioServerTransport());
} else {
	const listener = http.createServer(async (request, response) => {
		const id = request.headers['mcp-session-id'];
		const transport = id === undefined ? await openSession() : sessions.get(id);
		if (transport === undefined) response.writeHead(404, { 'content-type': 'application/json' }).end('{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}');
		else await transport.handleRequest(request, response);
	});
	listener.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
		const { port } = listener.address();
		console.log(JSON.stringify({ port, url: `http://127.0.0.1:${port}/mcp` }));
	});
}
