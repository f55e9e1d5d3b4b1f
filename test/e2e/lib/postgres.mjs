// A PostgreSQL of one's own: a throw-away cluster on a loopback port and a Unix socket, without fsync.
//
//   const postgres = await startPostgres(t);
//   const database = await postgres.createDatabase();
//   database.url, postgres.passwordFile   how the run-time role gets in, over TCP
//   await database.sql("SELECT count(*) AS rows FROM audit")
//
// initdb runs once for a build tree and version; its result is kept below build/ and copied. Kill, stop and start leave the port,
// the data and the password as they were, as a machine's restart would.
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { rootDirectory } from './places.mjs';
import { descendants, isRunning, kill, launch, run } from './process.mjs';
import { freePort } from './port.mjs';
import { copyLent, findProgram, lent, lentDirectory } from './unprivileged.mjs';
import { until, within } from './wait.mjs';

const START_MS = 30000;
export const PASSWORD = 'throw-away';
/** Who owns the tables, and who serves. */
export const OWNER = 'gatehouse_owner';
export const RUNTIME = 'gatehouse';

const SETTINGS = {
	fsync: 'off',
	full_page_writes: 'off',
	max_wal_senders: 0,
	wal_level: 'minimal',
	max_wal_size: '256MB',
	shared_buffers: '64MB',
	max_connections: 300,
	listen_addresses: '127.0.0.1',
	timezone: 'UTC',
	log_line_prefix: '%m [%p] %d ',
	log_min_messages: 'warning',
};

const SIGNALS = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' };

/** Directories of the newest server that is installed, newest first. */
function directories() {
	const root = '/usr/lib/postgresql';
	const versions = fs.existsSync(root) ? fs.readdirSync(root) : [];
	return versions.sort((a, b) => Number(b) - Number(a)).map((version) => path.join(root, version, 'bin'));
}

function program(name) {
	const found = findProgram([name], directories());
	if (found === null) throw new Error(`no ${name} in PATH or /usr/lib/postgresql: ./dev deps`);
	return found;
}

async function must(what, [command, args], options = {}) {
	const ended = await run(command, args, options);
	if (ended.code !== 0) throw new Error(`${what}: ${ended.stderr || ended.stdout}`);
	return ended.stdout;
}

/** An initialised cluster to copy from. Several processes may make it at once: the first to finish wins. */
async function template() {
	const version = /(\d+)/.exec(await must('postgres --version', [program('postgres'), ['--version']]))[1];
	const kept = path.join(rootDirectory, 'build', `postgres-${version}-${process.getuid()}`);

	if (fs.existsSync(kept)) return kept;
	const made = lentDirectory('gatehouse-initdb-');
	const passwordFile = path.join(made, 'password');
	try {
		fs.writeFileSync(passwordFile, PASSWORD, { mode: 0o644 });
		await must('initdb', lent(program('initdb'), ['--no-sync', '--encoding=UTF8', '--locale=C', '--username=postgres',
			'--auth-local=trust', '--auth-host=scram-sha-256', `--pwfile=${passwordFile}`, path.join(made, 'data')]), { cwd: '/' });
		const copy = `${kept}.${process.pid}`;
		fs.mkdirSync(path.dirname(kept), { recursive: true });
		await must('cp', ['cp', ['-a', path.join(made, 'data'), copy]]);
		try {
			fs.renameSync(copy, kept);
		} catch (error) {
			fs.rmSync(copy, { recursive: true, force: true });
			if (!fs.existsSync(kept)) throw error;
		}
	} finally {
		fs.rmSync(made, { recursive: true, force: true });
	}
	return kept;
}

/** One database, and how its roles reach it. */
export class Database {
	constructor(postgres, name) {
		this.postgres = postgres;
		this.name = name;
	}

	/** `over`: another host or port (a fault proxy's). */
	urlOf(role, over = {}) {
		const { host = '127.0.0.1', port = this.postgres.port } = over;
		return `postgresql://${role}@${host}:${port}/${this.name}`;
	}

	get url() {
		return this.urlOf(RUNTIME);
	}

	/** As the superuser: rows of the last statement, as objects. */
	sql(...statements) {
		return this.sqlAs('postgres', ...statements);
	}

