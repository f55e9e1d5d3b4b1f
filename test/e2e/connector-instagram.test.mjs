// Connector instagram against Meta's API as its documentation has it: files that Instagram fetches from us, containers that get ready by themselves, carousels, stories
// and reels, and none of them twice.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Instagram } from '../fixtures/platforms/instagram.mjs';
import { graphError } from '../fixtures/platforms/meta.mjs';
import { SAMPLES, startConnector, startFiles, textOf, upload } from './lib/connector.mjs';
import { callExamples } from './lib/examples.mjs';
import { scope } from './lib/gateway.mjs';
import { until } from './lib/wait.mjs';

const PROFILE = 'GET /v25.0/:id';
const MAKE = 'POST /v25.0/:account/media';
const PUBLISH = 'media_publish';
const file = scope(after);
let instagram;
let files;
let it;

const jpeg = () => ({ url: `${files.url}/leaf.jpg` });
const film = () => ({ url: `${files.url}/leaf.MP4?v=1` });
const newest = () => instagram.published.at(-1).container;

before(async () => {
	instagram = await new Instagram().start(file);
	files = await startFiles(file, { '/leaf.jpg': { body: SAMPLES.jpeg, type: 'image/jpeg' }, '/leaf.MP4?v=1': { body: SAMPLES.mp4(900), type: 'video/mp4' } });
	it = await startConnector(file, 'instagram', { platform: instagram, auth: { type: 'bearer' }, secret: instagram.token, gateway: { tenants: ['acme', 'limited', 'expired', 'revoked'] } });
});

test('four tools, each as tools are described here', () => it.conventions({ read: ['get_profile', 'get_media'], create: ['create_post', 'create_reel'] }));

test('get_profile', async () => {
	assert.deepEqual(await it.ok('get_profile'), {
		id: instagram.account, username: 'ada.leaves', name: 'Ada', biography: 'Leaves', followers: 90, follows: 7, media_count: 12, picture_url: 'https://cdn.example/ada.jpg',
		url: 'https://www.instagram.com/ada.leaves/',
	});
});

test('get_media: to the end, between days', async () => {
	const media = await it.pages('get_media', { limit: 2 }, 'media', (page) => assert.equal(JSON.stringify(page).includes('leaked'), false));
	assert.deepEqual(media.map(({ id }) => id), instagram.media.map(({ id }) => id));
	assert.deepEqual(media[1], {
		id: '17900000000000001', caption: 'Caption 1', type: 'IMAGE', product: 'FEED', media_url: 'https://cdn.example/1', url: 'https://www.instagram.com/p/1/', time: '2026-10-02T08:00:00Z', likes: 1, comments: 2,
	});
	await it.ok('get_media', { since: '2026-10-02', until: '2026-10-03' }, { media: [{ caption: 'Caption 1' }], next_cursor: null });
});

