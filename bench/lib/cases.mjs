// The requests: what is sent, byte for byte, in both protocol eras.
export const VERSION = '2026-07-28';
export const VERSION_LEGACY = '2025-11-25';
const STREAM_EVENTS = 10;
export const MODERN = {
	'io.modelcontextprotocol/protocolVersion': VERSION,
	'io.modelcontextprotocol/clientCapabilities': {},
};

export function modernHeaders(method, name, key) {
	return [
		['Content-Type', 'application/json'],
		['Accept', 'application/json, text/event-stream'],
		['MCP-Protocol-Version', VERSION],
		['Mcp-Method', method],
		...(name ? [['Mcp-Name', name]] : []),
		...(key ? [['Authorization', `Bearer ${key}`]] : []),
	];
}

function legacyHeaders(session, key) {
	return [
		['Content-Type', 'application/json'],
		['Accept', 'application/json, text/event-stream'],
		['MCP-Protocol-Version', VERSION_LEGACY],
		['Mcp-Session-Id', session],
		...(key ? [['Authorization', `Bearer ${key}`]] : []),
	];
}

/** The load generator writes Content-Type itself. */
const flags = (headers) => headers.filter(([k]) => k !== 'Content-Type').flatMap(([k, v]) => ['--header', `${k}: ${v}`]);

/** @ID@ stands for ten digits; the body is measured as it will be sent. */
const sentLength = (body) => body.length + 10 - 4;

function message(method, params, modern) {
	const all = modern ? { ...params, _meta: MODERN } : params;
	return `{"jsonrpc":"2.0","id":@ID@,"method":"${method}","params":${JSON.stringify(all)}}`;
}

/** A tools/call whose body is `bytes` long: the query is padded. */
function callOfSize(tool, bytes, modern) {
	const build = (pad) => message('tools/call', { name: tool, arguments: { query: 'q'.repeat(pad), limit: 20 } }, modern);
	return build(Math.max(1, bytes - sentLength(build(0))));
}

/**
 * What the load generator gets for one target.
 *   kind    call_250 | call_64k | stream_10 | ping | list | search
 *   era     modern | legacy
 *   target  { port, path, prefix, key, session }
 */
export function loadArguments(kind, era, target) {
	const modern = era === 'modern';
	const prefix = target.prefix ?? '';
	const common = ['--port', String(target.port), '--path', target.path ?? '/mcp'];
	const headers = (method, name) => flags(modern ? modernHeaders(method, name, target.key) : legacyHeaders(target.session, target.key));
	switch (kind) {
	case 'call_250': {
		const tool = `${prefix}tool_0000`;
		return [...common, ...headers('tools/call', tool), '--body', callOfSize(tool, 250, modern), '--expect', '"structuredContent"'];
	}
	case 'call_64k': {
		const tool = `${prefix}size`;
		return [...common, ...headers('tools/call', tool), '--body', message('tools/call', { name: tool, arguments: { bytes: 65536 } }, modern),
			'--expect', '"content"'];
	}
	case 'stream_10': {
		const tool = `${prefix}progress`;
		const params = { name: tool, arguments: { steps: STREAM_EVENTS, ms: 0 } };
		const token = { progressToken: 'bench' };
		const body = modern ? message('tools/call', params, true).replace('"_meta":{', '"_meta":{"progressToken":"bench",')
			: message('tools/call', { ...params, _meta: token }, false);
		return [...common, ...headers('tools/call', tool), '--body', body, '--expect', `"progress":${STREAM_EVENTS},`];
	}
	case 'ping':
		return [...common, ...headers('ping'), '--body', message('ping', {}, modern), '--expect', '"result":{'];
	case 'search': {
		const params = { name: 'search_tools', arguments: { query: 'look up records by owner and time range', limit: 8 } };
		return [...common, ...headers('tools/call', params.name), '--body', message('tools/call', params, modern), '--expect', '"structuredContent"'];
	}
	case 'list':
		return [...common, ...headers('tools/list'), '--body', message('tools/list', {}, modern), '--expect', '"tools":['];
	default:
		throw new Error(`no request named ${kind}`);
	}
}

/** What the load generator gets for one modern call of a tool. */
export function toolArguments(name, args, { port, path = '/mcp', key }) {
	return ['--port', String(port), '--path', path, ...flags(modernHeaders('tools/call', name, key)), '--body', message('tools/call', { name, arguments: args }, true), '--expect', '"structuredContent"'];
}

/** Open a legacy session at a target and return its id. */
export async function openSession({ port, path = '/mcp', key }) {
	const headers = {
		'Content-Type': 'application/json',
		Accept: 'application/json, text/event-stream',
		...(key ? { Authorization: `Bearer ${key}` } : {}),
	};
	const post = (body, extra = {}) => fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers: { ...headers, ...extra }, body: JSON.stringify(body) });
	const response = await post({
		jsonrpc: '2.0', id: 1, method: 'initialize',
		params: { protocolVersion: VERSION_LEGACY, capabilities: {}, clientInfo: { name: 'bench', version: '1' } },
	});
	const text = await response.text();
	const session = response.headers.get('mcp-session-id');
	if (!response.ok || !session) throw new Error(`initialize: HTTP ${response.status} ${text.slice(0, 300)}`);
	await post({ jsonrpc: '2.0', method: 'notifications/initialized' }, { 'Mcp-Session-Id': session, 'MCP-Protocol-Version': VERSION_LEGACY });
	return session;
}
