// The gateway's background work driven by Inngest: a server of this file's that speaks its protocol, and the official SDK beside the gateway. What the server signs, the SDK accepts;
// what it reads of the SDK, it reads of the gateway: so neither side is believed because it agrees with itself.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Inngest, NonRetriableError } from 'inngest';
import { serve } from 'inngest/edge';
import { startHosts } from '../fixtures/ads/hosts.mjs';
import { setSecret } from './lib/connector.mjs';
import { prepareGateway, scope } from './lib/gateway.mjs';
import { request } from './lib/raw.mjs';

const KEY = `signkey-prod-${'0123456789abcdef'.repeat(4)}`;
const OLD_KEY = `signkey-prod-${'fedcba9876543210'.repeat(4)}`;
const EVENT_KEY = 'the-event-key/with a slash';
const ORIGIN = 'https://gatehouse.example';
const file = scope(after);

// ---- the protocol, as the server speaks it ----

const secretOf = (key) => key.replace(/^signkey-\w+-/, '');
const hmac = (key, text) => crypto.createHmac('sha256', secretOf(key)).update(text).digest('hex');
const sign = (body, { key = KEY, at = Math.floor(Date.now() / 1000) } = {}) => `t=${at}&s=${hmac(key, `${body}${at}`)}`;
const hashedKey = (key) => key.replace(secretOf(key), crypto.createHash('sha256').update(Buffer.from(secretOf(key), 'hex')).digest('hex'));
const hashOf = (id) => crypto.createHash('sha1').update(id).digest('hex');
/** Members in order, as RFC 8785 has it: enough for what is sent here. */
const canonical = (value) => JSON.stringify(value, (_, one) => (one !== null && typeof one === 'object' && !Array.isArray(one) ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1))) : one));
let clock = Math.floor(Date.now() / 1000) - 250; // each call has a second of its own, so that none is another's repetition

function checkSigned(answer, key = KEY) {
	const { t, s } = Object.fromEntries(new URLSearchParams(answer.headers['x-inngest-signature'] ?? ''));
	const at = Number(t) > 1e11 ? Number(t) / 1000 : Number(t); // the SDK for JavaScript counts milliseconds here, the one for Go seconds
	assert.ok(Math.abs(at - Date.now() / 1000) < 60, `no fresh signature: ${answer.headers['x-inngest-signature']}`);
	assert.equal(s, hmac(key, `${answer.text}${t}`));
}

/** What the server sends for a run: its event and what its steps have found. */
const callBody = ({ run = `01J${crypto.randomBytes(8).toString('hex')}`, event = {}, steps = {}, attempt = 0, context = {}, more = {} }) => canonical({
	ctx: { attempt, disable_immediate_execution: false, env: 'prod', fn_id: crypto.randomUUID(), max_attempts: 4, run_id: run, stack: { current: Object.keys(steps).length, stack: Object.keys(steps) }, step_id: 'step', use_api: false, ...context },
	event: { data: {}, id: '01J', name: 'test', ts: 1, ...event },
	events: [{ data: {}, id: '01J', name: 'test', ts: 1, ...event }],
	steps,
	use_api: false,
	version: 1,
	...more,
});

class Server {
	registrations = [];
	events = [];
	asked = [];
	state = {};
	refuse = new Set(); // hashed keys

	async start(t) {
		this.http = http.createServer(async (req, res) => {
			let body = '';
			for await (const piece of req) body += piece;
			const [status, answer] = this.#answer(req, body);
			res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
		}).listen(0, '127.0.0.1');
		await once(this.http, 'listening');
		t.after(() => {
			this.http.closeAllConnections();
			return new Promise((resolve) => { this.http.close(resolve); });
		});
		this.url = `http://127.0.0.1:${this.http.address().port}`;
		return this;
	}

	#answer(req, body) {
		const token = req.headers.authorization?.replace('Bearer ', '');
		const run = /^\/v0\/runs\/([^/]+)\/(batch|actions)$/.exec(req.url);
		this.asked.push({ url: req.url, token });
		if (req.url.startsWith('/e/')) {
			if (decodeURIComponent(req.url.slice(3)) !== EVENT_KEY) return [401, { ids: [], status: 401, error: 'Event key not found' }];
			const events = [JSON.parse(body)].flat();
			this.events.push(...events);
			return [200, { ids: events.map(() => '01J'), status: 200 }];
		}
		if (this.refuse.has(token) || ![KEY, OLD_KEY].map(hashedKey).includes(token)) return [401, { error: 'Unauthorized' }];
		if (run) return [200, this.state[run[2]]];
		if (!req.url.startsWith('/fn/register')) return [404, {}];
		if (this.broken) return [400, { error: this.broken }];
		this.registrations.push({ url: req.url, headers: req.headers, body: JSON.parse(body) });
		return [200, { ok: true, modified: this.registrations.length === 1, sync_id: 's', app_id: 'a', status: 200 }];
	}
}

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-inngest-'));
file.after(() => fs.rmSync(root, { recursive: true, force: true }));

