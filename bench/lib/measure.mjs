// Rounds: every target of every case in turn, in alternating order, each after a look at how
// much of the machine somebody else is taking.
import { cpuMicros, run, runAsync } from './processes.mjs';

const STEAL_PERCENT_MAX = 4;
const STEAL_TRIES = 12;

/** Wait for a quiet moment; after STEAL_TRIES go ahead and say so. */
export function settle(tools) {
	let percent = 0;
	for (let i = 0; i < STEAL_TRIES; i++) {
		percent = Number(run(tools.steal, []));
		if (percent <= STEAL_PERCENT_MAX) return { percent, quiet: true };
	}
	return { percent, quiet: false };
}

/** CPU time of each list of processes; one that ended meanwhile counts no more. */
function cpuOfAll(lists) {
	return lists.map((pids) => pids.reduce((sum, pid) => {
		try {
			return sum + cpuMicros(pid);
		} catch {
			return sum;
		}
	}, 0));
}

/**
 * Run the load generator on `cores` against a target; look at the CPU time of the target and,
 * when it has them, of its upstream and of the servers behind it (`serverPids`: a list each). others_busy: how full the generator's core was;
 * near 1 the figure is a floor, because the target had to wait.
 */
export async function loadOnce(tools, { cores, args, pid, upstreamPid, serverPids = () => [] }) {
	const before = cpuMicros(pid);
	const upstreamBefore = upstreamPid ? cpuMicros(upstreamPid) : 0;
	const serversBefore = cpuOfAll(serverPids());
	const started = process.hrtime.bigint();
	let out;
	try {
		out = await runAsync('taskset', ['-c', cores, tools.load, ...args]);
	} catch (error) {
		throw new Error(`wrong answers under load: ${error.message.slice(0, 1500)}`);
	}
	const wall = Number(process.hrtime.bigint() - started) / 1000;
	const result = JSON.parse(out);
	const cpu = cpuMicros(pid) - before;
	const upstream = upstreamPid ? cpuMicros(upstreamPid) - upstreamBefore : 0;
	const servers = cpuOfAll(serverPids()).map((micros, number) => Math.max(0, micros - serversBefore[number]));
	const others = servers.reduce((sum, micros) => sum + micros, upstream) + result.load_cpu_s * 1e6;
	// The warm-up's share of the CPU time goes with its share of the time.
	const share = (result.seconds * 1e6) / wall;
	return {
		...result, server_cpu_us: (cpu * share) / result.answers, server_cores: cpu / wall,
		servers_cpu_us: servers.map((micros) => (micros * share) / result.answers),
		others_cpu_us: (others * share) / result.answers, others_busy: others / wall,
	};
}

/** Values of the better half: noise only ever slows. */
function bestHalf(values, higherIsBetter) {
	const sorted = [...values].sort((a, b) => (higherIsBetter ? b - a : a - b));
	return sorted.slice(0, Math.ceil(sorted.length / 2));
}

export function median(values) {
	const sorted = [...values].sort((a, b) => a - b);
	const mid = sorted.length >> 1;
	return sorted.length % 2 ? sorted[mid] : (sorted[mid - 1] + sorted[mid]) / 2;
}

/** Median of the best half of the rounds, field by field. */
export function summarize(rounds) {
	const of = (field, higher = false) => median(bestHalf(rounds.map((round) => round[field]), higher));
	return {
		rate: of('rate', true),
		p50_us: of('p50_us'),
		p99_us: of('p99_us'),
		server_cpu_us: of('server_cpu_us'),
		others_cpu_us: of('others_cpu_us'),
		others_busy: of('others_busy', true),
		body_bytes: rounds[0].body_max,
		...(rounds[0].servers_cpu_us.length === 0 ? {} : { servers_cpu_us: rounds[0].servers_cpu_us.map((_, number) => median(rounds.map((round) => round.servers_cpu_us[number]))) }),
		rounds: rounds.length,
	};
}

/**
 * Measure `cases` for `rounds` rounds. A case: { name, connections, targets: {name: {args, pid}} }.
 * Fills case.rounds[target] with raw results and case.summary[target].
 */
export async function measure(tools, cases, { rounds, seconds, cores, log }) {
	const unquiet = [];
	for (const one of cases) one.rounds = Object.fromEntries(Object.keys(one.targets).map((name) => [name, []]));
	for (let round = 0; round < rounds; round++) {
		for (const one of cases) {
			const names = Object.keys(one.targets);
			if (round % 2) names.reverse();
			for (const name of names) {
				const quiet = settle(tools);
				if (!quiet.quiet) unquiet.push({ round, case: one.name, target: name, percent: quiet.percent });
				const { args, pid, upstreamPid, serverPids } = one.targets[name];
				const timing = ['--connections', String(one.connections), '--seconds', String(seconds), '--warmup', '0.2'];
				const result = await loadOnce(tools, { cores, args: [...args, ...timing], pid, upstreamPid, serverPids });
				one.rounds[name].push({ ...result, steal_percent: quiet.percent });
				log(`round ${round + 1}/${rounds} ${one.name} ${name}: ${Math.round(result.rate)}/s`);
			}
		}
	}
	for (const one of cases)
		one.summary = Object.fromEntries(Object.entries(one.rounds).map(([name, list]) => [name, summarize(list)]));
	return unquiet;
}
