// One gateway under test: its own directory, its own port, its own tenants and keys.
//
//   const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
//   const answer = await modernCall(gateway, 'fx_echo', { a: 1 });
//
// When the test ends the gateway is stopped with SIGTERM, and the test fails when it did not end
// with exit code 0, when it left a process or a listening socket behind, or when a sanitizer
// had something to say.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { makeBacking } from './backing.mjs';
import { binary } from './paths.mjs';
import { allProcesses, commandLine, descendants, endGroup, isRunning, kill, launch, openFiles, processesBelow, rssBytes, run } from './process.mjs';
import { request } from './raw.mjs';
import { trails } from './sqlite.mjs';
import { until, within } from './wait.mjs';

const SANITIZER = /ERROR: (Address|Leak|Thread)Sanitizer|runtime error:|SUMMARY: /;

/** Limits that tests do not want to meet by accident. */
const FREE_LIMITS = { per_ip: 'off', per_tenant: 'off', per_auth: 'off', auth_failures: 0 };

function merge(base, over) {
	return { ...base, ...over };
}

/** What stands in for a test's `t` where a whole file shares a gateway: call it at the file's top level
 * with node:test's `after`, since a `before` hook has no `t.after`. */
export function scope(after) {
	const cleanups = [];
	after(async () => {
		const errors = [];
		for (const cleanup of cleanups.reverse()) await Promise.resolve().then(cleanup).catch((error) => errors.push(error));
		if (errors.length > 0) throw errors[0];
	});
	return { after: (cleanup) => cleanups.push(cleanup) };
}

export class Gateway {
	constructor(options) {
		this.options = options;
		this.root = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-e2e-'));
		this.data = path.join(this.root, 'data');
		this.configFile = path.join(this.root, 'gatehouse.yaml');
		this.keys = {};
		this.expectExit = 0;
		this.stderrBefore = '';
	}

	/** Write the config: JSON, which is YAML too; or text as it is. */
	configure(over = {}) {
		const { listen = '127.0.0.1:0', workers = 2, upstreams = {}, limits = {}, config = {} } = { ...this.options, ...over };
		this.options = { ...this.options, ...over };
		this.settings = {
			listen,
			workers,
			data: this.data,
			limits: merge(FREE_LIMITS, limits),
			log: { format: 'json', level: 'debug' },
			upstreams,
			...this.backing?.sections,
			...config,
		};
		this.writeConfig(JSON.stringify(this.settings, null, 2));
	}

	writeConfig(text) {
		fs.writeFileSync(this.configFile, text);
	}

	file(name) {
		return path.join(this.root, name);
	}

	/** Rows of the trail are committed a moment after the answers they are about: wait for those that are on their way. */
	async trailWritten() {
		const runs = this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
		if (!runs || !this.port || typeof this.settings?.listen !== 'string') return; // others speak TLS, or over a socket
		await until('the trail to be written', async () => ((await this.status().catch(() => null))?.audit?.waiting ?? 0) === 0, 3000)
			.catch(() => {}); // the test is about a database that takes none
	}

	/** Run a command of the CLI. */
	async cli(...args) {
		if (args[0] === 'audit') await this.trailWritten();
		return run(binary, [...args, '--config', this.configFile], { cwd: this.root });
	}

	async cliJson(...args) {
		const ended = await this.cli(...args, '--json');
		assert.equal(ended.code, 0, `gatehouse ${args.join(' ')}: ${ended.stderr}`);
		return JSON.parse(ended.stdout);
	}

	/** A new key of `tenant`, which is made when it is new. */
	async makeKey(tenant = 'acme', ...more) {
		if (!(tenant in this.keys)) {
			const made = await this.cli('tenant', 'create', tenant);
			assert.equal(made.code, 0, `tenant create: ${made.stderr}`);
		}
		const made = await this.cliJson('key', 'create', '--tenant', tenant, ...more);
		this.keys[tenant] ??= made.key;
		return made;
	}

	/** Start the process and wait until it listens. */
	async start({ wrapper = [], env = {}, program = binary } = {}) {
		const [command, ...args] = [...wrapper, program, 'serve', '--config', this.configFile];
		this.stderrBefore += this.child?.output.stderr ?? '';
		this.child = launch(command, args, { cwd: this.root, env: { ...process.env, ...env }, ...(this.options.spawn ?? {}) });
		this.pid = this.child.pid;
		trails.set(`${this.data}/gatehouse.db`, () => this.trailWritten());
		await until('the gateway to listen', () => {
			if (this.child.exitCode !== null || this.child.signalCode !== null) {
				throw Object.assign(new Error(`the gateway ended: ${this.child.output.stderr}`), { fatal: true });
			}
			return this.listeners().length >= [this.settings?.listen ?? []].flat().length;
		});
		[this.address] = this.listeners();
		this.port = Number(/:(\d+)$/.exec(this.address)?.[1] ?? 0);
		return this;
	}

	/** Addresses it listens on, in the config's order. */
	listeners() {
		return this.logged((line) => line.event === 'listening').map((line) => line.address);
	}

	get stderr() {
		return this.child.output.stderr;
	}

	/** Everything any of its lives wrote to stderr. */
	get allStderr() {
		return this.stderrBefore + this.stderr;
	}

