// The command line as a person or a script meets it: answers, problems, exit statuses, files.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { once } from 'node:events';
import { test } from 'node:test';
import { stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modern } from './lib/mcp.mjs';
import { binary } from './lib/paths.mjs';
import { run } from './lib/process.mjs';
import { sql } from './lib/sqlite.mjs';

/** A directory that is the home of everything a command may read or write. */
function desk(t) {
	const root = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-cli-'));
	const env = { ...process.env, HOME: root };
	for (const name of ['XDG_CONFIG_HOME', 'CODEX_HOME', 'CLAUDE_CONFIG_DIR']) delete env[name];
	t.after(() => fs.rmSync(root, { recursive: true, force: true }));
	return {
		root,
		file: (name) => path.join(root, name),
		read: (name) => fs.readFileSync(path.join(root, name), 'utf8'),
		write(name, text, mode = 0o600) {
			fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
			fs.writeFileSync(path.join(root, name), text, { mode });
			fs.chmodSync(path.join(root, name), mode);
		},
		mode: (name) => fs.statSync(path.join(root, name)).mode & 0o777,
		async gatehouse(...args) {
			return run(binary, args, { cwd: root, env });
		},
		async json(...args) {
			const ended = await this.gatehouse(...args, '--json');
			return { ...ended, answer: ended.stdout === '' ? undefined : JSON.parse(ended.stdout) };
		},
	};
}

const commands = ['serve', 'check', 'tenant create', 'tenant list', 'key create', 'key list', 'key rotate', 'key revoke', 'audit verify', 'audit list', 'status',
	'reload', 'doctor', 'link', 'import', 'version'];

test('help: without a command, of each command, for wrong ones', async (t) => {
	const at = desk(t);
	const bare = await at.gatehouse();

	assert.equal(bare.code, 0);
	for (const command of commands) assert.ok(bare.stdout.includes(`\n  ${command} `), command);
	assert.ok(!bare.stdout.includes('reference'));
	for (const command of commands) {
		const help = await at.gatehouse(...command.split(' '), '--help');
		assert.equal(help.code, 0, command);
		for (const option of ['--config FILE', '--json', '--help']) assert.ok(help.stdout.includes(option), `${command} ${option}`);
	}
	assert.match((await at.gatehouse('--version')).stdout, /^gatehouse \d+\.\d+\.\d+\n$/);
	for (const [words, problem] of [
		[['nope'], /no command "nope"/],
		[['key'], /gatehouse key create/],
		[['--json', 'check'], /the command comes first/],
		[['check', '--nope'], /no option --nope/],
		[['check', 'extra'], /"extra" is one word too many/],
		[['tenant', 'create'], /NAME is missing/],
		[['key', 'create'], /--tenant is missing/],
		[['key', 'create', '--tenant', 'a', '--expires', 'soon'], /--expires takes a time/],
		[['audit', 'list', '--limit', '0'], /--limit takes a number/],
		[['link', 'emacs'], /"emacs" is no client known here/],
		[['reference', 'nope'], /the pages are/],
	]) {
		const ended = await at.gatehouse(...words);
		assert.equal(ended.code, 2, words.join(' '));
		assert.equal(ended.stdout, '', words.join(' '));
		assert.match(ended.stderr, problem);
		assert.match(ended.stderr, /^gatehouse: /);
	}
	assert.deepEqual(fs.readdirSync(at.root), []);
});

test('check says what a configuration sets up, or every mistake with its place', async (t) => {
	const at = desk(t);

	assert.match((await at.gatehouse('check')).stdout, /built-in defaults/);
	at.write('gatehouse.yaml', 'listen: 127.0.0.1:9\nupstreams:\n  a: { stdio: { command: "true" } }\ntoolsets:\n  t: {}\n');
	const good = await at.json('check');
	assert.equal(good.code, 0);
	assert.deepEqual({ ...good.answer, data: 0 }, { ok: true, file: 'gatehouse.yaml', data: 0, auth_required: true, listen: ['127.0.0.1:9'],
		upstreams: ['a'], toolsets: ['t'] });
	at.write('bad.yaml', 'lisen: 127.0.0.1:9\nworkers: many\n');
	const bad = await at.json('check', '--config', 'bad.yaml');
	assert.equal(bad.code, 1);
	assert.equal(bad.answer.ok, false);
	assert.match(bad.answer.problems[0], /^bad\.yaml:1:1: .*"lisen".*did you mean "listen"/);
	assert.match(bad.stderr, /bad\.yaml:2:10: workers/);
	assert.equal((await at.gatehouse('check', '--config', 'none.yaml')).code, 1);
	at.write('tls.yaml', 'listen: { address: "127.0.0.1:9", tls: { cert: none.pem, key: none.pem } }\n');
	assert.match((await at.gatehouse('check', '--config', 'tls.yaml')).stderr, /none\.pem/);
	assert.deepEqual(fs.readdirSync(at.root).sort(), ['bad.yaml', 'gatehouse.yaml', 'tls.yaml']);
});

