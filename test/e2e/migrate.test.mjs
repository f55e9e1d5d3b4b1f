// `gatehouse migrate`, and what it makes: rights of the two roles, row-level security of every table there is, months.
// Tables and columns are read from the catalogue, so that a table that nobody thought of fails here.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { before, after, test } from 'node:test';
import { binary } from './lib/paths.mjs';
import { OWNER, RUNTIME, startPostgres } from './lib/postgres.mjs';
import { run } from './lib/process.mjs';

const OPEN = ['meta', 'schema_version']; // numbers, nobody's
const INSTALLATION = ['audit_anchor', 'audit_head', 'blocked', 'job', 'job_run', 'retention_run', 'signing_key']; // for '*' alone
const SHARED = ['oauth_client', 'toolset', 'upstream']; // rows of no tenant are read by all
/** Tables that are a tenant's by what they refer to: which column names whose row. */
const BY_PARENT = { oauth_code: ['grant_id', 'G-'], oauth_refresh: ['grant_id', 'G-'], tool_pin: ['upstream', 'N-'] };
const TENANTS = ['A', 'B'];

const cleanups = [];
let postgres;
let database;
let root;

const quote = (value) => (typeof value === 'number' ? String(value) : `'${value}'`);
const scoped = (tenant) => `SET app.current_tenant_id = '${tenant}'`;
const gatehouse = (...words) =>
	run(binary, [...words, ...(words.includes('--url') ? ['--password-file', postgres.passwordFile] : [])], { cwd: root });
const migrate = (of, ...words) => gatehouse('migrate', '--url', of.urlOf(RUNTIME), ...words);

async function refused(sql, role = RUNTIME, scope = '*') {
	await assert.rejects(database.sqlAs(role, scoped(scope), sql), /permission denied|must be owner|row-level security|never|archived/, sql);
}

before(async () => {
	root = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-migrate-'));
	postgres = await startPostgres({ after: (cleanup) => cleanups.push(cleanup) });
	database = await postgres.createDatabase();
	const made = await migrate(database, '--as', OWNER);
	assert.equal(made.code, 0, made.stderr);
});

after(async () => {
	for (const cleanup of cleanups.reverse()) await cleanup();
	fs.rmSync(root, { recursive: true, force: true });
});

/** Every table but partitions: {name, columns: [{name, type}]}. */
async function tables() {
	const rows = await database.sql(`SELECT c.relname AS "table", a.attname AS "column", format_type(a.atttypid, a.atttypmod) AS type
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = 'gatehouse'::regnamespace
		AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum`);
	const found = new Map();
	for (const row of rows) found.set(row.table, [...(found.get(row.table) ?? []), { name: row.column, type: row.type }]);
	return found;
}

/** A value that satisfies the table's checks and references, different for each tenant. */
function valueOf(table, column, tenant) {
	if (table in BY_PARENT && column.name === BY_PARENT[table][0]) return BY_PARENT[table][1] + tenant;
	if (table === 'tenant' && column.name === 'id') return tenant;
	if (column.name === 'tenant_id') return tenant;
	if (column.name === 'kind') return table === 'account' ? 'person' : 'manual';
	if (column.type === 'bigint') return column.name === 'seq' ? tenant.charCodeAt(0) : 1;
	if (column.type === 'bytea') return `\\x${Buffer.from(tenant.repeat(16)).toString('hex')}`;
	const named = { user_id: 'U-', client_id: 'C-', id: { account: 'U-', oauth_client: 'C-', oauth_grant: 'G-' }[table] ?? 'I-', name: 'N-' };
	return (named[column.name] ?? 'x-') + tenant;
}

async function fill(found) {
	const parents = ['tenant', 'account', 'oauth_client', 'oauth_grant', 'upstream'];
	const order = [...parents, ...[...found.keys()].filter((name) => !parents.includes(name))];
	for (const name of order.filter((name) => !OPEN.includes(name) && !INSTALLATION.includes(name))) {
		const columns = found.get(name);
		for (const tenant of TENANTS) {
			const values = columns.map((column) => quote(valueOf(name, column, tenant)));
			await database.sqlAs(RUNTIME, scoped('*'), `INSERT INTO ${name} (${columns.map((c) => `"${c.name}"`)}) VALUES (${values})`);
		}
	}
}

