// Files: uploaded whole and in pieces, sealed on disk, each tenant's own, counted, expired, swept; and their public addresses.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileAddress } from './lib/files.mjs';
import { startGateway } from './lib/gateway.mjs';
import { request } from './lib/raw.mjs';
import { sql } from './lib/sqlite.mjs';
import { until } from './lib/wait.mjs';

const PIECE = 64 * 1024;
const PNG = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.from('a picture that anybody would recognise'), randomBytes(3 * PIECE + 77)]);
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

const post = (gateway, tenant, query, body, headers = {}) =>
	request(gateway.as(tenant), { method: 'POST', path: `/media${query}`, headers: { 'x-api-key': gateway.keys[tenant], 'content-type': 'application/octet-stream', ...headers }, body });
const put = (gateway, tenant, id, offset, body) =>
	request(gateway.as(tenant), { method: 'PUT', path: `/media/${id}?offset=${offset}`, headers: { 'x-api-key': gateway.keys[tenant], 'content-type': 'application/octet-stream' }, body });
const get = (gateway, tenant, id = '') => request(gateway.as(tenant), { method: 'GET', path: `/media${id === '' ? '' : `/${id}`}`, headers: { 'x-api-key': gateway.keys[tenant] } });
const remove = (gateway, tenant, id) => request(gateway.as(tenant), { method: 'DELETE', path: `/media/${id}`, headers: { 'x-api-key': gateway.keys[tenant] } });
const stored = (gateway) => fs.readdirSync(path.join(gateway.data, 'media'));

test('a file in one request', async (t) => {
	const gateway = await startGateway(t, { tenants: ['acme', 'other'] });
	const made = await post(gateway, 'acme', '?name=../cat%20one.png', PNG, { 'content-type': 'text/html' });

	assert.equal(made.status, 201, made.text);
	assert.deepEqual({ ...made.json, upload_id: 0, expires: 0 },
		{ upload_id: 0, name: 'cat one.png', mime: 'image/png', size: PNG.length, received: PNG.length, complete: true, sha256: sha256(PNG), expires: 0 });
	assert.equal(made.headers.location, `/media/${made.json.upload_id}`);
	assert.ok(Date.parse(made.json.expires) > Date.now() + 23 * 3600e3);

	await t.test('is sealed on the disk', () => {
		const [name, ...more] = stored(gateway);
		assert.equal(name, made.json.upload_id);
		assert.deepEqual(more, []);
		const file = path.join(gateway.data, 'media', name);
		assert.equal(fs.readFileSync(file).includes('anybody would recognise'), false);
		assert.equal(fs.statSync(file).mode & 0o777, 0o600);
		assert.equal(fs.statSync(path.dirname(file)).mode & 0o777, 0o700);
	});

	await t.test('is its tenant\'s alone', async () => {
		const id = made.json.upload_id;
		assert.equal((await get(gateway, 'acme', id)).json.sha256, sha256(PNG));
		const missing = await get(gateway, 'other', '01ABCDEFGHJKMNPQRSTVWXYZ00');
		for (const answer of [await get(gateway, 'other', id), await remove(gateway, 'other', id), await put(gateway, 'other', id, 0, PNG)]) {
			assert.equal(answer.status, 404);
			assert.deepEqual(answer.json, missing.json);
		}
		assert.deepEqual((await get(gateway, 'other')).json, { files: [], used: 0, quota: 2 * 2 ** 30 });
		assert.equal((await get(gateway, 'acme')).json.used, PNG.length);
	});

	await t.test('needs a credential, and a role that calls tools', async () => {
		const viewer = (await gateway.makeKey('acme', '--role', 'viewer')).key;
		for (const [key, status] of [[null, 401], ['gh_wrong', 401], [viewer, 403]]) {
			const headers = { 'content-type': 'image/png', ...(key === null ? {} : { 'x-api-key': key }) };
			const refused = await request({ port: gateway.port }, { method: 'POST', path: '/media', headers, body: PNG });
			assert.equal(refused.status, status, refused.text);
			assert.equal(typeof refused.json.error_description, 'string');
		}
		const foreign = await post(gateway, 'acme', '', PNG, { origin: 'https://evil.example' });
		assert.equal(foreign.status, 403);
	});

	await t.test('is deleted', async () => {
		assert.equal((await remove(gateway, 'acme', made.json.upload_id)).status, 204);
		assert.equal((await get(gateway, 'acme', made.json.upload_id)).status, 404);
		assert.equal((await remove(gateway, 'acme', made.json.upload_id)).status, 404);
		assert.deepEqual(stored(gateway), []);
	});

	await t.test('has its rows in the trail', async () => {
		const trail = await sql(`${gateway.data}/gatehouse.db`, "SELECT event, target, bytes_in FROM audit WHERE event LIKE 'media.%' ORDER BY seq");
		assert.deepEqual(trail.map(({ event, target, bytes_in: bytes }) => [event, target, Number(bytes)]),
			[['media.uploaded', made.json.upload_id, PNG.length], ['media.deleted', made.json.upload_id, PNG.length]]);
	});

	await t.test('is counted', async () => {
		const { text } = await request({ port: gateway.port }, { method: 'GET', path: '/metrics' });
		assert.match(text, /^gatehouse_media_files_total\{from="upload"\} 1$/m);
		assert.match(text, new RegExp(`^gatehouse_media_bytes_total ${PNG.length}$`, 'm'));
		assert.match(text, /^gatehouse_media_open 0$/m);
	});
});