/** What the configuration says instead of a secret. */
function secretFile(name, text) {
	fs.writeFileSync(path.join(root, name), text, { mode: 0o600 });
	return `\${file:${path.join(root, name)}}`;
}

const server = await new Server().start(file);
let gateway;
let hosts;

before(async () => {
	hosts = await startHosts(file, { platforms: ['google'], kinds: [{ name: 'small', size: 5, days: 100 }] });
	gateway = await prepareGateway(file, {
		workers: 1,
		tenants: ['acme', 'idle'],
		upstreams: {
			ads: { connector: { use: 'ads' } },
			'google-ads': { connector: { use: 'google-ads', settings: { base: hosts.google.url }, allow_private: true }, auth: { type: 'bearer' }, breaker_failures: 10000 },
		},
		config: {
			inngest: {
				signing_key: secretFile('signing.key', KEY), signing_key_fallback: secretFile('old.key', OLD_KEY), event_key: secretFile('event.key', EVENT_KEY),
				serve_origin: ORIGIN, api_url: server.url, event_url: server.url,
			},
		},
	});
	await setSecret(gateway, 'google-ads', hosts.google.token, 'acme');
	await gateway.start();
});

const ask = (method, { query = '', body = '', headers = {} } = {}) => request(gateway, { method, path: `/api/inngest${query}`, body, headers: { 'content-type': 'application/json', ...headers } });
const signed = (method, { body = '', key, at = ++clock, ...more } = {}) => ask(method, { body, ...more, headers: { 'x-inngest-signature': sign(body, { key, at }), ...more.headers } });
const call = (fn, body, { step = 'step', ...more } = {}) => signed('POST', { query: `?fnId=gatehouse-${fn}&stepId=${step}`, body, ...more });

/** A run from its first call to its end, as the server would have it. */
async function drive(fn, event, tries = 1) {
	const run = `01J${crypto.randomBytes(8).toString('hex').toUpperCase()}`;
	const steps = {};
	const ops = [];
	for (let calls = 0; calls < 40; calls++) {
		const answer = await call(fn, callBody({ run, event, steps, context: { max_attempts: tries } }));
		checkSigned(answer);
		if (answer.status !== 206) return { run, ops, answer, result: JSON.parse(answer.text) };
		const [op, ...others] = JSON.parse(answer.text);
		assert.deepEqual(others, [], 'one step a call');
		ops.push(op);
		assert.ok(!(op.id in steps), `${op.displayName} was done already`);
		steps[op.id] = op.op === 'StepRun' ? { data: op.data } : { error: op.error };
	}
	throw new Error('the run does not end');
}

// ---- the official SDK ----

const client = new Inngest({ id: 'gatehouse', eventKey: EVENT_KEY, isDev: false, baseUrl: server.url, logger: { debug() {}, info() {}, warn() {}, error() {} } });
const sdk = serve({
	client,
	signingKey: KEY,
	serveHost: ORIGIN,
	servePath: '/api/inngest',
	functions: [
		client.createFunction({ id: 'sync-scheduled-refresh', retries: 4 }, { cron: '0 * * * *' }, async ({ step }) => {
			await step.run('list-tenants', () => [['T', 'google']]);
			return step.run('fan-out', () => { throw new NonRetriableError('no'); });
		}),
	],
});

async function askSdk(method, { query = '', body = '', headers = {} }) {
	const answer = await sdk(new Request(`${ORIGIN}/api/inngest${query}`, { method, headers: { host: new URL(ORIGIN).host, 'content-length': String(Buffer.byteLength(body)), 'content-type': 'application/json', ...headers }, ...(body === '' ? {} : { body }) }));
	return { status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text() };
}

