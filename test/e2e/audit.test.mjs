// The audit trail: a row for each call, a chain that shows every change, and nothing lost that was
// promised, whatever kills the process.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, test } from 'node:test';
import { databaseOf, onlySqlite, onPostgres } from './lib/backing.mjs';
import { stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modern, modernCall, openSession } from './lib/mcp.mjs';
import { launch, untilGone } from './lib/process.mjs';
import { Connection } from './lib/raw.mjs';
import { sql, stored } from './lib/sqlite.mjs';
import { each, until } from './lib/wait.mjs';

const database = (gateway) => `${gateway.data}/gatehouse.db`;

function rows(gateway, where = '1 = 1') {
	return sql(database(gateway), `SELECT event, tenant_id, principal, ip, request_id, target, upstream, outcome, duration_us, bytes_in, bytes_out FROM audit WHERE ${where} ORDER BY seq`);
}

async function verify(gateway) {
	const ended = await gateway.cli('audit', 'verify');
	return { ok: ended.code === 0, text: ended.stdout + ended.stderr, code: ended.code };
}

test('each call has its row: who, what, how it ended; never arguments or results', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture([], { timeout: '300ms' }) } });
	const call = (id, name, args) => modernCall(gateway, name, args, { headers: { 'x-request-id': id } });

	await call('r-ok', 'fx_echo', { word: 'confidential-argument' });
	await call('r-error', 'fx_fail', {});
	await call('r-arguments', 'fx_size', { bytes: 'many' });
	await call('r-unknown', 'no_such_tool', {});
	await call('r-timeout', 'fx_hang', {});
	await (await openSession(gateway)).call('fx_echo', {}, { headers: { 'x-request-id': 'r-session' } });
	await modern(gateway, 'resources/read', { uri: 'fixture://text' }, { headers: { 'x-request-id': 'r-resource' } });
	await modern(gateway, 'prompts/get', { name: 'fx_greeting', arguments: { name: 'Ada' } }, { headers: { 'x-request-id': 'r-prompt' } });

	const found = await until('the rows', async () => {
		const all = await rows(gateway, "request_id LIKE 'r-%' AND event NOT LIKE 'api_key.%'");
		return all.length === 8 && all;
	});
	const seen = Object.fromEntries(found.map((row) => [row.request_id, row]));
	assert.deepEqual(Object.entries(seen).map(([id, { event, target, upstream, outcome }]) => [id, event, target, upstream ?? '', outcome]).sort(), [
		['r-arguments', 'mcp.tool_failed', 'fx_size', 'fx', 'MCP_ARGUMENTS'],
		['r-error', 'mcp.tool_failed', 'fx_fail', 'fx', 'tool_error'],
		['r-ok', 'mcp.tool_called', 'fx_echo', 'fx', 'ok'],
		['r-prompt', 'mcp.prompt_read', 'fx_greeting', 'fx', 'ok'],
		['r-resource', 'mcp.resource_read', 'fixture://text', 'fx', 'ok'],
		['r-session', 'mcp.tool_called', 'fx_echo', 'fx', 'ok'],
		['r-timeout', 'mcp.tool_failed', 'fx_hang', 'fx', 'UPSTREAM_TIMEOUT'],
		['r-unknown', 'mcp.tool_failed', 'no_such_tool', '', 'MCP_UNKNOWN_TOOL'],
	]);
	assert.equal(new Set(found.map(({ principal }) => principal)).size, 1);
	assert.ok(found.every(({ ip }) => /^~[\w-]{50,}$/.test(ip)), 'sealed for whom it is of');
	const listed = (await gateway.cliJson('audit', 'list')).filter(({ request_id, event }) => request_id.startsWith('r-') && !event.startsWith('api_key.'));
	assert.ok(listed.length === 8 && listed.every(({ ip }) => ip === '127.0.0.1'));
	assert.ok(seen['r-timeout'].duration_us >= 290000);
	assert.ok(seen['r-ok'].bytes_in > 100 && seen['r-ok'].bytes_out > 50);
	assert.ok(!(await stored(gateway)).includes('confidential-argument'));
	assert.deepEqual((await rows(gateway, "event IN ('tenant.created', 'api_key.created')")).map(({ event }) => event), ['tenant.created', 'api_key.created']);
	assert.ok((await verify(gateway)).ok, 'while it serves');
	await gateway.stop();
	assert.ok((await verify(gateway)).ok, 'after it stopped');
});

