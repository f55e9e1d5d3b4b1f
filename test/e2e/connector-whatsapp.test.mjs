// Connector whatsapp against the Cloud API as its documentation has it: messages to numbers and to ids, files of each kind, templates with
// their variables, what became of a message, and the classes of Meta's error codes.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { no, WhatsApp } from '../fixtures/platforms/whatsapp.mjs';
import { mediaWays, SAMPLES, startConnector } from './lib/connector.mjs';
import { callExamples } from './lib/examples.mjs';
import { scope } from './lib/gateway.mjs';
import { request } from './lib/raw.mjs';

const ADA = '16505551234';
const SEND = 'POST /:version/:number/messages';
const file = scope(after);
let whatsapp;
let it;

before(async () => {
	whatsapp = await new WhatsApp().start(file);
	it = await startConnector(file, 'whatsapp', {
		platform: whatsapp, secret: whatsapp.token, settings: { phone_number_id: whatsapp.number, waba_id: whatsapp.account }, gateway: { tenants: ['acme', 'paired', 'throttled', 'ended'] },
	});
});

const last = (at) => whatsapp.asked(at).at(-1);

test('four tools, each as tools are described here', () => it.conventions({ read: ['list_templates', 'get_message_status'], create: ['send_message', 'send_template'] }));

test('each example is one', () => callExamples(it));

test('send_message: a text, to a number and to an id', async () => {
	const sent = await it.ok('send_message', { to: ADA, body: 'Your table is ready.' }, { message_status: 'accepted', wa_id: ADA });
	assert.deepEqual(last(SEND).json, { messaging_product: 'whatsapp', recipient_type: 'individual', to: ADA, type: 'text', text: { body: 'Your table is ready.' } });
	await it.ok('send_message', { recipient: 'US.1234abc', body: 'https://a.example', preview_url: true, reply_to: sent.message_id }, { user_id: 'US.1234abc', wa_id: undefined });
	assert.deepEqual(last(SEND).json, { messaging_product: 'whatsapp', recipient_type: 'individual', recipient: 'US.1234abc', context: { message_id: sent.message_id }, type: 'text', text: { body: 'https://a.example', preview_url: true } });
});

test('send_message: a file, by each way it can come, and of each kind', async () => {
	for (const [way, media] of await mediaWays(file, it.gateway, SAMPLES.png, 'image/png', 'a.png')) {
		await it.ok('send_message', { to: ADA, media_type: 'image', media, caption: way });
		const { type, image } = last(SEND).json;
		assert.deepEqual([type, image.caption, whatsapp.files.get(image.id).body], ['image', way, SAMPLES.png]);
	}
	const { id } = last(SEND).json.image;
	for (const [media_type, more] of [['video', { caption: 'c' }], ['audio', {}], ['sticker', {}], ['document', { caption: 'c', filename: 'a.pdf' }]]) {
		await it.ok('send_message', { to: ADA, media_type, media_id: id, ...more });
		assert.deepEqual(last(SEND).json[media_type], { id, ...more });
	}
});

test('send_message: what does not go together', async () => {
	const { refuses } = it;
	const refused = (args, words) => refuses.call(it, 'send_message', args, words);
	await refused({ body: 'x' }, /`to` or `recipient`/);
	await refused({ to: ADA, recipient: 'US.1', body: 'x' }, /not both/);
	await refused({ to: ADA }, /body/);
	await refused({ to: ADA, media_id: '1' }, /media_type/);
	await refused({ to: ADA, media_type: 'image' }, /media/);
	await refused({ to: ADA, media_type: 'audio', media_id: '1', caption: 'x' }, /no caption/);
	await refused({ to: ADA, media_type: 'image', media_id: '1', body: 'x' }, /caption/);
	await refused({ to: '+1 650', body: 'x' }, /to/);
});

