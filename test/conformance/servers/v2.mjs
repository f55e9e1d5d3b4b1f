// The tools on the v2 line of the SDK: stateless, 2026-07-28 and nothing older.
//
//   node v2.mjs [stdio]     on stdin and stdout; without it over HTTP, its first line says {"port":..,"url":..}
import http from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, inputRequired, Server } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { CAPABILITIES, listTools, readResource, resources, runTool, WATCHED } from './tools.mjs';

const servers = new Set();
let handler;

/** The answers so far: those of earlier rounds came back in the state. */
function answersOf({ mcpReq }) {
	const state = mcpReq.requestState();
	return { ...(state === undefined ? {} : JSON.parse(Buffer.from(state, 'base64').toString())), ...mcpReq.inputResponses };
}

function face(context, answers, missing, stop) {
	const { mcpReq } = context;
	const token = mcpReq._meta?.progressToken;
	return {
		signal: mcpReq.signal,
		ask: (key, method, params) => {
			if (key in answers) return Promise.resolve(answers[key]);
			missing[key] = { method, params };
			queueMicrotask(stop);
			return new Promise(() => {}); // the next round begins anew
		},
		progress: (progress, total) => (token === undefined ? undefined : mcpReq.notify({ method: 'notifications/progress', params: { progressToken: token, progress, total } })),
		log: (level, data) => mcpReq.log(level, data),
		touch: () => (handler ? handler.notify.resourceUpdated(WATCHED) : Promise.all([...servers].map((server) => server.sendResourceUpdated({ uri: WATCHED })))),
		grow: () => (handler ? handler.notify.toolsChanged() : Promise.all([...servers].map((server) => server.sendToolListChanged()))),
	};
}

async function call({ params }, context) {
	const answers = answersOf(context);
	const missing = {};
	const asked = Promise.withResolvers();
	const result = await Promise.race([runTool(params.name, params.arguments, face(context, answers, missing, asked.resolve)), asked.promise]);
	if (result !== undefined) return result;
	const requestState = Buffer.from(JSON.stringify(answers)).toString('base64');
	return inputRequired({ inputRequests: missing, requestState });
}

function makeServer() {
	const server = new Server({ name: 'sdk-v2', version: '1' }, { capabilities: CAPABILITIES });
	server.setRequestHandler('tools/list', () => ({ tools: listTools() }));
	server.setRequestHandler('tools/call', call);
	server.setRequestHandler('resources/list', () => ({ resources }));
	server.setRequestHandler('resources/read', ({ params }) => readResource(params.uri));
	servers.add(server);
	server.onclose = () => servers.delete(server);
	return server;
}

if (process.argv[2] === 'stdio') {
	serveStdio(makeServer, { legacy: 'reject' });
} else {
	handler = createMcpHandler(makeServer, { legacy: 'reject' });
	const listener = http.createServer(toNodeHandler(handler));
	listener.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
		const { port } = listener.address();
		console.log(JSON.stringify({ port, url: `http://127.0.0.1:${port}/mcp` }));
	});
}
