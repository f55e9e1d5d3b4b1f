// Gatehouse on PostgreSQL and Redis beside nginx and beside itself on SQLite and memory; and two replicas beside one.
import fs from 'node:fs';
import path from 'node:path';
import { Backing } from './backing.mjs';
import { loadArguments, openSession } from './cases.mjs';
import { launchGatehouse, prepareGatehouse, waitForTools } from './gatehouse.mjs';
import { loadOnce, median, settle } from './measure.mjs';
import { freePort, stop } from './processes.mjs';
import { startFixture } from './fixture.mjs';
import { startTargets } from './throughput.mjs';

const BUILTIN_TOOLS = 18;
const CORES = '0,1';

async function prepare({ tools, root, servers, upstream }) {
	fs.mkdirSync(root, { recursive: true });
	const backing = await new Backing(servers).prepare(tools.gatehouse, root);
	return prepareGatehouse({ binary: tools.gatehouse, root, upstreams: { bench: upstream.url }, more: backing.yaml });
}

async function launch(prepared, cores) {
	const gatehouse = await launchGatehouse(prepared, { cores });
	await waitForTools(gatehouse, BUILTIN_TOOLS + 1);
	return { ...gatehouse, prefix: 'bench_', session: await openSession(gatehouse) };
}

/** call_250 of both eras: nginx, SQLite and memory, PostgreSQL and Redis. The servers share core 1 with the load. */
export async function fleetCases({ tools, root, servers }) {
	const targets = await startTargets({ tools, root: path.join(root, 'fleet'), wanted: ['nginx', 'gatehouse'] });
	const postgresql = await launch(await prepare({ tools, root: path.join(root, 'fleet-postgresql'), servers, upstream: targets.upstream }), '0');
	const all = { nginx: targets.nginx, sqlite: targets.gatehouse, postgresql };
	const cases = [];

	for (const era of ['modern', 'legacy']) {
		for (const connections of [1, 64]) {
			cases.push({
				name: `fleet.${era}.${connections}c`, kind: 'fleet', era, connections,
				targets: Object.fromEntries(Object.entries(all).map(([name, target]) => [name, {
					args: loadArguments('call_250', era, target), pid: target.pid, upstreamPid: targets.upstream.pid,
					...(name === 'postgresql' ? { serverPids: servers.pids } : {}),
				}])),
			});
		}
	}
	return cases;
}

/** The same configuration and keys with another port and directory. */
async function sibling(first, root) {
	const port = await freePort();
	const config = path.join(root, 'gatehouse.yaml');

	fs.cpSync(first.root, root, { recursive: true, filter: (file) => !fs.lstatSync(file).isSocket() });
	fs.writeFileSync(config, fs.readFileSync(config, 'utf8').replaceAll(String(first.port), String(port)).replaceAll(first.root, root));
	return { ...first, root, port, config, command: [first.binary, 'serve', '--config', config] };
}

/** Replicas of one installation: the first one's keys, one database. */
async function startReplicas({ tools, root, servers, upstream, count }) {
	const first = await prepare({ tools, root: path.join(root, '0'), servers, upstream });
	const all = [await launch(first, CORES)];

	for (let number = 1; number < count; number++) {
		const at = path.join(root, String(number));
		all.push(await launch(await sibling(first, at), CORES));
	}
	return all;
}

/**
 * Two replicas against one, as `workers` compares two workers: by their own CPU time, since the load, the upstream, PostgreSQL and
 * Redis have to share the two cores with them, in both set-ups alike. What replicas take from each other (the chain's one head, the
 * rates' one server) shows in it.
 */
export async function replicas({ tools, root, servers, rounds, seconds, log }) {
	const raw = { 1: [], 2: [] };

	for (let round = 0; round < rounds; round++) {
		for (const count of [1, 2]) {
			const upstream = await startFixture({ binary: tools.fixture, cores: CORES, args: ['--sessions', '--tools', '1'] });
			const all = await startReplicas({ tools, root: path.join(root, `replicas${count}.${round}`), servers, upstream, count });
			settle(tools);
			const loads = await Promise.all(all.map((target, number) => loadOnce(tools, {
				cores: CORES, pid: target.pid, upstreamPid: upstream.pid, ...(number === 0 ? { serverPids: servers.pids } : {}),
				args: [...loadArguments('call_250', 'modern', target), '--connections', String(64 / count), '--seconds', String(seconds)],
			})));
			const rate = loads.reduce((sum, one) => sum + one.rate, 0);
			const server_cpu_us = loads.reduce((sum, one) => sum + one.server_cpu_us * one.rate, 0) / rate;
			// The servers worked for all replicas, and were counted with the calls of one.
			raw[count].push({ rate, server_cpu_us, servers_cpu_us: loads[0].servers_cpu_us.map((us) => (us * loads[0].rate) / rate) });
			log(`${count} replicas: ${Math.round(rate)}/s, ${server_cpu_us.toFixed(1)} us a call`);
			for (const { child } of [...all, upstream]) await stop(child);
		}
	}
	const best = (count) => median(raw[count].map((one) => one.server_cpu_us).sort((a, b) => a - b).slice(0, Math.ceil(rounds / 2)));
	return { one: best(1), two: best(2), speedup: (2 * best(1)) / best(2), raw };
}
