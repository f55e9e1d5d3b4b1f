// From summaries to judgements: each target of the project with its figure, and the tables.
import fs from 'node:fs';
import os from 'node:os';
import { run } from './processes.mjs';

const round = (value, digits = 2) => (Number.isFinite(value) ? Number(value.toFixed(digits)) : null);

function caseTargets(one) {
	const { gatehouse, nginx, direct } = one.summary;
	if (one.kind === 'search' && one.connections === 1)
		return [{ what: `${one.name} p50, us`, value: round(gatehouse.p50_us), limit: 1000, ok: gatehouse.p50_us < 1000, atLeast: false }];
	if (one.kind === 'auth') {
		const rates = Object.values(one.summary).map(({ rate }) => rate);
		const value = Math.min(...rates) / Math.max(...rates);
		return [{ what: `${one.name} slowest credential over fastest`, value: round(value, 3), limit: 0.9, ok: value >= 0.9, atLeast: true }];
	}
	if (one.kind === 'connector') {
		const value = one.summary.connector.rate / one.summary.server.rate;
		return [{ what: `${one.name} calls/s over a plain server's`, value: round(value, 3), limit: 0.7, ok: value >= 0.7, atLeast: true }];
	}
	if (one.kind === 'ads') {
		const value = one.summary.ads.rate / one.summary.local.rate;
		return [{ what: `${one.name} answers/s from a report that is there over a local tool's of that size`, value: round(value, 3), limit: 0.85, ok: value >= 0.85, atLeast: true }];
	}
	if (one.kind === 'growth') {
		// At one connection what a caller waits; at 64 what a call costs, which noise reaches less.
		const [what, field] = one.connections === 1 ? ['p50', 'p50_us'] : ['CPU time', 'server_cpu_us'];
		const [least, ...more] = Object.values(one.summary).map((summary) => summary[field]);
		const value = Math.max(...more) / least;
		return [{ what: `${one.name} ${what}, most over least of the rest`, value: round(value, 3), limit: 1.1, ok: value <= 1.1, atLeast: false }];
	}
	if (one.kind === 'fleet' || !gatehouse || !nginx) return [];
	const ratio = gatehouse.rate / nginx.rate;
	const list = [];
	const add = (what, value, limit, atLeast) => list.push({ what: `${one.name} ${what}`, value: round(value, 3), limit, ok: atLeast ? value >= limit : value <= limit, atLeast });
	if (one.kind === 'call_250' && one.connections === 64) {
		add('calls/s over nginx', ratio, 0.85, true);
		add('p99 over nginx', gatehouse.p99_us / nginx.p99_us, 2, false);
	}
	if (one.kind === 'call_250' && one.connections === 1 && direct)
		add('added p50 over what nginx adds', (gatehouse.p50_us - direct.p50_us) / (nginx.p50_us - direct.p50_us), 1.3, false);
	if (one.kind === 'call_64k' && one.connections === 64) add('calls/s over nginx', ratio, 0.9, true);
	if (one.name.startsWith('local_')) add('answers/s over nginx return 200', ratio, 0.7, true);
	if (one.name.startsWith('list_1000')) add('answers/s over nginx with a file', ratio, 0.8, true);
	return list;
}

/** Every figure the project promises, with its limit. */
export function judge(results) {
	const list = results.cases.flatMap(caseTargets);
	const add = (what, value, limit, atLeast = false) => {
		if (value !== undefined && value !== null) list.push({ what, value: round(value, 3), limit, ok: atLeast ? value >= limit : value <= limit, atLeast });
	};
	add('system calls a proxied call, 64 connections', results.syscalls?.gatehouse?.at_64.total, 6.5);
	add('system calls a proxied call, 1 connection', results.syscalls?.gatehouse?.at_1.total, 6.5);
	add('user instructions a proxied call', results.instructions?.call_250?.user_instructions, 30000);
	for (const [grown, sizes] of Object.entries(results.growth_instructions ?? {})) {
		const [least, ...more] = Object.values(sizes).map(({ user_instructions }) => user_instructions);
		add(`user instructions a call, more ${grown}, most over least of the rest`, Math.max(...more) / least, 1.1);
	}
	add('RSS idle, MB', results.memory && results.memory.plain.idle_kb / 1024, 15);
	add('RSS a plain idle stream, bytes', results.memory?.plain.bytes_each, 1536);
	add('RSS a TLS idle stream, bytes', results.memory?.tls.bytes_each, 20480);
	add('exec to first answer, ms', results.startup?.median_ms, 50);
	add('binary, MB', results.binary && results.binary.bytes / 1e6, 20);
	for (const [engine, sizes] of Object.entries(results.search ?? {})) {
		for (const [size, spans] of Object.entries(sizes)) {
			for (const [span, { median_ms }] of Object.entries(spans)) add(`search of the trail, ${engine}, ${size.slice(1)} rows, ${span}, ms`, median_ms, 100);
		}
	}
	add('two replicas over one', results.replicas?.speedup, 1.7, true);
	add('two workers over one', results.workers?.speedup, 1.7, true);
	return list;
}