test('the SDK signs and reads signatures as the server of these tests does', async () => {
	const body = callBody({});
	const query = '?fnId=gatehouse-sync-scheduled-refresh&stepId=step';
	for (const who of [askSdk, ask]) {
		const good = await who('POST', { query, body, headers: { 'x-inngest-signature': sign(body, { at: ++clock }) } });
		assert.equal(good.status, 206, good.text);
		checkSigned(good);
		assert.match(good.headers['x-inngest-sdk'], /^[\w-]+:v\d/);
		assert.equal(good.headers['x-inngest-req-version'], who === ask ? '2' : good.headers['x-inngest-req-version']);
		for (const signature of [sign(body, { key: OLD_KEY.replace('f', '0') }), sign(`${body} `), sign(body, { at: Math.floor(Date.now() / 1000) - 310 }), 't=1', '']) {
			const bad = await who('POST', { query, body, headers: signature === '' ? {} : { 'x-inngest-signature': signature } });
			assert.equal(bad.status, 401, `${signature}: ${bad.text}`);
			assert.doesNotMatch(bad.text, /StepRun/);
		}
	}
});

test('a step is told as the SDK tells it', async () => {
	const steps = [];
	for (const who of [askSdk, ask]) {
		const body = callBody({});
		const answer = await who('POST', { query: '?fnId=gatehouse-sync-scheduled-refresh&stepId=step', body, headers: { 'x-inngest-signature': sign(body, { at: ++clock }) } });
		const [op] = JSON.parse(answer.text);
		steps.push({ id: op.id, op: op.op, name: op.name, displayName: op.displayName, hasData: 'data' in op });
	}
	assert.deepEqual(steps[1], steps[0]);
	assert.equal(steps[1].id, hashOf('list-tenants'));
	// A step that has failed for good ends the run, and says so to the server.
	const failed = { [hashOf('list-tenants')]: { error: { name: 'Error', message: 'no', stack: '' } } };
	for (const who of [askSdk, ask]) {
		const body = callBody({ steps: failed });
		const answer = await who('POST', { query: '?fnId=gatehouse-sync-scheduled-refresh&stepId=step', body, headers: { 'x-inngest-signature': sign(body, { at: ++clock }) } });
		assert.equal(answer.status, 400, answer.text);
		assert.equal(answer.headers['x-inngest-no-retry'], 'true');
	}
});

test('strangers run nothing, and all read the same', async () => {
	const body = callBody({ event: { data: { tenantId: 'T', platform: 'google' } } });
	const query = '?fnId=gatehouse-sync-refresh-tenant&stepId=step';
	const now = Math.floor(Date.now() / 1000);
	const signature = sign(body, { at: now });
	const wrong = [
		{}, { 'x-inngest-signature': '' }, { 'x-inngest-signature': sign(body, { key: `${KEY}00`, at: now }) }, { 'x-inngest-signature': sign(`${body} `, { at: now }) },
		{ 'x-inngest-signature': sign(body, { at: now - 400 }) }, { 'x-inngest-signature': sign(body, { at: now + 400 }) }, { 'x-inngest-signature': `${signature}&t=${now}` },
		{ 'x-inngest-signature': signature.replace(/.$/, '') },
	];
	for (const headers of wrong) {
		const answer = await ask('POST', { query, body, headers });
		assert.equal(answer.status, 401, JSON.stringify(headers));
		assert.equal(answer.text, '{"message":"Unauthorized"}');
		assert.equal(answer.headers['x-inngest-sdk'], undefined);
	}
	const once = await signed('POST', { query: '?fnId=gatehouse-nothing&stepId=step', body });
	assert.equal(once.status, 500, once.text);
	const again = await signed('POST', { query, body, at: clock });
	assert.equal(again.status, 401, 'a signature is good for one call');
	assert.equal((await ask('DELETE')).status, 405);
	assert.equal((await signed('POST', { query: '?probe=trust' })).status, 200);
	assert.equal((await signed('POST', { query: '?probe=else' })).status, 400);
	assert.equal((await call('sync-refresh-tenant', callBody({}), { headers: { 'x-inngest-server-kind': 'dev' } })).status, 400);
});

