// Connector telegram against the Bot API as its documentation has it: each tool, what Telegram refuses and how callers hear of it,
// pages of updates, photos by each way, and messages that are sent once whatever becomes of the answer.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Telegram, written } from '../fixtures/platforms/telegram.mjs';
import { mediaWays, SAMPLES, startConnector, textOf } from './lib/connector.mjs';
import { callExamples } from './lib/examples.mjs';
import { scope } from './lib/gateway.mjs';
import { request } from './lib/raw.mjs';

const ADA = '5551234567';
const GROUP = '-1001234567890123';
const SEND = 'sendMessage';
const file = scope(after);
let telegram;
let it;

before(async () => {
	telegram = await new Telegram().start(file);
	it = await startConnector(file, 'telegram', { platform: telegram, secret: telegram.token, gateway: { tenants: ['acme', 'hasty', 'revoked'] } });
});

const last = (at) => telegram.asked(at).at(-1);

test('five tools, each as tools are described here', () => it.conventions({ read: ['get_me', 'get_chat'], create: ['send_message', 'send_photo'], update: ['get_updates'] }));

test('each example is one', () => callExamples(it));

test('get_me: who the bot is', async () => {
	assert.deepEqual(await it.ok('get_me'), {
		id: '110201543', username: 'release_bot', first_name: 'Release bot', can_join_groups: true, can_read_all_group_messages: false, supports_inline_queries: false, url: 'https://t.me/release_bot',
	});
});

test('get_chat: a person, a supergroup by its name with all that is pinned to it', async () => {
	assert.deepEqual(await it.ok('get_chat', { chat_id: ADA }), { id: ADA, type: 'private', first_name: 'Ada', last_name: 'Lovelace', username: 'ada_l', bio: 'Numbers' });
	await it.ok('get_chat', { chat_id: '@releases' }, {
		id: GROUP, type: 'supergroup', title: 'Release talk', slow_mode_delay: 10, is_forum: true, invite_link: 'https://t.me/+abc', permissions: { can_send_messages: true, can_invite_users: false },
		pinned_message: { message_id: 3, date: /^2026-09-21T/, text: 'Read me first' },
	});
});

test('send_message: plain, and with everything', async () => {
	assert.deepEqual(Object.keys(await it.ok('send_message', { chat_id: ADA, text: 'héllo {{args.text}} 👋' }, { chat: { id: ADA, username: 'ada_l' }, date: /^2026-09-21T/, url: /^https:\/\/t\.me\/ada_l\/1\d\d$/ })).sort(), ['chat', 'date', 'message_id', 'url']);
	assert.deepEqual(last(SEND).json, { chat_id: ADA, text: 'héllo {{args.text}} 👋' });
	const row = [{ text: 'Notes', url: 'https://releases.example/2.1' }];
	await it.ok('send_message', {
		chat_id: GROUP, text: '<b>2.1</b>', parse_mode: 'HTML', disable_notification: true, protect_content: false, reply_to_message_id: 3, message_thread_id: 7, link_preview: false, buttons: [row, row],
	});
	assert.deepEqual(last(SEND).json, {
		chat_id: GROUP, text: '<b>2.1</b>', parse_mode: 'HTML', disable_notification: true, protect_content: false, message_thread_id: 7, reply_parameters: { message_id: 3 },
		link_preview_options: { is_disabled: true }, reply_markup: { inline_keyboard: [row, row] },
	});
	await it.ok('send_message', { chat_id: ADA, text: 'x', link_preview: true });
	assert.equal(last(SEND).json.link_preview_options, undefined);
});

test('arguments that Telegram would refuse are not sent', async () => {
	await it.refuses('send_message', { chat_id: ADA, text: '' }, /text/);
	await it.refuses('send_message', { chat_id: ADA, text: 'x'.repeat(4097) }, /text/);
	await it.refuses('send_message', { chat_id: 'ada', text: 'x' }, /chat_id/);
	await it.refuses('send_message', { chat_id: ADA, text: 'x', buttons: [[{ text: 'b', url: 'javascript:0' }]] });
	await it.refuses('send_photo', { chat_id: ADA }, /photo/);
	await it.refuses('send_photo', { chat_id: ADA, file_id: 'a', photo: { url: 'https://pictures.example/a.png' } }, /not both/);
});

test('send_photo: by each way a file can come, and again by its file_id', async () => {
	for (const [way, photo] of await mediaWays(file, it.gateway, SAMPLES.png, 'image/png', 'front.png')) {
		const sent = await it.ok('send_photo', { chat_id: ADA, photo, caption: 'Front', has_spoiler: true, reply_to_message_id: 3 }, { file_id: `file-${SAMPLES.png.length}` });
		const { multipart } = last('sendPhoto');
		assert.deepEqual(multipart.photo.body, SAMPLES.png, way);
		assert.equal(multipart.photo.type, 'image/png', way);
		assert.deepEqual([multipart.caption, multipart.has_spoiler, JSON.parse(multipart.reply_parameters)], ['Front', 'true', { message_id: 3 }]);
		await it.ok('send_photo', { chat_id: ADA, file_id: sent.file_id, show_caption_above_media: true });
		assert.deepEqual(last('sendPhoto').json, { chat_id: ADA, photo: sent.file_id, show_caption_above_media: true });
	}
});

