// What a measured gateway keeps its rows and its short-lived state in: SQLite and memory, or a throw-away PostgreSQL and Redis that
// run on the load generator's core. Rows are seeded with the words that both engines have.
import path from 'node:path';
import { databaseSection, migrate, stateSection } from '../../test/e2e/lib/backing.mjs';
import { startPostgres } from '../../test/e2e/lib/postgres.mjs';
import { descendants } from '../../test/e2e/lib/process.mjs';
import { startRedis } from '../../test/e2e/lib/redis.mjs';
import { sql } from '../../test/e2e/lib/sqlite.mjs';
import { run } from './processes.mjs';

const cleanups = [];

/** PostgreSQL and Redis for the rest of the run, on `cores`. */
export async function startServers(cores) {
	const t = { after: (cleanup) => cleanups.push(cleanup) };
	// As an installation would have it, but that nobody waits for a disk: the machine's is not what is measured.
	const postgres = await startPostgres(t, { settings: { shared_buffers: '512MB', max_wal_size: '2GB' } });
	const redis = await startRedis(t);
	for (const pid of [postgres.child.pid, redis.child.pid]) run('taskset', ['-apc', cores, String(pid)]);
	return { postgres, redis, pids: () => [postgres, redis].map(({ child }) => [child.pid, ...descendants(child.pid).map(({ pid }) => pid)]) };
}

export async function stopServers() {
	for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

/** A database of a gateway's own. `yaml` goes into its configuration; seed(...statements) works on its rows. */
export class Backing {
	constructor(servers) {
		this.servers = servers;
	}

	async prepare(binary, root) {
		if (this.servers === null) {
			this.yaml = '';
			this.seed = (...statements) => sql(path.join(root, 'data/gatehouse.db'), ...statements);
			return this;
		}
		const { postgres, redis } = this.servers;
		const database = await postgres.createDatabase();
		await migrate(binary, database);
		this.yaml = `database: ${JSON.stringify(databaseSection(database))}\nstate: ${JSON.stringify(stateSection(redis, `${database.name}:`))}\n`;
		this.seed = (...statements) => database.sql(...statements);
		return this;
	}

	blob(text) {
		return this.servers === null ? `CAST(${text} AS BLOB)` : `convert_to(${text}, 'UTF8')`;
	}

	/** What autovacuum would do after a seed. */
	settle() {
		return this.servers === null ? Promise.resolve() : this.seed('VACUUM (ANALYZE)');
	}

	/** What the trail takes, with its indexes. */
	async trailBytes() {
		const [{ bytes }] = this.servers === null
			? await this.seed('SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size')
			: await this.seed("SELECT sum(pg_total_relation_size(inhrelid))::bigint AS bytes FROM pg_inherits WHERE inhparent = 'audit'::regclass");
		return Number(bytes);
	}

	/** Whether the gateway has still to note whose rows some are: see store/audit_search.c. */
	async blocksMissing() {
		if (this.servers !== null) return false;
		const [{ missing }] = await this.seed('SELECT coalesce((SELECT max(block) + 1 FROM audit_block), 0) < (SELECT max(seq) / 32768 FROM audit) AS missing');
		return missing !== 0;
	}
}
