// Upstreams and toolsets made at run time: rows beside the configuration file's, in force a moment after their write,
// gone a moment after theirs, for the tenant they belong to, and never a danger to the others.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { startFixture, stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modern, modernCall } from './lib/mcp.mjs';
import { sql } from './lib/sqlite.mjs';
import { until } from './lib/wait.mjs';

const BUMP = 'UPDATE meta SET generation = generation + 1';
const quoted = (text) => `'${text.replaceAll("'", "''")}'`;

/** Write rows the way any process may. */
function write(gateway, ...statements) {
	return sql(`${gateway.data}/gatehouse.db`, ...statements, BUMP);
}

function put(table, name, document, { tenant = '' } = {}) {
	const id = `01${randomBytes(12).toString('hex').toUpperCase()}`;
	return `INSERT INTO ${table} (id, tenant_id, name, document, created_ms, changed_ms) VALUES
		(${quoted(id)}, coalesce((SELECT id FROM tenant WHERE name = ${quoted(tenant)}), ''), ${quoted(name)}, ${quoted(JSON.stringify(document))}, 1, 1)`;
}

async function tools(gateway, tenant = 'acme', path = '/mcp') {
	const answer = await modern({ ...gateway.as(tenant), path }, 'tools/list');
	return answer.message.result?.tools.map(({ name }) => name) ?? answer.status;
}

const status = async (gateway) => (await fetch(`http://${gateway.address}/status`)).json(); // from the machine itself
const has = (name) => (list) => Array.isArray(list) && list.some((tool) => tool.startsWith(`${name}_`));

test('a row starts an upstream, an update replaces it, disabling and deleting end it; calls in flight end well', async (t) => {
	const web = await startFixture(t);
	const other = await startFixture(t);
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() }, config: { private_upstreams: true } });

	assert.ok(!has('crm')(await tools(gateway)));
	await write(gateway, put('upstream', 'crm', web.upstream()));
	await until('its tools', async () => has('crm')(await tools(gateway)));
	assert.deepEqual((await modernCall(gateway, 'crm_echo', { a: 1 })).message.result.structuredContent, { a: 1 });

	await write(gateway, `UPDATE upstream SET document = ${quoted(JSON.stringify(other.upstream()))}, changed_ms = 2`);
	await until('calls there', async () => {
		await modernCall(gateway, 'crm_echo', { b: 2 });
		return (await other.stats()).tool_calls > 0;
	});

	const slow = modernCall(gateway, 'crm_slow', { ms: 4000 });
	await until('the call to run', async () => (await status(gateway)).upstreams.some((u) => u.name === 'crm' && u.in_flight === 1));
	await write(gateway, 'UPDATE upstream SET disabled = 1, changed_ms = 3');
	await until('its tools to go', async () => !has('crm')(await tools(gateway)));
	assert.equal((await slow).message.result.content[0].text, 'done');

	await write(gateway, 'UPDATE upstream SET disabled = 0, changed_ms = 4');
	await until('its tools again', async () => has('crm')(await tools(gateway)));
	gateway.configure({ limits: { body: '2MB' } });
	assert.equal((await gateway.reload()).code, 0);
	assert.ok(has('crm')(await tools(gateway)), 'a reload of the file keeps what rows say');
	await write(gateway, 'DELETE FROM upstream');
	await until('its tools to go', async () => !has('crm')(await tools(gateway)));
	assert.ok(has('fx')(await tools(gateway)));
});

test('what is broken, forbidden or named like the file\'s is left out and told; the rest goes on', async (t) => {
	const web = await startFixture(t);
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() }, config: { private_upstreams: true } });

	await write(gateway,
		put('upstream', 'shell', { stdio: { command: '/bin/sh' } }),
		put('upstream', 'files', { http: { url: 'https://a.example/${file:/etc/passwd}' } }),
		put('upstream', 'token', { http: { url: 'https://a.example/', headers: { Authorization: 'Bearer abcdefghijklmn' } } }),
		put('upstream', 'fx', web.upstream()),
		`INSERT INTO upstream VALUES ('02X', '', 'garbage', 'not json', 0, 1, 1)`,
		put('upstream', 'good', web.upstream()));
	await until('the good one', async () => has('good')(await tools(gateway)));
	const seen = await status(gateway);
	assert.deepEqual(seen.skipped.map(({ name }) => name).sort(), ['files', 'fx', 'garbage', 'shell', 'token']);
	assert.match(seen.skipped.find(({ name }) => name === 'token').problem, /^\/http\/headers\/Authorization: /);
	assert.equal(gateway.logged(({ event }) => event === 'part.skipped').length, 5);
	assert.ok(!gateway.allStderr.includes('abcdefghijklmn'));
});

test('a private address is not reached without the file\'s leave', async (t) => {
	const web = await startFixture(t);
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });

	await write(gateway, put('upstream', 'inner', web.upstream()));
	const inner = await until('it to be refused', async () => {
		const { upstreams } = await status(gateway);
		return upstreams.find(({ name, last_error }) => name === 'inner' && last_error !== '');
	});
	assert.match(inner.last_error, /address/);
	assert.ok(!has('inner')(await tools(gateway)));
	const { ready } = await status(gateway);
	assert.equal(ready, true, 'a server that is not there does not take the gateway out of service');
});

test('what belongs to a tenant is there for that tenant alone', async (t) => {
	const web = await startFixture(t);
	const gateway = await startGateway(t, { tenants: ['acme', 'rival'], upstreams: { fx: stdioFixture() }, config: { private_upstreams: true } });

	await write(gateway,
		put('upstream', 'secretcrm', web.upstream(), { tenant: 'acme' }),
		put('toolset', 'desk', { include: ['secretcrm.*'] }, { tenant: 'acme' }));
	await until('its tools', async () => has('secretcrm')(await tools(gateway, 'acme')));
	await until('its toolset', async () => has('secretcrm')(await tools(gateway, 'acme', '/mcp/desk')));

	assert.ok(!has('secretcrm')(await tools(gateway, 'rival')));
	assert.equal(await tools(gateway, 'rival', '/mcp/desk'), 404);
	const refused = await modernCall(gateway.as('rival'), 'secretcrm_echo', {});
	const unknown = await modernCall(gateway.as('rival'), 'nothere_echo', {});
	assert.equal(refused.message.error?.code, unknown.message.error?.code);
	assert.equal(refused.text.replaceAll('secretcrm', 'nothere').replace(/"id":[^,}]*/, ''), unknown.text.replace(/"id":[^,}]*/, ''));
	const seen = await modern(gateway.as('rival'), 'server/discover');
	assert.ok(!seen.text.includes('secretcrm'));
	assert.ok(!(await (await fetch(`http://${gateway.address}/health/ready`)).text()).includes('secretcrm'), 'nor to strangers');

	await write(gateway, "UPDATE tenant SET disabled = 1 WHERE name = 'acme'");
	await until('it to end with its tenant', async () => !(await status(gateway)).upstreams.some(({ name }) => name === 'secretcrm'));
});
