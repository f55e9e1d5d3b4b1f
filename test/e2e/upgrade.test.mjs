// Upgrades: a new process takes the sockets over and the old one drains. Clients that call all the time, on new
// connections and on kept ones, see nothing of it; a new process that fails leaves the old one serving; the data
// directory has one owner all the time.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { stdioFixture } from './lib/fixture.mjs';
import { prepareGateway } from './lib/gateway.mjs';
import { modern, modernCall, modernStream, openSession } from './lib/mcp.mjs';
import { binary } from './lib/paths.mjs';
import { isRunning, processInfo, run } from './lib/process.mjs';
import { Connection } from './lib/raw.mjs';
import { sql } from './lib/sqlite.mjs';
import { until } from './lib/wait.mjs';

/** A gateway whose program is a link that the test can point elsewhere. What serves last is stopped with the test. */
async function startLinked(t, options = {}) {
	const gateway = await prepareGateway(t, { upstreams: { fx: stdioFixture() }, ...options });
	const program = gateway.file('gatehouse');

	gateway.install = (target) => {
		fs.rmSync(program, { force: true });
		fs.symlinkSync(target, program);
	};
	gateway.installScript = (text) => {
		fs.rmSync(program, { force: true });
		fs.writeFileSync(program, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
	};
	/** The log of all of its processes, since they share one stderr. */
	gateway.events = (event) => gateway.logged((line) => line.event === event);
	gateway.follow = () => {
		const handed = gateway.events('upgrade.handed_over').at(-1);
		if (handed !== undefined) gateway.pid = handed.pid;
		return gateway.pid;
	};
	gateway.install(binary);
	await gateway.start({ program });
	await gateway.settled();
	return gateway;
}

/** Run a test's body and stop whatever process serves at its end, in good order. */
async function withGateway(t, options, body) {
	const gateway = await startLinked(t, options);
	const lives = [processInfo(gateway.pid)];
	try {
		await body(gateway, lives);
	} finally {
		gateway.follow();
		const last = processInfo(gateway.pid);
		if (last !== null) process.kill(gateway.pid, 'SIGTERM');
		for (const info of [...lives, last]) if (info !== null) await until('the end of every process', () => !isRunning(info), 30000);
	}
	return gateway;
}

async function upgraded(gateway, lives) {
	const answer = await gateway.cli('upgrade');
	assert.equal(answer.code, 0, answer.stderr + gateway.stderr.slice(-3000));
	const before = gateway.pid;
	assert.notEqual(gateway.follow(), before);
	lives.push(processInfo(gateway.pid));
	return { before: lives.at(-2), after: lives.at(-1) };
}

/** Clients that call until they are stopped; resolves to how many calls were answered well, and what went wrong. */
function load(gateway, { fresh = 3, kept = 3 } = {}) {
	const counts = { fresh: 0, kept: 0, reconnects: 0 };
	const failures = [];
	let running = true;
	const check = (answer, tag) => {
		const echoed = answer.message?.result?.structuredContent?.tag;
		if (answer.status !== 200 || echoed !== tag) failures.push(`${answer.status} ${answer.text?.slice(0, 300)}`);
	};
	const caller = async (kind, index, call) => {
		for (let n = 0; running; n++) {
			const tag = `${kind}-${index}-${n}`;
			try {
				check(await call(tag), tag);
				counts[kind]++;
			} catch (error) {
				failures.push(`${tag}: ${error.code ?? ''} ${error.message}`);
			}
			await pause(index * 7); // some in a hurry, some not
		}
	};
	const callers = [];
	for (let i = 0; i < fresh; i++) callers.push(caller('fresh', i, (tag) => modernCall(gateway, 'fx_echo', { tag })));
	for (let i = 0; i < kept; i++) {
		let connection;
		callers.push(caller('kept', i, async (tag) => {
			connection ??= await Connection.open(gateway);
			const answer = await modernCall(gateway, 'fx_echo', { tag }, { connection });
			if (answer.headers.connection === 'close') {
				connection.destroy();
				connection = undefined;
				counts.reconnects++;
			}
			return answer;
		}).finally(() => connection?.destroy()));
	}
	return {
		counts,
		failures,
		async stop() {
			running = false;
			await Promise.all(callers);
		},
	};
}

/** Wait until the load has done some more. */
async function someMore(clients) {
	const { fresh, kept } = clients.counts;
	await until('more calls', () => clients.counts.fresh >= fresh + 30 && clients.counts.kept >= kept + 30, 30000);
}

test('three upgrades under load: not one call fails, sessions and the audit chain go on', async (t) => {
	const gateway = await withGateway(t, {}, async (gateway, lives) => {
		const session = await openSession(gateway);
		const clients = load(gateway);
		await someMore(clients);
		for (let i = 0; i < 3; i++) {
			const { before } = await upgraded(gateway, lives);
			await someMore(clients);
			assert.equal((await session.call('fx_echo', { still: i })).message.result.structuredContent.still, i);
			await until('the end of the process before', () => !isRunning(before), 30000);
			await someMore(clients);
		}
		await clients.stop();
		assert.deepEqual(clients.failures, []);
		assert.ok(clients.counts.reconnects >= 3, 'kept connections were told to come again');
		assert.equal((await gateway.cli('status')).code, 0, 'the control socket is the new process\'s');
		const rows = await sql(`${gateway.data}/gatehouse.db`, "SELECT count(*) AS n FROM audit WHERE target = 'fx_echo' AND outcome = 'ok'");
		assert.equal(rows[0].n, clients.counts.fresh + clients.counts.kept + 3);
	});
	assert.equal((await gateway.cli('audit', 'verify')).code, 0);
	assert.equal(fs.existsSync(`${gateway.data}/control.sock`), false, 'the last one clears up');
});

test('SIGUSR2 does it too; other numbers of loops, Unix sockets and calls under way are no obstacle', async (t) => {
	await withGateway(t, { workers: 3 }, async (gateway, lives) => {
		const socketPath = gateway.file('front.sock');
		gateway.settings.workers = 1;
		gateway.settings.listen = ['127.0.0.1:0', `unix:${socketPath}`];
		gateway.writeConfig(JSON.stringify(gateway.settings));
		await upgraded(gateway, lives); // 3 loops' sockets on one loop, and a listener that is new
		gateway.settings.workers = 2;
		gateway.writeConfig(JSON.stringify(gateway.settings));
		const unix = { ...gateway.as('acme'), socketPath };
		assert.equal((await modernCall(unix, 'fx_echo', {})).status, 200);
		const listen = await modernStream(gateway, 'subscriptions/listen', { notifications: { toolsListChanged: true } }, { id: 'last' });
		await listen.next();
		const slow = modernCall(gateway, 'fx_slow', { ms: 2500 });
		await until('a call in flight', async () => (await gateway.upstream('fx')).in_flight === 1);

		process.kill(gateway.pid, 'SIGUSR2');
		await until('the handover', () => gateway.events('upgrade.handed_over').length === 2, 60000);
		gateway.follow();
		lives.push(processInfo(gateway.pid));
		const last = await listen.next();
		assert.equal(last.id, 'last', 'streams are told, as at any drain');
		assert.equal((await modernCall(unix, 'fx_echo', {})).status, 200);
		for (let i = 0; i < 20; i++) assert.equal((await modernCall(gateway, 'fx_echo', {})).status, 200);
		assert.equal((await slow).message.result.content[0].text, 'done', 'the call ended where it began');
		await until('the end of the process before', () => !isRunning(lives.at(-2)), 30000);
		assert.equal((await modernCall(unix, 'fx_echo', {})).status, 200, 'the socket\'s file was left');
	});
});

test('a new process that does not start leaves the old one serving, and the answer says why', async (t) => {
	await withGateway(t, { limits: { header_timeout: '5min' } }, async (gateway, lives) => { // for `idle`
		const clients = load(gateway, { fresh: 2, kept: 2 });
		const idle = await Connection.open(gateway);
		const failing = async (why) => {
			const answer = await gateway.cli('upgrade');
			assert.equal(answer.code, 1);
			assert.match(answer.stderr, why);
			assert.match(answer.stderr, /goes on/);
			await someMore(clients);
		};
		gateway.writeConfig('listen: [');
		const answer = await gateway.cli('upgrade');
		assert.equal(answer.code, 1, 'the command reads the configuration too');
		process.kill(gateway.pid, 'SIGUSR2');
		await gateway.untilLogged('upgrade.failed', (line) => /gatehouse\.yaml/.test(line.problem));
		gateway.configure();
		gateway.installScript('exit 0');
		await failing(/ended before it was ready/);
		fs.rmSync(gateway.file('gatehouse'));
		await failing(/cannot be executed: No such file/);
		gateway.install(gateway.configFile);
		await failing(/cannot be executed: Permission denied/);
		// Everything but the last listener can be had: the new process goes far, and must leave no trace.
		const taken = net.createServer();
		await new Promise((resolve) => taken.listen(0, '127.0.0.1', resolve));
		gateway.install(binary);
		gateway.settings.listen = ['127.0.0.1:0', `127.0.0.1:${taken.address().port}`];
		gateway.writeConfig(JSON.stringify(gateway.settings));
		for (let i = 0; i < 3; i++) await failing(/cannot listen on 127\.0\.0\.1:/);
		taken.close();
		gateway.configure();
		assert.equal((await modern(gateway, 'tools/list', {}, { connection: idle })).status, 200, 'nothing was drained');
		idle.destroy();
		assert.equal((await gateway.cli('status')).code, 0, 'the control socket has stayed');
		await clients.stop();
		assert.deepEqual(clients.failures, []);
		assert.ok(isRunning(lives[0]));
		await upgraded(gateway, lives); // and one that works still does
	});
});

test('killed while it takes over: one server is left; the data directory is never free for another', async (t) => {
	await withGateway(t, {}, async (gateway, lives) => {
		const clients = load(gateway, { fresh: 2, kept: 2 });
		const stranger = async () => {
			const config = gateway.file('stranger.yaml');
			fs.writeFileSync(config, JSON.stringify({ ...gateway.settings, listen: '127.0.0.1:0' }));
			const ended = await run(binary, ['serve', '--config', config], { cwd: gateway.root });
			assert.equal(ended.code, 1);
			assert.match(ended.stderr, /another gatehouse serves this data directory/);
		};
		gateway.installScript('exec sleep 600');
		const asked = gateway.cli('upgrade');
		const { pid } = await gateway.untilLogged('upgrade.started');
		await stranger();
		const second = await gateway.cli('upgrade');
		assert.match(second.stderr, /under way already/);
		process.kill(pid, 'SIGKILL');
		assert.match((await asked).stderr, /ended before it was ready/);
		await someMore(clients);
		assert.ok(isRunning(lives[0]));
		gateway.install(binary);
		const slow = modernCall(gateway, 'fx_slow', { ms: 3000 });
		await until('a call in flight', async () => (await gateway.upstream('fx')).in_flight >= 1);
		const { before } = await upgraded(gateway, lives);
		assert.ok(isRunning(before), 'it drains');
		await stranger();
		await slow;
		await until('the end of the process before', () => !isRunning(before), 30000);
		await stranger();
		await clients.stop();
		assert.deepEqual(clients.failures, []);
	});
});

test('told to end while it upgrades, it ends, and what it started too', async (t) => {
	const gateway = await startLinked(t);
	gateway.installScript('exec sleep 600');
	gateway.signal('SIGUSR2');
	const { pid } = await gateway.untilLogged('upgrade.started');
	const child = processInfo(pid);
	assert.equal((await gateway.stop()).code, 0);
	assert.equal(isRunning(child), false);
});
