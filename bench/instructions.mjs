// User instructions of one call, by callgrind: the same server run twice, with 1,000 and with
// 6,000 requests; the difference over 5,000 leaves start-up out. Free of noise, so it is what
// CI watches: bench/instructions.json holds the last accepted figures.
//
// Callgrind keeps the threads apart, so a figure is split in what the loop did and what the
// database's writer thread did. SHA-256 counts more here than it costs: valgrind shows the
// program a CPU without its instructions for hashing.
//
//   node bench/instructions.mjs           measure and print
//   node bench/instructions.mjs --check   fail when a figure exceeds its committed one by over 5 %
//   node bench/instructions.mjs --write   accept what was measured
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadArguments, openSession } from './lib/cases.mjs';
import { connectorCredential, connectorLines } from './lib/connector.mjs';
import { startFixture } from './lib/fixture.mjs';
import { launchGatehouse, prepareGatehouse, waitForTools } from './lib/gatehouse.mjs';
import { runAsync, stopAll } from './lib/processes.mjs';

const SLACK = 1.05;
const SHORT = 1000;
const LONG = 6000;
const CONNECTIONS = '64';
const here = path.dirname(fileURLToPath(import.meta.url));
const accepted = path.join(here, 'instructions.json');

/** Instructions that the profile of one thread holds. */
function instructionsIn(file) {
	return Number(/^(?:summary|totals): (\d+)/m.exec(fs.readFileSync(file, 'utf8'))[1]);
}

/** The profiles of a server's threads, which callgrind writes to `out`-01, `out`-02, ..., by what the thread is. */
function readProfiles(out) {
	const life = { total: 0, loop: 0, writer: 0, files: {} };
	for (const name of fs.readdirSync(path.dirname(out)).filter((file) => file.startsWith(`${path.basename(out)}-`))) {
		const file = path.join(path.dirname(out), name);
		const text = fs.readFileSync(file, 'utf8');
		const thread = /\(\d+\) gateway_handle\b/.test(text) ? 'loop' : /\(\d+\) writer_main\b/.test(text) ? 'writer' : 'other';
		life.total += instructionsIn(file);
		if (thread === 'other') continue;
		life[thread] += instructionsIn(file);
		life.files[thread] = file;
	}
	return life;
}

/**
 * Instructions that a whole server life with `requests` requests takes.
 *   upstreams  () => {name: url}
 *   lines      (urls, directory) => more of them, as YAML
 *   seed       (prepared) => ...: what its database has before it starts
 *   prefix     of the upstream that the calls go to
 */
async function lifetime({ tools, root, name, kind, era, credential, requests, upstreams, lines, seed, prefix = 'bench_', wait = 19 }) {
	const directory = path.join(root, `cg.${name}.${requests}`);
	const urls = await upstreams();
	const prepared = await prepareGatehouse({ binary: tools.gatehouse, root: directory, upstreams: urls, lines: lines?.(urls, directory), credential });
	await seed?.(prepared);
	const out = path.join(prepared.root, 'callgrind.out');
	const wrapper = ['valgrind', '--tool=callgrind', '--separate-threads=yes', `--callgrind-out-file=${out}`];
	const gatehouse = await launchGatehouse(prepared, { cores: '0', wrapper, seconds: 120 });
	await waitForTools(gatehouse, wait, 300);
	const target = { ...gatehouse, prefix, session: era === 'legacy' ? await openSession(gatehouse) : undefined };
	await runAsync('taskset', ['-c', '1', tools.load, ...loadArguments(kind, era, target), '--connections', CONNECTIONS, '--requests', String(requests)]);
	await stopAll();
	const life = readProfiles(out);
	if (!process.env.BENCH_KEEP) fs.rmSync(prepared.root, { recursive: true, force: true });
	return life;
}

/** What one call of a case takes, by thread. */
export async function perCall(what) {
	const short = await lifetime({ ...what, requests: SHORT });
	const long = await lifetime({ ...what, requests: LONG });
	const each = (thread) => Math.round((long[thread] - short[thread]) / (LONG - SHORT));
	what.log(`${what.name}: ${each('total')} user instructions, ${each('loop')} of them on the loop, ${each('writer')} on the writer thread`);
	if (process.env.BENCH_KEEP)
		for (const [thread, file] of Object.entries(long.files)) fs.copyFileSync(file, path.join(process.env.BENCH_KEEP, `callgrind.${what.name}.${thread}.out`));
	return { user_instructions: each('total'), loop: each('loop'), writer: each('writer') };
}

/** Figures for the calls that CI watches. */
export async function instructions({ tools, root, log }) {
	const result = {};
	const cases = [
		['call_250', { kind: 'call_250', era: 'modern' }],
		['call_250_credential', { kind: 'call_250', era: 'modern', credential: 'a-token-of-forty-characters-or-thereabout' }],
		['call_connector', { kind: 'call_250', era: 'modern', prefix: 'made_', lines: (urls, directory) => connectorLines(urls.bench, directory), seed: connectorCredential, wait: 20 }],
		['ping', { kind: 'ping', era: 'legacy' }],
	];
	const upstreams = async () => ({ bench: (await startFixture({ binary: tools.fixture, cores: '1', args: ['--sessions', '--tools', '1'] })).url });
	for (const [name, what] of cases) result[name] = await perCall({ tools, root, log, name, upstreams, ...what });
	return result;
}

/** Lines that say which figure grew too much. */
export function regressions(measured, committed) {
	return Object.entries(committed).flatMap(([name, limits]) => ['user_instructions', 'loop'].flatMap((part) => {
		const now = measured[name]?.[part];
		return now <= limits[part] * SLACK ? [] : [`${name}, ${part}: ${now} instructions, accepted are ${limits[part]} (+5 % allowed)`];
	}));
}

async function main() {
	const build = path.resolve(process.env.BENCH_BUILD ?? path.join(here, '../build/release'));
	const tools = { gatehouse: path.join(build, 'gatehouse'), fixture: path.join(build, 'test/fixtures/fixture-mcp'), load: path.join(build, 'bench/load') };
	const root = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-instructions-'));
	try {
		const measured = await instructions({ tools, root, log: (text) => console.log(text) });
		if (process.argv.includes('--write')) fs.writeFileSync(accepted, `${JSON.stringify(measured, null, '\t')}\n`);
		if (process.argv.includes('--check')) {
			if (!fs.existsSync(accepted)) throw new Error('no accepted figures yet: run with --write once');
			const problems = regressions(measured, JSON.parse(fs.readFileSync(accepted, 'utf8')));
			for (const problem of problems) console.error(problem);
			if (problems.length) process.exitCode = 1;
		}
	} finally {
		await stopAll();
		fs.rmSync(root, { recursive: true, force: true });
	}
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	main().catch(async (error) => {
		await stopAll();
		console.error(`instructions: ${error.message}`);
		process.exitCode = 1;
	});
}
