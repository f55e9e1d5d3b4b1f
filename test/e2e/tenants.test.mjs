// Two tenants at the same time: no answer, no notification, no session and no audit row of one
// ever reaches the other. Every payload is unique and says whose it is.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { startFixture, stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modern, modernCall, openSession } from './lib/mcp.mjs';
import { Connection } from './lib/raw.mjs';
import { sql } from './lib/sqlite.mjs';
import { each, until } from './lib/wait.mjs';

const TENANTS = ['acme', 'rival'];
const LANES = 6; // connections per tenant and era
const CALLS = 120; // per connection

function payload(tenant, lane, i) {
	return { tenant, lane, i, secret: randomBytes(12 + (i % 50) * 40).toString('base64url') };
}

/** Calls on one connection, each answer compared with what was asked. */
async function talk(gateway, tenant, lane, era, tool) {
	const target = gateway.as(tenant);
	const connection = await Connection.open(target);
	const session = era === 'legacy' ? await openSession(target, { connection }) : null;

	for (let i = 0; i < CALLS; i++) {
		const args = payload(tenant, lane, i);
		const answer = session === null ? await modernCall(target, tool(i), args, { connection }) : await session.call(tool(i), args, { connection });
		assert.equal(answer.status, 200, answer.text);
		assert.deepEqual(answer.message.result.structuredContent, args);
	}
	connection.destroy();
}

test('thousands of calls of two tenants, both eras, both workers, stdio and HTTP', async (t) => {
	const http = await startFixture(t);
	const gateway = await startGateway(t, {
		tenants: TENANTS,
		workers: 2,
		upstreams: { pipe: stdioFixture(), web: http.upstream() },
	});
	const jobs = TENANTS.flatMap((tenant) => ['modern', 'legacy'].flatMap((era) =>
		Array.from({ length: LANES }, (_, lane) => ({ tenant, era, lane }))));

	await each(jobs.length, jobs.length, (n) => {
		const { tenant, era, lane } = jobs[n];
		return talk(gateway, tenant, `${era}-${lane}`, era, (i) => ((lane + i) % 2 === 0 ? 'pipe_echo' : 'web_echo'));
	});

	const wanted = LANES * CALLS * 2;
	const rows = await until('all audit rows', async () => {
		const counted = await sql(`${gateway.data}/gatehouse.db`,
			"SELECT tenant.name AS tenant, count(*) AS calls, count(DISTINCT request_id) AS requests FROM audit JOIN tenant ON tenant.id = tenant_id WHERE event = 'mcp.tool_called' AND outcome = 'ok' GROUP BY 1 ORDER BY 1");
		return counted.every(({ calls }) => calls >= wanted) && counted;
	});
	assert.deepEqual(rows, TENANTS.map((tenant) => ({ tenant, calls: wanted, requests: wanted })));
});

test('progress of concurrent calls goes to the call that asked, with its own token', async (t) => {
	const gateway = await startGateway(t, { tenants: TENANTS, upstreams: { fx: stdioFixture() } });

	await each(24, 24, async (n) => {
		const target = gateway.as(TENANTS[n % 2]);
		const token = n % 3 === 0 ? n : `token-${n}`;
		const answer = n % 4 < 2
			? await modernCall(target, 'fx_progress', { steps: 3, ms: 5 }, { meta: { progressToken: token } })
			: await (await openSession(target)).call('fx_progress', { steps: 3, ms: 5 }, { progressToken: token });
		assert.equal(answer.sse, true);
		assert.deepEqual(answer.notifications.map(({ method, params }) => [method, params.progressToken]),
			Array(answer.notifications.length).fill(['notifications/progress', token]));
		assert.ok(answer.notifications.length >= 3);
		const steps = answer.notifications.map(({ params }) => params.progress);
		assert.deepEqual(steps, [...new Set(steps)].sort((a, b) => a - b));
	});
});

