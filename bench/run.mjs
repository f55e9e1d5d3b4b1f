// ./dev bench: measure the built release against nginx and against the upstream itself.
//
//   node bench/run.mjs [--quick] [--rounds N] [--seconds S] [--only PART,...]
//                      [--rows N,...] [--build DIR] [--targets direct,nginx,gatehouse] [--no-save]
//
// Parts: calls, streamed, local, list, search, auth, connector, ads, syscalls, instructions, memory, startup, workers, fleet,
// replicas, growth, growth_instructions. doc/bench.md has the method. Exit 1 when an answer was wrong; a missed target is reported, not fatal.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { adsCases } from './lib/ads.mjs';
import { connectorCases } from './lib/connector.mjs';
import { credentialCases } from './lib/credentials.mjs';
import { startServers, stopServers } from './lib/backing.mjs';
import { fleetCases, replicas } from './lib/fleet.mjs';
import { binarySize, memory, startup, syscalls, workers } from './lib/footprint.mjs';
import { growthCases, growthInstructions, searchTimes } from './lib/growth.mjs';
import { measure } from './lib/measure.mjs';
import { stopAll } from './lib/processes.mjs';
import { commit, judge, machine, save, table } from './lib/report.mjs';
import { callCases, listCase, localCases, searchCases, startTargets, streamCases } from './lib/throughput.mjs';
import { instructions } from './instructions.mjs';

const PARTS = ['calls', 'streamed', 'local', 'list', 'search', 'auth', 'connector', 'ads', 'syscalls', 'instructions', 'memory', 'startup', 'workers', 'fleet', 'replicas', 'growth', 'growth_instructions'];
const here = path.dirname(fileURLToPath(import.meta.url));

const { values: options } = parseArgs({
	options: {
		quick: { type: 'boolean', default: false },
		rounds: { type: 'string' },
		seconds: { type: 'string' },
		only: { type: 'string', default: PARTS.join(',') },
		build: { type: 'string', default: path.join(here, '../build/release') },
		targets: { type: 'string', default: 'direct,nginx,gatehouse' },
		streams: { type: 'string' },
		rows: { type: 'string' },
		'no-save': { type: 'boolean', default: false },
	},
});

const log = (text) => process.stderr.write(`${text}\n`);
const rounds = Number(options.rounds ?? (options.quick ? 2 : 6));
const seconds = Number(options.seconds ?? (options.quick ? 0.5 : 2));
const streams = Number(options.streams ?? (options.quick ? 1000 : 10000));
const rows = (options.rows ?? (options.quick ? '20000' : '1000000')).split(',').map(Number);
const parts = options.only.split(',');
const wanted = options.targets.split(',');
const build = path.resolve(options.build);
const tools = {
	gatehouse: path.join(build, 'gatehouse'),
	fixture: path.join(build, 'test/fixtures/fixture-mcp'),
	load: path.join(build, 'bench/load'),
	startup: path.join(build, 'bench/startup'),
	steal: path.join(build, 'bench/steal'),
	streams: path.join(build, 'bench/streams'),
};

function checkTools() {
	const unknown = parts.filter((part) => !PARTS.includes(part));
	if (unknown.length) throw new Error(`unknown part ${unknown.join(', ')}; parts are ${PARTS.join(', ')}`);
	for (const [name, file] of Object.entries(tools)) {
		if (!fs.existsSync(file) && (name !== 'gatehouse' || wanted.includes('gatehouse')))
			throw new Error(`${file} is missing: run ./dev build first`);
	}
}

