// The official SDK, v2 line, through the gateway to three real servers: stateless as 2026-07-28,
// chosen by itself, and with the sessions of before.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { stdioFixture } from './lib/fixture.mjs';
import { prepareGateway, scope } from './lib/gateway.mjs';
import { journey } from './lib/journey.mjs';
import { realUpstreams } from './lib/real.mjs';

const file = scope(after);
let gateway;

before(async () => {
	gateway = await prepareGateway(file, { workers: 2 });
	gateway.configure({ upstreams: { ...(await realUpstreams(file, gateway.file('files'))), fx: stdioFixture() } });
	await gateway.start();
	await gateway.settled(60000);
});

async function connect(mode, options = {}) {
	const client = new Client({ name: 'e2e', version: '2' }, { versionNegotiation: { mode }, ...options });
	const transport = new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${gateway.port}/mcp`), { requestInit: { headers: { Authorization: `Bearer ${gateway.key}` } } });
	await client.connect(transport);
	return { client, transport };
}

const modes = [['2026-07-28, pinned', { pin: '2026-07-28' }, '2026-07-28'], ['chosen by probing', 'auto', '2026-07-28'], ['the era of sessions', 'legacy', '2025-11-25']];

for (const [name, mode, version] of modes) {
	describe(`SDK v2, ${name}`, () => {
		let adapter;

		before(async () => {
			const { client, transport } = await connect(mode);
			adapter = {
				client,
				transport,
				call: (params, options) => client.callTool(params, options),
				onListChanged: async (handler) => {
					client.setNotificationHandler('notifications/tools/list_changed', handler);
					if (version === '2026-07-28') adapter.subscription = await client.listen({ toolsListChanged: true });
				},
			};
		});
		after(async () => {
			await adapter.subscription?.close();
			await adapter.client.close();
		});

		test('the version', () => assert.equal(adapter.client.getNegotiatedProtocolVersion(), version));
		for (const [what, walk] of journey) test(what, () => walk(adapter, gateway));
		test('no session in the stateless era', () => assert.equal(adapter.transport.sessionId === undefined, version === '2026-07-28'));
	});
}
