// Connector twitter against X's API v2 as its documentation has it: both dialects, pages, posts with pictures, films in parts, the
// refusals that X writes in five ways, and a token that ends between two requests.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { problem, RESET, Twitter } from '../fixtures/platforms/twitter.mjs';
import { mediaWays, SAMPLES, startConnected, startConnector } from './lib/connector.mjs';
import { callExamples } from './lib/examples.mjs';
import { scope } from './lib/gateway.mjs';
import { startProvider } from './lib/provider.mjs';
import { until } from './lib/wait.mjs';

const POST = 'POST /2/tweets';
const file = scope(after);
let twitter;
let it;

before(async () => {
	twitter = await new Twitter().start(file);
	it = await startConnector(file, 'twitter', { platform: twitter, auth: { type: 'bearer' }, secret: twitter.token, gateway: { tenants: ['acme', 'limited', 'counted', 'gone'] } });
});

const last = (at) => twitter.asked(at).at(-1);
const refusal = (...args) => {
	const { status, body, headers } = problem(...args);
	return [status, JSON.parse(body), { headers }];
};

test('five tools, each as tools are described here', () => it.conventions({ read: ['get_user_profile', 'get_user_tweets', 'search_tweets'], create: ['create_tweet', 'upload_video'] }));

test('each example is one', () => callExamples(it, { upload_video: { video: { base64: SAMPLES.mp4(100000).toString('base64'), mime: 'video/mp4' } } }));

test('get_user_profile: by name, by number, and who is connected', async () => {
	assert.deepEqual(await it.ok('get_user_profile', { username: 'XDevelopers' }), {
		id: '2244994945', username: 'XDevelopers', name: 'Developers', description: 'News', created_at: '2013-12-14T04:35:55.000Z', location: '127.0.0.1', website: 'https://t.co/x',
		avatar: 'https://pbs.twimg.com/p.jpg', verified: true, verified_type: 'business', protected: false, url: 'https://x.com/XDevelopers',
		metrics: { followers_count: 583423, following_count: 2048, tweet_count: 14052, listed_count: 1672 },
	});
	await it.ok('get_user_profile', { user_id: '3' }, { username: 'private_one', protected: true });
	await it.ok('get_user_profile', {}, { username: 'ada_l', pinned_tweet_id: '77' });
	await it.refuses('get_user_profile', { username: 'a', user_id: '1' }, /not both/);
	await it.refuses('get_user_profile', { username: 'me/tweets' }, /username/);
});

test('get_user_tweets: a name is looked up, then page by page', async () => {
	const posts = await it.pages('get_user_tweets', { username: 'XDevelopers', limit: 5, exclude: ['replies', 'retweets'], start_time: '2026-09-14T00:00:00Z' }, 'tweets');
	assert.deepEqual(posts.map(({ text }) => text), [...Array(12).keys()].map((n) => `post ${2 * n}`));
	assert.deepEqual(posts[1], {
		id: '1460323737035677021', text: 'post 2', author: 'XDevelopers', author_id: '2244994945', created_at: '2026-09-20T10:00:00.000Z', lang: 'en', url: 'https://x.com/i/web/status/1460323737035677021',
		metrics: { retweet_count: 2, reply_count: 0, like_count: 4, quote_count: 0, bookmark_count: 0, impression_count: 20 }, references: [{ type: 'quoted', id: '1460323737035670000' }],
	});
	assert.deepEqual([last('/tweets').query.exclude, last('/tweets').query.start_time], ['replies,retweets', '2026-09-14T00:00:00Z']);
	await it.ok('get_user_tweets', { user_id: '1860503170000000001', limit: 5 }, { tweets: [{ text: 'post 1' }, {}, {}, {}, {}] });
	await it.ok('get_user_tweets', { limit: 5 }, { tweets: [{ author: 'ada_l' }, {}, {}, {}, {}] });
});

test('search_tweets: authors and media from beside the posts; nothing found is an empty list', async () => {
	const { tweets } = await it.ok('search_tweets', { query: 'from:XDevelopers OR "a & b"', sort_order: 'relevancy' });
	assert.deepEqual(tweets.map(({ author }) => author).slice(0, 2), ['XDevelopers', 'ada_l']);
	assert.deepEqual(tweets[1].media, [{ type: 'photo', url: 'https://pbs.twimg.com/9.jpg' }, { type: 'video', url: 'https://pbs.twimg.com/v.jpg' }]);
	assert.deepEqual(last('search').query.query, 'from:XDevelopers OR "a & b"');
	assert.equal((await it.pages('search_tweets', { query: 'x', limit: 10 }, 'tweets')).length, 23);
	await it.ok('search_tweets', { query: 'nothing at all' }, { tweets: [], next_cursor: null });
});