test('what is refused', async (t) => {
	const gateway = await startGateway(t);
	for (const [answer, status] of [
		[await post(gateway, 'acme', '', Buffer.alloc(0)), 400],
		[await post(gateway, 'acme', '?size=x', Buffer.alloc(0)), 400],
		[await post(gateway, 'acme', '?size=-1', Buffer.alloc(0)), 400],
		[await post(gateway, 'acme', '?size=0', Buffer.alloc(0)), 400],
		[await post(gateway, 'acme', '?size=1&size=2', Buffer.alloc(0)), 400],
		[await post(gateway, 'acme', '?size=100', PNG), 400],
		[await post(gateway, 'acme', '?colour=red', PNG), 400],
		[await post(gateway, 'acme', '?size=99999999999', Buffer.alloc(0)), 413],
		[await get(gateway, 'acme', 'x'), 404],
		[await get(gateway, 'acme', `${'x'.repeat(26)}/${'y'.repeat(28)}`), 404],
		[await request(gateway.as('acme'), { method: 'PATCH', path: '/media', headers: { 'x-api-key': gateway.key } }), 405],
		[await request(gateway.as('acme'), { method: 'DELETE', path: '/media', headers: { 'x-api-key': gateway.key } }), 405],
	]) assert.equal(answer.status, status, `${status}: ${answer.text}`);
	assert.deepEqual(stored(gateway), []);
	assert.equal((await get(gateway, 'acme')).json.used, 0);
});

test('a file in pieces, across a kill', async (t) => {
	const gateway = await startGateway(t);
	const file = randomBytes(5 * PIECE + 10);
	const begun = await post(gateway, 'acme', `?size=${file.length}&name=big.bin`, Buffer.alloc(0));
	const id = begun.json.upload_id;
	const piece = (from, to) => file.subarray(from * PIECE, to === undefined ? undefined : to * PIECE);

	assert.equal(begun.status, 201, begun.text);
	assert.deepEqual([begun.json.received, begun.json.complete, begun.json.sha256], [0, false, undefined]);
	assert.equal((await put(gateway, 'acme', id, PIECE, piece(1, 2))).status, 400); // not the next
	assert.equal((await put(gateway, 'acme', id, 0, file.subarray(0, PIECE - 1))).status, 400); // no whole records
	assert.equal((await put(gateway, 'acme', id, 0, Buffer.concat([file, file]))).status, 400); // more than was said
	assert.equal((await put(gateway, 'acme', id, 0, piece(0, 2))).json.received, 2 * PIECE);
	assert.equal((await put(gateway, 'acme', id, 0, piece(0, 2))).json.received, 2 * PIECE); // again: its answer was lost
	assert.match((await put(gateway, 'acme', id, 3 * PIECE, piece(3))).json.error_description, /begins at offset 131072/);

	await gateway.crash();
	fs.writeFileSync(path.join(gateway.data, 'media', '01ABCDEFGHJKMNPQRSTVWXYZ00'), 'what a killed process has left');
	await gateway.start();
	await until('what nobody knows to be swept', () => !stored(gateway).includes('01ABCDEFGHJKMNPQRSTVWXYZ00'));
	assert.equal((await get(gateway, 'acme', id)).json.received, 2 * PIECE);
	const two = await Promise.all([put(gateway, 'acme', id, 2 * PIECE, piece(2, 4)), put(gateway, 'acme', id, 2 * PIECE, piece(2, 4))]);
	assert.ok(two.some(({ status }) => status === 200) && two.every(({ status }) => status === 200 || status === 409), JSON.stringify(two.map((one) => one.text)));
	const done = await put(gateway, 'acme', id, 4 * PIECE, piece(4));
	assert.deepEqual([done.status, done.json.complete, done.json.sha256], [200, true, sha256(file)], done.text);
	assert.equal((await put(gateway, 'acme', id, 4 * PIECE, piece(4))).json.complete, true);
});

