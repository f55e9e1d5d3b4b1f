// Three replicas on one PostgreSQL and one Redis: what they keep together. A month's quota ends for all of them at once and is
// neither lost nor doubled when Redis forgets it. A resource is read once for all of them. What changes on one is known to the others
// at once, and without Redis within a second.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { call } from './lib/api.mjs';
import { onPostgres } from './lib/backing.mjs';
import { startFleet } from './lib/cluster.mjs';
import { startFixture, stdioFixture } from './lib/fixture.mjs';
import { scope } from './lib/gateway.mjs';
import { modern, modernCall } from './lib/mcp.mjs';
import { request } from './lib/raw.mjs';
import { redisServers } from './lib/redis.mjs';
import { each, until } from './lib/wait.mjs';

const skip = (redisServers().length === 0 && 'neither redis-server nor valkey-server is installed: ./dev deps') ||
	(onPostgres && 'brings its own replicas');
const [A, B, C] = [0, 1, 2];
const file = scope(after);
let fleet;
let web;

before(async () => {
	if (skip) return;
	web = await startFixture(file, ['--era', 'modern']);
	fleet = await startFleet(file, {
		tenants: ['acme', 'rival', 'metered', 'forgotten'],
		state: { timeout: '3s' }, // a busy machine is no Redis that is down
		upstreams: { fx: stdioFixture(), web: web.upstream() },
		config: { toolsets: { web: { include: ['web.*'] } }, private_upstreams: true },
	});
});

describe('a quota of the month', { skip }, () => {
	/** How many of `count` calls, through all replicas at once, were let in. */
	async function through(count, tenant) {
		const answers = await each(count, 12, (i) => modernCall(fleet.targetOf(i % 3, tenant), 'fx_echo', { text: 'x' }));
		const statuses = answers.map(({ status }) => status);
		assert.deepEqual(statuses.filter((status) => status !== 200 && status !== 429), []);
		return statuses.filter((status) => status === 200).length;
	}

	/** Before its first call: no replica knows another one. */
	const limit = (tenant, quota) => fleet.cli('limit', 'set', '--tenant', tenant, '--tenant-per-month', String(quota));

	async function written(tenant) {
		const [row] = await fleet.database.sql(`SELECT calls FROM usage_month u JOIN tenant t ON t.id = u.tenant_id WHERE t.name = '${tenant}' AND principal = ''`);
		return row?.calls ?? 0;
	}

	test('is met exactly by all replicas together', async () => {
		await limit('metered', 150);
		let allowed = await through(210, 'metered');
		assert.ok(allowed <= 150, `${allowed} of 150`);
		await until('what replicas hold to be used', async () => {
			allowed += await through(6, 'metered');
			return allowed >= 150;
		}, 15000);
		assert.equal(allowed, 150);
		assert.equal(await through(9, 'metered'), 0);
		await until('the rows', async () => (await written('metered')) === 150);
	});

	test('is remembered by the rows when Redis forgets it', async () => {
		await limit('forgotten', 90);
		let allowed = await through(45, 'forgotten');
		await until('the rows', async () => (await written('forgotten')) === allowed);
		await fleet.redis.restart();
		for (const replica of fleet.replicas)
			await until('Redis to be back', async () => (await request(replica, { method: 'GET', path: '/health/ready' })).json.shared_state.ok);
		await until('the end of the quota', async () => {
			const more = await through(9, 'forgotten');
			allowed += more;
			return more === 0 && allowed >= 90;
		}, 20000);
		assert.ok(allowed >= 90 && allowed <= 94, `${allowed} of 90`); // what others held when the counter began anew
	});
});

