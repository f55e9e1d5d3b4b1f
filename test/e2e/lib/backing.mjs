// What a gateway under test keeps its rows and its short-lived state in.
//
// Without words in the environment: SQLite and memory, a directory each. The leg `e2e-postgres` of ./dev test runs the same files
// with (test/e2e/on-postgres.mjs sets them; the product reads neither)
//
//   GATEHOUSE_TEST_DATABASE   {"directory", "port", "template", "pooler"}: a server, and a migrated database to copy
//   GATEHOUSE_TEST_STATE      {"url", "password_file"}: one server for all, a prefix of keys for each gateway
//
// and then each gateway gets a database and a prefix of its own. What is about SQLite's file itself skips there, and says so:
//
//   test('the file is 0600', { skip: onlySqlite }, ...)
import crypto from 'node:crypto';
import path from 'node:path';
import { attachPostgres, RUNTIME, OWNER } from './postgres.mjs';
import { run } from './process.mjs';

const words = {
	database: process.env.GATEHOUSE_TEST_DATABASE ? JSON.parse(process.env.GATEHOUSE_TEST_DATABASE) : null,
	state: process.env.GATEHOUSE_TEST_STATE ? JSON.parse(process.env.GATEHOUSE_TEST_STATE) : null,
};
const databases = new Map(); // data directory to Database

export const onPostgres = words.database !== null;
/** For `skip`: false, or why. */
export const onlySqlite = onPostgres && 'belongs to the SQLite leg';

/** The configuration's `database` for a gateway that reaches `database` at `where` ({port}). */
export function databaseSection(database, where = {}, more = {}) {
	return { url: database.urlOf(RUNTIME, where), password_file: database.postgres.passwordFile, ...more };
}

/** Its `state`, reached at `port`. */
export function stateSection(redis, prefix, port = redis.port) {
	return { url: redis.urlAt(port), password_file: redis.passwordFile, prefix };
}

/** Put the tables into an empty database, by the gateway's own command. */
export async function migrate(binary, database) {
	const ended = await run(binary, ['migrate', '--url', database.url, '--as', OWNER, '--password-file', database.postgres.passwordFile, '--keep', '0s']);
	if (ended.code !== 0) throw new Error(`gatehouse migrate: ${ended.stderr}`);
}

/** What to add to the configuration of the gateway whose data directory is `data`. */
export async function makeBacking(data) {
	if (!onPostgres) return { sections: {}, drop: async () => {} };
	const { template, pooler } = words.database;
	const database = await attachPostgres(words.database).createDatabase({ like: template });
	databases.set(path.resolve(data), database);
	return {
		sections: {
			database: pooler === undefined ? databaseSection(database) : databaseSection(database, { port: pooler }, { prepared: false }),
			state: { ...words.state, prefix: `${crypto.randomBytes(6).toString('hex')}:` },
		},
		drop: () => {
			databases.delete(path.resolve(data));
			return database.drop();
		},
	};
}

/** The Database of the gateway that would keep the file `file` on SQLite; undefined on SQLite. */
export function databaseOf(file) {
	return databases.get(path.dirname(path.resolve(file)));
}
