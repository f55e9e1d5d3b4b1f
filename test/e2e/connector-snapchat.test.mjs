// Connector snapchat against the Ads and Public Profile APIs as their documentation has them: accounts, lists that are told in part, and snaps that leave the gateway
// encrypted, in parts, and are published once.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { no, Snapchat } from '../fixtures/platforms/snapchat.mjs';
import { mediaWays, SAMPLES, startConnector, startFiles } from './lib/connector.mjs';
import { callExamples } from './lib/examples.mjs';
import { scope } from './lib/gateway.mjs';

const MB = 1024 * 1024;
const ME = 'GET /v1/me';
const STORIES = '/stories';
const file = scope(after);
let snapchat;
let it;

const film = (size = 3000) => ({ base64: SAMPLES.mp4(size).toString('base64'), mime: 'video/mp4' });
const last = (at) => snapchat.asked(at).at(-1);

before(async () => {
	snapchat = await new Snapchat().start(file);
	it = await startConnector(file, 'snapchat', {
		platform: snapchat, settings: { business_base: snapchat.url }, auth: { type: 'bearer' }, secret: snapchat.token, gateway: { tenants: ['acme', 'limited', 'expired', 'outside'] },
	});
});

test('three tools, each as tools are described here', () => it.conventions({ read: ['get_me', 'get_ad_accounts'], create: ['create_snap'] }));

test('get_me: with a profile, and without one', async () => {
	const me = { id: 'me-1', display_name: 'Ada', email: 'ada@example.com', snapchat_username: 'ada_l', organization_id: 'org-0' };
	assert.deepEqual(await it.ok('get_me'), { ...me, profile: { id: snapchat.profile, display_name: 'Ada draws', snap_user_name: 'adadraws', subscriber_count: 1200 } });
	snapchat.allowed = false;
	assert.deepEqual(await it.ok('get_me'), me);
	snapchat.allowed = true;
});

test('get_ad_accounts: all organizations, one of them, to the end, without what could not be told', async () => {
	const organizations = await it.pages('get_ad_accounts', {}, 'organizations');
	assert.deepEqual(organizations.map(({ id }) => id), ['org-0', 'org-1', 'org-2']);
	assert.deepEqual(organizations[0], { id: 'org-0', name: 'Organization 0', ad_accounts: [{ id: 'ad-0', name: 'Account 0', status: 'ACTIVE', currency: 'EUR', timezone: 'Europe/Berlin', type: 'DIRECT' }] });
	assert.deepEqual(organizations[2].ad_accounts, []);
	const parts = await it.pages('get_ad_accounts', { organization_id: 'org-1', limit: 50 }, 'organizations');
	assert.deepEqual(parts.map(({ id }) => id), ['org-1', 'org-1', 'org-1']);
	assert.deepEqual(parts.flatMap(({ ad_accounts: accounts }) => accounts.map(({ id }) => id)), ['ad-0', 'ad-1', 'ad-2', 'ad-3', 'ad-4']);
	await it.fails('get_ad_accounts', { organization_id: 'org-9' }, 'not_found', /no such organization/);
});

test('create_snap: a story by each way; what came is the file, once decrypted', async () => {
	const body = SAMPLES.mp4(70000);
	for (const [way, media] of await mediaWays(file, it.gateway, body, 'video/mp4', 'wave.mp4')) {
		const made = await it.ok('create_snap', { media }, { media_id: /^m-/, story_id: /^stories-/ });
		const kept = snapchat.media.get(made.media_id);
		assert.equal(kept.type, 'VIDEO');
		assert.ok(kept.plain.equals(body), way);
		assert.equal(kept.parts[0].equals(body.subarray(0, kept.parts[0].length)), false, 'it was encrypted');
	}
	const [{ key: one }, { key: other }] = [...snapchat.media.values()];
	assert.notEqual(one, other, 'a key for each');
	assert.ok(snapchat.asked('my_profile').length >= 1);
});

test('create_snap: more than 31 MB goes in parts', async () => {
	const body = SAMPLES.mp4(32 * MB);
	const files = await startFiles(file, { '/long.mp4': { body, type: 'video/mp4' } });
	const { media_id: id } = await it.ok('create_snap', { media: { url: `${files.url}/long.mp4` } });
	assert.equal(snapchat.media.get(id).parts.length, 2);
	assert.ok(snapchat.media.get(id).plain.equals(body));
});

