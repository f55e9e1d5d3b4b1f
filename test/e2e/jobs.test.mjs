// The gateway's own jobs: listed, run by hand beside a running server, switched off by the configuration, and recorded.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGateway } from './lib/gateway.mjs';
import { until } from './lib/wait.mjs';

test('jobs run at their times and when they are told to', async (t) => {
	const gateway = await startGateway(t, { upstreams: {}, config: { jobs: { 'oauth-sweep': 'never', retention: 'every 1s' } } });
	const listed = async () => Object.fromEntries((await gateway.cliJson('jobs')).map((job) => [job.id, job]));
	const before = await until('the schedules', async () => {
		const jobs = await listed();
		return jobs['key-notices'] && jobs;
	});
	assert.equal(before['oauth-sweep'].state, 'off');
	assert.equal(before.retention.schedule, 'every 1s');
	assert.equal(before['key-notices'].state, 'waiting');

	const [ours, others] = gateway.settings.database === undefined ? ['audit-blocks', 'partitions'] : ['partitions', 'audit-blocks'];
	assert.equal(before[ours].state, 'waiting');
	assert.equal(before[others], undefined, 'what this database does not need is not run');

	const history = (kind) => gateway.cliJson('jobs', 'history', kind);
	await until('a run at its time', async () => (await history('retention')).some(({ outcome }) => outcome === 'ok'));
	assert.deepEqual(await history('oauth-sweep'), []);
	assert.equal((await gateway.cli('jobs', 'run', 'oauth-sweep')).code, 0);
	const [run] = await until('a run by hand', async () => {
		const runs = await history('oauth-sweep');
		return runs.length > 0 && runs;
	});
	assert.equal(run.outcome, 'ok');
	assert.equal((await listed())['oauth-sweep'].state, 'off', 'it stays off');
	assert.ok((await gateway.cliJson('audit', 'list')).some(({ event, target }) => event === 'job.hurried' && target === 'oauth-sweep'));

	const wrong = await gateway.cli('jobs', 'run', 'nothing');
	assert.equal(wrong.code, 1);
	assert.match(wrong.stderr, /no job 'nothing'; `gatehouse jobs` lists them/);
	assert.match((await gateway.cli('jobs', 'drop', 'retention')).stderr, /switched off with `jobs: \{ retention: never \}`/);
});

test('a key that ends soon is announced once', async (t) => {
	const gateway = await startGateway(t, { upstreams: {}, config: { jobs: { 'key-notices': 'every 1s' } } });
	const soon = await gateway.makeKey('acme', '--expires', '3d');
	await gateway.makeKey('acme', '--expires', '30d');
	const rows = async () => (await gateway.cliJson('audit', 'list')).filter(({ event }) => event === 'api_key.expiring');
	const [row] = await until('the notice', async () => {
		const all = await rows();
		return all.length > 0 && all;
	});
	assert.equal(row.target, soon.id);
	await gateway.untilLogged('api_key.expiring');
	const runs = (await gateway.cliJson('jobs', 'history', 'key-notices')).length;
	await until('two more runs', async () => (await gateway.cliJson('jobs', 'history', 'key-notices')).length >= runs + 2);
	assert.equal((await rows()).length, 1);
});
