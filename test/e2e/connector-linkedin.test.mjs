// Connector linkedin against LinkedIn's versioned API as its documentation has it: posts of every kind, pictures and films that are uploaded
// first, connections page by page, a version that has ended, and posts that are published once.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LinkedIn } from '../fixtures/platforms/linkedin.mjs';
import { mediaWays, SAMPLES, startConnected, startConnector } from './lib/connector.mjs';
import { callExamples } from './lib/examples.mjs';
import { scope } from './lib/gateway.mjs';
import { startProvider } from './lib/provider.mjs';
import { until } from './lib/wait.mjs';

const POST = 'POST /rest/posts';
const ADA = 'urn:li:person:782bbtaQ';
const file = scope(after);
let linkedin;
let it;

before(async () => {
	linkedin = await new LinkedIn().start(file);
	it = await startConnector(file, 'linkedin', {
		platform: linkedin, auth: { type: 'bearer' }, secret: linkedin.token, settings: { uploads: linkedin.url, organization: '2414183' }, gateway: { tenants: ['acme', 'daily', 'hasty', 'gone', 'revoked'] },
	});
});

const last = (at) => linkedin.asked(at).at(-1);

test('five tools, each as tools are described here', () => it.conventions({ read: ['get_profile', 'search_connections'], create: ['create_post', 'send_message', 'upload_video'] }));

test('each example is one', () => callExamples(it, { upload_video: { video: { base64: SAMPLES.mp4(100000).toString('base64'), mime: 'video/mp4' } } }));

test('get_profile: whose account it is', async () => {
	assert.deepEqual(await it.ok('get_profile'), {
		sub: '782bbtaQ', urn: ADA, name: 'Ada Lovelace', given_name: 'Ada', family_name: 'Lovelace', picture: 'https://media.licdn.com/p.jpg', locale: 'en-US', email: 'ada@lovelace.example',
	});
});

test('create_post: words that look like markup are words, hashtags are hashtags', async () => {
	const made = await it.ok('create_post', { text: '#hiring (again) [a_b] at C#, #1work @ada <x> \\ ~' });
	assert.match(made.id, /^urn:li:share:\d+$/);
	assert.equal(made.url, `https://www.linkedin.com/feed/update/${made.id}`);
	assert.deepEqual(last(POST).json, {
		author: ADA, commentary: '#hiring \\(again\\) \\[a\\_b\\] at C\\#, #1work \\@ada \\<x\\> \\\\ \\~', visibility: 'PUBLIC',
		distribution: { feedDistribution: 'MAIN_FEED', targetEntities: [], thirdPartyDistributionChannels: [] }, lifecycleState: 'PUBLISHED', isReshareDisabledByAuthor: false,
	});
	const before = linkedin.asked('GET /v2/userinfo').length;
	await it.ok('create_post', { text: 'again' });
	assert.equal(linkedin.asked('GET /v2/userinfo').length, before, 'whose account it is is asked once');
});

test('create_post: for an organisation, passed on, with an article', async () => {
	await it.ok('create_post', { text: 'ours', author: 'organization', visibility: 'CONNECTIONS', reshare_of: 'urn:li:share:6844785523593134080', disable_reshare: true });
	const { author, reshareContext, isReshareDisabledByAuthor, visibility } = last(POST).json;
	assert.deepEqual([author, reshareContext, isReshareDisabledByAuthor, visibility], ['urn:li:organization:2414183', { parent: 'urn:li:share:6844785523593134080' }, true, 'CONNECTIONS']);
	const article = { url: 'https://news.example/1', title: 'News', description: 'Today' };
	const thumbnail = { base64: SAMPLES.png.toString('base64'), mime: 'image/png' };
	await it.ok('create_post', { text: 'read this', article, thumbnail });
	const { content } = last(POST).json;
	assert.deepEqual(content.article, { source: 'https://news.example/1', title: 'News', description: 'Today', thumbnail: content.article.thumbnail });
	assert.deepEqual(linkedin.images.get(content.article.thumbnail).body, SAMPLES.png);
	await it.ok('create_post', { text: 'a document', document_urn: 'urn:li:document:D4', title: 'Paper' });
	assert.deepEqual(last(POST).json.content, { media: { id: 'urn:li:document:D4', title: 'Paper' } });
});