describe('a change through one replica', { skip }, () => {
	const SOON_MS = 1000;
	let admin;

	before(async () => {
		admin = (await fleet.replicas[A].gateway.makeKey('acme', '--role', 'admin')).key;
	});

	const at = (number) => ({ port: fleet.replicas[number].port });
	const ask = (number, key) => modern({ ...at(number), key }, 'tools/list');

	/** Until every replica says so; the time since `begun` is what is measured. */
	async function allSoon(what, begun, check) {
		await Promise.all([A, B, C].map((number) => until(`${what} on ${number}`, () => check(number))));
		const ms = performance.now() - begun;
		assert.ok(ms < SOON_MS, `${what}: ${ms} ms`);
	}

	/** Keys that every replica knows, revoked: by the API, by the command line. */
	async function revoke(through) {
		const { key, id } = await fleet.replicas[A].gateway.makeKey('acme');
		for (const number of [A, B, C]) await until('the key', async () => (await ask(number, key)).status === 200);
		await through(id);
		await allSoon('refused', performance.now(), async (number) => (await ask(number, key)).status === 401);
	}

	const byApi = async (id) => assert.equal((await call(at(A), 'DELETE', `/tenants/self/keys/${id}`, { key: admin })).status, 204);
	const byCommand = (id) => fleet.cli('key', 'revoke', id);

	const hasTools = async (number, name) => (await ask(number, admin)).message.result.tools.some((tool) => tool.name.startsWith(`${name}_`));

	for (const round of [1, 2, 3]) {
		test(`is known to all: a key is revoked by the API, ${round}`, () => revoke(byApi));
		test(`is known to all: a key is revoked by the command line, ${round}`, () => revoke(byCommand));
	}

	test('is known to all: an upstream is taken away', async () => {
		const made = await call(at(A), 'POST', '/tenants/self/upstreams', { key: admin, body: { name: 'added', document: web.upstream() } });
		assert.equal(made.status, 201, made.text);
		for (const number of [A, B, C]) await until('its tools', () => hasTools(number, 'added'));
		assert.equal((await call(at(A), 'DELETE', `/tenants/self/upstreams/${made.json.id}`, { key: admin })).status, 204);
		await allSoon('its tools gone', performance.now(), async (number) => !(await hasTools(number, 'added')));
	});

	test('is known within a second without Redis', async () => {
		await fleet.redis.kill();
		await revoke(byApi);
		await revoke(byCommand);
		await fleet.redis.start();
		for (const replica of fleet.replicas)
			await until('Redis to be back', async () => (await request(replica, { method: 'GET', path: '/health/ready' })).json.shared_state.ok);
	});
});

