// Connector discord against version 10 of the API as its documentation has it: servers and messages page by page in both directions,
// messages with cards and files, and every refusal by the code that Discord gives it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Discord } from '../fixtures/platforms/discord.mjs';
import { mediaWays, SAMPLES, startConnector } from './lib/connector.mjs';
import { callExamples } from './lib/examples.mjs';
import { scope } from './lib/gateway.mjs';

const TEXT = '222197033908436990';
const NEWS = '222197033908436993';
const POST = 'POST /channels/:channel/messages';
const file = scope(after);
let discord;
let it;

before(async () => {
	discord = await new Discord({ guilds: 5 }).start(file);
	it = await startConnector(file, 'discord', { platform: discord, secret: discord.token, gateway: { tenants: ['acme', 'slow', 'slower', 'gone', 't40001', 't50014', 't50025', 't20028', 't20029', 't40062'] } });
});

const last = (at) => discord.asked(at).at(-1);

test('five tools, each as tools are described here', () => it.conventions({ read: ['get_me', 'get_guilds', 'get_channels', 'get_messages'], create: ['send_message'] }));

test('each example is one', () => callExamples(it, { get_channels: { guild_id: discord.guilds[0].id }, send_message: { channel_id: TEXT }, get_messages: { channel_id: TEXT } }));

test('get_me: who the bot is', async () => {
	assert.deepEqual(await it.ok('get_me'), {
		id: '198622483471925248', username: 'builder', bot: true, avatar: 'https://cdn.discordapp.com/avatars/198622483471925248/33ecab261d4681afa4d85a04691c4a01.png',
	});
});

test('get_guilds: page by page, until one is not full', async () => {
	const guilds = await it.pages('get_guilds', { limit: 2 }, 'guilds');
	assert.deepEqual(guilds.map(({ name }) => name), [0, 1, 2, 3, 4].map((n) => `Server ${n}`));
	assert.deepEqual(guilds[0], { id: '197038439483310000', name: 'Server 0', icon: 'https://cdn.discordapp.com/icons/197038439483310000/f64c482b807da4f539cff778d174971c.png', owner: true, permissions: '117760', approximate_member_count: 10 });
	assert.equal(guilds[1].icon, undefined);
	await it.ok('get_guilds', {}, { next_cursor: null });
	assert.deepEqual(last('guilds').query, { limit: '100', with_counts: 'true' });
});

test('get_channels: all, and some kinds', async () => {
	const [{ id: guild_id }] = discord.guilds;
	const { channels } = await it.ok('get_channels', { guild_id });
	assert.deepEqual(channels.map(({ type_name: name }) => name), ['text', 'voice', 'category', 'announcement', 'stage', 'forum', 'media', 'other']);
	assert.deepEqual(channels[0], { id: TEXT, name: 'channel-0', type: 0, type_name: 'text', parent_id: '222197033908436992', position: 0, topic: 'Anything', nsfw: false });
	await it.ok('get_channels', { guild_id, types: [4, 5] }, { channels: [{ type: 4 }, { type: 5 }] });
	await it.ok('get_channels', { guild_id: discord.guilds[1].id }, { channels: [] });
	await it.refuses('get_channels', { guild_id: '../users/@me' }, /guild_id/);
});

