// What a call costs when there is much of everything else: tenants with keys, tools, rows of the audit trail. Gateways that differ in
// that alone are measured in the same rounds. And how long a search of the trail takes when it is long.
import fs from 'node:fs';
import path from 'node:path';
import { Backing } from './backing.mjs';
import { loadArguments } from './cases.mjs';
import { startFixture } from './fixture.mjs';
import { launchGatehouse, prepareGatehouse, waitForTools } from './gatehouse.mjs';
import { median, settle } from './measure.mjs';
import { run } from './processes.mjs';

const TENANTS = [10, 1000, 10000];
const KEYS_EACH = 10;
const TOOLS = [100, 10000];
const TOOLS_AN_UPSTREAM = 1000;
/** Tenants the seeded trail is about; every SHARE'th row is the measured tenant's. */
const TRAIL_TENANTS = 10000;
const SHARE = 1000;
const TRAIL_DAYS = 30;
const DAY_MS = 24 * 3600 * 1000;
const SEARCHES = 15;

const numbers = (count) => `WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;

/** Tenants with keys that nobody has. */
function seedTenants(backing, count) {
	return backing.seed(
		`${numbers(count)} INSERT INTO tenant (id, name, created_ms) SELECT 'SEEDTENANT' || (1000000 + i), 'seed-' || i, 1 FROM n`,
		`${numbers(count * KEYS_EACH)} INSERT INTO api_key (id, tenant_id, name, hint, role, mac, created_ms)`
		+ ` SELECT 'SEEDKEY' || (10000000 + i), 'SEEDTENANT' || (1000001 + i % ${count}), 'seed', 'seed', 'member', ${backing.blob("'seed' || i")}, 1 FROM n`,
	);
}

/** Rows of a month of calls. They are not chained: nobody verifies them here. */
async function seedTrail(backing, count) {
	const [{ id }] = await backing.seed("SELECT id FROM tenant WHERE name = 'bench'");
	const [{ last }] = await backing.seed('SELECT coalesce(max(seq), 0) AS last FROM audit');
	const begun = Date.now() - TRAIL_DAYS * DAY_MS;
	const step = Math.floor((TRAIL_DAYS * DAY_MS) / count);
	await backing.seed(`${numbers(count)} INSERT INTO audit (seq, at_ms, event, tenant_id, principal, ip, request_id, target, upstream, outcome,`
		+ ` duration_us, bytes_in, bytes_out, mac) SELECT ${last} + i, ${begun} + i * ${step}, 'mcp.tool_called',`
		+ ` CASE WHEN i % ${SHARE} = 0 THEN '${id}' ELSE 'SEEDTENANT' || (1000000 + i * 7919 % ${TRAIL_TENANTS}) END,`
		+ ` 'SEEDKEY' || (10000000 + i % 100000), '~seededseededseededseededseededseededseededseededseeded', 'seed-' || i, 'bench_tool_0000', 'bench', 'ok',`
		+ ` 1000, 250, 300, ${backing.blob("'0123456789abcdef'")} FROM n`);
}

async function startGrown({ tools, root, servers, upstreams, count }, seed) {
	fs.mkdirSync(root, { recursive: true });
	const backing = await new Backing(servers).prepare(tools.gatehouse, root);
	const prepared = await prepareGatehouse({ binary: tools.gatehouse, root, upstreams, more: backing.yaml });
	await seed?.(backing);
	await backing.settle();
	const gatehouse = await launchGatehouse(prepared, { cores: '0' });
	await waitForTools(gatehouse, count);
	return { ...gatehouse, prefix: Object.keys(upstreams)[0] + '_' };
}

function casesOf(name, targets, upstream) {
	return [1, 64].map((connections) => ({
		name: `${name}.modern.${connections}c`, kind: 'growth', era: 'modern', connections,
		targets: Object.fromEntries(Object.entries(targets).map(([size, target]) =>
			[size, { args: loadArguments('call_250', 'modern', target), pid: target.pid, upstreamPid: upstream.pid }])),
	}));
}

/** Gateways of every size, and their cases. `engine`: a word for names; `servers`: null for SQLite. `rows`: sizes of the trail. */
export async function growthCases({ tools, root, engine, servers, rows, log }) {
	const fixture = (count) => startFixture({ binary: tools.fixture, cores: '1', args: ['--sessions', '--no-builtin', '--tools', String(count)] });
	const upstream = await fixture(1);
	const one = { tools, servers, upstreams: { bench: upstream.url }, count: 1 };
	const at = (name) => path.join(root, `growth-${engine}-${name}`);
	const tenants = {};
	const manyTools = {};
	const trails = {};

	for (const count of TENANTS) tenants[`n${count}`] = await startGrown({ ...one, root: at(`tenants${count}`) }, (backing) => seedTenants(backing, count));
	for (const count of TOOLS) {
		const upstreams = {};
		for (let left = count, number = 0; left > 0; left -= TOOLS_AN_UPSTREAM, number++)
			upstreams[number === 0 ? 'bench' : `up${number}`] = (await fixture(Math.min(left, TOOLS_AN_UPSTREAM))).url;
		manyTools[`n${count}`] = await startGrown({ tools, servers, upstreams, count: Math.min(count, TOOLS_AN_UPSTREAM), root: at(`tools${count}`) });
	}
	for (const count of [0, ...rows]) {
		trails[`n${count}`] = await startGrown({ ...one, root: at(`rows${count}`) }, (backing) => (count === 0 ? null : seedTrail(backing, count)));
		log(`${engine}: a trail of ${count} rows`);
	}
	return {
		trails,
		cases: [...casesOf(`${engine}_tenants`, tenants, upstream), ...casesOf(`${engine}_tools`, manyTools, upstream), ...casesOf(`${engine}_rows`, trails, upstream)],
	};
}

/** All pages of a search until 50 rows are there or nothing more is to be looked at. */
async function search(target, key, query) {
	let found = 0;
	let cursor = '';
	do {
		const response = await fetch(`http://127.0.0.1:${target.port}/api/v1/tenants/self/audit?limit=50&${query}${cursor}`, { headers: { 'x-api-key': key } });
		if (!response.ok) throw new Error(`search: HTTP ${response.status} ${(await response.text()).slice(0, 300)}`);
		const page = await response.json();
		found += page.items.length;
		cursor = page.next ? `&cursor=${page.next}` : '';
	} while (cursor !== '' && found < 50);
	return found;
}

