// The official SDK, v1 line, through the gateway to three real servers.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { LoggingMessageNotificationSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { stdioFixture } from './lib/fixture.mjs';
import { prepareGateway, scope } from './lib/gateway.mjs';
import { journey } from './lib/journey.mjs';
import { realUpstreams } from './lib/real.mjs';
import { until } from './lib/wait.mjs';

const file = scope(after);
let gateway;
let adapter;

async function connect(path = '/mcp', headers = { Authorization: `Bearer ${gateway.key}` }) {
	const client = new Client({ name: 'e2e', version: '1' });
	const transport = new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${gateway.port}${path}`), { requestInit: { headers } });
	await client.connect(transport);
	return { client, transport };
}

before(async () => {
	gateway = await prepareGateway(file, { workers: 2 });
	gateway.configure({ upstreams: { ...(await realUpstreams(file, gateway.file('files'))), fx: stdioFixture() } });
	await gateway.start();
	await gateway.settled(60000);
	const { client, transport } = await connect();
	file.after(() => client.close());
	adapter = {
		client,
		transport,
		call: (params, options) => client.callTool(params, undefined, options),
		onListChanged: (handler) => client.setNotificationHandler(ToolListChangedNotificationSchema, handler),
	};
});

describe('SDK v1', () => {
	for (const [what, walk] of journey) test(what, () => walk(adapter, gateway));

	test('ping and log level', async () => {
		await adapter.client.ping();
		await adapter.client.setLoggingLevel('debug');
		await assert.rejects(adapter.client.setLoggingLevel('loud'));
	});

	test('log messages of a call', async () => {
		const seen = [];
		adapter.client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => seen.push(params));
		await adapter.call({ name: 'fx_log', arguments: { count: 2, ms: 1, level: 'warning' } });
		await until('the messages', () => seen.length === 2);
		assert.deepEqual(seen.map(({ level }) => level), ['warning', 'warning']);
	});

	test('a toolset, plain paths, X-API-Key, a wrong key', async () => {
		gateway.configure({ config: { toolsets: { few: { include: ['files.*'], names: 'plain' } } } });
		assert.equal((await gateway.reload()).code, 0);
		await until('the toolset', async () => (await fetch(`http://127.0.0.1:${gateway.port}/mcp/few`, { method: 'POST', headers: { 'x-api-key': gateway.key } })).status !== 404);
		const { client } = await connect('/mcp/few', { 'X-API-Key': gateway.key });
		assert.ok((await client.listTools()).tools.every(({ name }) => !name.startsWith('files_')));
		await client.close();
		await assert.rejects(connect('/mcp', { Authorization: 'Bearer gh_wrong' }));
	});

	test('the session ends with DELETE, and a new one is opened', async () => {
		const { client, transport } = await connect();
		assert.ok(transport.sessionId);
		await client.listTools();
		await transport.terminateSession();
		await client.close();
		const again = await connect();
		await again.client.ping();
		await again.client.close();
	});
});
