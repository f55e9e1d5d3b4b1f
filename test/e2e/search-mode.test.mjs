// Search mode: two tools stand for all others, and what they lead to is the same as a direct call.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { startFixture, stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modern, modernCall, nextId, openSession } from './lib/mcp.mjs';
import { Connection, requestBytes } from './lib/raw.mjs';
import { EventStream } from './lib/sse.mjs';
import { until } from './lib/wait.mjs';

const searching = (gateway, path = '/mcp/all') => gateway.as('acme', { path });

async function names(target) {
	return (await modern(target, 'tools/list')).message.result.tools.map(({ name }) => name);
}

async function search(target, query, more = {}) {
	const { result } = (await modernCall(target, 'search_tools', { query, ...more })).message;
	assert.notEqual(result.isError, true, JSON.stringify(result));
	assert.deepEqual(JSON.parse(result.content[0].text), result.structuredContent);
	return result.structuredContent;
}

const through = (target, name, args, options) => modernCall(target, 'call_tool', { name, ...(args === undefined ? {} : { arguments: args }) }, options);

test('a toolset in search mode lists two tools, finds the others and runs them', async (t) => {
	const gateway = await startGateway(t, {
		upstreams: { fx: stdioFixture(['--tools', '300']) },
		config: { toolsets: { all: { mode: 'search' }, plain: { include: ['fx.*'], mode: 'search', names: 'plain' } } },
	});
	const target = searching(gateway);
	const listed = (await modern(target, 'tools/list')).message.result;

	assert.deepEqual(listed.tools.map(({ name }) => name), ['search_tools', 'call_tool']);
	assert.equal(listed.nextCursor, undefined);
	for (const tool of listed.tools) assert.ok(tool.description.length > 60 && tool.inputSchema.type === 'object');
	assert.ok((await names(gateway)).length > 300, 'the whole is still listed at /mcp');

	const all = (await modern(gateway, 'tools/list')).message.result.tools;
	const found = await search(target, 'echo arguments back');
	assert.ok(found.total > 300);
	assert.equal(found.tools[0].name, 'fx_echo');
	const shown = all.find(({ name }) => name === 'fx_echo');
	assert.deepEqual(found.tools[0].inputSchema, shown.inputSchema);
	assert.equal(found.tools[0].description, shown.description);
	assert.equal((await search(target, 'tool', { limit: 3 })).tools.length <= 3, true);
	assert.equal((await search(target, 'fx_slow', { limit: 1 })).tools[0].name, 'fx_slow');
	assert.deepEqual((await search(target, 'zyxwvut')).tools, []);

	assert.deepEqual((await through(target, 'fx_echo', { a: 1 })).message.result.structuredContent, { a: 1 });
	assert.deepEqual((await through(target, 'fx_echo')).message.result.structuredContent, {});
	assert.deepEqual((await modernCall(target, 'fx_echo', { b: 2 })).message.result.structuredContent, { b: 2 }, 'by its own name too');
	assert.equal((await search(searching(gateway, '/mcp/plain'), 'echo')).tools[0].name, 'echo');

	const session = await openSession(target);
	assert.equal((await session.request('tools/list')).message.result.tools.length, 2);
	const legacy = (await session.call('search_tools', { query: 'echo' })).message.result;
	assert.equal(legacy.structuredContent.tools[0].name, 'fx_echo');
	assert.equal(legacy.resultType, undefined);
	assert.deepEqual((await session.call('call_tool', { name: 'fx_echo', arguments: { c: '3' } })).message.result.structuredContent, { c: '3' });
	assert.match(session.instructions ?? 'search_tools', /search_tools/);
});

test('a call through call_tool is validated, counted and audited as the real tool', async (t) => {
	const http = await startFixture(t);
	const gateway = await startGateway(t, { upstreams: { web: http.upstream() }, config: { mode: 'search' } });
	assert.deepEqual(await names(gateway), ['search_tools', 'call_tool']);

	const direct = (await modernCall(gateway, 'web_schema2020', {})).message.result;
	const wrapped = (await through(gateway, 'web_schema2020', {})).message.result;
	assert.equal(direct.isError, true);
	assert.deepEqual(wrapped, direct, 'the same refusal, word for word');

	const progress = await modern(gateway, 'tools/call', { name: 'call_tool', arguments: { name: 'web_progress', arguments: { steps: 3 } } }, { meta: { progressToken: 'p' } });
	assert.ok(progress.notifications.length > 0, progress.text);
	assert.ok(progress.notifications.every(({ params }) => params.progressToken === 'p'));

	await search(gateway, 'echo');
	const rows = await until('the rows', async () => {
		const all = await gateway.cliJson('audit', 'list');
		return all.some(({ event }) => event === 'mcp.tools_searched') ? all : undefined;
	});
	const calls = rows.filter(({ event }) => /^mcp\.tool_(called|failed)$/.test(event)).map(({ target, upstream, outcome }) => [target, upstream, outcome]);
	assert.deepEqual(calls, [['web_schema2020', 'web', 'MCP_ARGUMENTS'], ['web_schema2020', 'web', 'MCP_ARGUMENTS'], ['web_progress', 'web', 'ok']]);
	assert.deepEqual(rows.filter(({ event }) => event === 'mcp.tools_searched').map(({ target, outcome }) => [target, outcome]), [['search_tools', 'ok']]);
});

