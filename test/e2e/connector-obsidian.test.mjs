// A vault on disk as tools: read, searched, changed, kept whole by a gateway that is killed in the middle of writing.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { call } from './lib/api.mjs';
import { startConnector, textOf } from './lib/connector.mjs';
import { scope } from './lib/gateway.mjs';
import { until } from './lib/wait.mjs';

const sha256 = (text) => crypto.createHash('sha256').update(text).digest('hex');

/** A vault in a directory of its own, with a few notes. */
function makeVault(root) {
	const vault = path.join(root, 'vault');
	const put = (name, text) => {
		fs.mkdirSync(path.dirname(path.join(vault, name)), { recursive: true });
		fs.writeFileSync(path.join(vault, name), text);
	};
	put('Work/Garden.md', '---\ntags: [home/garden]\nstatus: open\naliases: Beds\n---\n# Roses\nWater them in May.\n');
	put('Work/List.md', 'Buy roses, and see [[Garden]]. #shopping\n');
	put('Roses.md', 'Nothing about flowers.\n');
	put('.obsidian/app.json', '{}');
	fs.symlinkSync('/etc', path.join(vault, 'etc'));
	return { vault, put, read: (name) => fs.readFileSync(path.join(vault, name), 'utf8') };
}

const file = scope(after);
const root = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-vault-'));
file.after(() => fs.rmSync(root, { recursive: true, force: true }));
const vault = makeVault(root);
const it = await startConnector(file, 'obsidian', { settings: { vault: vault.vault, quota: '3 MB' } });

test('five tools, of the gateway itself', () => {
	const hints = { search_notes: [true, false, true], read_note: [true, false, true], sync_status: [true, false, true], append_to_note: [false, false, false], update_note: [false, true, true] };
	assert.deepEqual([...it.tools.keys()].filter((name) => name.startsWith('obsidian_')).sort(), Object.keys(hints).map((name) => `obsidian_${name}`).sort());
	for (const [tool, [readOnlyHint, destructiveHint, idempotentHint]] of Object.entries(hints)) {
		const { title, description, annotations, inputSchema } = it.definition(tool);
		assert.ok(title.length > 2 && description.length > 40);
		assert.deepEqual(annotations, { title: annotations.title, readOnlyHint, destructiveHint, idempotentHint, openWorldHint: false }, tool);
		assert.equal(inputSchema.additionalProperties, false);
		assert.equal(inputSchema.properties.account, undefined, 'there is one vault');
	}
});

test('search, with filters and pages', async () => {
	const { notes } = await it.ok('search_notes', { query: 'roses' });
	assert.deepEqual(notes.map((note) => note.path), ['Roses.md', 'Work/Garden.md', 'Work/List.md']);
	await it.ok('search_notes', { tag: 'home' }, { notes: [{ title: 'Garden', tags: ['home/garden'] }], next_cursor: null });
	await it.ok('search_notes', { query: 'roses', folder: 'Work', property: { name: 'status', value: 'open' } }, { notes: [{ path: 'Work/Garden.md', line: 6 }] });
	for (let i = 0; i < 7; i++) vault.put(`many/n${i}.md`, 'abundant');
	const all = await it.pages('search_notes', { query: 'abundant', limit: 3 }, 'notes');
	assert.equal(new Set(all.map((note) => note.path)).size, 7);
	await it.fails('search_notes', { query: '-roses' }, 'invalid');
});

test('read by path, title and part; nothing leads out of the vault', async () => {
	const note = await it.ok('read_note', { title: 'garden', include_backlinks: true }, { path: 'Work/Garden.md', properties: { status: 'open', tags: ['home/garden'] }, backlinks: ['Work/List.md'], truncated: false });
	assert.equal(note.sha256, sha256(vault.read('Work/Garden.md')));
	await it.ok('read_note', { path: 'Work/List' }, { links: [{ target: 'Garden', resolved_path: 'Work/Garden.md' }] });
	await it.ok('read_note', { title: '[[Beds]]', heading: 'roses' }, { content: '# Roses\nWater them in May.\n' });
	for (const at of ['../gatehouse.yaml', '/etc/passwd', 'etc/passwd', '.obsidian/app', 'a/../../x', 'a\\b']) {
		const result = await it.call('read_note', { path: at });
		assert.equal(result.isError, true, at);
		assert.match(textOf(result), /^(invalid|not_found)\b/, at);
	}
	vault.put('A/Twin.md', '');
	vault.put('B/Twin.md', '');
	await it.fails('read_note', { title: 'Twin' }, 'invalid', /B\/Twin\.md/);
	await it.fails('read_note', { title: 'nobody' }, 'not_found');
});

