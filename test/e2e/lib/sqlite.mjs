// A look into (or a hand in) the gateway's database: with the sqlite3 module of Python, which every machine that builds Gatehouse
// has; in the PostgreSQL leg, where the file stands for the gateway's database there, as PostgreSQL's superuser, whom no policy binds.
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

/** Run statements; returns the rows of the last one, blobs as hex. */
export async function sql(file, ...statements) {
	const database = databaseOf(file);
	if (database !== undefined) return database.sql(...statements);
	const ended = await run('python3', ['-c', PROGRAM], { input: JSON.stringify({ file, statements }) });
	if (ended.code !== 0) throw new Error(`sqlite: ${ended.stderr}`);
	return JSON.parse(ended.stdout);
}
