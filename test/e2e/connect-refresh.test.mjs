// Tokens that end, through the real binary: one renewal for all callers of three replicas; what a renewal that fails, or
// a replica that dies in the middle of one, leaves. Each way of failing and each kind of provider is in test/unit/connect.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call } from './lib/api.mjs';
import { startFleet } from './lib/cluster.mjs';
import { connectable, connectAccount } from './lib/connect.mjs';
import { startGateway } from './lib/gateway.mjs';
import { startGuarded } from './lib/guarded-server.mjs';
import { modernCall } from './lib/mcp.mjs';
import { makeUser } from './lib/people.mjs';
import { startProvider } from './lib/provider.mjs';
import { request } from './lib/raw.mjs';
import { sql } from './lib/sqlite.mjs';
import { until } from './lib/wait.mjs';

const CALLERS = 100;

const textOf = (answer) => answer.message?.result?.content?.[0]?.text;
const isAda = (answer) => textOf(answer) === 'ada' && answer.message.result.isError !== true;
const whoami = (target) => modernCall(target, 'svc_whoami');

/** Ada's account at the server, and a key of hers. */
async function connect(gateway, port) {
	const ada = await makeUser(gateway, { email: 'ada@acme.example' });
	const { page } = await connectAccount(gateway, { person: ada });
	assert.equal(page.answer.status, 200, page.html);
	const key = (await gateway.cliJson('key', 'create', '--tenant', 'acme', '--user', ada.id)).key;
	return { ada, target: { get port() { return port ?? gateway.port; }, key } };
}

const untilItAnswers = (target) => until('the tool to answer', async () => isAda(await whoami(target)));

async function start(t, options = {}) {
	const provider = await startProvider(t, options);
	const guarded = await startGuarded(t, provider);
	const gateway = await startGateway(t, { tenants: ['acme'], upstreams: { svc: connectable(provider, { url: guarded.url }) }, settle: false });
	const connected = await connect(gateway);
	await untilItAnswers(connected.target);
	return { provider, guarded, gateway, ...connected };
}

async function account(gateway, key) {
	const listed = await call(gateway, 'GET', '/tenants/acme/credentials', { key });
	assert.equal(listed.status, 200, listed.text);
	return listed.json.items[0];
}

const file = (gateway) => `${gateway.data}/gatehouse.db`;
const pauseIsOver = (gateway) => sql(file(gateway), "UPDATE credential SET lease_ms = 1 WHERE lease_by = ''");

test('a hundred callers of three replicas, and one renewal', async (t) => {
	const provider = await startProvider(t, { refreshMs: 200 });
	const guarded = await startGuarded(t, provider);
	const fleet = await startFleet(t, { upstreams: { svc: connectable(provider, { url: guarded.url }) } });
	const { target } = await connect(fleet.replicas[0].gateway, fleet.replicas[0].port);
	const targets = fleet.replicas.map(({ port }) => ({ ...target, port }));
	const all = () => Promise.all(Array.from({ length: CALLERS }, (_, i) => whoami(targets[i % targets.length])));

	for (const one of targets) await untilItAnswers(one);
	assert.equal(provider.count('refresh'), 0);

	// the server refuses the token before its end: all are told at once
	provider.expire();
	provider.lifeS = 2;
	const told = await all();
	assert.deepEqual(told.filter((answer) => !isAda(answer)).map(({ text }) => text), []);
	assert.equal(provider.count('refresh'), 1);

	// it has ended, and everybody knows
	const [token] = [...provider.tokens.access.keys()].slice(-1);
	await until('the token to end', () => provider.good(token) === null);
	provider.lifeS = 3600;
	const waited = await all();
	assert.deepEqual(waited.filter((answer) => !isAda(answer)).map(({ text }) => text), []);
	assert.ok(provider.count('refresh') >= 2 && provider.count('refresh') <= 3); // perhaps one ahead of its end
	const { refreshesAtOnce, reused } = provider.stats();
	assert.deepEqual([refreshesAtOnce, reused], [1, 0]);

	// one of them has counted it
	const counted = await Promise.all(fleet.replicas.map(async ({ port }) => (await request({ port, key: fleet.target().key }, { method: 'GET', path: '/metrics' })).text));
	const sum = counted.flatMap((text) => [...text.matchAll(/^gatehouse_token_refreshes_total\{upstream="svc",outcome="ok"\} (\d+)$/gm)]).reduce((n, [, one]) => n + Number(one), 0);
	assert.equal(sum, provider.count('refresh'));
});

test('a renewal that fails leaves the old pair, which is asked with again after a pause', async (t) => {
	const { provider, gateway, ada, target } = await start(t, { rotation: false });

	for (const how of ['drop-before', 'drop-after-commit', 'garbage', 'html', '429', '503']) {
		provider.expire();
		provider.fault({ at: 'token', how, grant: 'refresh_token', times: 100 });
		const before = provider.count('token');
		for (let i = 0; i < 5; i++) assert.ok(!isAda(await whoami(target)), how);
		assert.equal(provider.count('token'), before + 1, how); // and nobody asks in the pause
		provider.clearFaults();
		await pauseIsOver(gateway);
		const answer = await whoami(target);
		assert.ok(isAda(answer), `${how}: ${answer.text}`);
		await connectAccount(gateway, { person: ada }); // else what is refused again within seconds stays refused
		await untilItAnswers(target);
	}
	assert.equal(provider.stats().refreshesAtOnce, 1);
});

test('a sign-in that has ended is said once; connecting again mends it', async (t) => {
	const { provider, gateway, ada, target } = await start(t);
	const owner = (await gateway.makeKey('acme', '--role', 'owner')).key;
	const trail = async () => (await call(gateway, 'GET', '/tenants/acme/audit?event=credential.reauth_required', { key: owner })).json.items;

	provider.forget();
	for (let i = 0; i < 5; i++) assert.ok(!isAda(await whoami(target)));
	assert.equal(provider.count('refresh'), 1);
	assert.equal((await account(gateway, owner)).state, 'reauth_required');
	const [row, ...others] = await trail();
	assert.deepEqual([others.length, row.upstream, row.principal, row.outcome], [0, 'svc', ada.id, 'invalid_grant']);
	await connectAccount(gateway, { person: ada });
	await untilItAnswers(target);
	assert.equal((await account(gateway, owner)).state, 'active');
});

for (const rotation of [false, true]) {
	test(`killed between the provider's answer and our write: ${rotation ? 'it must be connected again' : 'the old pair works on'}`, async (t) => {
		const { provider, gateway, ada, target } = await start(t, { rotation });

		provider.expire();
		provider.fault({ at: 'token', how: 'held', grant: 'refresh_token' });
		const lost = whoami(target).catch(() => null);
		await until('the renewal to be asked for', () => provider.count('held') === 1);
		await gateway.crash();
		await lost;
		provider.release(); // it is done there, and nobody hears it
		await until('the provider to be done', () => provider.count('refresh') === 1);
		const [{ lease_by: by }] = await sql(file(gateway), 'SELECT lease_by FROM credential');
		assert.notEqual(by, '');
		await sql(file(gateway), 'UPDATE credential SET lease_ms = 1'); // half a minute later
		await gateway.start();
		if (rotation) {
			const owner = (await gateway.makeKey('acme', '--role', 'owner')).key;
			await until('it to have ended', async () => (await account(gateway, owner)).state === 'reauth_required');
			assert.equal(provider.stats().reused, 1);
			await connectAccount(gateway, { person: ada });
		}
		await untilItAnswers(target);
	});
}
