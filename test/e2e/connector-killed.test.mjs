// The gateway is killed after a platform has got what publishes, and before it has answered: the platform publishes all the same. The next
// call with the same arguments says that nobody knows what became of it, and does not publish again. One gateway, killed once, with a call of
// each platform under way whose tools take several requests, or carry files.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Discord } from '../fixtures/platforms/discord.mjs';
import { Facebook } from '../fixtures/platforms/facebook.mjs';
import { Instagram } from '../fixtures/platforms/instagram.mjs';
import { LinkedIn } from '../fixtures/platforms/linkedin.mjs';
import { Snapchat } from '../fixtures/platforms/snapchat.mjs';
import { Telegram } from '../fixtures/platforms/telegram.mjs';
import { TikTok } from '../fixtures/platforms/tiktok.mjs';
import { Twitter } from '../fixtures/platforms/twitter.mjs';
import { WhatsApp } from '../fixtures/platforms/whatsapp.mjs';
import { SAMPLES, setSecret, startFiles } from './lib/connector.mjs';
import { prepareGateway, scope } from './lib/gateway.mjs';
import { modernCall } from './lib/mcp.mjs';
import { sql } from './lib/sqlite.mjs';
import { until } from './lib/wait.mjs';

const BEARER = { type: 'bearer' };
const video = { base64: SAMPLES.mp4(4000).toString('base64'), mime: 'video/mp4' };
const film = { base64: SAMPLES.mp4(80000).toString('base64'), mime: 'video/mp4' };
const photo = { base64: SAMPLES.png.toString('base64'), mime: 'image/png' };
const file = scope(after);
const files = await startFiles(file, { '/leaf.jpg': { body: SAMPLES.jpeg, type: 'image/jpeg' } });

/** `at` is the route that publishes, after `steps` others. */
const PLATFORMS = {
	linkedin: { of: new LinkedIn(), auth: BEARER, settings: ({ url }) => ({ uploads: url }), tool: 'upload_video', args: { video: film, post: true, text: 'killed' }, at: 'POST /rest/posts', steps: 4 },
	tiktok: { of: new TikTok(), auth: BEARER, tool: 'create_video', args: { video, privacy_level: 'SELF_ONLY' }, at: 'PUT /video', steps: 2 },
	facebook: { of: new Facebook(), auth: BEARER, settings: ({ url, app }) => ({ video_base: url, app_id: app }), tool: 'create_photo_post', args: { photos: [photo, photo], message: 'killed' }, at: '/feed', steps: 2 },
	instagram: { of: new Instagram(), auth: BEARER, tool: 'create_post', args: { media: [{ url: `${files.url}/leaf.jpg` }], caption: 'killed' }, at: 'media_publish', steps: 2 },
	twitter: { of: new Twitter(), auth: BEARER, tool: 'create_tweet', args: { text: 'killed', media: [photo] }, at: 'POST /2/tweets', steps: 1 },
	snapchat: { of: new Snapchat(), auth: BEARER, settings: ({ url }) => ({ business_base: url }), tool: 'create_snap', args: { media: video }, at: '/stories', steps: 3 },
	discord: { of: new Discord({ guilds: 5 }), tool: 'send_message', args: { channel_id: '222197033908436990', content: 'killed', files: [photo] }, at: 'POST /channels/:channel/messages', steps: 1 },
	telegram: { of: new Telegram(), tool: 'send_photo', args: { chat_id: '5551234567', photo }, at: 'sendPhoto', steps: 0 },
	whatsapp: { of: new WhatsApp(), settings: ({ number, account }) => ({ phone_number_id: number, waba_id: account }), tool: 'send_message', args: { to: '16505551234', media_type: 'image', media: photo }, at: '/messages', steps: 1 },
};

let gateway;

async function say(use, more = {}) {
	const { tool, args } = PLATFORMS[use];
	const { result } = (await modernCall(gateway, `${use}_${tool}`, { ...args, ...more })).message;
	return { failed: result.isError === true, text: result.content[0].text };
}

before(async () => {
	const upstreams = {};
	for (const [use, { of, auth, settings = () => ({}) }] of Object.entries(PLATFORMS)) {
		await of.start(file);
		upstreams[use] = { connector: { use, allow_private: true, settings: { base: of.url, ...settings(of) } }, ...(auth === undefined ? {} : { auth }) };
	}
	gateway = await prepareGateway(file, { workers: 1, upstreams, config: { public_url: 'http://127.0.0.1:1', media: { allow_private: true } } });
	for (const [use, { of }] of Object.entries(PLATFORMS)) await setSecret(gateway, use, of.token);
	await gateway.start();
	await gateway.settled();
	for (const { of, at } of Object.values(PLATFORMS)) of.fault({ at, how: 'held' });
	const lost = Object.keys(PLATFORMS).map((use) => say(use).catch(() => {}));
	await until('all platforms to hold what publishes', () => Object.values(PLATFORMS).every(({ of, at }) => of.asked(at).length === 1));
	await gateway.crash();
	await Promise.all(lost);
	for (const { of } of Object.values(PLATFORMS)) of.clearFaults();
	await gateway.start();
	await gateway.settled();
});

describe('killed while it publishes', () => {
	test('at first the call may still be under way', async () => {
		const { failed, text } = await say('telegram');
		assert.ok(failed && /^conflict: .*under way/.test(text), text);
		await sql(`${gateway.data}/gatehouse.db`, 'UPDATE tool_run SET until_ms = until_ms - 3600000'); // an hour goes by
	});

	for (const [use, { of, at, steps }] of Object.entries(PLATFORMS)) {
		test(`${use}: nobody knows, and it is not sent again`, async () => {
			const [published, asked] = [of.asked(at).length, of.seen.length];
			assert.ok(published === 1 && asked > steps, `${asked} requests`);
			const { failed, text } = await say(use);
			assert.ok(failed && /^unknown_outcome: .*its answer was lost/.test(text) && /look/i.test(text), text);
			assert.deepEqual([of.asked(at).length, of.seen.length], [published, asked]);
			of.satisfied();
		});
	}

	test('who insists has a key of its own', async () => {
		const { of, at } = PLATFORMS.telegram;
		const first = await say('telegram', { idempotency_key: 'again' });
		assert.equal(first.failed, false, first.text);
		assert.deepEqual(await say('telegram', { idempotency_key: 'again' }), first);
		assert.equal(of.asked(at).length, 2);
	});
});
