// The result cache: resources of modern servers are read once as long as the server allows, for the
// right people, and read again when they change.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startFixture } from './lib/fixture.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { modern, openSession } from './lib/mcp.mjs';
import { request } from './lib/raw.mjs';
import { sql } from './lib/sqlite.mjs';
import { until } from './lib/wait.mjs';

const file = scope(after);
let gateway;
let web;
let own;
let old;
let rival;
let serial = 0;

before(async () => {
	web = await startFixture(file, ['--era', 'modern']);
	own = await startFixture(file, ['--era', 'modern']);
	old = await startFixture(file, ['--era', 'legacy']);
	gateway = await startGateway(file, {
		tenants: ['acme', 'rival'],
		upstreams: { web: web.upstream(), own: own.upstream({ isolation: 'user' }), old: old.upstream() },
		config: { toolsets: { web: { include: ['web.*'] }, own: { include: ['own.*'] }, old: { include: ['old.*'] } } },
	});
	rival = gateway.as('rival', { path: '/mcp/web' });
});

/** A URI that nobody has read yet. */
const fresh = () => `fixture://item/${++serial}`;

const at = (toolset) => gateway.as('acme', { path: `/mcp/${toolset}` });
const read = (uri, target = at('web'), more = {}) => modern(target, 'resources/read', { uri, ...more });
const reads = async (fixture = web) => (await fixture.stats()).resource_reads;

/** How many of these reads reached the server. */
async function counted(run, fixture = web) {
	const before = await reads(fixture);
	await run();
	return (await reads(fixture)) - before;
}

describe('a result is kept', () => {
	test('as long as its server allows, its age taken off', async () => {
		const uri = fresh();
		assert.equal(await counted(async () => {
			const first = (await read(uri)).message.result;
			assert.equal(first.ttlMs, 60000);
			await until('some age', async () => (await read(uri)).message.result.ttlMs < 60000);
			const later = (await read(uri)).message.result;
			assert.deepEqual({ ...later, ttlMs: 0 }, { ...first, ttlMs: 0 });
			assert.equal(later.resultType, 'complete');
		}), 1);
	});

	test('for all who want it while it is read', async () => {
		const uri = fresh();
		await web.control({ read_ms: 200 });
		assert.equal(await counted(async () => {
			const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => read(uri, i % 2 ? rival : undefined)));
			for (const { message } of answers) assert.equal(message.result.contents[0].uri, uri);
		}), 1);
		await web.control({ read_ms: 0 });
	});

	test('and not a moment longer', async () => {
		const uri = fresh();
		await web.control({ ttl_ms: 30 });
		await read(uri);
		const start = await reads();
		await until('the server to be asked anew', async () => {
			await read(uri);
			return (await reads()) > start;
		});
		await web.control({ ttl_ms: 60000 });
	});

	test('for sessions too, without the hints', async () => {
		const uri = fresh();
		const session = await openSession(at('web'));
		assert.equal(await counted(async () => {
			await read(uri);
			const { result } = (await session.request('resources/read', { uri })).message;
			assert.deepEqual(Object.keys(result).filter((key) => ['ttlMs', 'cacheScope', 'resultType'].includes(key)), []);
			assert.equal(result.contents[0].uri, uri);
		}), 1);
	});

	test('for everybody when it is public and its server shared', async () => {
		const uri = fresh();
		assert.equal(await counted(async () => {
			await read(uri);
			await read(uri, rival);
		}), 1);
	});

	test('for its principal alone when it is private', async () => {
		const uri = fresh();
		await web.control({ private: true });
		assert.equal(await counted(async () => {
			await read(uri);
			await read(uri);
			await read(uri, rival);
			await read(uri, rival);
		}), 2);
		await web.control({ private: false });
	});

	test('for its principal alone when each user has an instance', async () => {
		const uri = fresh();
		assert.equal(await counted(async () => {
			await read(uri, at('own'));
			await read(uri, at('own'));
			await read(uri, gateway.as('rival', { path: '/mcp/own' }));
		}, own), 2);
	});

	test('with its audit row each time', async () => {
		const uri = fresh();
		await read(uri);
		await read(uri);
		const rows = await until('the rows', async () => {
			const found = await sql(`${gateway.data}/gatehouse.db`, `SELECT outcome, upstream FROM audit WHERE target = '${uri}'`);
			return found.length === 2 && found;
		});
		assert.deepEqual(rows, [{ outcome: 'ok', upstream: 'web' }, { outcome: 'ok', upstream: 'web' }]);
	});
});

describe('a result is not kept', () => {
	test('when it has no time', async () => {
		const uri = fresh();
		await web.control({ ttl_ms: 0 });
		assert.equal(await counted(async () => {
			await read(uri);
			await read(uri);
		}), 2);
		await web.control({ ttl_ms: 60000 });
	});

	test('when it is an error', async () => {
		assert.equal(await counted(async () => {
			assert.equal((await read('fixture://nothing')).message.error.code, -32602);
			assert.equal((await read('fixture://nothing')).message.error.code, -32602);
		}), 2);
	});

	test('when it is of a round', async () => {
		const uri = fresh();
		assert.equal(await counted(async () => {
			await read(uri, at('web'), { requestState: 'x' });
			await read(uri);
			await read(uri, at('web'), { inputResponses: {} });
		}), 3);
	});

	test('when its server is of the sessions era', async () => {
		const uri = fresh();
		assert.equal(await counted(async () => {
			assert.equal((await read(uri, at('old'))).message.result.ttlMs, 0);
			await read(uri, at('old'));
		}, old), 2);
	});
});

describe('a result is forgotten', () => {
	test('when the server\'s lists change', async () => {
		const uri = fresh();
		await read(uri);
		const start = await reads();
		await web.control({ add_tools: 1 });
		await until('a new read', async () => {
			await read(uri);
			return (await reads()) > start;
		});
	});

	test('when its server was away', async () => {
		const uri = fresh();
		await read(uri);
		await web.restart();
		await until('a new read', async () => {
			await read(uri);
			return (await reads().catch(() => 0)) > 0;
		});
	});
});

test('hits and misses are counted', async () => {
	const { text } = await request(gateway, { method: 'GET', path: '/metrics' });
	assert.match(text, /^gatehouse_result_cache_hits_total [1-9]/m);
	assert.match(text, /^gatehouse_result_cache_misses_total [1-9]/m);
	assert.match(text, /^gatehouse_result_cache_bytes \d+/m);
});