test('append: to the end, under headings, into new folders; what was written is found at once', async () => {
	await it.ok('append_to_note', { path: 'Daily/2026-05-01', content: 'quokka' }, { path: 'Daily/2026-05-01.md', created: true, bytes: 7 });
	await it.ok('search_notes', { query: 'quokka' }, { notes: [{ path: 'Daily/2026-05-01.md' }] });
	await it.ok('append_to_note', { path: 'daily/2026-05-01', content: 'more', heading: 'Log', create_heading: true }, { path: 'Daily/2026-05-01.md', created: false });
	assert.equal(vault.read('Daily/2026-05-01.md'), 'quokka\n\n## Log\nmore\n');
	await it.fails('append_to_note', { path: 'Roses', content: 'x', heading: 'None' }, 'not_found', /create_heading/);
	await it.fails('append_to_note', { path: 'No', content: 'x', create_if_missing: false }, 'not_found');
	const keyed = { path: 'Once', content: 'once', idempotency_key: 'k1' };
	assert.deepEqual(await it.ok('append_to_note', keyed), await it.ok('append_to_note', keyed));
	assert.equal(vault.read('Once.md'), 'once\n', 'the same key is carried out once');
	vault.put('big.bin', Buffer.alloc(2_999_000));
	await it.fails('append_to_note', { path: 'Fat', content: 'x'.repeat(60_000) }, 'quota');
	fs.unlinkSync(path.join(vault.vault, 'big.bin'));
});

test('many at once: nobody\'s line is lost', async () => {
	await Promise.all(Array.from({ length: 24 }, (_, i) => it.ok('append_to_note', { path: 'Busy', content: `line ${i}` })));
	const lines = vault.read('Busy.md').trimEnd().split('\n').sort();
	assert.deepEqual(lines, Array.from({ length: 24 }, (_, i) => `line ${i}`).sort());
});

test('update: edits, properties, and no overwriting of what somebody else has written', async () => {
	const before = await it.ok('read_note', { path: 'Work/Garden' });
	await it.ok('update_note', { path: 'Work/Garden', edits: [{ find: 'May', replace: 'June' }] }, { previous_sha256: before.sha256 });
	await it.ok('update_note', { path: 'Work/Garden', properties: { status: null, due: '2026-06-01', n: 1.50 } });
	assert.equal(vault.read('Work/Garden.md'), '---\ntags: [home/garden]\naliases: Beds\ndue: "2026-06-01"\nn: 1.5\n---\n# Roses\nWater them in June.\n');
	const read = await it.ok('read_note', { path: 'Work/Garden' });
	vault.put('Work/Garden.md', 'by hand');
	await it.fails('update_note', { path: 'Work/Garden', content: 'mine', expected_sha256: read.sha256 }, 'conflict', new RegExp(`precondition_failed.*${sha256('by hand')}`));
	await it.fails('update_note', { path: 'Work/Garden', content: 'mine' }, 'conflict', /expected_sha256/);
	await it.ok('update_note', { path: 'Work/Garden', content: 'mine', expected_sha256: sha256('by hand') }, { sha256: sha256('mine') });
	await it.fails('update_note', { path: 'Work/Garden', edits: [{ find: 'yours', replace: 'x' }] }, 'conflict', /0 times/);
	await it.fails('update_note', { path: 'a#b', content: 'x' }, 'invalid');
});

test('the state of the vault', async () => {
	vault.put('Roses.sync-conflict-20260501-101010-ABC.md', 'x');
	vault.put('.git/FETCH_HEAD', '');
	const state = await it.ok('sync_status', {}, { vault: 'vault', backend: 'git', conflicts: ['Roses.sync-conflict-20260501-101010-ABC.md'], writable: true, quota_bytes: 3_000_000 });
	assert.ok(state.notes > 5 && state.last_sync);
});

test('several vaults of one upstream, by account', async (t) => {
	const accounts = {};
	for (const name of ['home', 'work']) {
		accounts[name] = { vault: path.join(root, name) };
		fs.mkdirSync(accounts[name].vault);
		fs.writeFileSync(path.join(accounts[name].vault, 'Note.md'), name);
	}
	const two = await startConnector(t, 'obsidian', { upstream: 'notes', connector: { accounts } });
	await two.ok('read_note', { path: 'Note', account: 'work' }, { content: 'work' });
	await two.ok('read_note', { path: 'Note', account: 'home' }, { content: 'home' });
});

test('a tenant cannot name a directory of the machine', async () => {
	const owner = (await it.gateway.makeKey('acme', '--role', 'owner')).key;
	const made = await call(it.gateway, 'POST', '/tenants/acme/upstreams', { key: owner, body: { name: 'mine', document: { connector: { use: 'obsidian', settings: { vault: '/etc' } } } } });
	assert.equal(made.status, 422, made.text);
	assert.match(made.text, /vault/);
});

test('killed in the middle of writing: the note is the old one or the new one, whole', async (t) => {
	const old = 'old '.repeat(200_000);
	const fresh = 'new '.repeat(200_000);
	vault.put('Crash.md', old);
	for (let round = 0; round < 4; round++) {
		const two = await startConnector(t, 'obsidian', { settings: { vault: vault.vault } });
		const writing = two.call('update_note', { path: 'Crash', content: round % 2 ? old : fresh, force: true }).catch((error) => error);
		await until('a temporary file or the end', () => fs.readdirSync(vault.vault).some((name) => name.startsWith('.tmp-')) || vault.read('Crash.md') === (round % 2 ? old : fresh));
		await two.gateway.crash();
		await writing;
		assert.ok([old, fresh].includes(vault.read('Crash.md')), 'the note is neither the old nor the new one');
	}
});
