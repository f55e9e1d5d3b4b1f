// Three replicas behind nginx, PostgreSQL, Redis, and a bad minute: CLUSTER_SECONDS of mixed load (20 by default) while a replica is
// killed, Redis and PostgreSQL are restarted, a replica is cut off, and all are restarted in turn. CLUSTER_RESULTS names a directory
// for the figures.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startFleet } from '../e2e/lib/cluster.mjs';
import { scope } from '../e2e/lib/gateway.mjs';
import { e2eDirectory } from '../e2e/lib/paths.mjs';
import { endGroup, launch } from '../e2e/lib/process.mjs';
import { request } from '../e2e/lib/raw.mjs';
import { until } from '../e2e/lib/wait.mjs';
import { checkEffects, checkLimit, checkTrail, quietLatency, RECOVERY_MS, sortFailures } from './checks.mjs';
import { runSchedule } from './faults.mjs';
import { hammer, startLoad } from './load.mjs';

const SECONDS = Number(process.env.CLUSTER_SECONDS ?? 20);
/** The limit of the tenant whose calls are counted. */
const METER = { limit: 600, windowSeconds: 60 };
const HAMMER_SECONDS = 5;

const shared = scope(after);
const log = (text) => console.log(`# ${text}`);
const figures = { seconds: SECONDS, replicas: 3 };
let fleet;
let upstream;
let records;
let run;

async function startUpstream(t) {
	const child = launch(process.execPath, [path.join(e2eDirectory, 'lib/effects-server.mjs')]);
	t.after(() => endGroup(child));
	const line = await until('the upstream', () => /^\{.*\}$/m.exec(child.output.stdout)?.[0]);
	return JSON.parse(line);
}

before(async () => {
	upstream = await startUpstream(shared);
	fleet = await startFleet(shared, {
		replicas: 3,
		tenants: ['acme', 'meter'],
		upstreams: { fx: { http: { url: upstream.url } } },
		config: { audit: { durability: 'strict' } },
	});
	await fleet.cli('limit', 'set', '--tenant', 'meter', '--tenant-per-minute', String(METER.limit));
});

describe('a fleet under faults', () => {
	test('a limit is exact over all replicas', async () => {
		figures.limit = checkLimit(METER, await hammer(fleet.target('meter'), HAMMER_SECONDS));
		log(JSON.stringify(figures.limit));
		assert.ok(figures.limit.off_percent <= 1, JSON.stringify(figures.limit));
		assert.equal(figures.limit.other, 0);
	});

	test(`${SECONDS} seconds of load and faults`, async () => {
		const load = startLoad(fleet.target());
		run = await runSchedule(fleet, SECONDS, log);
		records = await load.stop();
		const answered = records.filter(({ ok }) => ok).length;
		figures.calls = { sent: records.length, answered, failed: records.length - answered, per_second: Math.round(records.length / SECONDS) };
		figures.latency = quietLatency(records, run.faults);
		log(JSON.stringify(figures.calls));
		log(JSON.stringify(figures.latency));
		assert.ok(answered > records.length * 0.8, JSON.stringify(figures.calls));
	});

	test('what failed may have failed, can be tried again, and is over soon', () => {
		const { sorted, stray } = sortFailures(records, run.faults);
		figures.faults = sorted.map(({ unexcused, final, ...rest }) => ({ ...rest, unexcused: unexcused.length, final: final.length }));
		for (const one of figures.faults) log(JSON.stringify(one));
		assert.deepEqual(stray, [], 'outside of any fault');
		for (const { fault, unexcused, final, recovery_ms: recovery } of sorted) {
			assert.deepEqual(unexcused.slice(0, 5), [], fault);
			assert.deepEqual(final.slice(0, 5), [], `${fault}: not retryable`);
			assert.ok(recovery <= RECOVERY_MS, `${fault}: ${recovery} ms`);
		}
	});

	test('no side effect happened twice, none that was answered is missing', async () => {
		const effects = (await request({ port: upstream.port }, { method: 'GET', path: '/effects' })).json;
		const { appended, twice, missing } = checkEffects(records, effects);
		figures.effects = { appended, twice: twice.length, missing: missing.length };
		log(JSON.stringify(figures.effects));
		assert.deepEqual(twice, []);
		assert.deepEqual(missing, []);
	});

	test('every answered call has its row, once', async () => {
		const rows = await fleet.database.sql("SELECT request_id, count(*) AS rows FROM audit WHERE request_id LIKE 'load-%' AND event LIKE 'mcp.tool_%' GROUP BY request_id");
		const { missing, twice, rows: found } = checkTrail(records, rows);
		figures.trail = { rows: found, missing: missing.length, twice: twice.length };
		log(JSON.stringify(figures.trail));
		assert.deepEqual(missing, []);
		assert.deepEqual(twice, []);
	});

	test('the chain holds', async () => {
		const ended = await fleet.replicas[0].gateway.cli('audit', 'verify');
		figures.chain = ended.stdout.trim();
		assert.equal(ended.code, 0, ended.stdout + ended.stderr);
	});
});

after(() => {
	if (!process.env.CLUSTER_RESULTS) return;
	const date = new Date().toISOString();
	const file = path.join(process.env.CLUSTER_RESULTS, `cluster-${date.slice(0, 10)}.json`);
	const machine = { cores: os.cpus().length, model: os.cpus()[0].model };
	fs.writeFileSync(file, `${JSON.stringify({ date, machine, ...figures }, null, '\t')}\n`);
	log(`written to ${file}`);
});
