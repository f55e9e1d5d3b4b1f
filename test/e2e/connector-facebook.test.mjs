// Connector facebook against the Graph API as its documentation has it: the page with its own token, or with that of a person who has a role at it; posts, photos one and
// many, videos from files and addresses, and Meta's table of refusals.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Facebook } from '../fixtures/platforms/facebook.mjs';
import { graphError } from '../fixtures/platforms/meta.mjs';
import { connectable, connectAccount } from './lib/connect.mjs';
import { mediaWays, SAMPLES, startConnector } from './lib/connector.mjs';
import { callExamples } from './lib/examples.mjs';
import { scope } from './lib/gateway.mjs';
import { makeUser } from './lib/people.mjs';
import { startProvider } from './lib/provider.mjs';

const FEED = '/feed';
const PHOTOS = '/photos';
const VIDEOS = '/videos';
const PAGE = 'GET /v25.0/:id';
const LIMITED = [4, 17, 32, 341, 613, 80001];
const file = scope(after);
let facebook;
let it;

const inDays = (days) => new Date(Date.now() + days * 86400000).toISOString().replace(/\.\d+/, '');
const picture = (bytes, mime = 'image/png') => ({ base64: bytes.toString('base64'), mime });
const last = (at) => facebook.asked(at).at(-1);

before(async () => {
	facebook = await new Facebook().start(file);
	it = await startConnector(file, 'facebook', {
		platform: facebook, settings: { video_base: facebook.url, app_id: facebook.app }, auth: { type: 'bearer' }, secret: facebook.token,
		gateway: { tenants: ['acme', 'expired', 'revoked', ...LIMITED.map((code) => `limited${code}`)] },
	});
});

test('five tools, each as tools are described here', () => it.conventions({ read: ['get_page', 'get_posts'], create: ['create_post', 'create_photo_post', 'create_video_post'] }));

test('get_page', async () => {
	assert.deepEqual(await it.ok('get_page'), {
		id: facebook.page, name: 'Corner Shop', about: 'Since 1999', category: 'Shop', url: `https://www.facebook.com/${facebook.page}`, fans: 120, followers: 130, verification: 'not_verified',
		picture_url: 'https://scontent.example/p.jpg',
	});
});

test('get_posts: to the end, between days, and nobody hears a token', async () => {
	const posts = await it.pages('get_posts', { limit: 3 }, 'posts', (page) => assert.equal(JSON.stringify(page).includes('leaked'), false));
	assert.deepEqual(posts.map(({ id }) => id), facebook.posts.map(({ id }) => id));
	assert.deepEqual(posts[1], {
		id: `${facebook.page}_1`, message: 'Post 1', created_time: '2026-10-02T08:00:00+0000', url: 'https://www.facebook.com/page/posts/1', type: 'mobile_status_update', reactions: 11, comments: 1, shares: 1,
	});
	await it.ok('get_posts', { since: '2026-10-02', until: '2026-10-04' }, { posts: [{ message: 'Post 1' }, { message: 'Post 2' }], next_cursor: null });
	assert.deepEqual((await it.ok('get_posts', { since: '2027-01-01' })).posts, []);
});