test('send_template: variables, components, and neither', async () => {
	await it.ok('send_template', { to: ADA, name: 'order_shipped', language: 'en_US', body_params: ['1234', 'Tuesday'] });
	assert.deepEqual(last(SEND).json, {
		messaging_product: 'whatsapp', recipient_type: 'individual', to: ADA, type: 'template',
		template: { name: 'order_shipped', language: { code: 'en_US' }, components: [{ type: 'body', parameters: [{ type: 'text', text: '1234' }, { type: 'text', text: 'Tuesday' }] }] },
	});
	const components = [{ type: 'body', parameters: [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }] }, { type: 'button', sub_type: 'url', index: '0', parameters: [{ type: 'text', text: 'x' }] }];
	await it.ok('send_template', { recipient: 'US.1', name: 'order_shipped', language: 'en_US', components });
	assert.deepEqual(last(SEND).json.template.components, components);
	await it.ok('send_template', { to: ADA, name: 'template_1', language: 'en_US' });
	assert.equal(last(SEND).json.template.components, undefined);
	await it.refuses('send_template', { to: ADA, name: 'order_shipped', language: 'en_US', components, body_params: ['a'] }, /not both/);
	await it.fails('send_template', { to: ADA, name: 'order_shipped', language: 'en_US' }, 'invalid', /expected number.*list_templates/s);
	await it.fails('send_template', { to: ADA, name: 'no_such', language: 'en_US' }, 'invalid', /does not exist/);
});

test('list_templates: page by page, filtered, and what is in them', async () => {
	const templates = await it.pages('list_templates', { limit: 3 }, 'templates');
	assert.equal(templates.length, 7);
	assert.deepEqual(templates[0], {
		id: '594425479261596', name: 'order_shipped', status: 'APPROVED', category: 'UTILITY', language: 'en_US', parameter_format: 'POSITIONAL', body_text: 'Order {{1}} comes on {{2}}.', variables: 2, quality: 'GREEN',
		buttons: [{ type: 'URL', text: 'Track', url: 'https://shop.example/{{1}}' }, { type: 'QUICK_REPLY', text: 'Stop' }],
	});
	assert.deepEqual([templates[1].variables, templates[1].quality, templates[1].buttons], [0, undefined, undefined]);
	await it.ok('list_templates', { status: 'REJECTED' }, { templates: [{ name: 'template_3' }], next_cursor: null });
	await it.ok('list_templates', { name: 'order', category: 'UTILITY', language: 'en_US' }, { templates: [{ name: 'order_shipped' }] });
});

test('get_message_status: the furthest that it has come, in whatever order that is told', async () => {
	const { message_id } = await it.ok('send_message', { to: ADA, body: 'where are you' });
	await it.ok('get_message_status', { message_id }, { message_id, status: 'unknown', source: 'api' });
	for (const [events, status] of [[['SENT'], 'sent'], [['DELIVERED', 'SENT'], 'delivered'], [['READ', 'SENT', 'DELIVERED'], 'read']]) {
		whatsapp.happen(message_id, ...events);
		const { history } = await it.ok('get_message_status', { message_id }, { status, errors: [] });
		assert.deepEqual(history.map((one) => one.status), events.map((one) => one.toLowerCase()));
		assert.equal(history[0].timestamp, '2026-09-21T14:13:20Z');
	}
	whatsapp.happen(message_id, 'SENT', { delivery_status: 'FAILED', error_description: 'Message undeliverable' });
	await it.ok('get_message_status', { message_id }, { status: 'failed', errors: [{ details: 'Message undeliverable' }] });
});

