// Every class of failure that a platform's refusals can have, for each tool of each connector that speaks HTTP: a host refuses
// whatever it is asked, in the platform's own form, and the caller hears the class. The tables are written from what platforms say of
// their errors, and know nothing of the connectors' files.
//
//   every tool at once       the first request of each is refused
//   one tool after another   the requests before the one that publishes go well, and that one is refused: a row of each class
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { call } from './lib/api.mjs';
import { SAMPLES } from './lib/connector.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { listAll, modern, modernCall } from './lib/mcp.mjs';
import { until } from './lib/wait.mjs';

const film = { base64: SAMPLES.mp4(80000).toString('base64'), mime: 'video/mp4' };
const picture = { base64: SAMPLES.png.toString('base64'), mime: 'image/png' };
const photo = { base64: SAMPLES.jpeg.toString('base64'), mime: 'image/jpeg' };

/** Rows are [class, status, body, headers]. `credential`: the caller is told to connect the account again. `lost`: a server that breaks may
 * have published, so the outcome of what publishes is unknown; what reads failed for the moment. */
const each = (failure, status, bodies, headers) => bodies.map((body) => [failure, status, body, headers]);
const USUAL = {
	400: 'invalid', 401: 'credential', 403: 'permission', 404: 'not_found', 409: 'conflict', 413: 'too_large', 422: 'invalid', 429: 'rate_limited', 500: 'lost', 502: 'lost', 503: 'transient',
};
const usual = (other = {}) => Object.entries({ ...USUAL, ...other }).map(([status, failure]) => [failure, Number(status), {}]);

const graph = (code, error_subcode, more = {}) => ({ error: { message: 'no', type: 'OAuthException', code, error_subcode, fbtrace_id: 'A', ...more } });
const codes = (list) => list.map((code) => graph(code));
const subcodes = (list) => list.map((subcode) => graph(100, subcode));
const META = [
	...each('credential', 401, [graph(190, 463), graph(190, 460), graph(190, 458), graph(190, 467), graph(190, 492), graph(102)]),
	...each('permission', 403, codes([3, 10, 200, 299])),
	...each('rate_limited', 400, codes([4, 17, 32, 341, 613, 80001, 80002])),
	...each('duplicate', 400, [graph(506), graph(1, 1366051)]),
	...each('blocked', 400, [graph(368), ...subcodes([1346003, 1404102, 1390008])]),
	...each('transient', 500, [graph(1), graph(2), graph(999, undefined, { is_transient: true })]),
	...each('not_found', 400, [graph(100, 33)]),
	...each('invalid', 400, codes([100])),
];
const problem = (type, more = {}) => ({ title: 'no', type: `https://api.twitter.com/2/problems/${type}`, ...more });
const bot = (error_code, description, parameters) => ({ ok: false, error_code, description, parameters });
const discord = (code, more = {}) => ({ code, message: 'no', ...more });
const tiktok = (list) => list.map((code) => ({ data: {}, error: { code, message: 'no', log_id: '1' } }));
const snap = (error_code) => ({ request_status: 'ERROR', request_id: '1', debug_message: 'no', error_code });
const query = (code) => ({ errors: [{ message: 'no', extensions: { code } }] });