/** Kinds that compare other things than the upstream, nginx and the gateway. */
const LINES = new Set(['ads', 'auth', 'connector', 'growth', 'fleet']);

function line(one, name, { rate, p50_us, p99_us, server_cpu_us, servers_cpu_us = [] }) {
	const nginx = one.summary.nginx === undefined || name === 'nginx' ? '' : `, ${(rate / one.summary.nginx.rate).toFixed(2)} of nginx`;
	const servers = servers_cpu_us.length === 0 ? '' : ` (PostgreSQL and Redis: ${servers_cpu_us.map((us) => us.toFixed(1)).join(' and ')} us)`;
	return `${one.name} ${name}: ${rate.toFixed(0)} calls/s${nginx}, p50 ${p50_us.toFixed(0)} us, p99 ${p99_us.toFixed(0)} us, CPU ${server_cpu_us.toFixed(1)} us a call${servers}`;
}

export function table(results) {
	const lines = ['| case | direct /s | nginx /s | gatehouse /s | / nginx | p50 us d/n/g | p99 us d/n/g | CPU us/call n/g | core 1 busy n/g |', '|---|---|---|---|---|---|---|---|---|'];
	const show = (summary, field, digits = 0) => (summary ? summary[field].toFixed(digits) : '-');
	for (const one of results.cases.filter(({ kind }) => !LINES.has(kind))) {
		const { direct, nginx, gatehouse } = one.summary;
		const trio = (field) => [direct, nginx, gatehouse].map((summary) => show(summary, field)).join(' / ');
		const ratio = gatehouse && nginx ? (gatehouse.rate / nginx.rate).toFixed(2) : '-';
		lines.push(`| ${one.name} | ${show(direct, 'rate')} | ${show(nginx, 'rate')} | ${show(gatehouse, 'rate')} | ${ratio} | ${trio('p50_us')} | ${trio('p99_us')} | ` +
			`${show(nginx, 'server_cpu_us', 1)} / ${show(gatehouse, 'server_cpu_us', 1)} | ${show(nginx, 'others_busy', 2)} / ${show(gatehouse, 'others_busy', 2)} |`);
	}
	for (const one of results.cases.filter(({ kind }) => LINES.has(kind)))
		lines.push('', ...Object.entries(one.summary).map(([name, summary]) => line(one, name, summary)));
	lines.push('', '| target | measured | limit | |', '|---|---|---|---|');
	for (const { what, value, limit, ok, atLeast } of results.targets)
		lines.push(`| ${what} | ${value} | ${atLeast ? '>=' : '<='} ${limit} | ${ok ? 'reached' : 'MISSED'} |`);
	return lines.join('\n');
}

export function machine() {
	const cpu = os.cpus()[0]?.model ?? 'unknown';
	const version = (command, args) => run(command, args, { mayFail: true, stdio: ['ignore', 'pipe', 'pipe'] }).trim().split('\n')[0];
	return {
		cpu, cores: os.cpus().length, memory_gb: round(os.totalmem() / 2 ** 30, 1), kernel: os.release(),
		compiler: version('gcc', ['--version']), nginx: version('sh', ['-c', '/usr/sbin/nginx -v 2>&1 || nginx -v 2>&1']),
	};
}

export function commit() {
	const sha = run('git', ['rev-parse', '--short', 'HEAD'], { mayFail: true }).trim() || 'unknown';
	const dirty = run('git', ['status', '--porcelain', '--untracked-files=no'], { mayFail: true }).trim() !== '';
	return { sha, dirty };
}

/** Write bench/results/DATE-SHA.json and return its path. */
export function save(results, directory) {
	fs.mkdirSync(directory, { recursive: true });
	const file = `${directory}/${new Date().toISOString().slice(0, 10)}-${results.commit.sha}.json`;
	fs.writeFileSync(file, `${JSON.stringify(results, null, '\t')}\n`);
	return file;
}