test('create_post: text, link, pictures that are there, later, and for few', async () => {
	const made = await it.ok('create_post', { message: 'Hello', link: 'https://shop.example/' }, { id: /^104/, url: /^https:\/\/www\.facebook\.com\// });
	assert.deepEqual(last(FEED).json, { message: 'Hello', link: 'https://shop.example/', published: true });
	assert.ok(made.id);
	const at = inDays(2);
	await it.ok('create_post', { message: 'Later', scheduled_time: at });
	assert.deepEqual(last(FEED).json, { message: 'Later', published: false, scheduled_publish_time: Date.parse(at) / 1000 });
	facebook.photos.push({ id: '77', published: 'false' });
	await it.ok('create_post', { image_ids: ['77'], published: false });
	assert.deepEqual(last(FEED).json, { published: false, attached_media: [{ media_fbid: '77' }] });
});

test('create_photo_post: one by each way, and several as one post', async () => {
	for (const [way, photo] of await mediaWays(file, it.gateway, SAMPLES.png, 'image/png', 'shop.png')) {
		await it.ok('create_photo_post', { photos: [photo], message: 'Shop', alt_text: 'A shop' }, { id: /^\d+$/, post_id: new RegExp(`^${facebook.page}_`), url: /facebook/ });
		const { multipart } = last(PHOTOS);
		assert.deepEqual(multipart.source.body, SAMPLES.png, way);
		assert.deepEqual([multipart.message, multipart.alt_text_custom, multipart.published], ['Shop', 'A shop', 'true']);
	}
	const before = facebook.photos.length;
	await it.ok('create_photo_post', { photos: [picture(SAMPLES.png), picture(SAMPLES.jpeg, 'image/jpeg'), picture(SAMPLES.gif, 'image/gif')], message: 'All' }, { post_id: new RegExp(`^${facebook.page}_`) });
	const made = facebook.photos.slice(before);
	assert.deepEqual(made.map(({ source }) => source.type), ['image/png', 'image/jpeg', 'image/gif']);
	assert.deepEqual(last(FEED).json, { message: 'All', published: true, attached_media: made.map(({ id }) => ({ media_fbid: id })) });
});

test('create_video_post: a file by each way, an address, later, and a picture before it', async () => {
	const film = SAMPLES.mp4(200000);
	for (const [way, video] of await mediaWays(file, it.gateway, film, 'video/mp4', 'opening.mp4')) {
		const { video_id: id } = await it.ok('create_video_post', { video, title: 'Opening', description: 'Come in', thumbnail: picture(SAMPLES.png) }, { status: 'ready', url: /facebook/ });
		const made = facebook.videos.get(id);
		assert.ok(made.body.equals(film), way);
		assert.deepEqual([made.title, made.description, made.published, made.thumb.body.equals(SAMPLES.png)], ['Opening', 'Come in', 'true', true]);
	}
	facebook.pending = 1;
	const at = inDays(1);
	await it.ok('create_video_post', { video_url: 'https://videos.example/o.mp4', scheduled_time: at }, { status: 'ready' });
	assert.deepEqual(last(VIDEOS).json, { file_url: 'https://videos.example/o.mp4', published: false, scheduled_publish_time: Date.parse(at) / 1000 });
	await it.ok('create_video_post', { video_url: 'https://videos.example/o.mp4', wait: false }, { status: 'processing' });
	facebook.pending = 0;
	facebook.outcome = 'error';
	await it.fails('create_video_post', { video_url: 'https://videos.example/short.mp4' }, '\\w+', /too short/);
	facebook.outcome = 'ready';
});

test('arguments that make no sense are not sent', async () => {
	await it.refuses('create_post', {}, /`message`/);
	for (const scheduled_time of [inDays(-1), inDays(40)]) await it.refuses('create_post', { message: 'x', scheduled_time }, /30 days/);
	await it.refuses('create_post', { message: 'x'.repeat(63207) }, /message/);
	await it.refuses('create_photo_post', { photos: [] }, /photos/);
	await it.refuses('create_photo_post', { photos: [picture(Buffer.from('#!/bin/sh\n'))] });
	await it.refuses('create_video_post', { title: 'x' }, /`video`/);
	await it.refuses('create_video_post', { video_url: 'https://videos.example/o.mp4', thumbnail: picture(SAMPLES.png) }, /thumbnail/);
});

const refusals = [
	['a permission that is missing', PAGE, 'get_page', {}, 'permission', /pages_read_engagement/, [403, graphError(200, { words: '(#200) not allowed' })]],
	['one with a number of its own', FEED, 'create_post', { message: 'x' }, 'permission', /role/, [403, graphError(10)]],
	['page publishing authorization', FEED, 'create_post', { message: 'x' }, 'permission', /Authorization/, [400, graphError(100, { subcode: 1404078 })]],
	['the same again', FEED, 'create_post', { message: 'x' }, 'duplicate', /./, [400, graphError(506)]],
	['the same again, by the subcode', FEED, 'create_post', { message: 'x' }, 'duplicate', /./, [400, graphError(100, { subcode: 1366051 })]],
	['abuse', FEED, 'create_post', { message: 'x' }, 'blocked', /again at once/, [400, graphError(368)]],
	['too fast', FEED, 'create_post', { message: 'x' }, 'blocked', /./, [400, graphError(100, { subcode: 1390008 })]],
	['a link that cannot be read', FEED, 'create_post', { link: 'https://x.example/' }, 'invalid', /link/, [400, graphError(100, { subcode: 1609005, error_user_msg: 'We could not read it' })]],
	['a photo that is not one', PHOTOS, 'create_photo_post', { photos: [picture(SAMPLES.png)] }, 'invalid', /format/, [400, graphError(100, { subcode: 1366046 })]],
	['a page that is gone', PAGE, 'get_page', {}, 'not_found', /does not exist/, [400, graphError(100, { subcode: 33, words: 'does not exist' })]],
	['something wrong', FEED, 'create_post', { message: 'x' }, 'invalid', /Say it otherwise/, [400, graphError(100, { error_user_msg: 'Say it otherwise' })]],
	['trouble there', PAGE, 'get_page', {}, 'transient', /./, [500, graphError(2), { times: 5 }]],
	['trouble that says so', PAGE, 'get_page', {}, 'transient', /./, [400, graphError(999, { is_transient: true }), { times: 5 }]],
];
for (const [what, at, tool, args, failure, words, answer] of refusals) {
	test(`refused: ${what}`, async () => {
		facebook.refuse(at, ...answer);
		await it.fails(tool, args, failure, words);
		facebook.clearFaults();
	});
}

for (const code of LIMITED) {
	test(`limit ${code}: the account is left alone`, async () => {
		const limited = await it.as(`limited${code}`);
		facebook.refuse(PAGE, 400, graphError(code, { is_transient: true }));
		await limited.fails('get_page', {}, 'rate_limited');
		const before = facebook.seen.length;
		await limited.fails('get_page', {}, 'rate_limited');
		assert.equal(facebook.seen.length, before);
	});
}

test('tokens: one that has ended, one that was taken back', async () => {
	for (const [tenant, subcode] of [['expired', 463], ['revoked', 458]]) {
		const other = await it.as(tenant);
		facebook.refuse(PAGE, 400, graphError(190, { subcode }), { times: 2 });
		await other.disconnected('get_page');
		facebook.clearFaults();
	}
});

test('each example is one', () => callExamples(it, { create_photo_post: { photos: [picture(SAMPLES.png)] } }));

test('what publishes is sent once', async () => {
	await it.sentOnce('create_post', (n) => ({ message: `once ${n}` }), FEED);
	await it.sentOnce('create_photo_post', (n) => ({ photos: [picture(SAMPLES.png)], message: `once ${n}` }), PHOTOS);
	await it.sentOnce('create_video_post', (n) => ({ video_url: `https://videos.example/${n}.mp4` }), VIDEOS);
});

test('the same key: one post, the same answer', async () => {
	const args = { photos: [picture(SAMPLES.png)], message: 'keyed', idempotency_key: 'photo-1' };
	const one = await it.ok('create_photo_post', args);
	const before = facebook.photos.length;
	assert.deepEqual(await it.ok('create_photo_post', args), one);
	assert.equal(facebook.photos.length, before);
});

test('photos that were uploaded before the answer was lost are no post', async () => {
	const before = facebook.posts.length;
	facebook.fault({ at: PHOTOS, how: 'drop', skip: 1, times: 5 });
	await it.fails('create_photo_post', { photos: [picture(SAMPLES.png), picture(SAMPLES.png)] }, 'transient');
	facebook.clearFaults();
	assert.equal(facebook.posts.length, before);
});

test('a person connects and picks the page: their token asks for that of the page, once', async (t) => {
	const provider = await startProvider(t, {
		quirks: { scopeSeparator: ',', clientAuth: 'post', grantType: 'optional', longer: 'fb', refresh: 'same', iss: false },
		people: { ada: { id: '70001', name: 'Ada Lovelace', pages: [{ id: '1', name: 'Another' }, { id: facebook.page, name: 'Corner Shop' }] } },
	});
	const { auth } = connectable(provider, { provider: 'facebook', each: 'tenant', issuer: undefined, scope: 'read write', pick: { url: provider.endpoints.list } });
	facebook.isPerson = (headers) => provider.judge(headers).row !== undefined;
	const connected = await startConnector(t, 'facebook', { platform: facebook, auth });
	const owner = await makeUser(connected.gateway, { email: 'owner@acme.example', role: 'owner' });
	await connectAccount(connected.gateway, { upstream: 'facebook', person: owner, each: 'tenant', pick: facebook.page });
	const exchanges = () => facebook.asked(PAGE).filter(({ query }) => query.fields === 'access_token').length;
	const before = exchanges();
	for (let n = 0; n < 2; n++) await connected.ok('get_page', {}, { name: 'Corner Shop' });
	assert.equal(exchanges(), before + 1);
	await connected.ok('create_post', { message: 'by a person' });
	assert.equal(last(FEED).headers.authorization, `Bearer ${facebook.token}`);
	assert.equal(last(FEED).params.page, facebook.page);
	await connected.refuses('create_video_post', { video: picture(SAMPLES.mp4(100), 'video/mp4') }, /video_url/);
});