	/** Log lines of this life, parsed. */
	logged(matches = () => true) {
		return this.stderr.split('\n').flatMap((line) => {
			if (!line.startsWith('{')) return [];
			try {
				const parsed = JSON.parse(line);
				return matches(parsed) ? [parsed] : [];
			} catch {
				return []; // half a line: the rest comes
			}
		});
	}

	untilLogged(event, matches = () => true, ms = undefined) {
		return until(`the log line ${event}`, () => this.logged((line) => line.event === event && matches(line))[0], ms);
	}

	/** What requests go to, as `tenant`; `path` for a toolset. */
	as(tenant, extra = {}) {
		return { port: this.port, key: this.keys[tenant], ...extra };
	}

	get key() {
		return this.keys[this.options.tenant ?? 'acme'];
	}

	async status() {
		return (await request(this, { method: 'GET', path: '/status' })).json;
	}

	async upstream(name) {
		return (await this.status()).upstreams.find((one) => one.name === name);
	}

	untilUpstream(name, state, ms = undefined) {
		return until(`upstream ${name} to be ${state}`, async () => (await this.upstream(name))?.state === state, ms);
	}

	/** Wait until every upstream has said what it offers. */
	async settled(ms) {
		let last = {};
		await until('the catalog', async () => {
			last = await request(this, { method: 'GET', path: '/health/ready' });
			return last.status === 200;
		}, ms).catch((error) => {
			throw new Error(`${error.message}: ${last.text}\n${this.stderr.slice(-3000)}`, { cause: error });
		});
		return this;
	}

	resources() {
		return { rss: rssBytes(this.pid), files: openFiles(this.pid), children: descendants(this.pid) };
	}

	/** Processes the gateway started, by part of their command line. */
	childrenLike(part) {
		return descendants(this.pid).filter(({ pid }) => commandLine(pid).includes(part));
	}

	async reload() {
		return this.cli('reload');
	}

	signal(name) {
		this.child.kill(name);
	}

	/** SIGTERM and the end. */
	async stop(ms = undefined) {
		this.signal('SIGTERM');
		return within('the end of the gateway', this.child.ended, ms);
	}

	/** The end no process can prepare for. */
	async crash() {
		this.signal('SIGKILL');
		return within('the end of the gateway', this.child.ended);
	}

	/** Whether a process of its own is left: whoever it starts begins in its directory. */
	#hasProcess() {
		return fs.readdirSync('/proc').some((pid) => {
			try {
				return /^\d+$/.test(pid) && fs.readlinkSync(`/proc/${pid}/cwd`).startsWith(this.root);
			} catch {
				return false; // it has ended meanwhile
			}
		});
	}

	/** A port is given out again as soon as it is free: that somebody listens there is its fault only while it has a process. */
	async #portIsClosed() {
		if (!this.port) return true;
		return new Promise((resolve) => {
			const socket = net.connect({ port: this.port, host: '127.0.0.1' });
			socket.on('connect', () => {
				socket.destroy();
				resolve(!this.#hasProcess());
			});
			socket.on('error', () => resolve(true));
		});
	}

	/** Stop if it runs, and look for what it left behind. */
	async cleanup() {
		const problems = [];
		try {
			if (this.child !== undefined) await this.#cleanupProcess(problems);
			const left = processesBelow(this.root);
			if (left.length > 0) problems.push(`processes left: ${left.map(({ pid }) => commandLine(pid)).join('; ')}`);
			for (const info of left) kill(info);
		} finally {
			fs.rmSync(this.root, { recursive: true, force: true });
			await this.backing?.drop();
		}
		if (problems.length > 0) throw new Error(`${problems.join('\n')}\nlog:\n${(this.child?.output.stderr ?? '').slice(-6000)}`);
	}

	async #cleanupProcess(problems) {
		const children = descendants(this.pid);

		if (this.child.exitCode === null && this.child.signalCode === null) {
			const ended = await this.stop().catch(() => null);
			if (ended === null) {
				problems.push('it did not end on SIGTERM');
				await endGroup(this.child);
			} else if (ended.code !== this.expectExit) {
				problems.push(`it ended with code ${ended.code}, signal ${ended.signal}`);
			}
		}
		await until('the end of its children', () => !children.some(isRunning), 3000).catch(() => {
			problems.push(`children left: ${children.filter(isRunning).map(({ pid }) => commandLine(pid)).join('; ')}`);
			for (const info of children.filter(isRunning)) kill(info);
		});
		if (!(await this.#portIsClosed())) problems.push(`port ${this.port} is still open`);
		if (SANITIZER.test(this.allStderr)) problems.push('a sanitizer complained');
	}
}

/** Make a gateway without starting it: config written, tenant `acme` with a key. */
export async function prepareGateway(t, options = {}) {
	const gateway = new Gateway(options);
	t.after(() => gateway.cleanup());
	gateway.backing = await makeBacking(gateway.data);
	gateway.configure();
	for (const tenant of options.tenants ?? ['acme']) await gateway.makeKey(tenant);
	return gateway;
}

/** Options: upstreams, limits, config (root keys), listen, workers, tenants, settle (default true). */
export async function startGateway(t, options = {}) {
	const gateway = await prepareGateway(t, options);
	await gateway.start();
	if (options.settle !== false) await gateway.settled();
	return gateway;
}

/** Ends what a killed gateway's children may have become. */
export function killOrphans(infos) {
	const alive = new Set(allProcesses().map(({ pid, started }) => `${pid}/${started}`));
	for (const info of infos) if (alive.has(`${info.pid}/${info.started}`)) kill(info);
}