describe('a resource that may be kept', { skip }, () => {
	let serial = 0;

	/** A URI that nobody has read yet. */
	const fresh = () => `fixture://item/secret-${++serial}`;
	const read = (uri, number, tenant = 'acme') => modern(fleet.targetOf(number, tenant, { path: '/mcp/web' }), 'resources/read', { uri });
	const reads = async () => (await web.stats()).resource_reads;

	async function counted(run) {
		const before = await reads();
		await run();
		return (await reads()) - before;
	}

	/** 200, and what the URI says. */
	function check(answer, uri) {
		assert.equal(answer.status, 200, answer.text);
		assert.deepEqual(JSON.parse(answer.message.result.contents[0].text), { id: uri.slice('fixture://item/'.length) });
	}

	before(async () => {
		/* Servers that come up end what was kept before: until that is quiet. */
		for (const number of [A, B, C]) await until('the server', async () => (await read('fixture://text', number)).status === 200);
		let quiet = 0;
		await web.control({ read_ms: 300 });
		await until('results to be shared for a second', async () => {
			const uri = fresh();
			const fetches = await counted(() => Promise.all([A, B, C].map((number) => read(uri, number))));
			quiet = fetches === 1 ? quiet + 1 : 0;
			return quiet === 3;
		});
		await web.control({ read_ms: 0 });
	});

	test('is read once, however many want it at the same time', async () => {
		const uri = fresh();
		await web.control({ read_ms: 300 });
		assert.equal(await counted(async () => {
			for (const answer of await Promise.all(Array.from({ length: 100 }, (_, i) => read(uri, i % 3, i % 2 ? 'acme' : 'rival')))) check(answer, uri);
		}), 1);
		await web.control({ read_ms: 0 });
		assert.ok((await read(uri, B)).message.result.ttlMs < 60000);
	});

	test('is its principal\'s alone when it is private, once for each', async () => {
		const uri = fresh();
		await web.control({ private: true, read_ms: 200 });
		assert.equal(await counted(async () => {
			for (const answer of await Promise.all(Array.from({ length: 24 }, (_, i) => read(uri, i % 3, i % 2 ? 'acme' : 'rival')))) check(answer, uri);
			for (const number of [A, B, C]) check(await read(uri, number, 'rival'), uri);
		}), 2);
		await web.control({ private: false, read_ms: 0 });
	});

	test('is not waited for when it turns out not to be kept', async () => {
		const uri = fresh();
		await web.control({ ttl_ms: 0, read_ms: 300 });
		const begun = performance.now();
		assert.equal(await counted(async () => {
			for (const answer of await Promise.all(Array.from({ length: 12 }, (_, i) => read(uri, i % 3)))) check(answer, uri);
		}), 12);
		assert.ok(performance.now() - begun < 3000, 'one after the other'); // 12 times 300 ms
		await web.control({ ttl_ms: 60000, read_ms: 0 });
	});

	test('says nothing to who reads in Redis', async () => {
		const uri = fresh();
		check(await read(uri, A), uri);
		const keys = (await fleet.redis.command('KEYS', 'fleet:v:*')).filter((key) => key.includes('result:'));
		assert.ok(keys.length > 0);
		for (const key of keys) {
			assert.doesNotMatch(key, /secret|item/);
			assert.doesNotMatch(await fleet.redis.command('GET', key), /secret|contents|fixture|jsonrpc/);
		}
	});

	test('that was altered, or put in another one\'s place, is read anew', async () => {
		const [one, other] = [fresh(), fresh()];
		const before = new Set(await fleet.redis.command('KEYS', 'fleet:v:result:*'));
		const placed = async () => (await fleet.redis.command('KEYS', 'fleet:v:result:*')).filter((key) => !before.has(key));
		check(await read(one, A), one);
		const [first] = await placed();
		before.add(first);
		check(await read(other, A), other);
		const [second] = await placed();
		/* The one who reads it anew puts it there again, not before the answer. */
		const readAnew = async (number) => {
			const bad = await fleet.redis.command('GET', second);
			assert.equal(await counted(async () => check(await read(other, number), other)), 1);
			await until('what was read to be put there', async () => (await fleet.redis.command('GET', second)) !== bad);
		};
		await fleet.redis.command('RENAME', first, second);
		await readAnew(B);
		await fleet.redis.command('SETRANGE', second, '40', 'not what was sealed');
		await readAnew(C);
	});

	test('is read anew everywhere after its server\'s lists have changed', async () => {
		const uri = fresh();
		for (const number of [A, B, C]) await read(uri, number);
		const start = await reads();
		await web.control({ add_tools: 1 });
		for (const number of [A, B, C])
			await until('a new read', async () => {
				check(await read(uri, number), uri);
				return (await reads()) > start;
			});
	});

	test('is read by each for itself while Redis is down', async () => {
		const uri = fresh();
		await fleet.redis.kill();
		assert.equal(await counted(async () => {
			for (const number of [A, B, C, A]) check(await read(uri, number), uri);
		}), 3);
		await fleet.redis.start();
		for (const replica of fleet.replicas)
			await until('Redis to be back', async () => (await request(replica, { method: 'GET', path: '/health/ready' })).json.shared_state.ok);
	});

	test('is read by another one when the replica that reads it dies', async () => {
		const uri = fresh();
		await web.control({ read_ms: 60000 });
		const start = await reads();
		const lost = read(uri, A).catch(() => null);
		await until('the read', async () => (await reads()) === start + 1);
		const waiting = [B, C, B, C].map((number) => read(uri, number));
		await web.control({ read_ms: 0 });
		await fleet.replicas[A].gateway.crash();
		const begun = performance.now();
		for (const answer of await Promise.all(waiting)) check(answer, uri);
		assert.ok(performance.now() - begun < 6000, `answered after ${performance.now() - begun} ms`);
		assert.equal((await reads()) - start, 2);
		await lost;
		await fleet.replicas[A].restart();
	});
});