/** Calls without pause on some connections; resolves with the ids of those that were answered. */
async function load(gateway, lanes, stopped) {
	const answered = [];
	await each(lanes, lanes, async (lane) => {
		try {
			const connection = await Connection.open(gateway);
			for (let i = 0; !stopped(); i++) {
				const id = `load-${lane}-${i}`;
				const answer = await modernCall(gateway, 'fx_echo', { i }, { connection, headers: { 'x-request-id': id } });
				if (answer.status === 200) answered.push(id);
			}
			connection.destroy();
		} catch {
			/* the gateway was killed */
		}
	});
	return answered;
}

describe('kill -9 under load', () => {
	for (const durability of ['group', 'strict']) {
		test(`durability: ${durability}`, async (t) => {
			const gateway = await startGateway(t, { config: { audit: { durability } }, upstreams: { fx: stdioFixture() } });
			for (let round = 0; round < 3; round++) {
				const children = gateway.childrenLike('fixture-mcp');
				let enough = 0;
				const loading = load(gateway, 8, () => gateway.child.exitCode !== null || gateway.child.signalCode !== null);
				await until('some calls', async () => (enough = (await gateway.status()).audit.rows) >= 300);
				await gateway.crash();
				const answered = await loading;
				assert.ok(answered.length >= 200, `${answered.length} answers, ${enough} rows`);

				const verdict = await verify(gateway);
				assert.ok(verdict.ok, verdict.text);
				if (durability === 'strict') {
					const kept = new Set((await rows(gateway, "request_id LIKE 'load-%'")).map(({ request_id }) => request_id));
					assert.deepEqual(answered.filter((id) => !kept.has(id)), [], 'every answered call has its row');
				}
				await untilGone(children); // they see the end of their pipes
				await gateway.start();
				await gateway.settled();
				assert.equal((await modernCall(gateway, 'fx_echo', { round })).message.result.structuredContent.round, round);
			}
			await gateway.stop();
			assert.ok((await verify(gateway)).ok);
		});
	}
});

/** Somebody with every right on the database: how they get past the triggers, and a copy to go back to. */
const intruder = onPostgres
	? {
		disarm: ['SET session_replication_role = replica'],
		async keep(gateway) {
			const own = databaseOf(database(gateway));
			return own.postgres.createDatabase({ like: own.name });
		},
		async restore(gateway, { name: like }) {
			const own = databaseOf(database(gateway));
			await own.drop();
			await own.postgres.createDatabase({ name: own.name, like });
		},
		forget: (copy) => copy.drop(),
	}
	: {
		disarm: ['DROP TRIGGER audit_no_update', 'DROP TRIGGER audit_no_delete', 'DROP TRIGGER audit_head_no_delete'],
		async keep(gateway) {
			await sql(database(gateway), 'PRAGMA wal_checkpoint(TRUNCATE)');
			fs.copyFileSync(database(gateway), `${database(gateway)}.clean`);
			return `${database(gateway)}.clean`;
		},
		restore(gateway, copy) {
			for (const ending of ['-wal', '-shm']) fs.rmSync(database(gateway) + ending, { force: true });
			fs.copyFileSync(copy, database(gateway));
		},
		forget() {},
	};

