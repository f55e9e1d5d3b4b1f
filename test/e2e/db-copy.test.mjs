// `gatehouse db copy`: an installation that was lived in, into PostgreSQL, cell for cell.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { databaseSection, onlySqlite } from './lib/backing.mjs';
import { stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modernCall } from './lib/mcp.mjs';
import { OWNER, RUNTIME, startPostgres } from './lib/postgres.mjs';
import { sql } from './lib/sqlite.mjs';

test('every row arrives as it was, once, and only while the gateway is stopped', { skip: onlySqlite }, async (t) => {
	const postgres = await startPostgres(t);
	const database = await postgres.createDatabase();
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() }, tenants: ['acme', 'other'] });
	const words = ['db', 'copy', '--url', database.urlOf(RUNTIME), '--as', OWNER, '--password-file', postgres.passwordFile];
	const file = `${gateway.data}/gatehouse.db`;

	assert.match((await gateway.cli(...words)).stderr, /stop it first/);
	await gateway.stop();
	assert.match((await gateway.cli(...words)).stderr, /gatehouse migrate/);
	assert.equal((await gateway.cli('migrate', ...words.slice(2))).code, 0);

	// Bytes of all kinds, empty and NULL, more rows than a page.
	const old = Date.UTC(2024, 1, 29);
	const many = Array.from({ length: 700 }, (_, i) => `('P${String(i).padStart(4, '0')}', 'T', x'00ff${(i % 256).toString(16).padStart(2, '0')}')`);
	await sql(file, `INSERT INTO person_key (subject, tenant_id, key) VALUES ${many}`);
	await sql(file, `INSERT INTO usage_month VALUES ('T', '', 202402, 9223372036854775807, 0), ('T', 'é\\ ''"', 202402, -1, 0)`);
	await sql(file, `INSERT INTO tool_pin (upstream, tool, seen_digest, seen_definition, seen_ms) VALUES ('a', 'b', x'', '', ${old})`);

	const copied = await gateway.cliJson(...words);
	assert.equal(copied.find(({ table }) => table === 'person_key').rows >= 700, true);
	for (const { table } of copied) {
		const there = await database.sql(`SELECT * FROM ${table}`);
		const here = await sql(file, `SELECT * FROM ${table}`);
		const canonical = (rows) => rows.map((row) => JSON.stringify(Object.entries(row).map(([name, cell]) =>
			[name, Buffer.isBuffer(cell) || cell instanceof Uint8Array ? Buffer.from(cell).toString('hex') : String(cell)]))).sort();
		assert.deepEqual(canonical(there), canonical(here), table);
	}
	// The two schemas have the same tables with the same columns, and none was left out but what SQLite has for an index.
	const ours = await database.sql(`SELECT c.relname AS name, string_agg(a.attname, ' ' ORDER BY a.attnum) AS columns
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.relnamespace = 'gatehouse'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
		AND c.relname <> 'schema_version' GROUP BY c.relname`);
	const theirs = await sql(file, `SELECT m.name AS name, (SELECT group_concat(i.name, ' ') FROM pragma_table_info(m.name) i) AS columns
		FROM sqlite_schema m WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> 'audit_block'`);
	const byName = (rows) => Object.fromEntries(rows.map(({ name, columns }) => [name, columns]).sort());
	assert.deepEqual(byName(ours), byName(theirs));
	const anew = ['metric']; // reports of ad platforms are fetched anew
	assert.deepEqual([...copied.map(({ table }) => table), ...anew].sort(), theirs.map(({ name }) => name).sort());

	const again = await gateway.cli(...words);
	assert.equal(again.code, 1);
	assert.match(again.stderr, /already holds rows/);
	assert.equal((await database.sql(`SELECT count(*)::int AS n FROM pg_class WHERE relnamespace = 'gatehouse'::regnamespace
		AND relkind IN ('r', 'p') AND relname NOT IN ('meta', 'schema_version') AND NOT (relrowsecurity AND relforcerowsecurity)`))[0].n, 0);
});

test('what was copied is served: keys, what is sealed, and one chain through both', { skip: onlySqlite }, async (t) => {
	const postgres = await startPostgres(t);
	const database = await postgres.createDatabase();
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const to = ['--url', database.urlOf(RUNTIME), '--as', OWNER, '--password-file', postgres.passwordFile];
	const called = async () => (await gateway.cliJson('audit', 'list')).filter(({ event }) => event === 'mcp.tool_called');

	for (const text of ['one', 'two', 'three']) await modernCall(gateway, 'fx_echo', { text });
	await gateway.stop();
	assert.equal((await gateway.cli('migrate', ...to)).code, 0);
	assert.equal((await gateway.cli('db', 'copy', ...to)).code, 0);
	for (const name of ['', '-wal', '-shm']) fs.rmSync(`${gateway.data}/gatehouse.db${name}`, { force: true });

	gateway.configure({ config: { database: databaseSection(database) } });
	await gateway.start();
	await gateway.settled();
	const answer = await modernCall(gateway, 'fx_echo', { text: 'four' }); // with the key of before
	assert.equal(answer.message.result?.structuredContent.text, 'four', answer.text);
	const rows = await called();
	assert.equal(rows.length, 4);
	assert.ok(rows.every(({ ip }) => ip === '127.0.0.1'), 'addresses are opened with the keys that sealed them');
	const stored = await database.sql("SELECT ip FROM audit WHERE event = 'mcp.tool_called'");
	assert.ok(stored.length === 4 && stored.every(({ ip }) => ip.startsWith('~')));
	const verified = await gateway.cli('audit', 'verify');
	assert.equal(verified.code, 0, verified.stderr);
	assert.ok(!fs.existsSync(`${gateway.data}/gatehouse.db`));
	await gateway.stop();
	assert.equal((await gateway.cli('audit', 'verify')).code, 0);
});