test('isolation: tenant gives each tenant a child of its own', async (t) => {
	const gateway = await startGateway(t, {
		tenants: TENANTS,
		upstreams: { own: stdioFixture([], { isolation: 'tenant' }), common: stdioFixture() },
	});
	async function pidSeenBy(tenant, tool) {
		const { message } = await modernCall(gateway.as(tenant), tool, {});
		return message.result.structuredContent.pid;
	}

	const own = await each(8, 8, (n) => pidSeenBy(TENANTS[n % 2], 'own_env'));
	assert.equal(new Set(own.filter((_, n) => n % 2 === 0)).size, 1);
	assert.equal(new Set(own.filter((_, n) => n % 2 === 1)).size, 1);
	assert.notEqual(own[0], own[1]);
	const common = await each(4, 4, (n) => pidSeenBy(TENANTS[n % 2], 'common_env'));
	assert.equal(new Set(common).size, 1);
});

test('isolation: session and user', async (t) => {
	const gateway = await startGateway(t, {
		tenants: TENANTS,
		upstreams: {
			each: stdioFixture([], { isolation: 'session', stdio: { children_per_tenant: 8 } }),
			mine: stdioFixture([], { isolation: 'user', stdio: { children_per_tenant: 8 } }),
		},
	});
	const other = { ...gateway.as('acme'), key: (await gateway.makeKey('acme')).key };
	const pid = (answer) => answer.message.result.structuredContent.pid;
	const first = await openSession(gateway.as('acme'));
	const second = await openSession(gateway.as('acme'));

	const a = pid(await first.call('each_env'));
	assert.equal(pid(await first.call('each_env')), a);
	assert.notEqual(pid(await second.call('each_env')), a);
	const b = pid(await modernCall(gateway.as('acme'), 'mine_env'));
	assert.equal(pid(await first.call('mine_env')), b);
	assert.notEqual(pid(await modernCall(other, 'mine_env')), b);

	// The end of a session ends what was kept for it.
	await first.end();
	await until('the end of the session\'s child', () => gateway.childrenLike('fixture-mcp').every((info) => info.pid !== a));
});

test('children are capped per tenant', async (t) => {
	const gateway = await startGateway(t, {
		upstreams: { each: stdioFixture([], { isolation: 'session', idle: '1h', stdio: { children: 8, children_per_tenant: 2 } }) },
	});
	const sessions = await each(4, 1, () => openSession(gateway));
	const answers = await each(4, 1, (n) => sessions[n].call('each_echo', { n }));

	assert.deepEqual(answers.map(({ message }) => message.result?.isError ?? false).slice(0, 2), [false, false]);
	assert.ok(answers.slice(2).every(({ message }) => message.result?.isError === true || message.error !== undefined));
	assert.ok(gateway.childrenLike('fixture-mcp').length <= 3);
	// A place is free again once a session says that it is done.
	await sessions[0].end();
	await until('a free place', async () => (await sessions[3].call('each_echo', { again: 1 })).message.result?.isError !== true);
});

test('toolsets show and allow only what they include', async (t) => {
	const gateway = await startGateway(t, {
		tenants: TENANTS,
		upstreams: { fx: stdioFixture() },
		config: { toolsets: { few: { include: ['fx.echo', 'fx.size'] }, plain: { include: ['fx.*'], exclude: ['*.crash', '*.hang'], names: 'plain' } } },
	});
	const names = async (path) => (await modern({ ...gateway.as('rival'), path }, 'tools/list')).message.result.tools.map(({ name }) => name);

	assert.deepEqual(await names('/mcp/few'), ['fx_echo', 'fx_size']);
	assert.deepEqual(await names('/mcp/few/'), ['fx_echo', 'fx_size']);
	const plain = await names('/mcp/plain');
	assert.ok(plain.includes('echo') && !plain.includes('crash') && !plain.includes('hang'));
	const call = (path, name) => modernCall({ ...gateway.as('acme'), path }, name, { n: 1 });
	assert.equal((await call('/mcp/plain', 'echo')).message.result.structuredContent.n, 1);
	assert.equal((await call('/mcp/plain', 'hang')).message.error.code, -32602);
	assert.equal((await call('/mcp/few', 'fx_stats')).message.error.code, -32602);
	const missing = await call('/mcp/nope', 'echo');
	assert.deepEqual([missing.status, missing.message.error.code], [404, -32602]);
});
