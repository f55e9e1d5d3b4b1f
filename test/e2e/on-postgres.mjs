// Run a command with a throw-away PostgreSQL and Redis for every gateway that its tests start (lib/backing.mjs):
//
//   node on-postgres.mjs [--pooler] node --test FILE...
//
// --pooler puts PgBouncer, in transaction mode, between the gateways and PostgreSQL. Exits as the command did.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { migrate } from './lib/backing.mjs';
import { binary } from './lib/paths.mjs';
import { startPgbouncer } from './lib/pgbouncer.mjs';
import { startPostgres } from './lib/postgres.mjs';
import { startRedis } from './lib/redis.mjs';

const words = process.argv.slice(2);
const pooled = words[0] === '--pooler' && words.shift() !== undefined;
const cleanups = [];
const t = { after: (cleanup) => cleanups.push(cleanup) };

async function main() {
	const postgres = await startPostgres(t);
	const redis = await startRedis(t);
	const template = await postgres.createDatabase({ name: 'migrated' });
	await migrate(binary, template);
	const { directory, port } = postgres;
	const pooler = pooled ? (await startPgbouncer(t, postgres)).port : undefined;
	const child = spawn(words[0], words.slice(1), {
		stdio: 'inherit',
		env: {
			...process.env,
			GATEHOUSE_TEST_DATABASE: JSON.stringify({ directory, port, template: template.name, pooler }),
			GATEHOUSE_TEST_STATE: JSON.stringify({ url: redis.url, password_file: redis.passwordFile }),
		},
	});
	const [code] = await once(child, 'exit');
	return code ?? 1;
}

try {
	process.exitCode = await main();
} finally {
	for (const cleanup of cleanups.reverse()) await cleanup();
}
