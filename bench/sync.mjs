// Background work over ad reports for many tenants: every tenant's platforms at once, from the simulated hosts. How long
// that takes, what it asks for, and what the gateway needs of memory meanwhile and afterwards.
//
//   node bench/sync.mjs [--tenants 1000] [--binary build/release/gatehouse] [--no-save]
//
// The gateway is on core 0, the hosts are in this process on core 1. A round spreads its runs over the hour; here all of
// them are due at once, so that the time is the work's.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { sql } from '../test/e2e/lib/sqlite.mjs';
import { startHosts } from '../test/fixtures/ads/hosts.mjs';
import { launchGatehouse, prepareGatehouse } from './lib/gatehouse.mjs';
import { rssKb, run, stopAll } from './lib/processes.mjs';
import { commit, machine } from './lib/report.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const PLATFORMS = ['google', 'meta', 'tiktok'];
const AUTH = { google: '{ type: bearer }', meta: '{ type: bearer }', tiktok: '{ type: header }' };
const WORLD = { name: 'Bench', size: 10, days: 100 }; // campaigns of an ad account
const TOKEN = 'EAAbench0123456789abcdef0123456789abcdef';
const AT_ONCE = 8; // requests to the management API
const LOOK_MS = 250;
const WAIT_MS = 3600000;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const log = (text) => console.error(`sync: ${text}`);

const { values: options } = parseArgs({
	options: { tenants: { type: 'string', default: '1000' }, binary: { type: 'string', default: path.join(here, '../build/release/gatehouse') }, 'no-save': { type: 'boolean', default: false } },
});

/** Upstreams in YAML: the tools' and those of the platforms. */
function upstreamLines(hosts) {
	const lines = ['  ads: { connector: { use: ads } }'];
	for (const platform of PLATFORMS) {
		const { url, appId, secret } = hosts[platform];
		const settings = { base: url, ...(platform === 'tiktok' ? { app_id: appId, app_secret: secret } : {}) };
		lines.push(`  ${platform}-ads: { connector: { use: ${platform}-ads, settings: ${JSON.stringify(settings)}, allow_private: true }, auth: ${AUTH[platform]} }`);
	}
	return lines;
}

async function api(target, method, where, body) {
	const response = await fetch(`http://127.0.0.1:${target.port}/api/v1${where}`, { method, headers: { authorization: `Bearer ${target.operator}`, 'content-type': 'application/json' }, body: JSON.stringify(body) });
	if (!response.ok) throw new Error(`${method} ${where}: ${response.status} ${await response.text()}`);
}

/** Tenants `ad-0`, `ad-1`, ..., each with an account at every platform. */
async function makeTenants(target, count) {
	let next = 0;
	await Promise.all(Array.from({ length: AT_ONCE }, async () => {
		while (next < count) {
			const name = `ad-${next++}`;
			await api(target, 'POST', '/tenants', { name });
			for (const platform of PLATFORMS) await api(target, 'POST', `/tenants/${name}/credentials`, { upstream: `${platform}-ads`, secret: TOKEN });
		}
	}));
}