test('send_photo: what is no picture is not sent', async () => {
	await it.refuses('send_photo', { chat_id: ADA, photo: { base64: Buffer.from('#!/bin/sh\n').toString('base64'), mime: 'image/png' } });
});

test('get_updates: page by page, each kind, and only what was asked for', async () => {
	for (let n = 0; n < 5; n++) telegram.happen({ message: written(n, `note ${n}`) });
	telegram.happen({ edited_message: { ...written(2, 'note 2, better'), edit_date: 1790000100 } });
	telegram.happen({ channel_post: { message_id: 9, chat: { id: -1007, type: 'channel', title: 'News' }, date: 1790000000, caption: 'A photo', photo: [{ file_id: 'p' }] } });
	telegram.happen({ callback_query: { id: '1', from: { id: 8, is_bot: false, first_name: 'Ben' }, message: written(3, 'Choose'), data: 'yes' } });
	telegram.happen({ poll: { id: '5' } });

	const first = await it.ok('get_updates', { limit: 3 });
	assert.deepEqual(first.updates[0], {
		update_id: 90000, type: 'message', message_id: 0, chat: { id: ADA, type: 'private', username: 'ada_l' }, from: { id: ADA, name: 'Ada', username: 'ada_l', is_bot: false },
		date: '2026-09-21T14:13:20Z', text: 'note 0', has_media: false,
	});
	assert.deepEqual(last('getUpdates').json, { limit: 3, timeout: 0 });
	assert.equal((await it.ok('get_updates', { limit: 3 })).updates[0].update_id, 90000, 'looking forgets nothing');

	const all = await it.pages('get_updates', { limit: 4 }, 'updates');
	assert.deepEqual(all.map(({ type }) => type), ['message', 'message', 'message', 'message', 'message', 'edited_message', 'channel_post', 'callback_query', 'other']);
	assert.deepEqual(all.slice(5, 8).map(({ text }) => text), ['note 2, better', 'A photo', 'yes']);
	assert.deepEqual(all.map(({ has_media: media }) => media), [false, false, false, false, false, false, true, false, false]);
	assert.equal(telegram.updates.length, 0, 'the last page passed them all');

	telegram.happen({ message: written(20, 'from Ada') });
	telegram.happen({ channel_post: { message_id: 10, chat: { id: -1007, type: 'channel', title: 'News' }, date: 1790000000, text: 'News' } });
	await it.ok('get_updates', { chat_id: '-1007' }, { updates: [{ text: 'News', chat: { title: 'News' } }] });
	await it.ok('get_updates', { types: ['message', 'callback_query'] }, { updates: [{ text: 'from Ada' }] });
	assert.deepEqual(telegram.types, ['message', 'callback_query']);
	telegram.webhook = true;
	await it.fails('get_updates', {}, 'conflict', /webhook/);
	telegram.webhook = false;
});

test('get_updates: what Telegram has told to the webhook; nobody else can tell it, and reading forgets nothing', async (t) => {
	const bot = await new Telegram().start(t);
	const told = await startConnector(t, 'telegram', { platform: bot, secret: bot.token, settings: { updates: 'webhook' }, connector: { webhook: { secret: 'the-secret-token' } } });
	const tell = (update, secret = 'the-secret-token') => request(told.gateway, { method: 'POST', path: '/webhooks/telegram/telegram/acme', headers: { 'content-type': 'application/json', 'x-telegram-bot-api-secret-token': secret }, body: JSON.stringify(update) });
	for (let n = 0; n < 5; n++) assert.equal((await tell({ update_id: 70 + n, message: written(n, `told ${n}`) })).status, 200);
	assert.equal((await tell({ update_id: 90, message: written(9, 'forged') }, 'another')).status, 401);
	for (let round = 0; round < 2; round++) assert.deepEqual((await told.pages('get_updates', { limit: 2 }, 'updates')).map(({ text }) => text), [0, 1, 2, 3, 4].map((n) => `told ${n}`));
	await told.ok('get_updates', { types: ['channel_post'] }, { updates: [] });
	assert.equal(bot.asked('getUpdates').length, 0);
});

test('a cursor is good for its own tool and arguments only', async () => {
	const { next_cursor: cursor } = await it.ok('get_updates', { limit: 1 });
	await it.refuses('get_updates', { limit: 1, cursor: `${cursor.slice(0, -2)}xx` }, /cursor/);
	await it.refuses('get_updates', { limit: 1, chat_id: '5', cursor }, /cursor/);
});

