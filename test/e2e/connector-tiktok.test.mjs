// Connector tiktok against the Content Posting API as its documentation has it: profiles, videos in parts of TikTok's plan and by address, drafts,
// states that come later, and all its ways to say no with status 200.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { no, TikTok } from '../fixtures/platforms/tiktok.mjs';
import { mediaWays, SAMPLES, startConnector, startFiles } from './lib/connector.mjs';
import { callExamples } from './lib/examples.mjs';
import { scope } from './lib/gateway.mjs';

const MB = 1024 * 1024;
const INFO = 'GET /v2/user/info';
const INIT = 'POST /v2/post/publish/video/init';
const INBOX = 'POST /v2/post/publish/inbox';
const PUT = 'PUT /video';
const STATE = 'status/fetch';
const PULLED = { video_url: 'https://videos.example/leaf.mp4', privacy_level: 'SELF_ONLY', title: 'Leaf' };
const file = scope(after);
let tiktok;
let it;

before(async () => {
	tiktok = await new TikTok().start(file);
	it = await startConnector(file, 'tiktok', { platform: tiktok, auth: { type: 'bearer' }, secret: tiktok.token, gateway: { tenants: ['acme', 'hasty', 'expired'] } });
});

const last = (at) => tiktok.asked(at).at(-1);
const bytesOf = (id) => Buffer.concat(tiktok.uploads.get(id).received);

test('four tools, each as tools are described here', () => it.conventions({ read: ['get_profile', 'get_creator_info', 'get_video_status'], create: ['create_video'] }));

test('get_profile and get_creator_info', async () => {
	assert.deepEqual(await it.ok('get_profile'), {
		id: 'open-1', username: 'ada.l', display_name: 'Ada', bio: 'Numbers', url: 'https://vm.tiktok.com/ada', avatar_url: 'https://p16.example/a.jpg', verified: true, followers: 1200,
		following: 7, likes: 90000, videos: 31,
	});
	assert.deepEqual(await it.ok('get_creator_info'), {
		username: 'ada.l', nickname: 'Ada', avatar_url: 'https://p16.example/a.jpg', privacy_levels: ['PUBLIC_TO_EVERYONE', 'SELF_ONLY'], comment_disabled: false, duet_disabled: true,
		stitch_disabled: false, max_video_seconds: 600,
	});
});

test('create_video: a small file by each way, as one part', async () => {
	const film = SAMPLES.mp4(5000);
	for (const [way, video] of await mediaWays(file, it.gateway, film, 'video/mp4', 'leaf.mp4')) {
		const made = await it.ok('create_video', { video, title: 'Leaf #autumn', privacy_level: 'SELF_ONLY' }, { status: 'PUBLISH_COMPLETE' });
		assert.deepEqual(bytesOf(made.publish_id), film, way);
		assert.equal(made.post_id, undefined, 'only public posts have ids');
	}
	assert.deepEqual(last(INIT).json, {
		post_info: { title: 'Leaf #autumn', privacy_level: 'SELF_ONLY' }, source_info: { source: 'FILE_UPLOAD', video_size: 5000, chunk_size: 5000, total_chunk_count: 1 },
	});
});

test('create_video: more than 64 MB goes in parts, and every option', async () => {
	const film = SAMPLES.mp4(67 * MB + 123);
	const files = await startFiles(file, { '/long.mp4': { body: film, type: 'video/mp4' } });
	const made = await it.ok('create_video', {
		video: { url: `${files.url}/long.mp4` }, privacy_level: 'PUBLIC_TO_EVERYONE', disable_comment: true, disable_duet: false, disable_stitch: true, cover_ms: 1500, is_aigc: true,
		brand_content_toggle: false, brand_organic_toggle: true,
	});
	assert.deepEqual(made, { publish_id: made.publish_id, status: 'PUBLISH_COMPLETE', post_id: '7423456789012345678', url: 'https://www.tiktok.com/@ada.l/video/7423456789012345678' });
	assert.ok(bytesOf(made.publish_id).equals(film), 'what came is the file');
	assert.ok(tiktok.uploads.get(made.publish_id).received.length > 1);
	assert.deepEqual(last(INIT).json.post_info, {
		privacy_level: 'PUBLIC_TO_EVERYONE', disable_comment: true, disable_duet: false, disable_stitch: true, video_cover_timestamp_ms: 1500, is_aigc: true, brand_content_toggle: false,
		brand_organic_toggle: true,
	});
});