test('tenants and keys: made, listed, revoked, audited; nothing is made in the wrong directory', async (t) => {
	const at = desk(t);

	for (const words of [['tenant', 'list'], ['key', 'list'], ['key', 'create', '--tenant', 'a'], ['audit', 'verify'], ['key', 'revoke', 'x']]) {
		const ended = await at.gatehouse(...words);
		assert.equal(ended.code, 1, words.join(' '));
		assert.match(ended.stderr, /there is no data in .* yet/);
	}
	assert.deepEqual(fs.readdirSync(at.root), []);

	assert.equal((await at.gatehouse('tenant', 'create', 'acme')).code, 0);
	assert.equal(at.mode('gatehouse-data'), 0o700);
	for (const file of ['server.key', 'gatehouse.db']) assert.equal(at.mode(`gatehouse-data/${file}`), 0o600, file);
	assert.match((await at.gatehouse('tenant', 'create', 'acme')).stderr, /there is a tenant "acme" already/);
	assert.equal((await at.gatehouse('tenant', 'create', 'No Good')).code, 2);
	assert.match((await at.gatehouse('key', 'create', '--tenant', 'nobody')).stderr, /gatehouse tenant create nobody/);
	assert.equal((await at.gatehouse('key', 'create', '--tenant', 'acme', '--role', 'king')).code, 2);

	const plain = await at.gatehouse('key', 'create', '--tenant', 'acme');
	assert.match(plain.stdout, /^gh_[A-Za-z0-9_-]{43}\n$/);
	assert.match(plain.stderr, /role member, works until \d{4}-\d\d-\d\dT.*; it is shown only now/);
	const made = (await at.json('key', 'create', '--tenant', 'acme', '--role', 'admin', '--name', 'a "b"', '--expires', '90d')).answer;
	const keys = (await at.json('key', 'list')).answer;
	const mine = keys.find(({ id }) => id === made.id);
	assert.equal(keys.length, 2);
	assert.equal(mine.name, 'a "b"');
	assert.equal(mine.role, 'admin');
	assert.equal(mine.hint, made.key.slice(0, 7));
	assert.ok(Math.abs(Date.parse(mine.expires) - Date.now() - 90 * 86400e3) < 60e3);
	assert.ok(!JSON.stringify(keys).includes(made.key));

	assert.match((await at.gatehouse('key', 'revoke', '0')).stderr, /several keys begin with 0/);
	assert.match((await at.gatehouse('key', 'revoke', 'zzz')).stderr, /there is no key zzz/);
	assert.equal((await at.json('key', 'revoke', made.id)).answer.state, 'revoked');
	assert.equal((await at.json('key', 'list', '--tenant', 'acme')).answer.find(({ id }) => id === made.id).state, 'revoked');

	const rows = (await at.json('audit', 'list')).answer;
	assert.deepEqual(rows.map(({ event }) => event), ['tenant.created', 'api_key.created', 'api_key.created', 'api_key.revoked']);
	assert.equal(rows[3].target, made.id);
	assert.match(rows[3].principal, /^cli:uid=\d+$/);
	assert.equal((await at.json('audit', 'list', '--after', '1', '--limit', '2')).answer.length, 2);
	assert.deepEqual((await at.json('audit', 'verify')).answer, { ok: true, rows: 4, archived: 0 });
	await sql(at.file('gatehouse-data/gatehouse.db'), 'DROP TRIGGER audit_no_update', "UPDATE audit SET target = 'x' WHERE seq = 2");
	const broken = await at.json('audit', 'verify');
	assert.equal(broken.code, 1);
	assert.match(broken.answer.problem, /row 2 was changed/);
	assert.match((await at.gatehouse('doctor')).stdout, /FAIL  audit trail .*row 2/);
});

test('status, reload and doctor beside a running server', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const status = await gateway.cliJson('status');

	assert.equal(status.state, 'serving');
	assert.equal(status.upstreams[0].name, 'fx');
	assert.match((await gateway.cli('status')).stdout, /^serving, version .*\n(.*\n)*UPSTREAM.*\nfx +up /);
	assert.equal((await gateway.cliJson('reload')).ok, true);
	const doctor = await gateway.cliJson('doctor');
	assert.equal(doctor.ok, true);
	assert.match(doctor.findings.find(({ what }) => what === 'server').text, /it runs: serving/);
	assert.equal(doctor.findings.find(({ what }) => what === 'upstream fx').finding, 'OK');

	// Keys made and revoked beside it, rows of both processes in one chain.
	const other = await gateway.makeKey('beta');
	assert.equal((await modern({ port: gateway.port, key: other.key }, 'tools/list')).status, 200);
	const verified = await gateway.cliJson('audit', 'verify');
	assert.ok(verified.ok && verified.rows >= 4);

	gateway.writeConfig('nonsense: 1\n');
	const refused = await gateway.cli('reload');
	assert.equal(refused.code, 1); // the command itself cannot read where the data is
	assert.match(refused.stderr, /nonsense/);
	gateway.configure();
	await gateway.stop();
	assert.match((await gateway.cli('status')).stderr, /no server runs on the data/);
	assert.equal((await gateway.cli('reload')).code, 1);
});