const count = async (role, scope, table) =>
	(await database.sqlAs(role, scope === null ? 'SELECT 1' : scoped(scope), `SELECT count(*)::int AS n FROM ${table}`))[0].n;

test('every table has a policy that is forced, and shows, takes and changes rows of its own tenant only', async (t) => {
	const found = await tables();
	assert.ok(found.size >= 24, `${found.size} tables`);
	const unforced = await database.sql(`SELECT relname FROM pg_class WHERE relnamespace = 'gatehouse'::regnamespace
		AND relkind IN ('r', 'p') AND NOT (relrowsecurity AND relforcerowsecurity) ORDER BY relname`);
	assert.deepEqual(unforced.map((row) => row.relname), OPEN);
	await fill(found);
	for (const [name, columns] of found) {
		if (OPEN.includes(name)) continue;
		await t.test(name, async () => {
			for (const role of [RUNTIME, OWNER]) {
				if (INSTALLATION.includes(name)) {
					assert.equal(await count(role, 'A', name), 0);
					continue;
				}
				assert.equal(await count(role, '*', name), 2, 'all tenants');
				assert.equal(await count(role, 'A', name), 1, 'one tenant');
				assert.equal(await count(role, 'nobody', name), 0, 'another tenant');
				assert.equal(await count(role, '', name), 0, 'no tenant');
				assert.equal(await count(role, null, name), 0, 'never said');
				if (name === 'audit') continue; // changed by nobody: below
				const number = columns.find(({ name: n, type }) => type === 'bigint' && n !== 'id' && n !== 'month');
				const [column, changed, as] = number === undefined ? ['key', "'\\x07'", "'\\x01'"] : [number.name, 7, 1];
				await database.sqlAs(role, scoped('A'), `UPDATE ${name} SET "${column}" = ${changed}`);
				const [{ n }] = await database.sqlAs(role, scoped('*'), `SELECT count(*)::int AS n FROM ${name} WHERE "${column}" = ${changed}`);
				assert.equal(n, 1, 'changed without WHERE');
				await database.sqlAs(role, scoped('*'), `UPDATE ${name} SET "${column}" = ${as}`);
				if (columns.some(({ name: n }) => n === 'tenant_id'))
					await refused(`UPDATE ${name} SET tenant_id = 'B'`, role, 'A');
				const values = columns.map((c) => quote(valueOf(name, c, 'B')));
				await refused(`INSERT INTO ${name} VALUES (${values})`, role, 'A');
			}
		});
	}
});

test('rows of nobody are read by everybody and written under * only', async () => {
	const found = await tables();
	for (const name of SHARED) {
		const columns = found.get(name);
		const values = (id) => columns.map((c) => quote(c.name === 'tenant_id' ? '' : valueOf(name, c, id)));
		await database.sqlAs(RUNTIME, scoped('*'), `INSERT INTO ${name} VALUES (${values('S')})`);
		assert.equal(await count(RUNTIME, 'A', name), 2);
		await database.sqlAs(RUNTIME, scoped('A'), `UPDATE ${name} SET disabled = 5`);
		await database.sqlAs(RUNTIME, scoped('A'), `DELETE FROM ${name} WHERE tenant_id = ''`);
		const [{ n }] = await database.sqlAs(RUNTIME, scoped('*'), `SELECT count(*)::int AS n FROM ${name} WHERE tenant_id = '' AND disabled <> 5`);
		assert.equal(n, 1);
		await refused(`INSERT INTO ${name} VALUES (${values('T')})`, RUNTIME, 'A');
	}
});