test('create_post: pictures, by each way they can come, one and several', async () => {
	const ways = await mediaWays(file, it.gateway, SAMPLES.png, 'image/png', 'a.png');
	await it.ok('create_post', { text: 'three pictures', images: ways.map(([, media]) => media) });
	const { images } = last(POST).json.content.multiImage;
	assert.equal(new Set(images.map(({ id }) => id)).size, 3);
	for (const { id } of images) assert.deepEqual(linkedin.images.get(id), { owner: ADA, body: SAMPLES.png });
	await it.ok('create_post', { text: 'one picture', images: [{ base64: SAMPLES.jpeg.toString('base64'), mime: 'image/jpeg' }] });
	assert.deepEqual(linkedin.images.get(last(POST).json.content.media.id).body, SAMPLES.jpeg);
	assert.equal(last('PUT').headers['content-type'], 'image/jpeg');
});

test('create_post: what does not go together', async () => {
	await it.refuses('create_post', { text: 'x', video_urn: 'urn:li:video:a', document_urn: 'urn:li:document:b' }, /one of/);
	await it.refuses('create_post', { text: 'x', title: 'of nothing' }, /title/);
	await it.refuses('create_post', { text: 'x'.repeat(3001) }, /text/);
	await it.refuses('create_post', { text: 'x', reshare_of: 'urn:li:person:1' }, /reshare_of/);
});

test('upload_video: in the parts that LinkedIn wants, waited for, and posted', async () => {
	const film = SAMPLES.mp4(9 * 1024 * 1024 + 7);
	const [, [, uploaded]] = await mediaWays(file, it.gateway, film, 'video/mp4', 'film.mp4');
	linkedin.processing = 1;
	const made = await it.ok('upload_video', { video: uploaded, post: true, text: 'see it', title: 'Film' }, { status: 'AVAILABLE', post_id: /^urn:li:ugcPost:/ });
	assert.ok(linkedin.videos.get(made.video_urn).body.equals(film));
	assert.equal(linkedin.videos.get(made.video_urn).owner, ADA);
	assert.deepEqual(last(POST).json.content, { media: { id: made.video_urn, title: 'Film' } });

	linkedin.processing = 0;
	const small = { base64: SAMPLES.mp4(100000).toString('base64'), mime: 'video/mp4' };
	const only = await it.ok('upload_video', { video: small, author: 'organization' }, { status: 'AVAILABLE', post_id: undefined, url: undefined });
	assert.equal(linkedin.videos.get(only.video_urn).owner, 'urn:li:organization:2414183');
	await it.ok('create_post', { text: 'now', video_urn: only.video_urn });

	linkedin.failing = true;
	await it.fails('upload_video', { video: small, post: true, text: 'broken' }, 'invalid', /available/);
	linkedin.failing = false;
	linkedin.fault({ at: 'PUT /dms-uploads/:id/video', how: 'drop' });
	await it.ok('upload_video', { video: small });
	await it.refuses('upload_video', { video: small, post: true }, /text/);
});

test('search_connections: page by page, and those that fit', async () => {
	const all = await it.pages('search_connections', { limit: 3 }, 'connections', (page) => assert.equal(page.total, 7));
	assert.deepEqual(all.map(({ urn }) => urn), [0, 1, 2, 3, 4, 5, 6].map((n) => `urn:li:person:m${n}`));
	assert.deepEqual(all[0], { urn: 'urn:li:person:m0', name: 'First0 Last0', headline: 'Engineer of engines' });
	assert.deepEqual((await it.pages('search_connections', { limit: 3, query: 'ENGINEER' }, 'connections')).length, 4);
	assert.deepEqual((await it.pages('search_connections', { query: 'grace last' }, 'connections')).map(({ name }) => name), ['Grace Last3']);
});