const refusals = [
	['a chat that is none', 'get_chat', { chat_id: '77' }, 'not_found', /chat not found.*write to the bot/s],
	['a message to answer that is none', 'send_message', { chat_id: ADA, text: 'x', reply_to_message_id: 99999 }, 'not_found', /replied not found/],
	['a group that has become another', 'send_message', { chat_id: '-4001', text: 'x' }, 'invalid', /chat_id -1001234567890123/],
	['a person who blocked the bot', 'send_message', { chat_id: ADA, text: 'x' }, 'permission', /blocked by the user/, [403, { ok: false, error_code: 403, description: 'Forbidden: bot was blocked by the user' }]],
	['markup that does not parse', 'send_message', { chat_id: ADA, text: '<b', parse_mode: 'HTML' }, 'invalid', /can't parse entities/, [400, { ok: false, error_code: 400, description: "Bad Request: can't parse entities: unclosed start tag" }]],
	['a photo that is too large there', 'send_photo', { chat_id: ADA, file_id: 'x' }, 'too_large', /Too Large/, [413, { ok: false, error_code: 413, description: 'Request Entity Too Large' }]],
	['a 200 that says no', 'get_me', {}, 'invalid', /strange/, [200, { ok: false, error_code: 400, description: 'Bad Request: strange' }]],
];
for (const [what, tool, args, failure, words, answer] of refusals) {
	test(`refused: ${what}`, async () => {
		if (answer !== undefined) telegram.refuse('', ...answer);
		await it.fails(tool, args, failure, words);
	});
}

test('a limit: the account is left alone until it is over', async () => {
	const hasty = await it.as('hasty');
	telegram.refuse(SEND, 429, { ok: false, error_code: 429, description: 'Too Many Requests: retry after 30', parameters: { retry_after: 30 } });
	await hasty.fails('send_message', { chat_id: ADA, text: 'x' }, 'rate_limited', /30/);
	const before = telegram.seen.length;
	await hasty.fails('send_message', { chat_id: ADA, text: 'y' }, 'rate_limited', /(2\d|30)/);
	assert.equal(telegram.seen.length, before, 'Telegram was asked again although it had said when');
	await it.ok('send_message', { chat_id: ADA, text: 'another account goes on' });
});

test('reads are asked twice when Telegram stumbles, messages are not', async () => {
	telegram.fault({ at: 'getMe', how: 'html', status: 502 });
	const before = telegram.asked('getMe').length;
	await it.ok('get_me');
	assert.equal(telegram.asked('getMe').length, before + 2);
	await it.sentOnce('send_message', (n) => ({ chat_id: ADA, text: `once ${n}` }), SEND);
});

test('an answer that does not come: what reads may be asked again, of what publishes nobody knows', async (t) => {
	const slow = await new Telegram().start(t);
	const brief = await startConnector(t, 'telegram', { platform: slow, secret: slow.token, more: { timeout: '1500ms' } });
	slow.fault({ at: SEND, how: 'held' });
	await brief.fails('send_message', { chat_id: ADA, text: 'held' }, 'unknown_outcome');
	slow.release();
	assert.equal(slow.asked(SEND).length, 1);
	slow.fault({ at: 'getMe', how: 'held', times: 2 });
	const late = await brief.call('get_me').then(textOf, ({ message }) => message);
	assert.match(late, /transient|time/);
	slow.release();
	slow.fault({ at: SEND, how: 'slow', ms: 300 });
	await brief.ok('send_message', { chat_id: ADA, text: 'slow' });
});

test('an answer that is no JSON, or half of one', async () => {
	for (const how of ['garbage', 'cut']) {
		telegram.fault({ at: 'getMe', how, times: 3 });
		await it.fails('get_me', {}, 'transient');
		telegram.clearFaults();
	}
});

test('the same key: one message, the same answer', async () => {
	const args = { chat_id: ADA, text: 'keyed', idempotency_key: 'k1' };
	const one = await it.ok('send_message', args);
	const before = telegram.messages.length;
	assert.deepEqual(await it.ok('send_message', args), one);
	assert.equal(telegram.messages.length, before);
});

test('a token that was taken back; nobody reads it anywhere', async () => {
	const revoked = await it.as('revoked');
	telegram.refuse('getMe', 401, { ok: false, error_code: 401, description: `Unauthorized` });
	const words = await revoked.disconnected('get_me');
	telegram.refuse('getMe', 400, { ok: false, error_code: 400, description: `Bad Request: bot${telegram.token} is strange` });
	const echoed = await it.fails('get_me', {}, 'invalid');
	for (const text of [words, echoed, it.gateway.allStderr]) assert.equal(text.includes(telegram.token.split(':')[1]), false, 'the token is in what people read');
});