test('create_snap: stories that stay, and Spotlight', async () => {
	await it.ok('create_snap', { media: { base64: SAMPLES.png.toString('base64'), mime: 'image/png' }, type: 'saved_story', title: 'Waves' }, { saved_story_id: /^saved_stories-/ });
	assert.deepEqual(snapchat.published.at(-1), { at: 'saved_stories', id: [...snapchat.media.keys()].at(-1), title: 'Waves' });
	assert.equal([...snapchat.media.values()].at(-1).type, 'IMAGE');
	await it.ok('create_snap', { media: film(), type: 'spotlight', description: 'Waves #sea', locale: 'de_DE', save_to_profile: false }, { spotlight_id: /^spotlights-/ });
	assert.deepEqual(last('spotlights').json, { media_id: [...snapchat.media.keys()].at(-1), locale: 'de_DE', description: 'Waves #sea', skip_save_to_profile: true });
	await it.ok('create_snap', { media: film(), type: 'spotlight' });
	assert.deepEqual([last('spotlights').json.locale, last('spotlights').json.skip_save_to_profile], ['en_US', false]);
});

test('create_snap: what Snapchat still prepares is published later, once', async () => {
	const before = snapchat.published.length;
	snapchat.preparing = 1;
	await it.ok('create_snap', { media: film() }, { story_id: /^stories-/ });
	assert.equal(snapchat.published.length, before + 1);
});

test('arguments that make no sense are not sent', async () => {
	await it.refuses('create_snap', { media: film(), type: 'saved_story' }, /title/);
	await it.refuses('create_snap', { media: film(), title: 'x' }, /title/);
	await it.refuses('create_snap', { media: film(), type: 'saved_story', title: 'x'.repeat(46) }, /title/);
	await it.refuses('create_snap', { media: { base64: SAMPLES.gif.toString('base64'), mime: 'image/gif' } });
	await it.refuses('get_ad_accounts', { organization_id: '../me' });
	await it.refuses('get_ad_accounts', { limit: 10 }, /limit/);
});

const refusals = [
	['no with status 200', ME, 'get_me', {}, 'invalid', /Something is wrong/, [200, no('E1', 'Something is wrong')]],
	['a role that is missing', ME, 'get_me', {}, 'permission', /snapchat-marketing-api/, [403, no('E3', 'Forbidden')]],
	['a file that is too old', STORIES, 'create_snap', { media: film() }, 'invalid', /24 hours/, [400, no('MEDIA_EXPIRED', 'expired')]],
	['a file that is on its way', STORIES, 'create_snap', { media: film() }, 'conflict', /already/, [400, no('MEDIA_POSTING_ALREADY_IN_PROGRESS', 'busy')]],
	['trouble there', ME, 'get_me', {}, 'transient', /./, [503, no('E5', 'Try later'), { times: 5 }]],
];
for (const [what, at, tool, args, failure, words, answer] of refusals) {
	test(`refused: ${what}`, async () => {
		snapchat.refuse(at, ...answer);
		await it.fails(tool, args, failure, words);
		snapchat.clearFaults();
	});
}

test('an app that is not on the list for profiles', async () => {
	const outside = await it.as('outside');
	snapchat.allowed = false;
	await outside.fails('create_snap', { media: film() }, 'permission', /snapchat-profile-api/);
	snapchat.allowed = true;
});

test('a limit: the account is left alone', async () => {
	const limited = await it.as('limited');
	snapchat.refuse(ME, 429, no('E429', 'Slow down'), { headers: { 'retry-after': '30' } });
	await limited.fails('get_me', {}, 'rate_limited', /30/);
	const before = snapchat.seen.length;
	await limited.fails('get_me', {}, 'rate_limited');
	assert.equal(snapchat.seen.length, before);
});

test('a token that has ended', async () => {
	const expired = await it.as('expired');
	snapchat.refuse(ME, 401, no('E1002', 'Unauthorized'), { times: 2 });
	await expired.disconnected('get_me');
	snapchat.clearFaults();
});

test('each example is one', () => callExamples(it, { create_snap: { media: film() } }));

test('what publishes is sent once', async () => {
	await it.sentOnce('create_snap', (n) => ({ media: film(3001 + n) }), STORIES);
	await it.sentOnce('create_snap', (n) => ({ media: film(3001 + n), type: 'spotlight' }), 'spotlights');
});

test('a path in an answer leads nowhere else', async () => {
	const elsewhere = await startFiles(file, {});
	const usual = snapchat.addPath;
	const port = new URL(elsewhere.url).port;
	for (const path of [`@127.0.0.1:${port}/x`, `.evil.example/x`]) {
		snapchat.addPath = () => path;
		await it.call('create_snap', { media: film() }).then(({ isError }) => assert.ok(isError, path), () => {});
	}
	snapchat.addPath = usual;
	assert.deepEqual(elsewhere.seen, []);
});