test('create_video: drafts, and files that TikTok fetches', async () => {
	const video = { base64: SAMPLES.mp4(100).toString('base64'), mime: 'video/mp4' };
	await it.ok('create_video', { video, mode: 'inbox' }, { status: 'SEND_TO_USER_INBOX', publish_id: /inbox_file/ });
	await it.ok('create_video', { video_url: PULLED.video_url, mode: 'inbox' }, { status: 'SEND_TO_USER_INBOX', publish_id: /inbox_url/ });
	assert.deepEqual(last(INBOX).json, { source_info: { source: 'PULL_FROM_URL', video_url: PULLED.video_url } });
	const before = tiktok.asked(STATE).length;
	const made = await it.ok('create_video', { ...PULLED, wait: false }, { status: 'PROCESSING_UPLOAD' });
	assert.equal(tiktok.asked(STATE).length, before, 'nobody waited');
	assert.deepEqual(last(INIT).json, { post_info: { title: 'Leaf', privacy_level: 'SELF_ONLY' }, source_info: { source: 'PULL_FROM_URL', video_url: PULLED.video_url } });
	await it.ok('get_video_status', { publish_id: made.publish_id }, { status: 'PUBLISH_COMPLETE' });
});

test('a video that takes its time, and one that fails', async () => {
	tiktok.pending = 1;
	await it.ok('create_video', PULLED, { status: 'PUBLISH_COMPLETE' });
	tiktok.pending = 0;
	tiktok.outcome = 'FAILED';
	await it.fails('create_video', PULLED, '\\w+', /video_pull_failed/);
	const failed = [...tiktok.uploads.keys()].at(-1);
	await it.ok('get_video_status', { publish_id: failed }, { status: 'FAILED', fail_reason: 'video_pull_failed' });
	tiktok.outcome = 'PUBLISH_COMPLETE';
});

test('get_video_status: numbers that JavaScript would spoil, in both spellings', async () => {
	const { publish_id: id } = await it.ok('create_video', { ...PULLED, privacy_level: 'PUBLIC_TO_EVERYONE' });
	for (const spelling of ['publicaly_available_post_id', 'publicly_available_post_id']) {
		tiktok.spelling = spelling;
		await it.ok('get_video_status', { publish_id: id }, { status: 'PUBLISH_COMPLETE', post_ids: ['7423456789012345678'], uploaded_bytes: 0 });
	}
	tiktok.spelling = 'publicaly_available_post_id';
});

test('arguments that make no sense are not sent', async () => {
	await it.refuses('create_video', { privacy_level: 'SELF_ONLY' }, /`video` or `video_url`/);
	await it.refuses('create_video', { ...PULLED, video: { base64: '', mime: 'video/mp4' } }, /not both/);
	await it.refuses('create_video', { video_url: PULLED.video_url }, /privacy_level/);
	await it.refuses('create_video', { ...PULLED, privacy_level: 'FRIENDS' });
	await it.refuses('create_video', { ...PULLED, video_url: 'http://videos.example/leaf.mp4' });
	await it.refuses('create_video', { ...PULLED, title: 'x'.repeat(2201) }, /title/);
	await it.refuses('create_video', { privacy_level: 'SELF_ONLY', video: { base64: SAMPLES.png.toString('base64'), mime: 'video/mp4' } });
});