test('send_message: plain, and with everything; nobody is notified by accident', async () => {
	const sent = await it.ok('send_message', { channel_id: TEXT, content: 'hello @everyone' }, { channel_id: TEXT, timestamp: /^2026-09-21/ });
	assert.equal(sent.url, `https://discord.com/channels/197038439483310000/${TEXT}/${sent.id}`);
	assert.deepEqual(last(POST).json, { content: 'hello @everyone', allowed_mentions: { parse: [] } });

	const embed = { title: 'Build 7', description: 'green', url: 'https://builds.example/7', color: 65280, fields: [{ name: 'Took', value: '3 min', inline: true }] };
	await it.ok('send_message', { channel_id: NEWS, content: 'x', embeds: [embed], reply_to: sent.id, suppress_mentions: false, tts: false, idempotency_key: 'build-7' });
	assert.deepEqual(last(POST).json, { content: 'x', embeds: [embed], tts: false, message_reference: { message_id: sent.id }, nonce: 'build-7', enforce_nonce: true });
	await it.ok('send_message', { channel_id: NEWS, content: 'y', idempotency_key: 'a key that is longer than Discord takes' });
	assert.equal(last(POST).json.nonce, undefined, 'half a key would be taken for another one');

	const direct = await it.ok('send_message', { channel_id: '319674150115610528', content: 'psst' });
	assert.match(direct.url, /channels\/@me\/319674150115610528\//);
	await it.refuses('send_message', { channel_id: TEXT }, /content/);
	await it.refuses('send_message', { channel_id: TEXT, content: 'x'.repeat(2001) }, /content/);
});

test('send_message: files, by each way they can come, several at once', async () => {
	const ways = await mediaWays(file, it.gateway, SAMPLES.png, 'image/png', 'chart.png');
	const sent = await it.ok('send_message', { channel_id: TEXT, content: 'charts', files: ways.map(([, media]) => media) });
	const { parts } = last(POST);
	assert.deepEqual(parts.map(({ name }) => name), ['payload_json', 'files[0]', 'files[1]', 'files[2]']);
	for (const { body, type } of parts.slice(1)) assert.deepEqual([body, type], [SAMPLES.png, 'image/png']);
	assert.deepEqual(JSON.parse(parts[0].body), { content: 'charts', allowed_mentions: { parse: [] } });
	await it.ok('send_message', { channel_id: TEXT, files: [ways[2][1]] });
	const { messages } = await it.ok('get_messages', { channel_id: TEXT, around: sent.id, limit: 3 });
	assert.equal(messages.find(({ id }) => id === sent.id).attachments.length, 3);
});

test('get_messages: into the past and towards the present, each message once', async () => {
	const ids = [];
	for (let n = 0; n < 7; n++) ids.push(discord.write('222197033908436991', `m${n}`, n === 6 ? { message_reference: { message_id: '1' }, embeds: [{}, {}] } : {}).id);
	const past = await it.pages('get_messages', { channel_id: '222197033908436991', limit: 3 }, 'messages');
	assert.deepEqual(past.map(({ content }) => content), ['m6', 'm5', 'm4', 'm3', 'm2', 'm1', 'm0']);
	assert.deepEqual(past[0], { id: ids[6], author: { id: '53908099506183680', username: 'ada', global_name: 'Ada' }, content: 'm6', timestamp: '2026-09-21T14:13:20.000000+00:00', attachments: [], embeds_count: 2, reply_to: '1' });
	const later = await it.pages('get_messages', { channel_id: '222197033908436991', after: ids[0], limit: 2 }, 'messages');
	assert.deepEqual(later.map(({ content }) => content), ['m2', 'm1', 'm4', 'm3', 'm6', 'm5']);
	await it.ok('get_messages', { channel_id: '222197033908436991', before: ids[1] }, { messages: [{ content: 'm0' }], next_cursor: null });
	await it.refuses('get_messages', { channel_id: '222197033908436991', before: ids[1], after: ids[0] }, /one of/);
});

const no = (status, code, message, more = {}) => [status, { message, code, ...more }];
const refusals = [
	['a server that is none', 'get_channels', { guild_id: '999999999999999999' }, 'not_found', /Unknown Guild/],
	['a channel that is none', 'get_messages', { channel_id: '999999999999999999' }, 'not_found', /Unknown Channel.*member/s],
	['a channel without access', 'get_messages', { channel_id: TEXT }, 'permission', /Missing Access/, no(403, 50001, 'Missing Access')],
	['a missing permission', 'send_message', { channel_id: TEXT, content: 'x' }, 'permission', /Missing Permissions/, no(403, 50013, 'Missing Permissions')],
	['somebody who takes no messages', 'send_message', { channel_id: TEXT, content: 'x' }, 'permission', /takes no messages/, no(403, 50007, 'Cannot send messages to this user')],
	['a body that is refused, with where', 'send_message', { channel_id: TEXT, content: 'x', reply_to: '111111111111111111' }, 'invalid', /Invalid Form Body.*REPLIES_UNKNOWN_MESSAGE/s],
	['a channel for no messages', 'send_message', { channel_id: '222197033908436992', content: 'x' }, 'invalid', /non-text/],
];
for (const [what, tool, args, failure, words, answer] of refusals) {
	test(`refused: ${what}`, async () => {
		if (answer !== undefined) discord.refuse(tool === 'send_message' ? POST : 'GET', ...answer);
		await it.fails(tool, args, failure, words);
	});
}

test('limits: of the API, and of a slow channel; told in seconds, and kept', async () => {
	const [slow, slower] = [await it.as('slow'), await it.as('slower')];
	discord.refuse('GET', 429, { message: 'You are being rate limited.', retry_after: 64.57, global: false }, { headers: { 'retry-after': '65', 'x-ratelimit-scope': 'user' } });
	await slow.fails('get_me', {}, 'rate_limited', /6[45]/);
	discord.refuse(POST, 429, { message: 'This action cannot be performed due to slowmode rate limit.', code: 20016, retry_after: 12.3 });
	await slower.fails('send_message', { channel_id: TEXT, content: 'x' }, 'rate_limited', /13/);
	const before = discord.seen.length;
	await slow.fails('get_me', {}, 'rate_limited');
	assert.equal(discord.seen.length, before);
});

test('each code of a token that is none, and of limits', async () => {
	for (const code of [40001, 50014, 50025]) {
		discord.refuse('GET', 400, { message: 'Invalid token', code });
		await (await it.as(`t${code}`)).disconnected('get_me');
	}
	for (const code of [20028, 20029, 40062]) {
		discord.refuse('GET', 400, { message: 'Too fast', code });
		await (await it.as(`t${code}`)).fails('get_me', {}, 'rate_limited', /10/);
	}
});

test('a token that was taken back', async () => {
	const gone = await it.as('gone');
	discord.refuse('GET', 401, { message: '401: Unauthorized', code: 0 });
	await gone.disconnected('get_me');
});

test('a message is sent once, whatever becomes of the answer', () => it.sentOnce('send_message', (n) => ({ channel_id: TEXT, content: `once ${n}` }), POST));
