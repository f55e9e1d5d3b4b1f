// PgBouncer in transaction mode before a throw-away PostgreSQL: a session's settings, locks and prepared statements do not outlive
// a transaction behind it.
import fs from 'node:fs';
import path from 'node:path';
import { OWNER, PASSWORD, RUNTIME } from './postgres.mjs';
import { launch } from './process.mjs';
import { freePort } from './port.mjs';
import { findProgram, lent, lentDirectory } from './unprivileged.mjs';
import { Connection } from './raw.mjs';
import { until, within } from './wait.mjs';

export async function startPgbouncer(t, postgres) {
	const program = findProgram(['pgbouncer']);
	if (program === null) throw new Error('pgbouncer is not installed: ./dev deps test');
	const directory = lentDirectory('gatehouse-pgbouncer-');
	const port = await freePort();
	const file = (name, text) => {
		fs.writeFileSync(path.join(directory, name), text);
		return path.join(directory, name);
	};
	const users = file('users.txt', [OWNER, RUNTIME].map((role) => `"${role}" "${PASSWORD}"\n`).join(''));
	const settings = file('pgbouncer.ini', `[databases]
* = host=127.0.0.1 port=${postgres.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = transaction
default_pool_size = 8
max_client_conn = 500
server_idle_timeout = 5
ignore_startup_parameters = extra_float_digits
`);
	const child = launch(...lent(program, [settings]), { cwd: '/' });
	t.after(async () => {
		child.kill('SIGKILL');
		await within('the end of PgBouncer', child.ended);
		fs.rmSync(directory, { recursive: true, force: true });
	});
	await until('PgBouncer to listen', async () => {
		if (child.exitCode !== null) throw Object.assign(new Error(`pgbouncer ended: ${child.output.stderr}`), { fatal: true });
		(await Connection.open({ port })).destroy();
		return true;
	});
	return { port };
}
