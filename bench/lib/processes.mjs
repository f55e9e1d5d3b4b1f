// Processes under measurement: pinned to cores, started, looked at through /proc, stopped.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';

const running = new Set();

/** Start a server pinned to `cores` ("0", "1", "0,1") with as many descriptors as the hard limit allows. */
export function startPinned(cores, command, args, options = {}) {
	const child = spawn('sh', ['-c', 'ulimit -n "$(ulimit -Hn)"; exec taskset -c "$0" "$@"', cores, command, ...args], {
		stdio: ['ignore', options.stdout ?? 'ignore', options.stderr ?? 'inherit'],
		...options.spawn,
	});
	running.add(child);
	child.once('exit', () => running.delete(child));
	return child;
}

export async function stop(child, signal = 'SIGTERM') {
	if (!child || child.exitCode !== null || child.signalCode !== null) return;
	const gone = new Promise((resolve) => child.once('exit', resolve));
	const hard = setTimeout(() => child.kill('SIGKILL'), 10000);
	child.kill(signal);
	await gone;
	clearTimeout(hard);
}

export async function stopAll() {
	await Promise.all([...running].map((child) => stop(child)));
}

/** A port nobody listens on right now. */
export function freePort() {
	return new Promise((resolve, reject) => {
		const server = net.createServer();
		server.once('error', reject);
		server.listen(0, '127.0.0.1', () => {
			const { port } = server.address();
			server.close(() => resolve(port));
		});
	});
}

/** Wait until something accepts on `port`; throws when `child` ends first. */
export async function waitForPort(port, child, seconds = 20) {
	const until = Date.now() + seconds * 1000;
	while (Date.now() < until) {
		if (child.exitCode !== null) throw new Error(`${child.spawnargs.slice(3).join(' ')} ended with ${child.exitCode}`);
		const open = await new Promise((resolve) => {
			const socket = net.connect(port, '127.0.0.1');
			socket.once('connect', () => { socket.destroy(); resolve(true); });
			socket.once('error', () => resolve(false));
		});
		if (open) return;
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
	throw new Error(`nothing listens on port ${port} after ${seconds} s`);
}

/** CPU time of a process with all its threads, in microseconds. */
export function cpuMicros(pid) {
	let total = 0n;
	for (const task of fs.readdirSync(`/proc/${pid}/task`)) {
		try {
			total += BigInt(fs.readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
		} catch { /* the thread ended meanwhile */ }
	}
	return Number(total / 1000n);
}

/** Resident memory in kB. */
export function rssKb(pid) {
	return Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
}

/** Run a command to its end and return its stdout; throws with its stderr when it fails. */
export function run(command, args, options = {}) {
	const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 << 20, ...options });
	if (result.error) throw result.error;
	if (result.status !== 0 && !options.mayFail)
		throw new Error(`${command} ${args.slice(0, 6).join(' ')} ended with ${result.status}: ${result.stderr}${result.stdout}`);
	return result.stdout;
}

/** The same without blocking this process's event loop. */
export function runAsync(command, args, options = {}) {
	return new Promise((resolve, reject) => {
		const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
		let out = '';
		let err = '';
		child.stdout.on('data', (data) => { out += data; });
		child.stderr.on('data', (data) => { err += data; });
		child.once('error', reject);
		child.once('close', (code) => (code === 0 ? resolve(out) : reject(new Error(`${command} ended with ${code}: ${err}${out}`))));
	});
}
