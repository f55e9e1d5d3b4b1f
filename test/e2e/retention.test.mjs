// What is past its period goes, by hand and beside a running server, and the command says so.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { sql } from './lib/sqlite.mjs';

test('rows past their period go, the others stay, the run is shown and recorded', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	await sql(`${gateway.data}/gatehouse.db`, "INSERT INTO usage_month VALUES ('T', 'P', 202001, 5, 0), ('T', 'P', 299901, 5, 0)");
	const line = (lines) => lines.find(({ name }) => name === 'usage');
	const before = line(await gateway.cliJson('retention'));
	assert.equal(before.past, 1);
	const after = line(await gateway.cliJson('retention', 'run'));
	assert.equal(after.past, 0);
	assert.equal(after.rows, before.rows - 1);
	assert.ok(after.last_run_ms > 0);
	assert.ok((await gateway.cliJson('audit', 'list')).some(({ event }) => event === 'retention.enforced'));
	await gateway.stop();
});