test('create_tweet: plain, and with everything that goes together', async () => {
	const made = await it.ok('create_tweet', { text: 'hello' }, { text: 'hello' });
	assert.equal(made.url, `https://x.com/i/web/status/${made.id}`);
	assert.deepEqual(last(POST).json, { text: 'hello' });
	await it.ok('create_tweet', { text: 'which?', reply_to: made.id, poll: { options: ['a', 'b'], duration_minutes: 60 }, reply_settings: 'following', made_with_ai: false, paid_partnership: true });
	assert.deepEqual(last(POST).json, { text: 'which?', reply: { in_reply_to_tweet_id: made.id }, poll: { options: ['a', 'b'], duration_minutes: 60 }, reply_settings: 'following', made_with_ai: false, paid_partnership: true });
	await it.ok('create_tweet', { text: 'quoted', quote_id: made.id });
	await it.fails('create_tweet', { text: 'hello' }, 'duplicate', /duplicate content/);
});

test('create_tweet: a text is counted as X does', async () => {
	const link = `https://long.example/${'x'.repeat(300)}`;
	await it.ok('create_tweet', { text: `${'a'.repeat(256)} ${link}` });
	await it.refuses('create_tweet', { text: `${'a'.repeat(257)} ${link}` }, /281/);
	await it.refuses('create_tweet', { text: '語'.repeat(141) }, /282/);
	await it.refuses('create_tweet', {}, /text/);
	await it.refuses('create_tweet', { poll: { options: ['a', 'b'], duration_minutes: 60 }, media_ids: ['1'] });
	await it.refuses('create_tweet', { text: 'x', media_ids: ['1'], media: [{ base64: 'AAAA', mime: 'image/png' }] }, /not both/);
});

test('create_tweet: pictures, by each way they can come', async () => {
	const ways = await mediaWays(file, it.gateway, SAMPLES.png, 'image/png', 'a.png');
	await it.ok('create_tweet', { text: 'pictures', media: ways.map(([, media]) => media) });
	const uploads = twitter.asked('POST /2/media/upload').slice(-3);
	for (const { multipart } of uploads) assert.deepEqual([multipart.media_category, multipart.media.body], ['tweet_image', SAMPLES.png]);
	assert.equal(new Set(last(POST).json.media.media_ids).size, 3);
	await it.ok('create_tweet', { media: [{ base64: SAMPLES.gif.toString('base64'), mime: 'image/gif' }] });
	assert.equal(last('POST /2/media/upload').multipart.media_category, 'tweet_gif');
	await it.fails('create_tweet', { text: 'no such media', media_ids: ['5'] }, 'invalid', /media IDs/);
});

test('upload_video: in parts, converted while the caller waits, and posted', async () => {
	const film = SAMPLES.mp4(9 * 1024 * 1024 + 5);
	twitter.converting = 2;
	const [, [, uploaded]] = await mediaWays(file, it.gateway, film, 'video/mp4', 'film.mp4');
	const made = await it.ok('upload_video', { video: uploaded, text: 'see' }, { state: 'succeeded' });
	assert.equal(made.url, `https://x.com/i/web/status/${made.tweet_id}`);
	assert.ok(twitter.media.get(made.media_id).body.equals(film));
	assert.deepEqual(twitter.media.get(made.media_id).parts.map(({ length }) => length), [4194304, 4194304, 1048581]);
	assert.deepEqual(last(POST).json, { text: 'see', media: { media_ids: [made.media_id] } });

	const posts = twitter.posts.length;
	twitter.converting = 0;
	await it.ok('upload_video', { video: uploaded, category: 'amplify_video' }, { state: 'succeeded', tweet_id: undefined, url: undefined });
	assert.equal(twitter.posts.length, posts, 'it was only uploaded');
	twitter.converting = 1;
	twitter.failing = true;
	await it.fails('upload_video', { video: uploaded, text: 'broken' }, 'invalid', /converted/);
	twitter.failing = false;
	assert.equal(twitter.posts.length, posts);
});

test('upload_video: a part that did not arrive is sent again', async () => {
	twitter.converting = 0;
	twitter.fault({ at: 'append', how: 'html', status: 503 });
	await it.ok('upload_video', { video: { base64: SAMPLES.mp4(1000).toString('base64'), mime: 'video/mp4' } }, { state: 'succeeded' });
});

