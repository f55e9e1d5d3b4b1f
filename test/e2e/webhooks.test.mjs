// What platforms send of their own accord: believed only with their proof, kept once, seen by one tenant's tools alone.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { startConnector } from './lib/connector.mjs';
import { scope } from './lib/gateway.mjs';
import { request } from './lib/raw.mjs';

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

test('they are still there after a crash', async (t) => {
	await it.gateway.crash();
	await it.gateway.start();
	await it.connect(t);
	assert.equal((await it.pages('list_events', {}, 'events')).length, 3);
});
