// What platforms send of their own accord: believed only with their proof, kept once, seen by one tenant's tools alone, and told
// to those of its clients who listen.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { call } from './lib/api.mjs';
import { startConnector } from './lib/connector.mjs';
import { scope } from './lib/gateway.mjs';
import { modern, modernStream, openSession } from './lib/mcp.mjs';
import { Connection, request, requestBytes } from './lib/raw.mjs';
import { until } from './lib/wait.mjs';

const CONNECTOR = `
connector: inbox
title: Inbox
about: What has been told to the gateway.
settings: {}
auth: [{ type: none }]
tools:
  list_events:
    title: Events
    description: What the platform has told, in the order in which it came.
    kind: read_local
    input: { kind: { type: string, description: Only these }, limit: { type: integer, default: 2, description: At most }, cursor: { $cursor: true } }
    output: { events: { type: array, items: { type: object } } }
    steps:
      - native: events.query
        with: { kind: "{{args.kind}}", limit: "{{args.limit}}", after: "{{cursor|str}}" }
    result: { events: "{{body.events}}" }
    page: { next: "{{body.next}}" }
    example: { args: {} }
  message_status:
    title: Status
    description: How far a message has come.
    kind: read_local
    input: { id: { type: string, description: Of the message } }
    required: [id]
    output: { status: { type: string } }
    steps: [{ native: events.status, with: { subject: "{{args.id}}" } }]
    result: { status: "{{body.status}}" }
    example: { args: { id: m } }
`;

const SECRET = 'the app secret';
const file = scope(after);
const root = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-inbox-'));
file.after(() => fs.rmSync(root, { recursive: true, force: true }));
fs.writeFileSync(path.join(root, 'inbox.yaml'), CONNECTOR);
const it = await startConnector(file, undefined, {
	upstream: 'inbox',
	connector: { file: path.join(root, 'inbox.yaml'), webhook: { secret: SECRET, verify_token: 'let me in' } },
	gateway: { tenants: ['acme', 'rival'] },
});

const sign = (body) => `sha256=${crypto.createHmac('sha256', SECRET).update(body).digest('hex')}`;
const post = (at, body, headers = { 'x-hub-signature-256': sign(body) }) => request(it.gateway, { method: 'POST', path: at, body, headers: { 'content-type': 'application/json', ...headers } });
const whatsapp = (value) => JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: 'W', changes: [{ field: 'messages', value: { metadata: { phone_number_id: 'P' }, ...value } }] }] });

test('the handshake', async () => {
	const ask = (token) => request(it.gateway, { method: 'GET', path: `/webhooks/meta/inbox/acme?hub.mode=subscribe&hub.verify_token=${encodeURIComponent(token)}&hub.challenge=42` });
	const good = await ask('let me in');
	assert.equal(good.status, 200);
	assert.equal(good.text, '42');
	assert.equal((await ask('let us in')).status, 403);
});

test('only with proof, and only where somebody listens', async () => {
	const body = whatsapp({ messages: [{ id: 'forged' }] });
	assert.equal((await post('/webhooks/meta/inbox/acme', body, {})).status, 403);
	assert.equal((await post('/webhooks/meta/inbox/acme', `${body} `, { 'x-hub-signature-256': sign(body) })).status, 403);
	for (const at of ['/webhooks/meta/inbox', '/webhooks/meta/inbox/nobody', '/webhooks/meta/none/acme', '/webhooks/myspace/inbox/acme', '/webhooks/meta/inbox/acme/x']) {
		assert.equal((await post(at, body)).status, 404, at);
	}
	const { events } = await it.ok('list_events', {});
	assert.deepEqual(events, []);
});

test('kept once, in order, with pages; statuses in any order', async () => {
	const body = whatsapp({ messages: [{ id: 'm1', type: 'text' }], statuses: [{ id: 's1', status: 'read' }] });
	assert.equal((await post('/webhooks/meta/inbox/acme', body)).status, 200);
	assert.equal((await post('/webhooks/meta/inbox/acme', body)).status, 200);
	assert.equal((await post('/webhooks/meta/inbox/acme', whatsapp({ statuses: [{ id: 's1', status: 'delivered' }] }))).status, 200);
	assert.equal((await post('/webhooks/meta/inbox/acme', 'no JSON')).status, 200);
	const events = await it.pages('list_events', {}, 'events');
	assert.deepEqual(events.map(({ kind, subject, route }) => [kind, subject, route]), [['message', 'm1', 'P'], ['status', 's1', 'P'], ['status', 's1', 'P']]);
	await it.ok('message_status', { id: 's1' }, { status: 'read' });
	await it.fails('message_status', { id: 's2' }, 'not_found');
});

test('another tenant sees none of it', async (t) => {
	const client = it.client;
	await it.connect(t, it.gateway.keys.rival);
	assert.deepEqual((await it.ok('list_events', {})).events, []);
	await it.fails('message_status', { id: 's1' }, 'not_found');
	it.client = client;
});