const refusals = [
	['nobody of that name', 'get_user_profile', { username: 'nobody' }, 'not_found', /Could not find/],
	['a protected account', 'get_user_tweets', { user_id: '3' }, 'permission', /not authorized/],
	['an app without that plan', 'search_tweets', { query: 'x' }, 'unsupported', /plan/, () => refusal(403, 'Client Forbidden', 'When authenticating requests to the Twitter API v2 endpoints, you must use keys from a project.', 'https://api.twitter.com/2/problems/client-forbidden')],
	['something not permitted', 'create_tweet', { text: 'p' }, 'permission', /not permitted/, () => refusal(403, 'Forbidden', 'You are not permitted to perform this action.')],
	['bought credits that are used up', 'create_tweet', { text: 'q' }, 'quota', /credits/, () => refusal(402, 'CreditsDepleted', 'Your enrolled account does not have any credits to fulfill this request.')],
	['a parameter', 'search_tweets', { query: 'x' }, 'invalid', /start_time/, () => [400, { errors: [{ message: "Invalid 'start_time'" }], title: 'Invalid Request' }]],
	['a limit, in the words of another age', 'search_tweets', { query: 'old' }, 'rate_limited', /exceeded/, () => [400, { errors: [{ code: 88, message: 'Rate limit exceeded' }] }]],
	['in the words of another age', 'create_tweet', { text: 'r' }, 'invalid', /too long/, () => [400, { code: 186, message: 'Tweet needs to be a bit shorter: too long' }]],
];
for (const [what, tool, args, failure, words, answer] of refusals) {
	test(`refused: ${what}`, async () => {
		if (answer !== undefined) twitter.refuse('', ...answer());
		await it.fails(tool, args, failure, words);
	});
}

test('limits: until a time, and for good', async () => {
	const [limited, counted] = [await it.as('limited'), await it.as('counted')];
	twitter.refuse('GET', ...refusal(429, 'Too Many Requests', 'Too Many Requests', 'about:blank', { 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': String(Math.floor(Date.now() / 1000) + 300) }));
	await limited.fails('get_user_profile', {}, 'rate_limited', /(29\d|300)/);
	const before = twitter.seen.length;
	await limited.fails('get_user_profile', {}, 'rate_limited');
	assert.equal(twitter.seen.length, before);
	twitter.refuse('GET', ...refusal(429, 'UsageCapExceeded', 'Usage cap exceeded: Monthly product cap', 'https://api.twitter.com/2/problems/usage-capped', { 'x-rate-limit-reset': String(RESET) }));
	await counted.fails('get_user_profile', {}, 'quota', /cap/);
});

test('a pasted token that has ended: there is nothing to renew', async () => {
	twitter.refuse('GET', ...refusal(401, 'Unauthorized', 'Unauthorized'), { times: 3 });
	await (await it.as('gone')).disconnected('get_user_profile');
	twitter.clearFaults();
});

test('a post is sent once, whatever becomes of the answer; what comes before it may be sent again', async () => {
	await it.sentOnce('create_tweet', (n) => ({ text: `once ${n}` }), POST);
	twitter.fault({ at: 'POST /2/media/upload', how: 'lost' });
	await it.ok('create_tweet', { text: 'with a picture', media: [{ base64: SAMPLES.png.toString('base64'), mime: 'image/png' }] });
});

test('the other dialect of names', async (t) => {
	const renamed = await new Twitter({ posts: 12, dialect: 'post' }).start(t);
	const other = await startConnector(t, 'twitter', { platform: renamed, auth: { type: 'bearer' }, secret: renamed.token, settings: { dialect: 'post' } });
	await other.ok('get_user_profile');
	await other.ok('search_tweets', { query: 'x' });
	await other.ok('get_user_tweets', { username: 'XDevelopers', limit: 5 }, { tweets: [{}, { references: [{ type: 'quoted', id: '1460323737035670000' }] }, {}, {}, {}] });
});

test('an account that a person has connected: its token ends, is renewed once, and the call goes on', async (t) => {
	const provider = await startProvider(t, {});
	const platform = new Twitter();
	platform.judge = (headers) => provider.judge(headers).row !== undefined;
	await platform.start(t);
	const hers = await startConnected(t, 'twitter', provider, { platform, auth: { scope: 'tweet.read tweet.write users.read' } });
	await until('her account', async () => !(await hers.call('get_user_profile')).isError);
	assert.match(await (await hers.as('acme')).fails('get_user_profile', {}, '.*'), /account/, 'a key of nobody has none');
	const before = provider.count('refresh');
	provider.expire();
	await hers.ok('create_tweet', { text: 'with a new token' });
	assert.equal(platform.posts.length, 1);
	assert.equal(provider.count('refresh'), before + 1);
});
