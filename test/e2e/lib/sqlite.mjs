// A look into (or a hand in) the gateway's database: with the sqlite3 module of Python, which every machine that builds Gatehouse
// has; in the PostgreSQL leg, where the file stands for the gateway's database there, as PostgreSQL's superuser, whom no policy binds.
import fs from 'node:fs';
import { databaseOf } from './backing.mjs';
import { run } from './process.mjs';

const PROGRAM = `
import json, sqlite3, sys
request = json.load(sys.stdin)
db = sqlite3.connect(request["file"], timeout=10)
db.row_factory = sqlite3.Row
rows = []
for statement in request["statements"]:
    rows = [{k: (v.hex() if isinstance(v, bytes) else v) for k, v in dict(row).items()} for row in db.execute(statement)]
db.commit()
json.dump(rows, sys.stdout)
`;

/** What waits until a running gateway's trail is in its database, by the database's file. */
export const trails = new Map();

/** Run statements; returns the rows of the last one, blobs as hex. */
export async function sql(file, ...statements) {
	const database = databaseOf(file);
	if (statements.some((statement) => /^\s*SELECT\b.*\bFROM audit\b/is.test(statement))) await trails.get(file)?.();
	if (database !== undefined) return database.sql(...statements);
	const ended = await run('python3', ['-c', PROGRAM], { input: JSON.stringify({ file, statements }) });
	if (ended.code !== 0) throw new Error(`sqlite: ${ended.stderr}`);
	return JSON.parse(ended.stdout);
}

/** Everything that lies in a gateway's database, as bytes to look for something in. */
export async function stored(gateway) {
	const file = `${gateway.data}/gatehouse.db`;
	return databaseOf(file)?.dump() ?? Buffer.concat([file, `${file}-wal`].filter(fs.existsSync).map((one) => fs.readFileSync(one)));
}

/** Names of the tables that have this column. */
export async function tablesWith(file, column) {
	const rows = databaseOf(file) === undefined
		? await sql(file, `SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = '${column}'`)
		: await sql(file, `SELECT table_name AS name FROM information_schema.columns WHERE table_schema = 'gatehouse' AND column_name = '${column}'`);
	return rows.map(({ name }) => name);
}