/** Ask for a run of every tenant and platform now, and wait for the last one. */
async function refresh(target, wanted, numbers) {
	const database = path.join(target.root, 'data/gatehouse.db');
	const count = async (text) => Number((await sql(database, text))[0].n);
	const before = await count('SELECT count(*) AS n FROM sync_log WHERE ended_ms > 0');
	run(target.binary, ['jobs', 'run', 'sync-scheduled-refresh', '--config', target.config]);
	const begun = Date.now();
	while (await count("SELECT (SELECT count(*) FROM job WHERE kind = 'sync-refresh-tenant') + (SELECT count(*) FROM sync_log WHERE ended_ms > 0) AS n") < before + wanted) {
		if (Date.now() - begun > WAIT_MS) throw new Error('the round did not ask for all');
		await pause(LOOK_MS);
	}
	const asked = Date.now();
	await sql(database, "UPDATE job SET next_ms = 0 WHERE kind = 'sync-refresh-tenant' AND lease_until_ms = 0");
	numbers.round_s = (asked - begun) / 1000;
	numbers.rss_peak_kb = 0;
	while (await count('SELECT count(*) AS n FROM sync_log WHERE ended_ms > 0') < before + wanted) {
		if (Date.now() - asked > WAIT_MS) throw new Error('the runs did not end');
		numbers.rss_peak_kb = Math.max(numbers.rss_peak_kb, rssKb(target.pid));
		await pause(LOOK_MS);
	}
	numbers.seconds = (Date.now() - asked) / 1000;
	numbers.outcomes = Object.fromEntries((await sql(database, 'SELECT outcome, count(*) AS n FROM sync_log GROUP BY outcome')).map(({ outcome, n }) => [outcome, Number(n)]));
	numbers.reports = await count('SELECT count(*) AS n FROM metric WHERE fetched_ms > 0');
}

async function measure(root, count) {
	const ends = [];
	const hosts = await startHosts({ after: (end) => ends.push(end) }, { kinds: [WORLD], token: TOKEN });
	const numbers = { tenants: count, platforms: PLATFORMS.length, world: WORLD };
	try {
		const prepared = await prepareGatehouse({ binary: options.binary, root, upstreams: {}, lines: upstreamLines(hosts) });
		const operator = run(options.binary, ['operator-key', 'create', '--config', prepared.config]).trim();
		const target = { ...await launchGatehouse(prepared, { cores: '0' }), operator };
		const begun = Date.now();
		await makeTenants(target, count);
		log(`${count} tenants were made in ${((Date.now() - begun) / 1000).toFixed(1)} s`);
		numbers.rss_before_kb = rssKb(target.pid);
		await refresh(target, count * PLATFORMS.length, numbers);
		numbers.requests = Object.fromEntries(PLATFORMS.map((platform) => [platform, hosts[platform].seen.length]));
		await pause(15000); // what malloc keeps goes back when the process has come to rest
		numbers.rss_after_kb = rssKb(target.pid);
		numbers.database_bytes = ['gatehouse.db', 'gatehouse.db-wal'].map((name) => path.join(root, 'data', name)).filter(fs.existsSync).reduce((total, name) => total + fs.statSync(name).size, 0);
		for (const host of Object.values(hosts)) host.satisfied();
	} finally {
		await stopAll();
		for (const end of ends.reverse()) await end();
	}
	return numbers;
}

async function main() {
	const root = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-bench-'));
	const results = { date: new Date().toISOString(), commit: commit(), machine: machine(), method: { cores: 'gateway on 0, hosts on 1' } };
	execFileSync('taskset', ['-cp', '1', String(process.pid)], { stdio: 'ignore' });
	try {
		results.sync = await measure(root, Number(options.tenants));
	} finally {
		fs.rmSync(root, { recursive: true, force: true });
	}
	const { sync } = results;
	const total = Object.values(sync.requests).reduce((sum, one) => sum + one, 0);
	console.log(`${sync.tenants} tenants x ${sync.platforms} platforms: ${sync.seconds.toFixed(1)} s, ${(sync.tenants * sync.platforms / sync.seconds).toFixed(1)} runs/s, ${total} requests, ${JSON.stringify(sync.outcomes)}`);
	console.log(`RSS ${sync.rss_before_kb} kB before, ${sync.rss_peak_kb} kB at most, ${sync.rss_after_kb} kB after; database ${(sync.database_bytes / 1048576).toFixed(1)} MB`);
	if (options['no-save']) return;
	const file = path.join(here, 'results', `${results.date.slice(0, 10)}-${results.commit.sha}-sync.json`);
	fs.writeFileSync(file, `${JSON.stringify(results, null, '\t')}\n`);
	console.log(`written to ${path.relative(process.cwd(), file)}`);
}

main().catch(async (error) => {
	await stopAll();
	console.error(`sync: ${error.message}`);
	process.exitCode = 1;
});
