// The throw-away PostgreSQL that other tests stand on: databases, roles, kills and restarts.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { startPostgres, OWNER, RUNTIME } from './lib/postgres.mjs';

test('databases are made, copied and reached by both roles', async (t) => {
	const postgres = await startPostgres(t);
	const first = await postgres.createDatabase();

	await first.sqlAs(OWNER, 'CREATE TABLE things (id int, name text)', `GRANT SELECT ON things TO ${RUNTIME}`,
		"INSERT INTO things VALUES (1, 'one'), (2, NULL)");
	assert.deepEqual(await first.sqlAs(RUNTIME, 'SELECT id, name FROM things ORDER BY id'), [{ id: 1, name: 'one' }, { id: 2, name: null }]);
	await assert.rejects(first.sqlAs(RUNTIME, 'CREATE TABLE mine (id int)'), /permission denied/);
	await assert.rejects(first.sqlAs(RUNTIME, 'DELETE FROM things'), /permission denied/);

	const copy = await postgres.createDatabase({ like: first.name });
	await first.sql('DELETE FROM things');
	assert.deepEqual(await copy.sqlAs(RUNTIME, 'SELECT count(*) AS rows FROM things'), [{ rows: 2 }]);
	assert.match(copy.url, new RegExp(`^postgresql://${RUNTIME}@127.0.0.1:${postgres.port}/${copy.name}$`));
	await copy.drop();
	assert.deepEqual(await postgres.sql(`SELECT 1 FROM pg_database WHERE datname = '${copy.name}'`), []);
});

test('what was committed is there after a kill and after an immediate shutdown', async (t) => {
	const postgres = await startPostgres(t);
	const database = await postgres.createDatabase();
	const { directory, port } = postgres;

	await database.sql('CREATE TABLE things (id int)', 'INSERT INTO things VALUES (1)');
	await postgres.kill();
	await assert.rejects(database.sql('SELECT 1'));
	await postgres.start();
	assert.deepEqual(await database.sql('SELECT id FROM things'), [{ id: 1 }]);
	await database.sql('INSERT INTO things VALUES (2)');
	await postgres.restart('immediate');
	assert.deepEqual(await database.sql('SELECT count(*) AS rows FROM things'), [{ rows: 2 }]);
	assert.equal(postgres.port, port);
	await postgres.cleanup();
	assert.equal(fs.existsSync(directory), false);
});
