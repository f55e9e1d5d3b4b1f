// What the gateway costs besides time: memory idle and under idle streams, start-up, binary
// size, system calls a call, and what a second worker brings.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { loadArguments } from './cases.mjs';
import { ask, prepareGatehouse, startGatehouse, waitForTools } from './gatehouse.mjs';
import { startFixture } from './fixture.mjs';
import { loadOnce, median, settle } from './measure.mjs';
import { rssKb, runAsync, stop } from './processes.mjs';
import { startTargets } from './throughput.mjs';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Hold `count` streams open from a process of their own and return a function that ends it. */
async function openStreams(tools, { port, count, tls, key }) {
	const child = spawn(tools.streams, [String(port), String(count), tls ? '1' : '0', `Authorization: Bearer ${key}`],
		{ stdio: ['pipe', 'pipe', 'inherit'] });
	await new Promise((resolve, reject) => {
		child.stdout.once('data', resolve);
		child.once('exit', (code) => reject(new Error(`streams ended with ${code}`)));
	});
	return async () => {
		child.stdin.end();
		await stop(child);
	};
}

/** RSS after the first answers, then with `count` idle streams; bytes for each stream. */
async function streamMemory(tools, root, count, tls) {
	const upstream = await startFixture({ binary: tools.fixture, cores: '1', args: ['--sessions', '--tools', '1'] });
	const gatehouse = await startGatehouse({
		binary: tools.gatehouse, root: path.join(root, tls ? 'tls' : 'plain'), cores: '0', upstreams: { bench: upstream.url }, tls,
	});
	const port = tls ? gatehouse.tlsPort : gatehouse.port;
	await waitForTools(gatehouse, 19);
	await ask(gatehouse, 'tools/call', { name: 'bench_echo', arguments: {} });
	const idle_kb = rssKb(gatehouse.pid);
	// A few streams first: what all of them share is not the price of one.
	const closeFew = await openStreams(tools, { port, count: 10, tls, key: gatehouse.key });
	await pause(200);
	const few_kb = rssKb(gatehouse.pid);
	const close = await openStreams(tools, { port, count, tls, key: gatehouse.key });
	await pause(1000);
	const open_kb = rssKb(gatehouse.pid);
	await close();
	await closeFew();
	await pause(1000);
	const after_kb = rssKb(gatehouse.pid);
	await stop(gatehouse.child);
	await stop(upstream.child);
	return { idle_kb, few_kb, open_kb, after_kb, streams: count, bytes_each: Math.round(((open_kb - few_kb) * 1024) / count) };
}

export async function memory({ tools, root, streams, log }) {
	const plain = await streamMemory(tools, root, streams, false);
	log(`RSS idle ${plain.idle_kb} kB, ${plain.bytes_each} B a stream`);
	const tls = await streamMemory(tools, root, streams, true);
	log(`RSS over TLS ${tls.bytes_each} B a stream`);
	return { plain, tls };
}

/** exec to first answer, in ms. */
export async function startup({ tools, root, runs }) {
	const upstream = await startFixture({ binary: tools.fixture, cores: '1' });
	const prepared = await prepareGatehouse({ binary: tools.gatehouse, root: path.join(root, 'startup'), upstreams: { bench: upstream.url } });
	settle(tools);
	const out = await runAsync(tools.startup, [String(prepared.port), '/health/live', String(runs), ...prepared.command]);
	await stop(upstream.child);
	const all_ms = JSON.parse(out);
	return { median_ms: median(all_ms), all_ms };
}

export function binarySize(tools) {
	return { bytes: fs.statSync(tools.gatehouse).size };
}

async function countCalls(tools, target, connections, requests) {
	const file = path.join(target.root ?? '/tmp', `strace.${requests}`);
	const strace = spawn('strace', ['-f', '-c', '-U', 'calls,name', '-o', file, '-p', String(target.pid)], { stdio: ['ignore', 'ignore', 'pipe'] });
	await new Promise((resolve, reject) => {
		strace.stderr.on('data', (text) => { if (String(text).includes('attached')) resolve(); });
		strace.once('exit', (code) => reject(new Error(`strace ended with ${code}`)));
	});
	await pause(300);
	await runAsync('taskset', ['-c', '1', tools.load, ...loadArguments('call_250', 'modern', target), '--connections', String(connections), '--requests', String(requests)]);
	await stop(strace, 'SIGINT');
	const calls = {};
	for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
		const match = /^\s*(\d+)\s+(\w+)\s*$/.exec(line);
		if (match && match[2] !== 'total') calls[match[2]] = Number(match[1]);
	}
	return calls;
}

/** What 4,000 more requests add, for each of them. */
async function callsEach(tools, target, connections) {
	const short = await countCalls(tools, target, connections, 1000);
	const long = await countCalls(tools, target, connections, 5000);
	const each = Object.entries(long).map(([call, n]) => [call, (n - (short[call] ?? 0)) / 4000]).filter(([, n]) => Math.abs(n) >= 0.005);
	return {
		total: Number(each.reduce((sum, [, n]) => sum + n, 0).toFixed(3)),
		by_name: Object.fromEntries(each.map(([call, n]) => [call, Number(n.toFixed(3))]).sort((a, b) => b[1] - a[1])),
	};
}

/**
 * System calls of one proxied call, at 64 connections and at one. Tracing slows the server
 * some ten times: at 64 connections more events come with each wait than in life, at one
 * connection fewer audit rows go into each commit, so life is between the two.
 */
export async function syscalls({ tools, targets, names }) {
	const result = {};
	for (const name of names)
		result[name] = { at_64: await callsEach(tools, targets[name], 64), at_1: await callsEach(tools, targets[name], 1) };
	return result;
}

/**
 * Two workers against one. With two cores the load generator and the upstream must share them
 * with the gateway, so the comparison is by the gateway's own CPU time: calls for each second
 * of a core that it got. Twice that with two workers, over that with one, is the speed-up of
 * two cores that had nothing else to do; what the workers take from each other shows in it.
 */
export async function workers({ tools, root, rounds, seconds, log }) {
	const result = {};
	const runs = { 1: { measured: '0', others: '1' }, 2: { measured: '0,1', others: '0,1' } };
	const raw = { 1: [], 2: [] };
	for (let round = 0; round < rounds; round++) {
		for (const count of [1, 2]) {
			const at = path.join(root, `workers${count}.${round}`);
			const targets = await startTargets({ tools, root: at, wanted: ['gatehouse'], workers: count, ...runs[count] });
			settle(tools);
			const args = [...loadArguments('call_250', 'modern', targets.gatehouse), '--connections', '64', '--seconds', String(seconds)];
			raw[count].push(await loadOnce(tools, { cores: runs[count].others, args, pid: targets.gatehouse.pid, upstreamPid: targets.upstream.pid }));
			log(`${count} workers: ${Math.round(raw[count].at(-1).rate)}/s, ${raw[count].at(-1).server_cpu_us.toFixed(1)} us a call`);
			await stop(targets.gatehouse.child);
			await stop(targets.upstream.child);
		}
	}
	for (const count of [1, 2]) {
		const best = raw[count].map((one) => one.server_cpu_us).sort((a, b) => a - b).slice(0, Math.ceil(rounds / 2));
		result[`workers_${count}`] = {
			server_cpu_us: median(best), rate: median(raw[count].map((one) => one.rate)), cores: median(raw[count].map((one) => one.server_cores)),
		};
	}
	result.speedup = (2 * result.workers_1.server_cpu_us) / result.workers_2.server_cpu_us;
	result.raw_ratio = result.workers_2.rate / result.workers_1.rate;
	result.raw = raw;
	return result;
}