test('doctor names what is wrong and what to do', async (t) => {
	const at = desk(t);
	const busy = net.createServer().listen(0, '127.0.0.1');
	t.after(() => busy.close());
	await once(busy, 'listening');
	const { port } = busy.address();

	at.write('gatehouse.yaml', JSON.stringify({
		listen: `127.0.0.1:${port}`,
		upstreams: {
			gone: { stdio: { command: 'no-such-command-here' } },
			lost: { stdio: { command: 'true', cwd: '/no/such/place' } },
			open: { http: { url: `http://127.0.0.1:${port}/mcp` } },
			shut: { http: { url: 'http://127.0.0.1:1/mcp' } },
		},
	}));
	assert.equal((await at.gatehouse('tenant', 'create', 'a')).code, 0);
	fs.chmodSync(at.file('gatehouse-data/gatehouse.db'), 0o644);
	fs.chmodSync(at.file('gatehouse-data'), 0o755);
	const ended = await at.json('doctor');
	const found = Object.fromEntries(ended.answer.findings.map(({ what, finding, text }) => [what, `${finding} ${text}`]));
	assert.equal(ended.code, 1);
	assert.equal(ended.answer.ok, false);
	assert.match(found.port, /^FAIL .*used by another program/);
	assert.match(found['data directory'], /^WARN .*chmod 700/);
	assert.match(found['database file'], /^FAIL .*chmod 600/);
	assert.match(found['upstream gone'], /^FAIL .*not in PATH/);
	assert.match(found['upstream lost'], /^FAIL .*cannot be entered/);
	assert.match(found['upstream open'], /^OK/);
	assert.match(found['upstream shut'], /^FAIL .*no connection/);
	assert.match(found['API keys'], /^FAIL .*gatehouse key create/);
	assert.match(found['audit trail'], /^OK/);

	fs.chmodSync(at.file('gatehouse-data/server.key'), 0o644);
	assert.match((await at.gatehouse('doctor')).stdout, /FAIL  server key .*chmod 600/);
	at.write('gatehouse.yaml', 'a: [\n');
	assert.match((await at.gatehouse('doctor')).stdout, /^FAIL  configuration .*gatehouse\.yaml:\d+:\d+/);
});

const places = {
	'claude-desktop': '.config/Claude/claude_desktop_config.json',
	'claude-code': '.claude.json',
	cursor: '.cursor/mcp.json',
	vscode: '.config/Code/User/mcp.json',
	codex: '.codex/config.toml',
	opencode: '.config/opencode/opencode.json',
	'opencode-1': '.config/opencode/opencode.json',
};

function entryOf(client, text) {
	const config = JSON.parse(text);
	return { vscode: config.servers, opencode: config.mcp?.servers, 'opencode-1': config.mcp }[client]?.gatehouse ?? config.mcpServers.gatehouse;
}

test('link: a dry run changes nothing, --write makes the entry with a key that works', async (t) => {
	for (const [client, place] of Object.entries(places)) {
		const at = desk(t);
		const dry = await at.gatehouse('link', client);
		assert.equal(dry.code, 0, client);
		assert.ok(dry.stdout.includes(at.file(place)) && dry.stdout.includes('Nothing was changed'), client);
		assert.deepEqual(fs.readdirSync(at.root), [], client);

		const written = await at.json('link', client, '--write', '--key', 'gh_test', '--url', 'https://gate.example/mcp');
		assert.deepEqual(written.answer, { client, file: at.file(place), written: true, backup: null });
		assert.equal(at.mode(place), 0o600, client);
		if (client === 'codex') {
			assert.equal(at.read(place), '[mcp_servers.gatehouse]\nurl = "https://gate.example/mcp"\nhttp_headers = { Authorization = "Bearer gh_test" }\n');
			continue;
		}
		const entry = entryOf(client, at.read(place));
		if (client === 'claude-desktop') {
			assert.equal(entry.command, 'npx');
			assert.deepEqual(entry.args.slice(0, 3), ['-y', 'mcp-remote', 'https://gate.example/mcp']);
			assert.equal(entry.args.at(-1).replace('${AUTH_HEADER}', entry.env.AUTH_HEADER), 'Authorization:Bearer gh_test');
		} else {
			assert.equal(entry.url, 'https://gate.example/mcp');
			assert.deepEqual(entry.headers, { Authorization: 'Bearer gh_test' });
		}
	}
});