const ok = (body, status = 200, headers = {}) => [status, body, headers];
const PLATFORMS = {
	whatsapp: {
		settings: { phone_number_id: '106540352242922', waba_id: '102290129340398' },
		reads: { list_templates: {}, get_message_status: { message_id: 'wamid.1' } },
		publishes: { send_message: { to: '16505551234', body: 'x' }, send_template: { to: '16505551234', name: 'order', language: 'en_US' } },
		later: [['send_message', { to: '16505551234', media_type: 'image', media: photo }, { 'POST .*/media': ok({ id: '1' }) }]],
		rows: [
			...each('credential', 401, codes([0, 190])),
			...each('permission', 403, codes([3, 10, 200, 299, 131005])),
			...each('rate_limited', 400, codes([4, 80007, 130429, 131048, 131056, 131064, 133016])),
			...each('window_closed', 400, codes([131047])),
			...each('invalid', 400, codes([131026, 131030, 131049, 131051, 131053, 132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 100, 131008, 131009])),
			...each('transient', 500, codes([1, 2, 131000, 131016, 135000])),
			...each('blocked', 403, codes([368, 131031, 130497])),
			...each('version_sunset', 400, codes([2635])),
			...usual(),
		],
	},
	linkedin: {
		auth: { type: 'bearer' },
		bases: ['base', 'uploads'],
		reads: { get_profile: {}, search_connections: { query: 'x' }, create_post: { text: 'x' }, upload_video: { video: film } },
		publishes: { send_message: { recipients: ['urn:li:person:abc123'], body: 'x' } },
		later: [
			['create_post', { text: 'x' }, { 'GET /v2/userinfo': ok({ sub: 'me' }) }],
			['upload_video', { video: film, post: true, text: 'x' }, {
				'GET /v2/userinfo': ok({ sub: 'me' }), 'PUT /bytes': ok({}, 201, { etag: 'e' }), 'GET /rest/videos/': ok({ status: 'AVAILABLE' }), 'POST /rest/videos.*finalize': ok({}),
				'POST /rest/videos.*initialize': (base) => ok({ value: { video: 'urn:li:video:1', uploadToken: '', uploadInstructions: [{ uploadUrl: `${base}/bytes`, firstByte: 0, lastByte: 79999 }] } }),
			}],
		],
		rows: [
			...each('credential', 401, [65600, 65601, 65602].map((serviceErrorCode) => ({ message: 'no', status: 401, serviceErrorCode }))),
			...each('version_sunset', 426, [{ status: 426, code: 'NONEXISTENT_VERSION', message: 'no' }, {}]),
			...each('permission', 403, [{ status: 403, serviceErrorCode: 100, code: 'ACCESS_DENIED', message: 'Not enough permissions' }]),
			...each('quota', 429, [{ status: 429, message: 'Resource level throttle APPLICATION DAY limit for calls to this resource is reached.' }]),
			...each('duplicate', 422, [{ status: 422, message: 'Content is a duplicate of urn:li:share:1' }]),
			...usual(),
		],
	},
	tiktok: {
		auth: { type: 'bearer' },
		reads: { get_profile: {}, get_creator_info: {}, get_video_status: { publish_id: 'v_pub_file~v2-1.1' }, create_video: { video: film, privacy_level: 'SELF_ONLY' } },
		publishes: { create_video: { video_url: 'https://films.example/a.mp4', mode: 'inbox' } },
		later: [['create_video', { video_url: 'https://films.example/a.mp4', privacy_level: 'SELF_ONLY' }, { 'POST .*/creator_info/query/': ok({ data: { creator_username: 'me' }, error: { code: 'ok' } }) }]],
		rows: [
			...each('credential', 401, tiktok(['access_token_invalid'])),
			...each('permission', 401, tiktok(['scope_not_authorized', 'scope_permission_missed'])),
			...each('rate_limited', 429, tiktok(['rate_limit_exceeded'])),
			...each('quota', 403, tiktok(['spam_risk_too_many_posts', 'spam_risk_too_many_pending_share', 'reached_active_user_cap'])),
			...each('blocked', 403, tiktok(['spam_risk_user_banned_from_posting'])),
			...each('unsupported', 403, tiktok(['unaudited_client_can_only_post_to_private_accounts'])),
			...each('permission', 403, tiktok(['url_ownership_unverified'])),
			...each('invalid', 400, tiktok(['privacy_level_option_mismatch', 'invalid_file_upload', 'invalid_params'])),
			...each('transient', 500, tiktok(['internal_error'])),
			...each('invalid', 200, tiktok(['invalid_params'])), // a no with status 200
			...usual(),
		],
	},
	facebook: {
		auth: { type: 'bearer' },
		settings: { page_id: '104', app_id: '77' },
		bases: ['base', 'video_base'],
		reads: { get_page: {}, get_posts: {}, create_video_post: { video: film } },
		publishes: { create_post: { message: 'x' }, create_photo_post: { photos: [picture] } },
		later: [
			['create_photo_post', { photos: [picture, photo] }, { 'POST .*/photos': ok({ id: '1' }) }],
			['create_video_post', { video: film }, { 'POST .*/77/uploads': ok({ id: 'upload:1' }), 'POST .*/upload:1': ok({ h: 'h' }) }],
			['create_video_post', { video_url: 'https://films.example/a.mp4' }, {}],
		],
		rows: [...META, ...each('permission', 400, subcodes([1404078])), ...each('transient', 400, subcodes([1363047, 1609010])), ...each('invalid', 400, subcodes([1609005, 1366046])), ...usual()],
	},
	instagram: {
		auth: { type: 'bearer' },
		settings: { ig_id: '178414' },
		reads: { get_profile: {}, get_media: {}, create_post: { media: [photo] }, create_reel: { video: { url: 'https://films.example/a.mp4' } } },
		later: [
			['create_post', { container_id: '17' }, { 'GET .*/17': ok({ status_code: 'FINISHED' }) }],
			['create_reel', { container_id: '17' }, { 'GET .*/17': ok({ status_code: 'FINISHED' }) }],
		],
		rows: [
			...META,
			...each('quota', 403, subcodes([2207042])),
			...each('blocked', 403, subcodes([2207001, 2207050, 2207051])),
			...each('invalid', 400, [...subcodes([2207003, 2207052, 2207020, 2207008, 2207009, 2207005, 2207026, 2207010]), graph(36003)]),
			...each('too_large', 400, subcodes([2207004])),
			...each('transient', 400, [graph(9007, 2207027), graph(100, 2207082)]),
			...usual(),
		],
	},
	twitter: {
		auth: { type: 'bearer' },
		reads: { get_user_profile: {}, get_user_tweets: { user_id: '1' }, search_tweets: { query: 'x' }, upload_video: { video: film, text: 'x' } },
		publishes: { create_tweet: { text: 'x' } },
		later: [
			['create_tweet', { text: 'x', media: [picture] }, { 'POST /2/media/upload$': ok({ data: { id: '1' } }), 'POST /2/media/metadata': ok({ data: {} }) }],
			['upload_video', { video: film, text: 'x' }, { 'POST /2/media/upload/initialize': ok({ data: { id: '1', media_key: '7_1' } }), 'POST /2/media/upload/1/append': ok({ data: {} }), 'POST /2/media/upload/1/finalize': ok({ data: { id: '1' } }) }],
		],
		rows: [
			...each('quota', 429, [problem('usage-capped')]),
			['quota', 402, problem('credits-depleted')],
			...each('duplicate', 403, [problem('about-blank', { detail: 'You are not allowed to create a Tweet with duplicate content.' }), { errors: [{ code: 187, message: 'Status is a duplicate.' }] }]),
			...each('unsupported', 403, [problem('client-forbidden')]),
			...each('permission', 403, [problem('not-authorized-for-resource'), { detail: 'You are not permitted to perform this action.' }]),
			['rate_limited', 429, problem('rate-limit-exceeded'), { 'x-rate-limit-reset': String(Math.floor(Date.now() / 1000) + 600) }],
			['rate_limited', 400, { errors: [{ code: 88, message: 'Rate limit exceeded' }] }],
			...each('not_found', 200, [{ errors: [problem('resource-not-found')] }]), // a no with status 200
			...each('permission', 200, [{ errors: [problem('not-authorized-for-resource')] }]),
			...usual(),
		],
	},
	telegram: {
		reads: { get_me: {}, get_chat: { chat_id: '5' }, get_updates: {} },
		publishes: { send_message: { chat_id: '5', text: 'x' }, send_photo: { chat_id: '5', file_id: 'A' } },
		later: [['send_photo', { chat_id: '5', photo }, {}]],
		rows: [
			['credential', 401, bot(401, 'Unauthorized')],
			['credential', 404, bot(404, 'Not Found')],
			['invalid', 400, bot(400, 'Bad Request: group chat was upgraded to a supergroup chat', { migrate_to_chat_id: -1001 })],
			['invalid', 400, bot(400, 'Bad Request: message text is empty')],
			...each('not_found', 400, ['chat not found', 'user not found', 'message to be replied not found'].map((words) => bot(400, `Bad Request: ${words}`))),
			...each('permission', 403, ['bot was blocked by the user', 'bot was kicked from the group chat'].map((words) => bot(403, `Forbidden: ${words}`))),
			['conflict', 409, bot(409, 'Conflict: can\'t use getUpdates method while webhook is active')],
			['rate_limited', 429, bot(429, 'Too Many Requests: retry after 33', { retry_after: 33 })],
			...usual(),
		],
	},
	discord: {
		reads: { get_me: {}, get_guilds: {}, get_channels: { guild_id: '197038439483310086' }, get_messages: { channel_id: '222197033908436994' }, send_message: { channel_id: '222197033908436994', content: 'x' } },
		later: [
			['send_message', { channel_id: '222197033908436994', content: 'x' }, { 'GET /channels/': ok({ id: '2', guild_id: '1' }) }],
			['send_message', { channel_id: '222197033908436994', files: [picture] }, { 'GET /channels/': ok({ id: '2', guild_id: '1' }) }],
		],
		rows: [
			...each('credential', 401, [{ message: '401: Unauthorized', code: 0 }, discord(50014), discord(50025)]),
			...each('credential', 403, [discord(40001)]),
			...each('rate_limited', 400, [20016, 20028, 20029, 40062].map((code) => discord(code, { retry_after: 60.5 }))),
			['rate_limited', 429, { message: 'You are being rate limited.', retry_after: 64.57, global: false }, { 'retry-after': '65' }],
			...each('permission', 403, [50001, 50007, 50013].map((code) => discord(code))),
			...each('not_found', 404, [10003, 10004, 10008].map((code) => discord(code))),
			...each('invalid', 400, [discord(50035, { errors: { content: { _errors: [{ code: 'BASE_TYPE_MAX_LENGTH', message: 'too long' }] } } }), discord(50006)]),
			...usual(),
		],
	},
	snapchat: {
		auth: { type: 'bearer' },
		settings: { profile_id: 'p-1' },
		bases: ['base', 'business_base'],
		reads: { get_me: {}, get_ad_accounts: {}, create_snap: { media: photo } },
		later: ['story', 'saved_story'].map((type) => ['create_snap', { media: photo, type, ...(type === 'story' ? {} : { title: 'x' }) }, {
			'POST .*/media$': ok({ request_status: 'SUCCESS', media_id: 'm', add_path: '/v1/add', finalize_path: '/v1/finalize' }), 'POST /v1/(add|finalize)': ok({ request_status: 'SUCCESS' }),
		}]),
		rows: [
			...each('conflict', 400, [snap('MEDIA_POSTING_ALREADY_IN_PROGRESS')]),
			...each('invalid', 400, [snap('MEDIA_EXPIRED'), snap('E1001')]),
			...each('invalid', 200, [snap('E1001')]), // a no with status 200
			...usual(),
		],
	},
	xero: {
		auth: { type: 'bearer' },
		settings: { tenant_id: 'e9a1b2c3-0000-4000-8000-000000000000' },
		reads: { list_invoices: {}, list_contacts: {}, profit_and_loss: { from_date: '2026-10-01', to_date: '2026-10-31' }, balance_sheet: { date: '2026-10-31' } },
		rows: [
			['credential', 401, { Title: 'Unauthorized', Status: 401, Detail: 'TokenExpired: token expired' }],
			['permission', 403, { Title: 'Forbidden', Status: 403, Detail: 'AuthenticationUnsuccessful' }],
			['rate_limited', 429, {}, { 'retry-after': '40', 'x-rate-limit-problem': 'minute' }],
			['quota', 429, {}, { 'retry-after': '4000', 'x-rate-limit-problem': 'day' }],
			['invalid', 400, { ErrorNumber: 10, Type: 'ValidationException', Message: 'no' }],
			...usual(),
		],
	},
	shopify: {
		reads: { list_orders: {}, list_products: {}, list_customers: {}, inventory_levels: {} },
		rows: [
			['rate_limited', 200, query('THROTTLED')],
			['permission', 200, query('ACCESS_DENIED')],
			['too_large', 200, query('MAX_COST_EXCEEDED')],
			['version_sunset', 200, query('undefinedField')],
			['transient', 200, query('INTERNAL_SERVER_ERROR')],
			['invalid', 200, query('BAD_USER_INPUT')],
			['blocked', 402, { errors: 'Payment Required' }],
			['blocked', 423, { errors: 'Locked' }],
			['credential', 401, { errors: '[API] Invalid API key or access token (unrecognized login or wrong password)' }],
			...usual(),
		],
	},
	unleashed: {
		secret: 'an-id:a-key',
		reads: { list_products: {}, stock_on_hand: {}, list_sales_orders: {} },
		rows: usual({ 403: 'credential' }),
	},
};