test('get_message_status: as WhatsApp has told it, and asked for what it has not', async (t) => {
	const other = await new WhatsApp().start(t);
	const told = await startConnector(t, 'whatsapp', {
		platform: other, secret: other.token, settings: { phone_number_id: other.number, waba_id: other.account, updates: 'webhook' }, connector: { webhook: { secret: 'app-secret', verify_token: 'v' } },
	});
	const tell = (statuses) => {
		const body = JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: other.account, changes: [{ field: 'messages', value: { messaging_product: 'whatsapp', metadata: { phone_number_id: other.number }, statuses } }] }] });
		const signature = createHmac('sha256', 'app-secret').update(body).digest('hex');
		return request(told.gateway, { method: 'POST', path: '/webhooks/meta/whatsapp/acme', headers: { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` }, body });
	};
	const status = (id, name, more = {}) => ({ id, status: name, timestamp: '1790000000', recipient_id: ADA, ...more });
	assert.equal((await tell([status('wamid.A', 'read'), status('wamid.A', 'sent'), status('wamid.A', 'delivered')])).status, 200);
	assert.equal((await tell([status('wamid.B', 'failed', { errors: [{ code: 131026, title: 'Message undeliverable', error_data: { details: 'No such recipient' } }] })])).status, 200);
	const { history } = await told.ok('get_message_status', { message_id: 'wamid.A' }, { status: 'read', source: 'webhook', errors: [] });
	assert.deepEqual(history.map((one) => one.status).sort(), ['delivered', 'read', 'sent']);
	assert.deepEqual(new Set(history.map(({ timestamp }) => timestamp)), new Set(['2026-09-21T14:13:20Z']));
	await told.ok('get_message_status', { message_id: 'wamid.B' }, { status: 'failed', source: 'webhook', errors: [{ code: '131026', title: 'Message undeliverable', details: 'No such recipient' }] });
	assert.equal(other.seen.length, 0);
	other.happen('wamid.C', 'SENT');
	await told.ok('get_message_status', { message_id: 'wamid.C' }, { status: 'sent', source: 'api' });
});

const refusal = (...args) => {
	const { status, body, headers } = no(...args);
	return [status, JSON.parse(body), { headers }];
};
const refusals = [
	['after 24 hours', { to: '16505550000' }, 'window_closed', /send_template/],
	['undeliverable', {}, 'invalid', /does not deliver/, refusal(400, 131026, 'Message undeliverable', 'Message Undeliverable.')],
	['a missing permission', {}, 'permission', /permission/, refusal(403, 10, 'Application does not have permission for this action')],
	['one of many permissions', {}, 'permission', /permission/, refusal(403, 200, 'Permissions error')],
	['a restricted account', {}, 'blocked', /restricted/, refusal(403, 131031, 'Business Account locked', 'Business account has been locked')],
	['a parameter', {}, 'invalid', /to is not/, refusal(400, 131009, 'Parameter value is not valid', 'to is not a valid phone number')],
	['trouble of its own', {}, 'transient', /unknown reason/, refusal(500, 131000, 'Something went wrong', 'Message failed to send due to an unknown reason.')],
];
for (const [what, args, failure, words, answer] of refusals) {
	test(`refused: ${what}`, async () => {
		if (answer !== undefined) whatsapp.refuse(SEND, ...answer);
		await it.fails('send_message', { to: ADA, body: what, ...args }, failure, words);
	});
}

const CODES = {
	permission: [3, 131005, 299], invalid: [100, 131008, 131030, 131049, 131051, 131053, 132005, 132007, 132008, 132012, 132015, 132016], blocked: [368, 130497], transient: [1, 2, 131016, 135000],
};
for (const [failure, codes] of Object.entries(CODES)) {
	test(`the codes of ${failure}`, async () => {
		for (const code of codes) {
			whatsapp.refuse(SEND, ...refusal(400, code, 'So it is'));
			await it.fails('send_message', { to: ADA, body: `code ${code}` }, failure, /So it is/);
		}
	});
}

test('limits: of a pair, and of the number', async () => {
	whatsapp.refuse(SEND, ...refusal(400, 131056, '(Business Account, Consumer Account) pair rate limit hit', 'Too many messages'));
	await (await it.as('paired')).fails('send_message', { to: ADA, body: 'x' }, 'rate_limited', /6/);
	whatsapp.refuse(SEND, ...refusal(429, 130429, 'Rate limit hit', 'Cloud API message throughput has been reached.'));
	await (await it.as('throttled')).fails('send_message', { to: ADA, body: 'x' }, 'rate_limited', /throughput/);
});

test('a token that has ended', async () => {
	const ended = await it.as('ended');
	whatsapp.refuse('GET', 401, { error: { message: 'Error validating access token: Session has expired', type: 'OAuthException', code: 190, error_subcode: 463 } }, { times: 3 });
	await ended.disconnected('list_templates');
	whatsapp.clearFaults();
});

test('a version that has ended, a number that is not set', async (t) => {
	whatsapp.version = 'v27.0';
	await it.fails('list_templates', {}, 'version_sunset', /graph_version.*v25\.0/);
	whatsapp.version = 'v25.0';
	const bare = await startConnector(t, 'whatsapp', { platform: whatsapp, secret: whatsapp.token });
	await bare.refuses('send_message', { to: ADA, body: 'x' }, /phone_number_id/);
});

test('a message is sent once, whatever becomes of the answer; nobody reads the token', async () => {
	await it.sentOnce('send_message', (n) => ({ to: ADA, body: `once ${n}` }), SEND);
	await it.sentOnce('send_template', (n) => ({ to: ADA, name: 'order_shipped', language: 'en_US', body_params: ['once', String(n)] }), SEND);
	await it.pages('list_templates', { limit: 2 }, 'templates', (page) => assert.equal(JSON.stringify(page).includes(whatsapp.token), false));
});