test('what is here: little for strangers, all for the server, no key for anybody', async () => {
	const stranger = JSON.parse((await ask('GET')).text);
	assert.deepEqual(Object.keys(stranger).sort(), ['authentication_succeeded', 'function_count', 'has_event_key', 'has_signing_key', 'has_signing_key_fallback', 'mode', 'schema_version']);
	assert.deepEqual([stranger.authentication_succeeded, stranger.function_count, stranger.has_signing_key_fallback], [null, 4, true]);
	assert.equal(JSON.parse((await signed('GET', { key: `${KEY}00` })).text).authentication_succeeded, false);
	const known = await signed('GET');
	checkSigned(known);
	assert.deepEqual([JSON.parse(known.text).authentication_succeeded, JSON.parse(known.text).app_id], [true, 'gatehouse']);
	for (const key of [KEY, OLD_KEY]) assert.ok(!known.text.includes(secretOf(key).slice(0, 16)));
	assert.ok(!known.text.includes(EVENT_KEY));
	checkSigned(await signed('GET', { key: OLD_KEY }), OLD_KEY);
});

test('it registers where it is configured, as the SDK does', async () => {
	const evil = { query: '?deployId=d%201', body: JSON.stringify({ url: 'https://evil.example/api/inngest' }), headers: { host: `127.0.0.1:${gateway.port}` } };
	const answer = await ask('PUT', evil);
	assert.deepEqual([answer.status, JSON.parse(answer.text)], [200, { message: 'Successfully registered', modified: true }], answer.text);
	const [ours] = server.registrations;
	assert.equal(ours.headers.authorization, `Bearer ${hashedKey(KEY)}`);
	assert.equal(new URL(ours.url, server.url).searchParams.get('deployId'), 'd 1');
	assert.ok(!JSON.stringify(ours.body).includes('evil'));
	await askSdk('PUT', {});
	const theirs = server.registrations.at(-1);
	assert.equal(theirs.headers.authorization, ours.headers.authorization);
	const shape = ({ url, deployType, appName, v, functions }) => ({ url, deployType, appName, v, functions: functions.filter(({ id }) => id === 'gatehouse-sync-scheduled-refresh').map(({ id, triggers, steps }) => ({ id, triggers, url: new URL(steps.step.runtime.url).searchParams.toString().split('&').sort(), type: steps.step.runtime.type, retries: steps.step.retries })) });
	assert.deepEqual(shape(ours.body), shape(theirs.body));
	const tenant = ours.body.functions.find(({ id }) => id === 'gatehouse-sync-refresh-tenant');
	assert.deepEqual([tenant.triggers, tenant.concurrency?.[0]?.key], [[{ event: 'sync/refresh-tenant' }], 'event.data.tenantId + ":" + event.data.platform']);
	server.refuse.add(hashedKey(KEY));
	assert.equal((await ask('PUT')).status, 200);
	assert.equal(server.registrations.at(-1).headers.authorization, `Bearer ${hashedKey(OLD_KEY)}`);
	server.refuse.clear();
	server.broken = 'no such app';
	const refused = await ask('PUT');
	assert.deepEqual([refused.status, JSON.parse(refused.text).message], [500, 'Inngest answered 400: no such app']);
	server.broken = undefined;
	const before = server.registrations.length;
	const inBand = await signed('PUT', { body: '{"url":"https://evil.example"}', headers: { 'x-inngest-sync-kind': 'in_band' } });
	checkSigned(inBand);
	assert.deepEqual([inBand.status, JSON.parse(inBand.text).functions], [200, ours.body.functions]);
	assert.equal(JSON.parse(inBand.text).url, `${ORIGIN}/api/inngest`);
	assert.equal((await ask('PUT', { headers: { 'x-inngest-sync-kind': 'in_band' } })).status, 401);
	assert.equal(server.registrations.length, before);
});