test('who serves adds to the trail and reads it, and does nothing else to it; and makes no tables', async () => {
	await database.sqlAs(RUNTIME, scoped('*'), "INSERT INTO audit (seq, at_ms, tenant_id) VALUES (900, 5, 'A')");
	assert.equal((await database.sqlAs(RUNTIME, scoped('A'), 'SELECT seq::int AS seq FROM audit WHERE seq = 900')).length, 1);
	const partitions = (await database.sql("SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'audit'::regclass")).map((row) => row.name);
	for (const name of ['audit', ...partitions])
		for (const verb of [`UPDATE ${name} SET event = ''`, `DELETE FROM ${name}`, `TRUNCATE ${name}`, `DROP TABLE ${name}`,
			`ALTER TABLE ${name} DISABLE TRIGGER ALL`, `ALTER TABLE ${name} NO FORCE ROW LEVEL SECURITY`])
			await refused(verb);
	for (const name of partitions) await refused(`SELECT * FROM ${name}`);
	for (const sql of ['CREATE TABLE gatehouse.mine (id int)', 'CREATE TABLE public.mine (id int)', 'CREATE SCHEMA mine', 'DROP TABLE tenant',
		'ALTER TABLE tenant ADD COLUMN more int', 'DROP POLICY scope ON tenant', 'CREATE INDEX mine ON tenant (title)', 'TRUNCATE tenant',
		'UPDATE schema_version SET number = 99', `SELECT rights_give('${RUNTIME}')`, 'DELETE FROM audit_head', 'DELETE FROM audit_anchor',
		"INSERT INTO audit_anchor VALUES (1, 4, '\\\\x00', '\\\\x00', 0, 'f')", 'UPDATE audit_anchor SET seq = 4', 'DELETE FROM meta'])
		await refused(sql);
	// And the owner by mistake.
	for (const verb of ["UPDATE audit SET event = ''", 'DELETE FROM audit', 'TRUNCATE audit', 'DELETE FROM audit_head']) await refused(verb, OWNER);
	const open = await database.sql(`SELECT table_name FROM information_schema.role_table_grants WHERE grantee = 'PUBLIC' AND table_schema = 'gatehouse'`);
	assert.deepEqual(open, []);
	const callable = await database.sql(`SELECT proname FROM pg_proc WHERE pronamespace = 'gatehouse'::regnamespace AND has_function_privilege('public', oid, 'EXECUTE')`);
	assert.deepEqual(callable, []);
	const loose = await database.sql(`SELECT proname FROM pg_proc WHERE pronamespace = 'gatehouse'::regnamespace AND prosecdef
		AND NOT coalesce(array_to_string(proconfig, ',') LIKE '%search_path=gatehouse, pg_temp%', false)`);
	assert.deepEqual(loose, []);
});