test('create_post: a picture with everything', async () => {
	const made = await it.ok('create_post', {
		media: [jpeg()], caption: 'Autumn #leaf', alt_text: 'A leaf', location_id: '110', collaborators: ['ben', 'cy'], user_tags: [{ username: 'ben', x: 0.5, y: 0.25 }],
	}, { status: 'published', url: /^https:\/\/www\.instagram\.com\/p\// });
	assert.ok(made.id && made.container_id && made.id !== made.container_id);
	const { form, fetched } = newest();
	assert.deepEqual(fetched.body, SAMPLES.jpeg);
	assert.deepEqual([form.caption, form.alt_text, form.location_id, JSON.parse(form.collaborators), JSON.parse(form.user_tags)], ['Autumn #leaf', 'A leaf', '110', ['ben', 'cy'], [{ username: 'ben', x: 0.5, y: 0.25 }]]);
});

test('create_post: a carousel of pictures and a film, in order', async () => {
	instagram.pending = 1;
	const media = [jpeg(), film(), jpeg()];
	await it.ok('create_post', { media, caption: 'Three' }, { status: 'published' });
	instagram.pending = 0;
	const { kind, form } = newest();
	assert.equal(kind, 'carousel');
	assert.equal(form.caption, 'Three');
	assert.deepEqual(form.children.split(',').map((id) => instagram.containers.get(id).form.media_type), [undefined, 'VIDEO', undefined]);
});

test('create_post: stories', async () => {
	await it.ok('create_post', { media: [jpeg()], type: 'story' }, { status: 'published' });
	assert.deepEqual(newest().form, { media_type: 'STORIES', image_url: jpeg().url });
	await it.ok('create_post', { media: [film()], type: 'story' }, { status: 'published' });
	assert.deepEqual(newest().form, { media_type: 'STORIES', video_url: film().url });
});

test('uploads are fetched from the gateway itself', async () => {
	const media = [{ upload_id: await upload(it.gateway, SAMPLES.jpeg, { type: 'image/jpeg', name: 'leaf.jpg' }) }];
	await it.ok('create_post', { media }, { status: 'published' });
	assert.deepEqual(newest().fetched.body, SAMPLES.jpeg);
	const video = { upload_id: await upload(it.gateway, SAMPLES.mp4(900), { type: 'video/mp4', name: 'leaf.mp4' }) };
	await it.ok('create_reel', { video }, { status: 'published' });
	assert.ok(newest().fetched.body.equals(SAMPLES.mp4(900)));
});

test('create_reel: with everything', async () => {
	await it.ok('create_reel', {
		video: film(), caption: 'Wind', cover_url: 'https://pictures.example/c.jpg', share_to_feed: false, collaborators: ['ben'], trial: 'MANUAL', thumb_offset: 0,
	}, { status: 'published', url: /instagram/ });
	const { trial_params: trial, collaborators, ...form } = newest().form;
	assert.deepEqual(form, { media_type: 'REELS', video_url: film().url, caption: 'Wind', cover_url: 'https://pictures.example/c.jpg', share_to_feed: 'false', thumb_offset: '0' });
	assert.deepEqual([JSON.parse(trial), JSON.parse(collaborators)], [{ graduation_strategy: 'MANUAL' }, ['ben']]);
});

test('a container is gone on with, and one that is out already is not published again', async () => {
	const { container_id } = await it.ok('create_reel', { video: film() });
	const before = instagram.asked(PUBLISH).length;
	for (const tool of ['create_reel', 'create_post']) assert.equal((await it.ok(tool, { container_id })).status, 'published');
	assert.equal(instagram.asked(PUBLISH).length, before);
	instagram.fault({ at: PUBLISH, how: 'refuse', status: 400, json: graphError(9007, { subcode: 2207027 }), times: 5 });
	await it.fails('create_reel', { video: film() }, 'transient', /container_id/);
	instagram.clearFaults();
	const waiting = [...instagram.containers.keys()].at(-1);
	assert.equal((await it.ok('create_reel', { container_id: waiting })).status, 'published');
});

/** The same platform behind a gateway whose calls may take so long. */
const hurried = (t, timeout) => startConnector(t, 'instagram', { platform: instagram, auth: { type: 'bearer' }, secret: instagram.token, gateway: { limits: { request_timeout: timeout } } });

test('a call whose time is over says how to go on', async (t) => {
	const brief = await hurried(t, '4s');
	instagram.pending = 1;
	const { status, container_id, id } = await brief.ok('create_reel', { video: film(), caption: 'later' });
	assert.deepEqual([status, id], ['processing', undefined]);
	const before = instagram.published.length;
	await brief.ok('create_reel', { container_id }, { status: 'published' });
	assert.equal(instagram.published.length, before + 1);
});

test('killed before it publishes: the next call does. Killed while it publishes: the next call says that nobody knows', async (t) => {
	const args = { media: [jpeg(), jpeg()], caption: 'killed' };
	for (const [at, published] of [['GET /v25.0/:id', 1], [PUBLISH, 0]]) {
		const one = await hurried(t, '3s');
		const before = instagram.published.length;
		const asked = instagram.asked(at).length;
		instagram.fault({ at, how: 'held' });
		const lost = one.call('create_post', args).catch(() => {});
		await until('the request that is held', () => instagram.asked(at).length > asked);
		await one.gateway.crash();
		instagram.clearFaults();
		await lost;
		await until('what Instagram still does', () => instagram.published.length === before + (published === 0 ? 1 : 0));
		await one.gateway.start();
		const again = await one.connect(t);
		if (published === 0) await until('the gateway to be sure', async () => /^unknown_outcome.*look/s.test(textOf(await again.call('create_post', args))), 20_000);
		else await again.ok('create_post', args, { status: 'published' });
		assert.equal(instagram.published.length, before + 1, `${at}: published once`);
	}
});

test('files that Instagram does not like', async () => {
	instagram.outcome = 'ERROR';
	await it.fails('create_reel', { video: film() }, '\\w+', /too long/);
	instagram.outcome = 'FINISHED';
	await it.fails('create_post', { media: [{ url: `${files.url}/none.jpg` }] }, 'invalid', /public/);
});

test('arguments that make no sense are not sent', async () => {
	await it.refuses('create_post', { caption: 'x' }, /`media`/);
	await it.refuses('create_post', { media: [jpeg()], container_id: '1' }, /not both/);
	await it.refuses('create_post', { media: [jpeg(), jpeg()], type: 'story' }, /story/);
	await it.refuses('create_post', { media: Array(11).fill(jpeg()) }, /media/);
	await it.refuses('create_post', { media: [jpeg()], caption: 'x'.repeat(2201) }, /caption/);
	await it.refuses('create_post', { media: [jpeg()], user_tags: [{ username: 'ben', x: 2, y: 0 }] });
	await it.refuses('create_post', { media: [film()] }, /create_reel/);
	await it.refuses('create_reel', {}, /`video`/);
	await it.refuses('create_reel', { container_id: '../../me' });
});

const refusals = [
	['too many of a day', PUBLISH, 'create_reel', 'quota', /24 hours/, [400, graphError(9, { subcode: 2207042 })]],
	['spam', MAKE, 'create_reel', 'blocked', /abuse/, [400, graphError(4, { subcode: 2207001 })]],
	['an account that is restricted', MAKE, 'create_reel', 'blocked', /./, [400, graphError(25, { subcode: 2207050 })]],
	['a file that could not be fetched', MAKE, 'create_reel', 'invalid', /public/, [400, graphError(9004, { subcode: 2207003 })]],
	['a container of yesterday', PUBLISH, 'create_reel', 'invalid', /begin again/, [400, graphError(24, { subcode: 2207008 })]],
	['a picture of strange shape', MAKE, 'create_post', 'invalid', /4:5/, [400, graphError(36003, { subcode: 2207009 })]],
	['a file that is too large', MAKE, 'create_post', 'too_large', /8 MB/, [400, graphError(36000, { subcode: 2207004 })]],
	['a format', MAKE, 'create_reel', 'invalid', /MP4/, [400, graphError(352, { subcode: 2207026 })]],
	['a caption', MAKE, 'create_post', 'invalid', /30 hashtags/, [400, graphError(36004, { subcode: 2207010 })]],
	['a permission', MAKE, 'create_post', 'permission', /content_publish/, [403, graphError(10)]],
	['the same again', PUBLISH, 'create_post', 'duplicate', /./, [400, graphError(506)]],
	['abuse', MAKE, 'create_post', 'blocked', /./, [400, graphError(368)]],
	['what is gone', PROFILE, 'get_profile', 'not_found', /./, [400, graphError(100, { subcode: 33 })]],
	['something wrong', MAKE, 'create_post', 'invalid', /Not this/, [400, graphError(100, { words: 'Not this' })]],
	['trouble there', PROFILE, 'get_profile', 'transient', /./, [500, graphError(1), { times: 5 }]],
	['trouble that passes', PROFILE, 'get_profile', 'transient', /./, [400, graphError(-1, { subcode: 2207082 }), { times: 5 }]],
];
for (const [what, at, tool, failure, words, answer] of refusals) {
	test(`refused: ${what}`, async () => {
		instagram.refuse(at, ...answer);
		await it.fails(tool, { create_reel: { video: film() }, create_post: { media: [jpeg()] }, get_profile: {} }[tool], failure, words);
		instagram.clearFaults();
	});
}

test('a limit: the account is left alone', async () => {
	const limited = await it.as('limited');
	instagram.refuse(PROFILE, 400, graphError(80002, { is_transient: true }));
	await limited.fails('get_profile', {}, 'rate_limited');
	const before = instagram.seen.length;
	await limited.fails('get_profile', {}, 'rate_limited');
	assert.equal(instagram.seen.length, before);
});

test('tokens: one that has ended, one that was taken back', async () => {
	for (const [tenant, subcode] of [['expired', 463], ['revoked', 460]]) {
		const other = await it.as(tenant);
		instagram.refuse(PROFILE, 400, graphError(190, { subcode }), { times: 2 });
		await other.disconnected('get_profile');
		instagram.clearFaults();
	}
});

test('each example is one', () => callExamples(it, { create_post: { media: [jpeg()] }, create_reel: { video: film() } }));

test('what publishes is sent once', async () => {
	await it.sentOnce('create_post', (n) => ({ media: [jpeg()], caption: `once ${n}` }), PUBLISH);
	await it.sentOnce('create_reel', (n) => ({ video: film(), caption: `once ${n}` }), PUBLISH);
});