/** Milliseconds of searches by tenant and time in each trail: an hour of today, an hour of two weeks ago, a day of four weeks ago. */
export async function searchTimes({ tools, trails, log }) {
	const result = {};
	const time = (ms) => encodeURIComponent(new Date(ms).toISOString());
	const now = Date.now();
	const spans = { hour_now: [now - DAY_MS / 24, now], hour_14d: [now - 14 * DAY_MS, now - 14 * DAY_MS + DAY_MS / 24], day_28d: [now - 28 * DAY_MS, now - 27 * DAY_MS] };

	for (const [size, target] of Object.entries(trails).filter(([name]) => name !== 'n0')) {
		const { key } = JSON.parse(run(target.binary, ['key', 'create', '--tenant', 'bench', '--role', 'admin', '--json', '--config', target.config]));
		result[size] = {};
		for (const [name, [from, to]] of Object.entries(spans)) {
			const times = [];
			let found = 0;
			settle(tools);
			for (let i = 0; i < SEARCHES; i++) {
				const begun = performance.now();
				found = await search(target, key, `from=${time(from)}&to=${time(to)}`);
				times.push(performance.now() - begun);
			}
			result[size][name] = { found, median_ms: median(times), max_ms: Math.max(...times) };
			log(`search ${size} ${name}: ${median(times).toFixed(1)} ms, ${found} rows`);
		}
	}
	return result;
}