describe('clients that listen', () => {
	const URI = 'gatehouse://events/inbox';
	const UPDATED = 'notifications/resources/updated';
	const tell = (tenant, id) => post(`/webhooks/meta/inbox/${tenant}`, whatsapp({ messages: [{ id }] }));

	/** An official client of a tenant that wants to hear of new events: {client, heard}. */
	async function listener(t, tenant, mode) {
		const client = new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode } });
		const heard = [];
		client.setNotificationHandler(UPDATED, ({ params }) => heard.push(params.uri));
		await client.connect(new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${it.gateway.port}/mcp`), { requestInit: { headers: { Authorization: `Bearer ${it.gateway.keys[tenant]}` } } }));
		t.after(() => client.close());
		if (mode === 'legacy') await client.subscribeResource({ uri: URI });
		else assert.deepEqual((await client.listen({ resourceSubscriptions: [URI] })).honoredFilter, { resourceSubscriptions: [URI] });
		return { client, heard };
	}

	const read = async (client) => JSON.parse((await client.readResource({ uri: URI })).contents[0].text);

	for (const mode of ['auto', 'legacy']) {
		test(`${mode}: new events of one's own tenant are heard of, and read`, async (t) => {
			const [hers, theirs] = [await listener(t, 'acme', mode), await listener(t, 'rival', mode)];
			const { resources } = await hers.client.listResources();
			assert.deepEqual(resources.map(({ uri, name, title, mimeType }) => [uri, name, title, mimeType]), [[URI, 'inbox_events', 'Inbox: events', 'application/json']]);
			assert.equal((await tell('acme', `new-${mode}`)).status, 200);
			await until('the news', () => hers.heard.length > 0);
			const { events, older } = await read(hers.client);
			assert.deepEqual([events.at(-1).kind, events.at(-1).subject, events.at(-1).route, older], ['message', `new-${mode}`, 'P', false]);
			assert.deepEqual(Object.keys(events.at(-1)), ['id', 'kind', 'route', 'subject', 'at', 'body']);

			// Told again it is nothing new; what comes after it to both is all that anybody hears then.
			assert.equal((await tell('acme', `new-${mode}`)).status, 200);
			for (const tenant of ['rival', 'acme']) assert.equal((await tell(tenant, `other-${mode}`)).status, 200);
			await until('both to hear', () => theirs.heard.length > 0 && hers.heard.length > 1);
			assert.deepEqual([hers.heard, theirs.heard], [[URI, URI], [URI]]);
			assert.ok((await read(theirs.client)).events.every(({ subject }) => subject.startsWith('other-')));
		});
	}

	test('many at once are one piece of news; the newest are read', async (t) => {
		const { client, heard } = await listener(t, 'rival', 'auto');
		const messages = Array.from({ length: 60 }, (_, n) => ({ id: `many-${n}` }));
		assert.equal((await post('/webhooks/meta/inbox/rival', whatsapp({ messages }))).status, 200);
		assert.equal((await tell('rival', 'last')).status, 200);
		await until('the second', () => heard.length > 1);
		const { events, older } = await read(client);
		assert.deepEqual([events.length, older, events[0].subject, events.at(-1).subject, heard.length], [50, true, 'many-11', 'last', 2]);
	});

	test('a platform that hangs up comes again: told once all the same', async (t) => {
		const { heard } = await listener(t, 'acme', 'auto');
		for (let n = 0; n < 20; n++) {
			const body = whatsapp({ messages: [{ id: `hasty-${n}` }] });
			const connection = await Connection.open(it.gateway);
			await connection.write(requestBytes(it.gateway, { path: '/webhooks/meta/inbox/acme', body, headers: { 'content-type': 'application/json', 'x-hub-signature-256': sign(body) } }));
			connection.destroy();
			assert.equal((await post('/webhooks/meta/inbox/acme', body)).status, 200);
		}
		await until('each to be heard of', () => heard.length >= 20);
		assert.equal((await tell('acme', 'after them')).status, 200);
		await until('the last', () => heard.length >= 21);
		assert.equal(heard.length, 21);
	});

	test('who may not read it does not see it', async () => {
		const owner = await it.gateway.makeKey('acme', '--role', 'owner');
		const made = await call(it.gateway, 'POST', '/tenants/self/roles', { key: owner.key, body: { name: 'caller', permissions: ['catalog:list', 'tools:call'] } });
		assert.equal(made.status, 201, made.text);
		const target = { ...it.gateway.as('acme'), key: (await it.gateway.makeKey('acme', '--role', 'caller')).key };
		assert.deepEqual((await modern(target, 'resources/list')).message.result.resources, []);
		assert.ok((await modern(target, 'resources/read', { uri: URI })).message.error.code < 0);
		const stream = await modernStream(target, 'subscriptions/listen', { notifications: { toolsListChanged: true, resourceSubscriptions: [URI] } });
		assert.deepEqual((await stream.next()).params.notifications, { toolsListChanged: true });
		stream.connection.destroy();
	});

	test('no other resource is there', async () => {
		const session = await openSession(it.gateway);
		for (const method of ['resources/read', 'resources/subscribe']) {
			assert.ok((await session.request(method, { uri: 'gatehouse://events/other' })).message.error.code < 0, method);
		}
		await session.end();
	});
});

test('they are still there after a crash', async (t) => {
	await it.gateway.crash();
	await it.gateway.start();
	await it.connect(t);
	assert.equal((await it.pages('list_events', { kind: 'status' }, 'events')).length, 2);
});
