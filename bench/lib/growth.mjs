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
import { perCall } from '../instructions.mjs';

const TENANTS = [10, 1000, 10000];
const KEYS_EACH = 10;
const TOOLS = [100, 10000];
const TOOLS_AN_UPSTREAM = 1000;
/** Tenants the seeded trail is about; every SHARE'th row is the measured tenant's, every RARE_SHARE'th one's that is seldom there. */
const TRAIL_TENANTS = 10000;
const SHARE = 1000;
const RARE_SHARE = 200000;
const RARE_PLACE = 77;
const TRAIL_DAYS = 30;
const DAY_MS = 24 * 3600 * 1000;
const SEARCHES = 15;
const BLOCKS_WAIT_MS = 600000;

const numbers = (count) => `WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;

/** Tenants with keys that nobody has. */
function seedTenants(backing, count) {
	return backing.seed(
		`${numbers(count)} INSERT INTO tenant (id, name, created_ms) SELECT 'SEEDTENANT' || (1000000 + i), 'seed-' || i, 1 FROM n`,
		`${numbers(count * KEYS_EACH)} INSERT INTO api_key (id, tenant_id, name, hint, role, mac, created_ms)`
		+ ` SELECT 'SEEDKEY' || (10000000 + i), 'SEEDTENANT' || (1000001 + i % ${count}), 'seed', 'seed', 'member', ${backing.blob("'seed' || i")}, 1 FROM n`,
	);
}

/** Rows of a month of calls, as long as real ones. They are not chained: nobody verifies them here. */
async function seedTrail(backing, count) {
	const tenant = async (name) => (await backing.seed(`SELECT id FROM tenant WHERE name = '${name}'`))[0].id;
	const [{ last }] = await backing.seed('SELECT coalesce(max(seq), 0) AS last FROM audit');
	const begun = Date.now() - TRAIL_DAYS * DAY_MS;
	const step = Math.floor((TRAIL_DAYS * DAY_MS) / count);
	await backing.seed(`${numbers(count)} INSERT INTO audit (seq, at_ms, event, tenant_id, principal, ip, request_id, target, upstream, outcome,`
		+ ` duration_us, bytes_in, bytes_out, mac) SELECT ${last} + i, ${begun} + i * ${step}, 'mcp.tool_called',`
		+ ` CASE WHEN i % ${SHARE} = 0 THEN '${await tenant('bench')}' WHEN i % ${RARE_SHARE} = ${RARE_PLACE} THEN '${await tenant('rare')}'`
		+ ` ELSE 'SEEDTENANT000000000' || (1000000 + i * 7919 % ${TRAIL_TENANTS}) END,`
		+ ` 'SEEDKEY00000000000' || (10000000 + i % 100000), '~seededseededseededseededseededseededseededseededseeded',`
		+ ` 'SEEDREQ' || (1000000000000000000 + i), 'bench_tool_0000', 'bench', 'ok', 1000, 250, 300, ${backing.blob("'0123456789abcdef'")} FROM n`);
	await backing.settle();
}

/** Until the gateway's job has noted whose rows those of a trail are; PostgreSQL knows at once, and there is no such job. */
async function waitForBlocks(target, backing) {
	const until = Date.now() + BLOCKS_WAIT_MS;
	if (!(await backing.blocksMissing())) return;
	run(target.binary, ['jobs', 'run', 'audit-blocks', '--config', target.config]);
	while (await backing.blocksMissing()) {
		if (Date.now() > until) throw new Error('the blocks of the trail are not noted');
		await new Promise((resolve) => setTimeout(resolve, 500));
	}
}

/** A gateway with a trail of so many rows, and what making it took. */
async function startTrail(options, rows, log) {
	const begun = Date.now();
	const seconds = () => Math.round((Date.now() - begun) / 100) / 10;
	const made = {};
	const target = await startGrown(options, async (backing, prepared) => {
		run(prepared.binary, ['tenant', 'create', 'rare', '--config', prepared.config]);
		if (rows > 0) await seedTrail(backing, rows);
		made.seeded_s = seconds();
	});
	if (rows > 0) await waitForBlocks(target, target.backing);
	made.ready_s = seconds();
	made.bytes = await target.backing.trailBytes();
	log(`a trail of ${rows} rows: seeded after ${made.seeded_s} s, ready after ${made.ready_s} s, ${Math.round(made.bytes / 1e6)} MB`);
	return { target, made };
}

/** Servers that have `count` tools together, named as upstreams. */
async function startTools(tools, count) {
	const upstreams = {};
	for (let left = count, number = 0; left > 0; left -= TOOLS_AN_UPSTREAM, number++) {
		const args = ['--sessions', '--no-builtin', '--tools', String(Math.min(left, TOOLS_AN_UPSTREAM))];
		upstreams[number === 0 ? 'bench' : `up${number}`] = (await startFixture({ binary: tools.fixture, cores: '1', args })).url;
	}
	return upstreams;
}

async function startGrown({ tools, root, servers, upstreams, count }, seed) {
	fs.mkdirSync(root, { recursive: true });
	const backing = await new Backing(servers).prepare(tools.gatehouse, root);
	const prepared = await prepareGatehouse({ binary: tools.gatehouse, root, upstreams, more: backing.yaml });
	await seed?.(backing, prepared);
	await backing.settle();
	const gatehouse = await launchGatehouse(prepared, { cores: '0' });
	await waitForTools(gatehouse, count);
	return { ...gatehouse, backing, prefix: Object.keys(upstreams)[0] + '_' };
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
	const seeded = {};

	for (const count of TENANTS) tenants[`n${count}`] = await startGrown({ ...one, root: at(`tenants${count}`) }, (backing) => seedTenants(backing, count));
	for (const count of TOOLS) {
		const upstreams = await startTools(tools, count);
		manyTools[`n${count}`] = await startGrown({ tools, servers, upstreams, count: Math.min(count, TOOLS_AN_UPSTREAM), root: at(`tools${count}`) });
	}
	for (const count of [0, ...rows]) {
		const { target, made } = await startTrail({ ...one, root: at(`rows${count}`) }, count, (text) => log(`${engine}: ${text}`));
		trails[`n${count}`] = target;
		seeded[`n${count}`] = made;
	}
	return {
		trails, seeded,
		cases: [...casesOf(`${engine}_tenants`, tenants, upstream), ...casesOf(`${engine}_tools`, manyTools, upstream), ...casesOf(`${engine}_rows`, trails, upstream)],
	};
}

/** User instructions of a call at every size, on SQLite: what of the growth is not noise. */
export async function growthInstructions({ tools, root, rows, log }) {
	const result = { tenants: {}, tools: {}, rows: {} };
	const backingOf = (prepared) => new Backing(null).prepare(tools.gatehouse, prepared.root);
	const at = (name, more) => perCall({ tools, root, log, name: `growth_${name}`, kind: 'call_250', era: 'modern', upstreams: () => startTools(tools, 1), wait: 1, ...more });

	for (const count of TENANTS)
		result.tenants[`n${count}`] = await at(`tenants_${count}`, { seed: async (prepared) => seedTenants(await backingOf(prepared), count) });
	for (const count of TOOLS)
		result.tools[`n${count}`] = await at(`tools_${count}`, { upstreams: () => startTools(tools, count), wait: Math.min(count, TOOLS_AN_UPSTREAM) });
	for (const count of [0, ...rows]) {
		const seed = async (prepared) => {
			run(prepared.binary, ['tenant', 'create', 'rare', '--config', prepared.config]);
			if (count > 0) await seedTrail(await backingOf(prepared), count);
		};
		result.rows[`n${count}`] = await at(`rows_${count}`, { seed });
	}
	return result;
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

/** Milliseconds of searches by tenant and time in each trail, for a tenant that is often there and for one that is not. */
export async function searchTimes({ tools, trails, log }) {
	const result = {};
	const time = (ms) => encodeURIComponent(new Date(ms).toISOString());
	const now = Date.now();
	const ago = (days, of) => [now - days * DAY_MS, now - (days - of) * DAY_MS];
	const spans = {
		hour_now: ['bench', ago(1 / 24, 1 / 24)], hour_14d: ['bench', ago(14, 1 / 24)], day_28d: ['bench', ago(28, 1)],
		month: ['bench', ago(30, 30)], day_28d_rare: ['rare', ago(28, 1)], month_rare: ['rare', ago(30, 30)],
	};

	for (const [size, target] of Object.entries(trails).filter(([name]) => name !== 'n0')) {
		const keys = {};
		for (const tenant of ['bench', 'rare'])
			keys[tenant] = JSON.parse(run(target.binary, ['key', 'create', '--tenant', tenant, '--role', 'admin', '--json', '--config', target.config])).key;
		result[size] = {};
		for (const [name, [tenant, [from, to]]] of Object.entries(spans)) {
			const times = [];
			let found = 0;
			settle(tools);
			for (let i = 0; i < SEARCHES; i++) {
				const begun = performance.now();
				found = await search(target, keys[tenant], `from=${time(from)}&to=${time(to)}`);
				times.push(performance.now() - begun);
			}
			result[size][name] = { found, median_ms: median(times), max_ms: Math.max(...times) };
			log(`search ${size} ${name}: ${median(times).toFixed(1)} ms, ${found} rows`);
		}
	}
	return result;
}