test('send_message: to people, and into a thread', async () => {
	await it.ok('send_message', { recipients: ['urn:li:person:m1', 'urn:li:person:m2'], subject: 'Hello', body: 'a <b> c' }, { id: /^urn:li:message:\d+$/ });
	assert.deepEqual(linkedin.messages.at(-1), { recipients: ['urn:li:person:m1', 'urn:li:person:m2'], subject: 'Hello', body: 'a <b> c', messageType: 'MEMBER_TO_MEMBER' });
	await it.ok('send_message', { thread_urn: 'urn:li:messagingThread:abc', body: 'again' });
	await it.refuses('send_message', { body: 'to nobody' }, /recipients/);
	await it.refuses('send_message', { recipients: ['urn:li:person:m1'], thread_urn: 'urn:li:messagingThread:abc', body: 'x' }, /not both/);
});

const refusals = [
	['what only partners may', 'search_connections', {}, 'permission', /Not enough permissions.*partner/s, [403, { status: 403, serviceErrorCode: 100, code: 'ACCESS_DENIED', message: 'Not enough permissions to access: GET /connections' }]],
	['the same post again', 'create_post', { text: 'ours' }, 'duplicate', /duplicate/],
	['a field', 'create_post', { text: 'f' }, 'invalid', /ERROR :: \/author/, [422, { status: 422, message: 'ERROR :: /author :: does not fit' }]],
	['a film that is none of ours', 'create_post', { text: 'g', video_urn: 'urn:li:video:none' }, 'invalid', /not available/],
];
for (const [what, tool, args, failure, words, answer] of refusals) {
	test(`refused: ${what}`, async () => {
		if (answer !== undefined) linkedin.refuse(tool === 'create_post' ? POST : '', ...answer);
		await it.fails(tool, args, failure, words);
	});
}

test('limits: of the day, and of the moment', async () => {
	const [daily, hasty] = [await it.as('daily'), await it.as('hasty')];
	linkedin.refuse('GET', 429, { status: 429, serviceErrorCode: 101, message: 'Resource level throttle APPLICATION DAY limit for calls to this resource is reached.' });
	await daily.fails('get_profile', {}, 'quota', /midnight/);
	linkedin.refuse('GET', 429, { status: 429, message: 'Too many requests' });
	await hasty.fails('get_profile', {}, 'rate_limited');
});

test('a token that has ended, and one that was taken back', async () => {
	const [gone, revoked] = [await it.as('gone'), await it.as('revoked')];
	linkedin.refuse('GET', 401, { status: 401, serviceErrorCode: 65602, code: 'EXPIRED_ACCESS_TOKEN', message: 'The token used in the request has expired' }, { times: 3 });
	await gone.disconnected('get_profile');
	linkedin.clearFaults();
	linkedin.refuse('GET', 401, { status: 401, serviceErrorCode: 65601, code: 'REVOKED_ACCESS_TOKEN', message: 'The token used in the request has been revoked by the user' });
	await revoked.disconnected('get_profile');
});

test('a version that has ended: the operator hears which', async () => {
	linkedin.version = '202612';
	await it.fails('create_post', { text: 'late' }, 'version_sunset', /202607/);
	linkedin.version = '202607';
});

test('an account that a person has connected: posts are in the name of whoever it is', async (t) => {
	const provider = await startProvider(t, { quirks: { pkce: 'off' } });
	const platform = new LinkedIn();
	platform.judge = (headers) => provider.judge(headers).row !== undefined;
	await platform.start(t);
	const hers = await startConnected(t, 'linkedin', provider, { platform, settings: { uploads: platform.url }, auth: { scope: 'openid profile w_member_social' } });
	await hers.ok('get_profile');
	await hers.ok('create_post', { text: 'mine' });
	assert.equal(platform.posts[0].author, `urn:li:person:${provider.people.ada.id}`);
	assert.equal(platform.asked('GET /v2/userinfo').length, 1, 'it is known already who she is');
	await hers.fails('search_connections', {}, 'permission', /r_1st_connections/);
	await hers.refuses('create_post', { text: 'ours', author: 'organization' }, /organi[sz]ation/);
});

test('a post is published once, whatever becomes of the answer', async () => {
	await it.sentOnce('create_post', (n) => ({ text: `once ${n}` }), POST);
	await it.sentOnce('send_message', (n) => ({ recipients: ['urn:li:person:m1'], body: `once ${n}` }), 'POST /v2/messages');
});