test('months get tables, also when their rows came first; what the anchor covers goes, and nothing else', async () => {
	const of = await postgres.createDatabase();
	assert.equal((await migrate(of, '--as', OWNER)).code, 0);
	const at = Date.UTC(2031, 4, 10);
	for (let seq = 1; seq <= 6; seq++)
		await of.sqlAs(RUNTIME, scoped('*'), `INSERT INTO audit (seq, at_ms, tenant_id, mac) VALUES (${seq}, ${at + (seq > 3 ? 31 * 86400000 : 0)}, 'A', '\\x0${seq}')`);
	const inDefault = async () => (await of.sql('SELECT count(*)::int AS n FROM audit_default'))[0].n;
	assert.equal(await inDefault(), 6);
	await of.sqlAs(RUNTIME, scoped('*'), `SELECT partitions_make(${at}, 1) AS n`);
	assert.equal(await inDefault(), 0);
	await of.sqlAs(RUNTIME, scoped('*'), `SELECT partitions_make(${at}, 1) AS n`); // again: nothing to do
	assert.deepEqual(await of.sqlAs(RUNTIME, scoped('A'), 'SELECT seq::int AS seq FROM audit ORDER BY seq'), [1, 2, 3, 4, 5, 6].map((seq) => ({ seq })));
	// Rows of a time to come are young by the server's clock, whoever asks: unless the owner says how young they may be.
	const cut = () => of.sqlAs(RUNTIME, scoped('*'), "SELECT audit_archive(0, 4, '\\x04', '\\x00', 'f')::int AS n");
	await of.sqlAs(RUNTIME, scoped('*'), 'UPDATE audit_head SET seq = 6');
	await assert.rejects(cut(), /older than/);
	await of.sqlAs(OWNER, "CREATE OR REPLACE FUNCTION audit_keep_ms() RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT -9000000000000::bigint'");
	assert.deepEqual(await cut(), [{ n: 4 }]); // a month as a whole, and one row of the next
	assert.deepEqual(await cut(), []); // the anchor is elsewhere now
	assert.deepEqual(await of.sqlAs(RUNTIME, scoped('*'), 'SELECT seq::int AS seq FROM audit ORDER BY seq'), [{ seq: 5 }, { seq: 6 }]);
	assert.equal((await of.sql("SELECT to_regclass('gatehouse.audit_203105') IS NULL AS gone"))[0].gone, true);
	// Called by a tenant's transaction it leaves that where it was.
	const [{ n }] = await of.sqlAs(RUNTIME, 'BEGIN', scoped('B'), 'SELECT partitions_make(0, 0)', 'SELECT count(*)::int AS n FROM audit');
	assert.equal(n, 0);
});

test('it says how far it is, rehearses, repeats itself without harm, and works with one role for both', async () => {
	const of = await postgres.createDatabase();
	const status = async () => JSON.parse((await gatehouse('migrate', 'status', '--url', of.urlOf(RUNTIME), '--as', OWNER, '--json')).stdout);
	assert.equal((await status()).from, 0);
	const rehearsed = await migrate(of, '--as', OWNER, '--dry-run');
	assert.match(rehearsed.stdout, /would be made: step 1/);
	assert.equal((await status()).from, 0);
	assert.equal((await migrate(of, '--as', OWNER)).code, 0);
	const made = await status();
	assert.equal(made.from, made.newest);
	assert.equal(made.trail_protected, true);
	assert.match((await migrate(of, '--as', OWNER)).stdout, /nothing is missing/);

	const alone = await postgres.createDatabase();
	const one = await gatehouse('migrate', '--url', alone.urlOf(OWNER));
	assert.equal(one.code, 0, one.stderr);
	assert.match(one.stderr, /not protected/);

	const newer = await postgres.createDatabase();
	await migrate(newer, '--as', OWNER);
	await newer.sql('UPDATE schema_version SET number = 999');
	assert.match((await migrate(newer, '--as', OWNER)).stderr, /newer Gatehouse/);
	assert.match((await gatehouse('migrate', '--url', newer.urlOf('nobody'), '--as', OWNER)).stderr, /no role nobody/);
	assert.match((await gatehouse('migrate')).stdout, /SQLite/);
	const open = await gatehouse('migrate', '--url', 'postgresql://x:s3cret@127.0.0.1:1/x');
	assert.match(open.stderr, /--password-file/);
	assert.doesNotMatch(open.stderr, /s3cret/);
});

test('a trail that is kept longer than the configuration wants is spoken of', async () => {
	const of = await postgres.createDatabase();
	const file = path.join(root, 'keep.yaml');
	const section = { url: of.urlOf(RUNTIME), password_file: postgres.passwordFile };
	fs.writeFileSync(file, JSON.stringify({ data: path.join(root, 'keep'), database: section, retention: { audit: '90d' } }));
	const keep = (time) => gatehouse('migrate', '--config', file, '--as', OWNER, '--password-file', postgres.passwordFile, '--keep', time);
	const longer = await keep('91d');
	assert.equal(longer.code, 0, longer.stderr);
	assert.match(longer.stderr, /`retention.audit` is shorter than --keep/);
	const same = await keep('90d');
	assert.equal(same.code, 0, same.stderr);
	assert.doesNotMatch(same.stderr, /retention/);
});