test('what is wrong with a search or a call is said in words that lead on', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() }, config: { mode: 'search' } });
	const refused = async (name, args) => {
		const { result } = (await modernCall(gateway, name, args)).message;
		assert.equal(result.isError, true, JSON.stringify(result));
		return result.content[0].text;
	};

	assert.match(await refused('search_tools', {}), /query/);
	assert.match(await refused('search_tools', { query: '  ' }), /query/);
	assert.match(await refused('search_tools', { query: 'x', limit: 0 }), /limit/);
	assert.match(await refused('search_tools', { query: 'x', limit: 'many' }), /limit/);
	assert.match(await refused('call_tool', {}), /name/);
	assert.match(await refused('call_tool', { name: 7 }), /name/);
	assert.match(await refused('call_tool', { name: 'fx_echo', arguments: '{"a":1}' }), /arguments/);
	assert.match(await refused('call_tool', { name: 'call_tool', arguments: { name: 'fx_echo' } }), /called directly/);
	assert.match(await refused('call_tool', { name: 'search_tools', arguments: { query: 'x' } }), /called directly/);
	const unknown = await refused('call_tool', { name: 'fx_ekho_slow', arguments: {} });
	assert.match(unknown, /Unknown tool: fx_ekho_slow\. Use search_tools to find tools\..*fx_slow/);

	const direct = (await modernCall(gateway, 'fx_slows')).message.error;
	assert.equal(direct.code, -32602);
	assert.match(direct.message, /search_tools/);
	const huge = await search(gateway, `echo ${'x'.repeat(5000)}`);
	assert.ok(Array.isArray(huge.tools));
	assert.equal((await search(gateway, 'echo', { limit: 100000 })).tools[0].name, 'fx_echo');
});

test('the mode and the tools follow a reload', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	assert.ok((await names(gateway)).length > 2);

	gateway.configure({ upstreams: { fx: stdioFixture(), more: stdioFixture() }, config: { mode: 'search' } });
	assert.equal((await gateway.reload()).code, 0);
	await until('search mode', async () => (await names(gateway)).length === 2);
	await until('the new upstream to be found', async () => (await search(gateway, 'more echo')).tools[0]?.name === 'more_echo');
});

test('tools that are called like the two keep out of their way', async (t) => {
	const http = await startFixture(t, ['--no-builtin']);
	const schema = { type: 'object' };
	await http.control({ define: ['search_tools', 'call_tool', 'other'].map((name) => ({ name, description: `Fake ${name}`, inputSchema: schema })) });
	const gateway = await startGateway(t, {
		upstreams: { up: http.upstream() },
		config: { mode: 'search', toolsets: { plain: { names: 'plain', mode: 'search' }, listed: { names: 'plain' } } },
	});
	const plain = searching(gateway, '/mcp/plain');

	assert.deepEqual(await names(plain), ['search_tools', 'call_tool']);
	const found = (await search(plain, 'fake')).tools.map(({ name }) => name);
	assert.equal(found.length, 3);
	assert.ok(found.every((name) => name === 'other' || /^up_(search_tools|call_tool)_[0-9a-f]{8}$/.test(name)), found.join());
	for (const name of found) assert.deepEqual((await through(plain, name, { a: 1 })).message.result.structuredContent, { a: 1 });
	assert.deepEqual((await search(gateway, 'fake search_tools')).tools[0].name, 'up_search_tools');
	assert.deepEqual((await names(searching(gateway, '/mcp/listed'))).sort(), ['call_tool', 'other', 'search_tools'], 'where tools are listed they keep their names');
	assert.deepEqual((await modernCall(searching(gateway, '/mcp/listed'), 'call_tool', { name: 'x' })).message.result.structuredContent, { name: 'x' });
});

