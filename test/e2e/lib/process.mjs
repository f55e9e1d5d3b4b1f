// Processes as the kernel shows them in /proc: who descends from whom, what they hold open.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { once } from 'node:events';
import { until } from './wait.mjs';

function read(path) {
	try {
		return fs.readFileSync(path, 'utf8');
	} catch {
		return '';
	}
}

/** {pid, parent, group, started, state}, or null when the process is gone. */
export function processInfo(pid) {
	const stat = read(`/proc/${pid}/stat`);
	if (stat === '') return null;
	const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
	return { pid, state: fields[0], parent: Number(fields[1]), group: Number(fields[2]), started: fields[19] };
}

export function allProcesses() {
	return fs
		.readdirSync('/proc')
		.filter((name) => /^\d+$/.test(name))
		.map((name) => processInfo(Number(name)))
		.filter((info) => info !== null);
}

/** Everything that descends from `pid`, itself not included. */
export function descendants(pid) {
	const all = allProcesses();
	const found = [];
	const parents = new Set([pid]);

	for (let grown = true; grown; ) {
		grown = false;
		for (const info of all) {
			if (parents.has(info.parent) && !parents.has(info.pid)) {
				parents.add(info.pid);
				found.push(info);
				grown = true;
			}
		}
	}
	return found;
}

/** Whether that very process (not a later one of the same number) still runs. */
export function isRunning(info) {
	const now = processInfo(info.pid);
	return now !== null && now.started === info.started && now.state !== 'Z';
}

export function commandLine(pid) {
	return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
}

export function openFiles(pid) {
	try {
		return fs.readdirSync(`/proc/${pid}/fd`).length;
	} catch {
		return 0;
	}
}

export function rssBytes(pid) {
	return Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
}

/** Of these, what is no file's: the heap and stacks. */
export function anonymousBytes(pid) {
	return Number(/^RssAnon:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
}

/** Processes whose command line or working directory lies below `root`. */
export function processesBelow(root) {
	return allProcesses().filter(({ pid, state }) => {
		if (state === 'Z' || pid === process.pid) return false;
		let cwd = '';
		try {
			cwd = fs.readlinkSync(`/proc/${pid}/cwd`);
		} catch {
			/* gone, or not ours */
		}
		return cwd.startsWith(root) || commandLine(pid).includes(root);
	});
}

export function kill(info, signal = 'SIGKILL') {
	try {
		process.kill(info.pid, signal);
	} catch (error) {
		if (error.code !== 'ESRCH') throw error;
	}
}

/** Start a program in a process group of its own, collecting what it prints. */
export function launch(command, args, options = {}) {
	const child = spawn(command, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'], ...options });
	const output = { stdout: '', stderr: '' };

	child.output = output;
	for (const name of ['stdout', 'stderr']) {
		child[name]?.setEncoding('utf8').on('data', (text) => {
			output[name] += text;
		});
	}
	child.ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...output }));
	child.ended.catch(() => {});
	return child;
}

/** Run a program to its end. */
export async function run(command, args, options = {}) {
	const { input, ...rest } = options;
	const child = launch(command, args, { ...rest, stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
	child.stdin?.on('error', () => {}); // it has ended without reading its input: how it ended says more
	if (input !== undefined) child.stdin.end(input);
	return child.ended;
}

/** End what `launch` started, with its whole group. */
export async function endGroup(child) {
	try {
		process.kill(-child.pid, 'SIGKILL');
	} catch (error) {
		if (error.code !== 'ESRCH') throw error;
	}
	await child.ended;
}

export async function untilGone(infos, ms) {
	await until(`the end of ${infos.map(({ pid }) => `${pid} (${commandLine(pid)})`).join(', ')}`,
		() => infos.every((info) => !isRunning(info)), ms);
}