test('link keeps what is not its own: other members, numbers, a backup, symbolic links', async (t) => {
	const at = desk(t);
	const before = '{\n    "big": 12345678901234567890.10,\n    "mcpServers": {\n        "x": {"command":  "y"}\n    }\n}\n';

	at.write('real.json', before, 0o644);
	fs.mkdirSync(at.file('.cursor'));
	fs.symlinkSync('../real.json', at.file('.cursor/mcp.json'));
	await at.gatehouse('tenant', 'create', 'default');
	const { answer } = await at.json('link', 'cursor', '--write');
	assert.ok(fs.lstatSync(at.file('.cursor/mcp.json')).isSymbolicLink());
	assert.equal(fs.readFileSync(answer.backup, 'utf8'), before);
	const after = at.read('real.json');
	assert.ok(after.startsWith('{\n    "big": 12345678901234567890.10,\n    "mcpServers": {\n        "x": {"command":  "y"},\n        "gatehouse": {'));
	assert.match(entryOf('cursor', after).headers.Authorization, /^Bearer gh_[A-Za-z0-9_-]{43}$/);
	const [key] = (await at.json('key', 'list')).answer;
	assert.equal(key.name, 'Cursor');
	assert.ok(after.includes(key.hint));

	// A second time replaces the entry and nothing else.
	await at.gatehouse('link', 'cursor', '--write', '--key', 'gh_second');
	assert.equal(at.read('real.json').replace('gh_second', ''), after.replace(/gh_[\w-]+/, ''));

	// What cannot be edited safely is left alone, with the lines to paste; no key is made for it.
	const commented = '{\n  // mine\n  "servers": {}\n}\n';
	at.write(places.vscode, commented);
	const refused = await at.gatehouse('link', 'vscode', '--write');
	assert.equal(refused.code, 1);
	assert.match(refused.stderr, /not plain JSON[\s\S]*"gatehouse": \{/);
	assert.equal(at.read(places.vscode), commented);
	assert.equal((await at.json('key', 'list')).answer.length, 1);
});

test('import: a file of a client becomes a configuration that check accepts', async (t) => {
	const at = desk(t);

	at.write('mcp.json', JSON.stringify({ mcpServers: {
		'my files': { command: 'true', args: ['-y', 'a "b"\\'], env: { API_TOKEN: 's3cret', MODE: 'on: off # no' } },
		web: { url: 'https://web.example/mcp', headers: { Authorization: 'Bearer s3cret' } },
		old: { type: 'sse', url: 'https://old.example/sse' },
		off: { command: 'true', disabled: true },
	} }));
	const shown = await at.gatehouse('import', 'mcp.json');
	assert.equal(shown.code, 0);
	assert.match(shown.stderr, /off: left out/);
	assert.match(shown.stderr, /my_files: the secret API_TOKEN stands in the configuration/);

	const made = await at.json('import', 'mcp.json', '--out', 'gatehouse.yaml', '--secrets-dir', 'secrets');
	assert.equal(made.code, 0);
	assert.deepEqual([made.answer.servers, made.answer.skipped, made.answer.secrets], [3, 1, 2]);
	assert.ok(!at.read('gatehouse.yaml').includes('s3cret'));
	assert.equal(at.mode('gatehouse.yaml'), 0o600);
	assert.equal(at.mode('secrets'), 0o700);
	assert.equal(at.mode('secrets/web.Authorization'), 0o600);
	assert.equal(at.read('secrets/web.Authorization'), 'Bearer s3cret');
	assert.deepEqual((await at.json('check')).answer.upstreams, ['my_files', 'web', 'old']);

	const again = await at.gatehouse('import', 'mcp.json', '--out', 'gatehouse.yaml');
	assert.equal(again.code, 1);
	assert.match(again.stderr, /gatehouse\.yaml is there already; --force replaces it/);
	assert.equal((await at.gatehouse('import', 'mcp.json', '--out', 'gatehouse.yaml', '--force')).code, 0);
	at.write('none.json', '{"a": 1}');
	assert.match((await at.gatehouse('import', 'none.json')).stderr, /has no `mcpServers`/);
	at.write('bad.json', '{');
	assert.match((await at.gatehouse('import', 'bad.json')).stderr, /not plain JSON/);
	assert.match((await at.gatehouse('import', 'nowhere.json')).stderr, /nowhere\.json is not there/);
});

test('an answer that cannot be written is a failure', async (t) => {
	const at = desk(t);
	const ended = await run('/bin/sh', ['-c', '"$0" help >/dev/full', binary], { cwd: at.root });

	assert.equal(ended.code, 1);
	assert.match(ended.stderr, /standard output cannot be written/);
});