const ELICIT = { method: 'elicitation/create', params: { message: 'Name?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } } } } };
const ACCEPT = { action: 'accept', content: { name: 'Alice' } };

/** A session's call that is asked once: the question, and the answer in the end. */
async function askedCall(session, params) {
	const connection = await Connection.open(session.target);
	await connection.write(requestBytes(session.target, { path: session.target.path ?? '/mcp', headers: session.headers(), body: JSON.stringify({ jsonrpc: '2.0', id: nextId(), method: 'tools/call', params }) }));
	const stream = new EventStream(connection, await connection.head(10000));
	let question = await stream.next(undefined, 10000);
	while (question.method !== ELICIT.method) question = await stream.next(undefined, 10000);
	assert.equal((await session.send({ jsonrpc: '2.0', id: question.id, result: ACCEPT })).status, 202);
	const answer = await stream.next(undefined, 10000);
	connection.destroy();
	return answer;
}

test('servers ask back through call_tool, in every pair of eras', async (t) => {
	const asking = path.join(path.dirname(fileURLToPath(import.meta.url)), 'lib/asking-server.mjs');
	const server = (era) => ({ stdio: { command: process.execPath, args: [asking, era, 'stdio'] } });
	const gateway = await startGateway(t, { upstreams: { ns: server('modern'), os: server('legacy') }, config: { mode: 'search' } });
	const capabilities = { elicitation: { form: {} } };

	for (const upstream of ['ns', 'os']) {
		const params = { name: 'call_tool', arguments: { name: `${upstream}_ask`, arguments: { rounds: [{ a: ELICIT }] } } };
		const meta = { meta: { 'io.modelcontextprotocol/clientCapabilities': capabilities } };
		const first = (await modern(gateway, 'tools/call', params, meta)).message.result;
		assert.equal(first.resultType, 'input_required', JSON.stringify(first));
		const retry = { ...params, inputResponses: Object.fromEntries(Object.keys(first.inputRequests).map((key) => [key, ACCEPT])), requestState: first.requestState };
		const last = (await modern(gateway, 'tools/call', retry, meta)).message.result;
		assert.deepEqual(JSON.parse(last.content[0].text), [{ a: ACCEPT }]);

		const session = await openSession(gateway, { capabilities });
		const answer = await askedCall(session, params);
		assert.deepEqual(JSON.parse(answer.result.content[0].text), [{ a: ACCEPT }]);
	}
});

for (const [name, Client, Transport, options] of [
	['v1', ClientV1, TransportV1, {}],
	['v2, sessions', ClientV2, TransportV2, { versionNegotiation: { mode: 'legacy' } }],
	['v2, 2026-07-28', ClientV2, TransportV2, { versionNegotiation: { mode: { pin: '2026-07-28' } } }],
]) {
	test(`the official SDK, ${name}, searches and calls; what it gets matches the output schema`, async (t) => {
		const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() }, config: { mode: 'search' } });
		const client = new Client({ name: 'e2e', version: '1' }, options);
		const transport = new Transport(new URL(`http://127.0.0.1:${gateway.port}/mcp`), { requestInit: { headers: { Authorization: `Bearer ${gateway.key}` } } });
		await client.connect(transport);
		t.after(() => client.close());
		assert.match(client.getInstructions(), /find them with search_tools.*They belong to: fx\./);
		assert.deepEqual((await client.listTools()).tools.map((tool) => tool.name), ['search_tools', 'call_tool']);
		const found = await client.callTool({ name: 'search_tools', arguments: { query: 'echo' } });
		assert.equal(found.structuredContent.tools[0].name, 'fx_echo');
		const called = await client.callTool({ name: 'call_tool', arguments: { name: 'fx_echo', arguments: { a: 1 } } });
		assert.deepEqual(called.structuredContent, { a: 1 });
	});
}

test('a task that a server makes of a call through call_tool can be followed to its end', async (t) => {
	const tasks = 'io.modelcontextprotocol/tasks';
	const gateway = await startGateway(t, { upstreams: { up: stdioFixture(['--era', 'modern', '--with', 'tasks']) }, config: { mode: 'search' } });
	const declared = { meta: { 'io.modelcontextprotocol/clientCapabilities': { extensions: { [tasks]: {} } } } };
	const made = (await through(gateway, 'up_job', { ms: 50 }, declared)).message.result;
	assert.equal(made.resultType, 'task', JSON.stringify(made));
	await until('the task to be done', async () => (await modern(gateway, 'tasks/get', { taskId: made.taskId }, declared)).message.result.status === 'completed');
	const rows = (await gateway.cliJson('audit', 'list')).filter(({ event }) => event === 'mcp.tool_called');
	assert.deepEqual(rows.map(({ target }) => target), ['up_job']);
});