	/** As a role, over the Unix socket: rows of the last statement, as objects. Text that is not a query gives none. */
	async sqlAs(role, ...statements) {
		const last = statements.at(-1);
		const asks = /^\s*(SELECT|VALUES)\b/i.test(last);
		const texts = [...statements.slice(0, -1), asks ? `SELECT coalesce(json_agg("a row".*), '[]') FROM (${last}) "a row"` : last];
		const output = await must(`psql ${this.name}: ${last}`, [program('psql'), ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1',
			'-h', this.postgres.directory, '-p', String(this.postgres.port), '-U', role, '-d', this.name,
			...texts.flatMap((text) => ['-c', text])]], { cwd: '/', env: { ...process.env, PGOPTIONS: '-c search_path=gatehouse,public' } });
		// Statements before it may have printed lines of their own; json_agg breaks its line between rows.
		return asks ? JSON.parse(output.slice(output.lastIndexOf('\n[') + 1), blobAsHex) : [];
	}

	/** Every row, as text. */
	dump() {
		return must(`pg_dump ${this.name}`, [program('pg_dump'), ['--data-only', '-h', this.postgres.directory, '-p', String(this.postgres.port),
			'-U', 'postgres', '-d', this.name]], { cwd: '/' });
	}

	/** Nobody is connected afterwards. */
	async drop() {
		await this.postgres.sql(`DROP DATABASE IF EXISTS "${this.name}" WITH (FORCE)`);
	}
}

function blobAsHex(key, value) {
	return typeof value === 'string' && value.startsWith('\\x') ? value.slice(2) : value;
}

export class Postgres {
	constructor(directory, port) {
		this.directory = directory;
		this.port = port;
		this.stderrBefore = '';
		this.passwordFile = path.join(directory, 'password');
	}

	/** What the server said, in all its lives. */
	get log() {
		return this.stderrBefore + (this.child?.output.stderr ?? '');
	}

	/** Start, and wait until it answers. */
	async start() {
		const settings = { ...SETTINGS, port: this.port, unix_socket_directories: this.directory, ...this.settings };
		const args = ['-D', path.join(this.directory, 'data'), ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])];

		await until('PostgreSQL to answer', async () => {
			if (this.child === undefined || this.child.exitCode !== null || this.child.signalCode !== null) {
				// After a kill its shared memory lives until the last backend has noticed: then it ends, and is started again.
				this.stderrBefore = this.log;
				this.child = launch(...lent(program('postgres'), args), { cwd: '/' });
			}
			const asked = await run(program('pg_isready'), ['-q', '-h', this.directory, '-p', String(this.port)]);
			return asked.code === 0;
		}, START_MS).catch((error) => {
			throw new Error(`${error.message}\n${this.log}`, { cause: error });
		});
		return this;
	}

	/** `how`: fast (sessions are ended), immediate (as after a crash, with recovery at the next start), smart. */
	async stop(how = 'fast') {
		if (this.child === undefined || this.child.exitCode !== null || this.child.signalCode !== null) return;
		this.child.kill(SIGNALS[how]);
		await within(`the end of PostgreSQL (${how})`, this.child.ended);
	}

	/** SIGKILL for the server and everybody who serves a connection. */
	async kill() {
		const all = descendants(this.child.pid);

		this.child.kill('SIGKILL');
		for (const info of all) kill(info);
		await within('the end of PostgreSQL', this.child.ended);
		await until('the end of its backends', () => !all.some(isRunning));
	}

	async restart(how = 'fast') {
		await this.stop(how);
		return this.start();
	}

	/** A database's handle, made or not. */
	database(name) {
		return new Database(this, name);
	}

	sql(...statements) {
		return this.database('postgres').sql(...statements);
	}

	/** A new database that the owner role owns; a copy of `like` when given, whose sessions (a pooler's) are ended. */
	async createDatabase({ name = `g${crypto.randomBytes(6).toString('hex')}`, like } = {}) {
		if (like !== undefined) await this.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${like}'`);
		await this.sql(`CREATE DATABASE "${name}" OWNER ${OWNER}${like === undefined ? '' : ` TEMPLATE "${like}" STRATEGY = FILE_COPY`}`);
		const database = this.database(name);
		// A database's settings are not copied with it.
		if (like !== undefined) await this.sql(`ALTER DATABASE "${name}" SET search_path = gatehouse, public`);
		if (like === undefined) await database.sql(`REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT ALL ON SCHEMA public TO ${OWNER}; GRANT USAGE ON SCHEMA public TO ${RUNTIME}`);
		return database;
	}

	async cleanup() {
		try {
			await this.stop('immediate');
		} finally {
			fs.rmSync(this.directory, { recursive: true, force: true });
		}
	}
}

/** Options: settings (of postgresql.conf). */
export async function startPostgres(t, { settings = {} } = {}) {
	const from = await template();
	const postgres = new Postgres(lentDirectory('gatehouse-pg-'), await freePort());

	t.after(() => postgres.cleanup());
	postgres.settings = settings;
	fs.writeFileSync(postgres.passwordFile, PASSWORD, { mode: 0o600 });
	await copyLent(from, path.join(postgres.directory, 'data'));
	await postgres.start();
	await postgres.sql(
		`CREATE ROLE ${OWNER} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD '${PASSWORD}'`,
		`CREATE ROLE ${RUNTIME} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD '${PASSWORD}'`,
	);
	return postgres;
}

/** A handle on a server that another process started: for databases, not for its life. */
export function attachPostgres({ directory, port }) {
	return new Postgres(directory, port);
}