const refusals = [
	['a level that the account does not have', INIT, 'create_video', { ...PULLED, privacy_level: 'MUTUAL_FOLLOW_FRIENDS' }, 'invalid', /get_creator_info/],
	['a publish_id that is none', STATE, 'get_video_status', { publish_id: 'v_none' }, 'invalid', /invalid_publish_id/],
	['a scope that was not given', INFO, 'get_profile', {}, 'permission', /scope/, [401, no('scope_not_authorized')]],
	['a scope that is missing', STATE, 'get_video_status', { publish_id: 'x' }, 'permission', /scope/, [403, no('scope_permission_missed')]],
	['a no with status 200', INFO, 'get_profile', {}, 'invalid', /strange things/, [200, no('invalid_params', 'strange things')]],
	['too many posts', INIT, 'create_video', PULLED, 'quota', /24 hours/, [403, no('spam_risk_too_many_posts')]],
	['too many drafts', INBOX, 'create_video', { video_url: PULLED.video_url, mode: 'inbox' }, 'quota', /24 hours/, [403, no('spam_risk_too_many_pending_share')]],
	['a cap of the app', INIT, 'create_video', PULLED, 'quota', /./, [403, no('reached_active_user_cap')]],
	['an account that is banned', INIT, 'create_video', PULLED, 'blocked', /./, [403, no('spam_risk_user_banned_from_posting')]],
	['an app that is not audited', INIT, 'create_video', PULLED, 'unsupported', /SELF_ONLY/, [403, no('unaudited_client_can_only_post_to_private_accounts')]],
	['an address that is not verified', INIT, 'create_video', PULLED, 'permission', /`video`/, [403, no('url_ownership_unverified')]],
	['trouble there', INFO, 'get_profile', {}, 'transient', /./, [500, no('internal_error'), { times: 5 }]],
];
for (const [what, at, tool, args, failure, words, answer] of refusals) {
	test(`refused: ${what}`, async () => {
		if (answer !== undefined) tiktok.refuse(at, ...answer);
		await it.fails(tool, args, failure, words);
		tiktok.clearFaults();
	});
}

test('each example is one', () => callExamples(it, { create_video: { video: { base64: SAMPLES.mp4(100).toString('base64'), mime: 'video/mp4' } }, get_video_status: { publish_id: [...tiktok.uploads.keys()].at(-1) } }));

test('a limit: the account is left alone', async () => {
	const hasty = await it.as('hasty');
	tiktok.refuse(INFO, 429, no('rate_limit_exceeded'));
	await hasty.fails('get_profile', {}, 'rate_limited');
	const before = tiktok.seen.length;
	await hasty.fails('get_profile', {}, 'rate_limited');
	assert.equal(tiktok.seen.length, before, 'TikTok was asked again within its minute');
	await it.ok('get_profile');
});

test('a token that has ended', async () => {
	const expired = await it.as('expired');
	tiktok.refuse(INFO, 401, no('access_token_invalid'), { times: 2 });
	await expired.disconnected('get_profile');
	tiktok.clearFaults();
});

test('what publishes is sent once', async () => {
	await it.sentOnce('create_video', (n) => ({ ...PULLED, title: `once ${n}` }), INIT);
	await it.sentOnce('create_video', (n) => ({ video: { base64: SAMPLES.mp4(300 + n).toString('base64'), mime: 'video/mp4' }, privacy_level: 'SELF_ONLY' }), PUT);
});

test('an upload address elsewhere gets nothing', async () => {
	const elsewhere = await startFiles(file, {});
	tiktok.refuse(INIT, 200, { data: { publish_id: 'v_1', upload_url: elsewhere.url.replace('127.0.0.1', 'localhost') }, error: { code: 'ok' } });
	await it.call('create_video', { video: { base64: SAMPLES.mp4(300).toString('base64'), mime: 'video/mp4' }, privacy_level: 'SELF_ONLY' }).then(({ isError }) => assert.ok(isError), () => {});
	assert.deepEqual(elsewhere.seen, []);
});
