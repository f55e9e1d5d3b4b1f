// Old rows of the trail move into files: each row is in the table or in a file, never in both, whenever somebody is killed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modernCall } from './lib/mcp.mjs';
import { binary } from './lib/paths.mjs';

const ARCHIVING = { upstreams: { fx: stdioFixture() }, config: { retention: { audit: '1ms' } } };

async function calls(gateway, count) {
	for (let i = 0; i < count; i++) await modernCall(gateway, 'fx_echo', { text: String(i) });
}

function files(gateway) {
	return fs.readdirSync(path.join(gateway.data, 'archive')).filter((name) => name.endsWith('.jsonl')).sort();
}

test('rows past their period are in files that prove themselves', async (t) => {
	const gateway = await startGateway(t, ARCHIVING);
	await calls(gateway, 20);
	const trail = (lines) => lines.find(({ name }) => name === 'audit');
	const shown = trail(await gateway.cliJson('retention', 'run'));
	assert.ok(shown.archived >= 20, JSON.stringify(shown));
	assert.match(shown.file, /^audit-000000000001-\d{12}\.jsonl$/);
	const [name] = files(gateway);
	const file = path.join(gateway.data, 'archive', name);
	const rows = fs.readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
	assert.equal(rows.filter(({ event, target }) => event === 'mcp.tool_called' && target === 'fx_echo').length, 20);
	assert.ok((await gateway.cliJson('audit', 'list')).some(({ event, target }) => event === 'audit.archived' && target === name));

	const verified = await gateway.cli('audit', 'verify', '--archive');
	assert.equal(verified.code, 0, verified.stderr);
	assert.match(verified.stdout, /1 archived files, rows 1 to \d+, all of them sound/);
	await calls(gateway, 3);
	assert.equal((await gateway.cli('retention', 'run')).code, 0);
	assert.equal(files(gateway).length, 2);
	assert.equal((await gateway.cli('audit', 'verify', '--archive')).code, 0);

	const text = fs.readFileSync(file, 'utf8');
	fs.writeFileSync(file, text.replace('"target":"fx_echo"', '"target":"fx_other"'));
	const changed = await gateway.cli('audit', 'verify', '--archive');
	assert.equal(changed.code, 1);
	assert.match(changed.stderr, /does not hold: line \d+: row \d+ was changed/);
	fs.writeFileSync(file, text);
	fs.renameSync(file, `${file}.away`);
	assert.equal((await gateway.cli('audit', 'verify', '--archive')).code, 0, 'an operator may keep the oldest files elsewhere');
	fs.renameSync(path.join(gateway.data, 'archive', files(gateway)[0]), `${file}.away2`);
	assert.match((await gateway.cli('audit', 'verify', '--archive')).stderr, /a file is missing/);
});

test('kill -9 at any moment leaves each row once', async (t) => {
	const gateway = await startGateway(t, ARCHIVING);
	let stopped = false;
	const load = (async () => {
		while (!stopped) await calls(gateway, 1);
	})();
	for (let delay = 20; delay <= 160; delay += 14) {
		const child = spawn(binary, ['retention', 'run', '--config', gateway.configFile], { cwd: gateway.root, stdio: 'ignore' });
		const timer = setTimeout(() => child.kill('SIGKILL'), delay);
		await once(child, 'exit');
		clearTimeout(timer);
	}
	stopped = true;
	await load;
	await gateway.trailWritten();
	assert.equal((await gateway.cli('retention', 'run')).code, 0);
	const verified = await gateway.cli('audit', 'verify', '--archive');
	assert.equal(verified.code, 0, verified.stderr);
	const trail = (await gateway.cliJson('retention')).find(({ name }) => name === 'audit');
	assert.ok(trail.archived > 10 && trail.rows < 10, JSON.stringify(trail));
});

test('a trail that is kept for ever is not archived', async (t) => {
	const gateway = await startGateway(t, { upstreams: {}, config: { retention: { audit: '0s' } } });
	assert.match((await gateway.cli('retention', 'run')).stdout, /audit +never archived/);
	assert.ok(!fs.existsSync(path.join(gateway.data, 'archive')));
});
