// Whoever can read core files must find none of a gateway's: it holds opened keys and credentials.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { startGateway } from './lib/gateway.mjs';
import { run } from './lib/process.mjs';

const PATTERN = fs.readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();
const FILES = /^core(\.\d+)?$/;

/** Let the kernel write all of it, then do what makes it write. */
async function abort(pid) {
	const allowed = await run('prlimit', ['--pid', String(pid), '--core=unlimited:unlimited']);
	assert.equal(allowed.code, 0, allowed.stderr);
	process.kill(pid, 'SIGABRT');
}

/** Why nothing can be seen here; undefined: it can. */
async function whyNot() {
	if (!/^core(\.%p)?$/.test(PATTERN)) return `core files go to "${PATTERN}" here`;
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-core-'));
	try {
		const other = spawn('sleep', ['60'], { cwd: dir });
		await once(other, 'spawn');
		await abort(other.pid);
		await once(other, 'close');
		return fs.readdirSync(dir).some((name) => FILES.test(name)) ? undefined : 'no program leaves a core file here';
	} finally {
		fs.rmSync(dir, { recursive: true, force: true });
	}
}

test('a crash leaves no core file', async (t) => {
	const reason = await whyNot();
	if (reason !== undefined) return t.skip(reason);
	const gateway = await startGateway(t);
	await abort(gateway.pid);
	const { signal } = await gateway.child.ended;
	assert.equal(signal, 'SIGABRT');
	assert.deepEqual(fs.readdirSync(gateway.root).filter((name) => FILES.test(name)), []);
});