describe('tampering is found', () => {
	const changes = [
		['an outcome changed', ["UPDATE audit SET outcome = 'forged' WHERE seq = 5"]],
		['a time changed', ['UPDATE audit SET at_ms = at_ms - 1 WHERE seq = 5']],
		['a tenant changed', ["UPDATE audit SET tenant_id = 'somebody' WHERE seq = 5"]],
		['an empty text made null', ["UPDATE audit SET upstream = CASE WHEN upstream IS NULL THEN '' ELSE NULL END WHERE seq = 1"]],
		['a row in the middle removed', ['DELETE FROM audit WHERE seq = 5']],
		['the first row removed', ['DELETE FROM audit WHERE seq = 1']],
		['the last rows removed', ['DELETE FROM audit WHERE seq > (SELECT max(seq) - 3 FROM audit)']],
		['all rows removed', ['DELETE FROM audit']],
		['all rows and the head removed', ['DELETE FROM audit', 'DELETE FROM audit_head']],
		['two rows exchanged', ['UPDATE audit SET seq = -1 WHERE seq = 4', 'UPDATE audit SET seq = 4 WHERE seq = 5', 'UPDATE audit SET seq = 5 WHERE seq = -1']],
		['a row doubled', ["INSERT INTO audit SELECT 100000, at_ms, event, tenant_id, principal, ip, request_id, target, upstream, outcome, duration_us, bytes_in, bytes_out, mac FROM audit WHERE seq = 5"]],
		['a row moved to the end', ['UPDATE audit SET seq = (SELECT max(seq) + 1 FROM audit) WHERE seq = 5']],
		['a mac of another row', ['UPDATE audit SET mac = (SELECT mac FROM audit WHERE seq = 6) WHERE seq = 5']],
		['the head set back with its rows', ['DELETE FROM audit WHERE seq > 6', 'UPDATE audit_head SET seq = 6, mac = (SELECT mac FROM audit WHERE seq = 6)']],
	];

	test('by audit verify, which says where', async (t) => {
		const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
		await each(20, 1, (i) => modernCall(gateway, i % 5 === 0 ? 'fx_fail' : 'fx_echo', {}));
		await gateway.stop();
		assert.ok((await verify(gateway)).ok);
		const clean = await intruder.keep(gateway);

		for (const [what, statements] of changes) {
			await intruder.restore(gateway, clean);
			await sql(database(gateway), ...intruder.disarm, ...statements);
			const verdict = await verify(gateway);
			assert.equal(verdict.code, 1, `${what}: ${verdict.text}`);
			assert.match(verdict.text, /rows? |head/, what);
		}
		await intruder.restore(gateway, clean);
		assert.ok((await verify(gateway)).ok, 'the untouched copy verifies');
		await intruder.forget(clean);
	});

	test('the triggers refuse accidents', async (t) => {
		const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
		await modernCall(gateway, 'fx_echo', {});
		await assert.rejects(sql(database(gateway), 'DELETE FROM audit'), /only deleted once archived/);
		await assert.rejects(sql(database(gateway), "UPDATE audit SET outcome = 'x'"), /never changed/);
	});
});

test('one data directory, one server', { skip: onlySqlite }, async (t) => {
	const gateway = await startGateway(t, { upstreams: {} });
	const second = await gateway.cli('serve');
	assert.equal(second.code, 1, second.stderr);
	assert.match(second.stderr, /another gatehouse serves this data directory/);
});

test('while the database is locked by somebody else, answers wait or fail, and nothing is lost', { skip: onlySqlite }, async (t) => {
	const gateway = await startGateway(t, { config: { audit: { durability: 'strict' } }, upstreams: { fx: stdioFixture() } });
	const holder = launch('python3', ['-uc', 'import sqlite3,sys\ndb=sqlite3.connect(sys.argv[1],isolation_level=None)\ndb.execute("BEGIN IMMEDIATE")\nprint("held")\nsys.stdin.readline()\ndb.execute("COMMIT")', database(gateway)], { stdio: ['pipe', 'pipe', 'pipe'] });
	await until('the lock', () => holder.output.stdout.includes('held'));
	let done = false;
	const call = modernCall(gateway, 'fx_echo', { patient: 1 }, { headers: { 'x-request-id': 'waited' } }).finally(() => {
		done = true;
	});
	await until('the waiting row', async () => (await gateway.status()).audit.waiting > 0);
	assert.equal(done, false, 'no answer before its row');
	holder.stdin.end('\n');
	assert.equal((await call).message.result.structuredContent.patient, 1);
	assert.equal((await rows(gateway, "request_id = 'waited' AND event = 'mcp.tool_called'")).length, 1);
	await holder.ended;
});
