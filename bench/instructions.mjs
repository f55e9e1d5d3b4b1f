// User instructions of one call, by callgrind: the same server run twice, with 1,000 and with
// 6,000 requests; the difference over 5,000 leaves start-up out. Free of noise, so it is what
// CI watches: bench/instructions.json holds the last accepted figures.
//
//   node bench/instructions.mjs           measure and print
//   node bench/instructions.mjs --check   fail when a figure exceeds its committed one by over 5 %
//   node bench/instructions.mjs --write   accept what was measured
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadArguments, openSession } from './lib/cases.mjs';
import { startFixture } from './lib/fixture.mjs';
import { launchGatehouse, prepareGatehouse, waitForTools } from './lib/gatehouse.mjs';
import { runAsync, stop, stopAll } from './lib/processes.mjs';

const SLACK = 1.05;
const SHORT = 1000;
const LONG = 6000;
const CONNECTIONS = '64';
const here = path.dirname(fileURLToPath(import.meta.url));
const accepted = path.join(here, 'instructions.json');

/** Instructions that a whole server life with `requests` requests takes. */
async function lifetime({ tools, root, kind, era, requests }) {
	const upstream = await startFixture({ binary: tools.fixture, cores: '1', args: ['--sessions', '--tools', '1'] });
	const prepared = await prepareGatehouse({ binary: tools.gatehouse, root: path.join(root, `cg.${kind}.${requests}`), upstreams: { bench: upstream.url } });
	const out = path.join(prepared.root, 'callgrind.out');
	const wrapper = ['valgrind', '--tool=callgrind', `--callgrind-out-file=${out}`];
	const gatehouse = await launchGatehouse(prepared, { cores: '0', wrapper, seconds: 120 });
	await waitForTools(gatehouse, 19, 120);
	const target = { ...gatehouse, prefix: 'bench_', session: era === 'legacy' ? await openSession(gatehouse) : undefined };
	await runAsync('taskset', ['-c', '1', tools.load, ...loadArguments(kind, era, target), '--connections', CONNECTIONS, '--requests', String(requests)]);
	await stop(gatehouse.child);
	await stop(upstream.child);
	return { total: Number(/^(?:summary|totals): (\d+)/m.exec(fs.readFileSync(out, 'utf8'))[1]), out };
}

/** Figures for the calls that CI watches. */
export async function instructions({ tools, root, log }) {
	const result = {};
	for (const [name, kind, era] of [['call_250', 'call_250', 'modern'], ['ping', 'ping', 'legacy']]) {
		const short = await lifetime({ tools, root, kind, era, requests: SHORT });
		const long = await lifetime({ tools, root, kind, era, requests: LONG });
		result[name] = { user_instructions: Math.round((long.total - short.total) / (LONG - SHORT)) };
		log(`${name}: ${result[name].user_instructions} user instructions`);
		if (process.env.BENCH_KEEP) fs.copyFileSync(long.out, path.join(process.env.BENCH_KEEP, `callgrind.${name}.out`));
	}
	return result;
}

/** Lines that say which figure grew too much. */
export function regressions(measured, committed) {
	return Object.entries(committed).flatMap(([name, { user_instructions: limit }]) => {
		const now = measured[name]?.user_instructions;
		return now <= limit * SLACK ? [] : [`${name}: ${now} user instructions, accepted are ${limit} (+5 % allowed)`];
	});
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