test('a round asks for a run of each account, and the run fetches its reports', async () => {
	const begun = hosts.google.seen.length;
	const round = await drive('sync-scheduled-refresh', { name: 'inngest/scheduled.timer' });
	assert.equal(round.answer.status, 200, round.answer.text);
	assert.deepEqual(round.ops.map(({ op, displayName }) => [op, displayName]), [['StepRun', 'list-tenants'], ['StepRun', 'fan-out']]);
	assert.equal(hosts.google.seen.length, begun, 'a round asks no platform');
	assert.equal(server.events.length, 1, JSON.stringify(server.events));
	const [event] = server.events;
	assert.deepEqual([event.name, event.data.platform], ['sync/refresh-tenant', 'google']);
	assert.match(event.id, new RegExp(`^sync:${event.data.tenantId}:google:`));
	assert.ok(Math.abs(event.ts - Date.now()) <= 3600000);

	const run = await drive('sync-refresh-tenant', event);
	assert.equal(run.answer.status, 200, run.answer.text);
	assert.ok(run.ops.every(({ op }) => op === 'StepRun'), JSON.stringify(run.ops));
	assert.ok(hosts.google.seen.length > begun);
	const fetched = hosts.google.seen.length;
	// An answer that was lost: the server asks for the step again, and nothing is fetched twice.
	const first = run.ops.find(({ displayName }) => displayName.startsWith('fetch-'));
	const at = run.ops.indexOf(first);
	const steps = Object.fromEntries(run.ops.slice(0, at).map(({ id, data }) => [id, { data }]));
	const again = await call('sync-refresh-tenant', callBody({ run: run.run, event, steps }), { step: first.id });
	assert.equal(again.status, 206, again.text);
	assert.equal(hosts.google.seen.length, fetched);
	const [row, ...others] = await gateway.cliJson('sync');
	assert.deepEqual(others, []);
	assert.deepEqual([row.id, row.driver, row.outcome, row.steps_done, row.steps_total], [run.run, 'inngest', 'ok', run.ops.length, run.ops.length]);
	assert.ok(row.reports > 0 && row.rows > 0);
	const kinds = (await gateway.cliJson('jobs')).filter(({ kind }) => ['sync-scheduled-refresh', 'gdpr-purge-cache', 'archive-audit-log'].includes(kind));
	assert.deepEqual(kinds.map(({ schedule }) => schedule), ['never', 'never', 'never'], 'one of the two keeps the times');
});

test('what is not to be mended is not tried again', async () => {
	await setSecret(gateway, 'google-ads', 'a token of nobody', 'idle');
	const { id } = (await gateway.cliJson('tenant', 'list')).find(({ name }) => name === 'idle');
	const run = await drive('sync-refresh-tenant', { name: 'sync/refresh-tenant', data: { tenantId: id, platform: 'google' } }, 4);
	assert.deepEqual(run.ops.map(({ op, displayName, error }) => [op, displayName, error.name]), [['StepFailed', 'acquire-token', 'CREDENTIAL_REFUSED']]);
	assert.deepEqual([run.answer.status, run.answer.headers['x-inngest-no-retry'], run.result.name], [400, 'true', 'CREDENTIAL_REFUSED']);
	const row = (await gateway.cliJson('sync')).find(({ tenant_id: tenant }) => tenant === id);
	assert.deepEqual([row.outcome, row.steps_done], ['failed', 0]);
	assert.match(row.error, /credential/);
});

test('state that is too large for a call is asked for', async () => {
	server.state = { batch: [server.events[0]], actions: { [hashOf('list-tenants')]: { data: [] } } };
	const answer = await call('sync-scheduled-refresh', callBody({ context: { use_api: true }, more: { use_api: true } }));
	assert.equal(answer.status, 206, answer.text);
	assert.equal(JSON.parse(answer.text)[0].displayName, 'fan-out');
	assert.equal(server.asked.at(-1).token, hashedKey(KEY));
});

test('an event that names nothing that could be done', async () => {
	for (const data of [{}, { tenantId: 'T' }, { tenantId: 'T', platform: 'bing' }, { tenantId: 'x'.repeat(40), platform: 'google' }]) {
		const answer = await call('sync-refresh-tenant', callBody({ event: { data } }));
		assert.deepEqual([answer.status, answer.headers['x-inngest-no-retry']], [400, 'true'], answer.text);
	}
	const nobody = await call('sync-refresh-tenant', callBody({ event: { data: { tenantId: '01J00000000000000000000000', platform: 'google' } } }));
	assert.equal(JSON.parse(nobody.text)[0].op, 'StepFailed', nobody.text);
});

test('no key is written anywhere', () => {
	for (const key of [secretOf(KEY), secretOf(OLD_KEY), EVENT_KEY, encodeURIComponent(EVENT_KEY)]) assert.ok(!gateway.allStderr.includes(key));
});

test('without a key nothing is there', async () => {
	const { inngest, ...settings } = gateway.settings;
	gateway.writeConfig(JSON.stringify(settings));
	assert.equal((await gateway.reload()).code, 0);
	assert.equal((await ask('GET')).status, 404);
	assert.equal((await signed('POST', { body: callBody({}) })).status, 404);
	fs.writeFileSync(gateway.configFile, JSON.stringify({ ...settings, inngest: { ...inngest, signing_key: KEY } }));
	const refused = await gateway.reload();
	assert.notEqual(refused.code, 0);
	assert.match(refused.stderr, /keys are references/);
});