test('a quota, an expiry and a reload', async (t) => {
	const gateway = await startGateway(t, { tenants: ['acme', 'other'], config: { media: { quota: '1MB', max_file: '768KB' } } });
	const half = randomBytes(600 * 1024);

	assert.match((await post(gateway, 'acme', '', randomBytes(800 * 1024))).json.error_description, /max_file/);
	const first = await post(gateway, 'acme', '', half);
	assert.equal(first.status, 201);
	for (const answer of [await post(gateway, 'acme', '', half), await post(gateway, 'acme', `?size=${half.length}`, Buffer.alloc(0))]) {
		assert.equal(answer.status, 413);
		assert.match(answer.json.error_description, /media\.quota/);
	}
	assert.equal((await post(gateway, 'other', '', half)).status, 201); // a quota of its own
	gateway.configure({ config: { media: { quota: '2MB', expire: '1min' }, jobs: { media: 'every 1s' } } });
	assert.equal((await gateway.reload()).code, 0);
	assert.equal((await post(gateway, 'acme', '', half)).status, 201);
	await gateway.stop();
	await sql(`${gateway.data}/gatehouse.db`, `UPDATE media SET expires_ms = 1 WHERE id = '${first.json.upload_id}'`);
	await gateway.start();
	assert.equal((await get(gateway, 'acme', first.json.upload_id)).status, 404);
	await until('the expired file to be gone', () => !stored(gateway).includes(first.json.upload_id), 20000);
	assert.equal(stored(gateway).length, 2);
});

test('public addresses', async (t) => {
	const gateway = await startGateway(t);
	const made = await post(gateway, 'acme', '', PNG);
	const html = await post(gateway, 'acme', '', Buffer.from('<script>alert(1)</script>'), { 'content-type': 'text/html' });
	const from = (file, headers = {}, method = 'GET') => request({ port: gateway.port }, { method, path: file, headers });
	const at = fileAddress(gateway, made.json.upload_id);

	const whole = await from(at);
	assert.equal(whole.status, 200, whole.text);
	assert.deepEqual(whole.body, PNG);
	assert.deepEqual([whole.headers['content-type'], whole.headers['content-length'], whole.headers.etag, whole.headers['accept-ranges']],
		['image/png', String(PNG.length), `"${sha256(PNG)}"`, 'bytes']);
	const head = await from(at, {}, 'HEAD');
	assert.deepEqual([head.status, head.headers['content-length'], head.headers.etag], [200, String(PNG.length), whole.headers.etag]);

	for (const [range, first, last] of [['bytes=0-0', 0, 0], ['bytes=65530-65545', 65530, 65545], ['bytes=131072-', 131072, PNG.length - 1], ['bytes=-5', PNG.length - 5, PNG.length - 1]]) {
		const part = await from(at, { range });
		assert.deepEqual([part.status, part.headers['content-range']], [206, `bytes ${first}-${last}/${PNG.length}`]);
		assert.deepEqual(part.body, PNG.subarray(first, last + 1));
		assert.equal((await from(at, { range, 'if-range': '"another"' })).status, 200);
		assert.equal((await from(at, { range, 'if-range': whole.headers.etag })).status, 206);
	}
	const beyond = await from(at, { range: `bytes=${PNG.length}-` });
	assert.deepEqual([beyond.status, beyond.headers['content-range']], [416, `bytes */${PNG.length}`]);

	const page = await from(fileAddress(gateway, html.json.upload_id));
	assert.deepEqual([page.headers['content-type'], page.headers['content-disposition'], page.headers['x-content-type-options']],
		['application/octet-stream', 'attachment', 'nosniff']);
	assert.match(page.headers['content-security-policy'], /sandbox/);

	for (const bad of [fileAddress(gateway, made.json.upload_id, -1), at.replace(made.json.upload_id, html.json.upload_id), at.replace(/.\/file/, '_/file'), `/media/${made.json.upload_id}/x`]) {
		assert.equal((await from(bad)).status, 404, bad);
	}
	assert.equal((await from(at, {}, 'POST')).status, 405);
	assert.equal((await remove(gateway, 'acme', made.json.upload_id)).status, 204);
	assert.equal((await from(at)).status, 404);
});

test('files of nobody, where nobody signs in', async (t) => {
	const gateway = await startGateway(t, { tenants: [], config: { auth: 'none' } });
	const made = await request({ port: gateway.port }, { method: 'POST', path: '/media', headers: { 'content-type': 'image/png' }, body: PNG });
	assert.equal(made.status, 201, made.text);
	assert.equal((await request({ port: gateway.port }, { method: 'GET', path: '/media' })).json.files[0].upload_id, made.json.upload_id);
});