/** A host that refuses everything but what is `good`: {'METHOD PATH' as a pattern: [status, body, headers]}. */
async function startHost(t) {
	const host = { asked: 0, row: ['not_found', 404, {}], good: {} };
	const server = http.createServer((req, res) => {
		const found = Object.entries(host.good).find(([at]) => new RegExp(`^${at}`).test(`${req.method} ${req.url}`))?.[1];
		const [status, body, headers] = found === undefined ? host.row.slice(1) : typeof found === 'function' ? found(host.url) : found;
		host.asked += found === undefined ? 1 : 0;
		req.resume().on('end', () => {
			const text = JSON.stringify(body);
			res.writeHead(status, { 'content-type': 'application/json', 'content-length': text.length, ...headers }).end(text);
		});
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	host.url = `http://127.0.0.1:${server.address().port}`;
	return host;
}

const file = scope(after);
const hosts = {};
let gateway;

/** After a limit the gateway leaves an account alone: each limit that a platform has is met by one of its own. */
const limitsOf = ({ rows, later = [] }) => rows.filter(([failure]) => failure === 'rate_limited').length + later.length;
const accountsOf = (platform) => Array.from({ length: 1 + limitsOf(platform) }, (_, n) => `a${n}`);
const firstOfEach = (rows) => rows.filter(([failure], n) => rows.findIndex((row) => row[0] === failure) === n);

before(async () => {
	const upstreams = {};
	for (const [use, platform] of Object.entries(PLATFORMS)) {
		const { auth, settings, bases = ['base'] } = platform;
		const accounts = Object.fromEntries(accountsOf(platform).map((name) => [name, {}]));
		hosts[use] = await startHost(file);
		upstreams[use] = {
			connector: { use, allow_private: true, settings: { ...Object.fromEntries(bases.map((name) => [name, hosts[use].url])), ...settings }, accounts },
			breaker_failures: 10000, ...(auth === undefined ? {} : { auth }),
		};
	}
	gateway = await startGateway(file, { workers: 2, upstreams, config: { public_url: 'http://127.0.0.1:1', media: { allow_private: true } } });
	const { key } = await gateway.makeKey('acme', '--role', 'owner');
	await Promise.all(Object.entries(PLATFORMS).map(async ([use, platform]) => {
		for (const account of accountsOf(platform)) {
			const made = await call(gateway, 'POST', '/tenants/self/credentials', { key, body: { upstream: `${use}.${account}`, secret: platform.secret ?? 'a-secret' } });
			assert.equal(made.status, 201, made.text);
		}
	}));
	// Who is told of an account makes the gateway probe it: that is over before the first row.
	await until('all accounts to be probed', async () => {
		const seen = [];
		for (let cursor = ''; cursor !== null;) {
			const { json } = await call(gateway, 'GET', `/tenants/self/credentials?limit=100${cursor}`, { key });
			seen.push(...json.items);
			cursor = json.next === null ? null : `&cursor=${json.next}`;
		}
		return seen.length > 0 && seen.every(({ health }) => health !== 'unknown');
	});
});

const isWrite = (tool) => /^(create|send|upload)_|^get_updates$/.test(tool);
let calls = 0;

/** Call a tool that is refused by `row`, and look at the class that the caller hears. */
async function refused(use, tool, args, row, account, publishes) {
	const [failure, status, body] = row;
	const answer = await modernCall(gateway, `${use}_${tool}`, { ...args, account, ...(isWrite(tool) ? { idempotency_key: `call-${++calls}` } : {}) });
	const { result } = answer.message;
	const text = result?.content?.[0]?.text ?? answer.text;
	const wanted = failure === 'credential' ? `${use}: the server refused the credential` : failure === 'lost' ? (publishes ? 'unknown_outcome' : 'transient') : failure;
	assert.ok(result?.isError === true && text.startsWith(wanted), `${use}_${tool}: ${status} ${JSON.stringify(body)} should be ${wanted}, and is: ${text}`);
}

test('the tables know every tool', async () => {
	const tools = await listAll((method, params) => modern(gateway, method, params), 'tools/list', 'tools');
	const known = Object.entries(PLATFORMS).flatMap(([use, { reads, publishes = {} }]) => Object.keys({ ...reads, ...publishes }).map((tool) => `${use}_${tool}`));
	assert.deepEqual(tools.map(({ name }) => name).sort(), known.sort());
});

describe('refusals', { concurrency: true }, () => {
	for (const [use, { rows, reads, publishes = {}, later = [] }] of Object.entries(PLATFORMS)) {
		test(use, async () => {
			const host = hosts[use];
			const all = [...Object.entries(reads).map((one) => [...one, false]), ...Object.entries(publishes).map((one) => [...one, true])];
			const tools = new Set(all.map(([tool]) => tool)); // one that has met a limit leaves the account alone, also in its other call
			let limits = 0;
			const accountFor = ([failure]) => (failure === 'rate_limited' ? `a${++limits}` : 'a0');

			for (const row of rows) {
				const account = accountFor(row);
				Object.assign(host, { row, good: {}, asked: 0 });
				await Promise.all(all.map(([tool, args, publishing]) => refused(use, tool, args, row, account, publishing)));
				assert.ok(host.asked >= tools.size, `${use} was asked ${host.asked} times by ${tools.size} tools`);
			}
			for (const [tool, args, good] of later) {
				for (const row of firstOfEach(rows)) {
					Object.assign(host, { row, good, asked: 0 });
					await refused(use, tool, args, row, accountFor(row), true);
					assert.equal(host.asked, 1, `${use}_${tool} asked ${host.asked} times to publish`);
				}
			}
		});
	}
});