async function throughput(results, root) {
	const cases = [];
	const targets = await startTargets({ tools, root, wanted });
	if (parts.includes('calls')) cases.push(...callCases(targets, wanted));
	if (parts.includes('streamed')) cases.push(...streamCases(targets, wanted));
	if (parts.includes('local')) cases.push(...localCases(targets));
	if (parts.includes('list')) cases.push(await listCase({ tools, root, targets }));
	if (parts.includes('search') && wanted.includes('gatehouse')) cases.push(...await searchCases({ tools, root }));
	if (parts.includes('auth') && wanted.includes('gatehouse')) cases.push(...await credentialCases({ tools, root }));
	if (parts.includes('connector') && wanted.includes('gatehouse')) cases.push(...await connectorCases({ tools, root }));
	if (parts.includes('ads') && wanted.includes('gatehouse')) cases.push(...await adsCases({ tools, root, log }));
	results.unquiet = await measure(tools, cases, { rounds, seconds, cores: '1', log });
	results.cases = cases.map(({ name, kind, era, connections, summary, rounds: raw }) => ({ name, kind, era, connections, summary, rounds: raw }));
	if (parts.includes('syscalls')) {
		const names = wanted.filter((name) => name !== 'direct');
		results.syscalls = await syscalls({ tools, targets, names });
		log(`system calls a call: ${names.map((name) => `${name} ${results.syscalls[name].at_64.total} to ${results.syscalls[name].at_1.total}`).join(', ')}`);
	}
	await stopAll();
}

/** What there is on SQLite and on PostgreSQL with Redis. Says how long each part took. */
async function manyMachines(results, root) {
	const servers = await startServers('1');
	const keep = ({ name, kind, era, connections, summary, rounds: raw }) => ({ name, kind, era, connections, summary, rounds: raw });
	const run = async (cases, timing = { rounds, seconds }) => {
		results.unquiet = [...(results.unquiet ?? []), ...await measure(tools, cases, { ...timing, cores: '1', log })];
		results.cases.push(...cases.map(keep));
		await stopAll();
	};
	const timed = async (part, work) => {
		const begun = Date.now();
		await work();
		log(`${part} took ${Math.round((Date.now() - begun) / 1000)} s`);
	};

	if (parts.includes('fleet')) await timed('fleet', async () => run(await fleetCases({ tools, root, servers })));
	if (parts.includes('replicas')) {
		await timed('replicas', async () => {
			results.replicas = await replicas({ tools, root, servers, rounds: options.quick ? 2 : 4, seconds, log });
		});
	}
	for (const [engine, its] of parts.includes('growth') ? [['sqlite', null], ['postgresql', servers]] : []) {
		await timed(`growth on ${engine}`, async () => {
			const { cases, trails, seeded } = await growthCases({ tools, root, engine, servers: its, rows, log });
			results.trails = { ...results.trails, [engine]: seeded };
			results.search = { ...results.search, [engine]: await searchTimes({ tools, trails, log }) };
			// Many sizes that must not differ: more and shorter rounds.
			await run(cases, options.quick ? undefined : { rounds: rounds + 2, seconds: seconds / 2 });
		});
	}
}

async function main() {
	checkTools();
	const root = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-bench-'));
	const results = {
		date: new Date().toISOString(),
		commit: commit(),
		machine: machine(),
		method: { rounds, seconds, statistic: 'median of the best half of the rounds', cores: 'measured process on 0, load generator and upstream on 1' },
		cases: [],
	};
	try {
		if (['calls', 'streamed', 'local', 'list', 'search', 'auth', 'connector', 'ads', 'syscalls'].some((part) => parts.includes(part))) await throughput(results, root);
		if (wanted.includes('gatehouse')) {
			if (parts.includes('instructions')) results.instructions = await instructions({ tools, root, log });
			if (parts.includes('growth_instructions')) results.growth_instructions = await growthInstructions({ tools, root, rows, log });
			if (parts.includes('memory')) results.memory = await memory({ tools, root, streams, log });
			if (parts.includes('startup')) results.startup = await startup({ tools, root, runs: options.quick ? 5 : 20 });
			if (parts.includes('workers')) results.workers = await workers({ tools, root, rounds: options.quick ? 2 : 4, seconds, log });
			if (['fleet', 'replicas', 'growth'].some((part) => parts.includes(part))) await manyMachines(results, root);
			results.binary = binarySize(tools);
		}
	} finally {
		await stopAll();
		await stopServers();
		fs.rmSync(root, { recursive: true, force: true });
	}
	results.targets = judge(results);
	console.log(table(results));
	if (results.unquiet?.length) console.log(`\n${results.unquiet.length} measurements ran although somebody else used more than 4 % of the machine.`);
	if (!options['no-save']) console.log(`\nwritten to ${path.relative(process.cwd(), save(results, path.join(here, 'results')))}`);
}

main().catch(async (error) => {
	await stopAll();
	console.error(`bench: ${error.message}`);
	process.exitCode = 1;
});
