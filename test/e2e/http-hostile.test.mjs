// Requests that two readers could understand differently, that are malformed, too large or too
// slow: each has exactly one status, the connection is closed where its framing can't be
// trusted, and the gateway serves on.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { stdioFixture } from './lib/fixture.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { modernBody, modernCall, modernHeaders } from './lib/mcp.mjs';
import { Connection, requestBytes } from './lib/raw.mjs';
import { each, timed, until } from './lib/wait.mjs';

const file = scope(after);
const BODY = JSON.stringify(modernBody('tools/call', { name: 'fx_echo', arguments: { fine: true } }, { id: 1 }));
let gateway;

before(async () => {
	gateway = await startGateway(file, {
		upstreams: { fx: stdioFixture() },
		limits: { header_timeout: '700ms', body_timeout: '700ms', idle_timeout: '1s', body: '256KB', connections: 64, connections_per_ip: 40 },
	});
});

afterEach(async () => {
	const answer = await modernCall(gateway, 'fx_echo', { fine: true });
	assert.equal(answer.message?.result?.structuredContent?.fine, true, 'it serves on');
});

/** The head of a good call, with lines added, replaced (same name) or left out (null). */
function head(change = {}, line = 'POST /mcp HTTP/1.1') {
	const fields = { Host: `127.0.0.1:${gateway.port}`, ...modernHeaders(gateway, 'tools/call', { name: 'fx_echo' }), 'Content-Length': BODY.length, ...change };
	const lines = Object.entries(fields).flatMap(([name, value]) => (value === null ? [] : [value].flat().map((one) => `${name}: ${one}`)));
	return [line, ...lines, '', ''].join('\r\n');
}

const chunked = { 'Content-Length': null, 'Transfer-Encoding': 'chunked' };
const chunks = (text) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;

/** Send bytes; the status of the answer and whether the server closed afterwards. */
async function send(bytes, { closes }) {
	const connection = await Connection.open(gateway);
	try {
		await connection.write(bytes);
		const answer = await connection.response();
		if (closes) {
			const left = await connection.closed();
			assert.equal(left.length, 0, `a second answer: ${left.toString('latin1').slice(0, 200)}`);
		}
		return answer;
	} finally {
		connection.destroy();
	}
}

// What: the bytes, the status. Every one of these ends its connection: what follows can't be trusted.
const malformed = [
	['Content-Length and Transfer-Encoding', () => head({ 'Transfer-Encoding': 'chunked' }) + BODY, 400],
	['Transfer-Encoding and Content-Length, chunked body and a smuggled request', () => head({ ...chunked, 'Content-Length': '4' }) + chunks(BODY) + head(), 400],
	['two Content-Lengths that differ', () => head({ 'Content-Length': [String(BODY.length), '0'] }) + BODY, 400],
	['two Content-Lengths that agree', () => head({ 'Content-Length': [String(BODY.length), String(BODY.length)] }) + BODY, 400],
	['a list of Content-Lengths', () => head({ 'Content-Length': `${BODY.length}, ${BODY.length}` }) + BODY, 400],
	['Content-Length: +N', () => head({ 'Content-Length': `+${BODY.length}` }) + BODY, 400],
	['Content-Length: -1', () => head({ 'Content-Length': '-1' }) + BODY, 400],
	['Content-Length: 0xN', () => head({ 'Content-Length': '0x10' }) + BODY, 400],
	['Content-Length that overflows', () => head({ 'Content-Length': '18446744073709551617' }) + BODY, 400],
	['Content-Length empty', () => head({ 'Content-Length': '' }) + BODY, 400],
	['Transfer-Encoding: gzip, chunked', () => head({ ...chunked, 'Transfer-Encoding': 'gzip, chunked' }) + chunks(BODY), 400],
	['Transfer-Encoding: chunked, chunked', () => head({ ...chunked, 'Transfer-Encoding': 'chunked, chunked' }) + chunks(BODY), 400],
	['Transfer-Encoding twice', () => head({ ...chunked, 'Transfer-Encoding': ['chunked', 'chunked'] }) + chunks(BODY), 400],
	['Transfer-Encoding: identity', () => head({ ...chunked, 'Transfer-Encoding': 'identity' }) + BODY, 400],
	['Transfer-Encoding: xchunked', () => head({ ...chunked, 'Transfer-Encoding': 'xchunked' }) + chunks(BODY), 400],
	['Transfer-Encoding with a vertical tab', () => head({ ...chunked, 'Transfer-Encoding': '\x0bchunked' }) + chunks(BODY), 400],
	['a space before the colon', () => head({ ...chunked, 'Transfer-Encoding': null, 'Transfer-Encoding ': 'chunked' }) + chunks(BODY), 400],
	['a folded header line', () => head({ 'X-Folded': 'a\r\n b' }) + BODY, 400],
	['a first header line that begins with a space', () => head({}, 'POST /mcp HTTP/1.1\r\n X: y') + BODY, 400],
	['a bare CR in a value', () => head({ 'X-Cr': 'a\rContent-Length: 0' }) + BODY, 400],
	['a NUL in a value', () => head({ 'X-Nul': 'a\0b' }) + BODY, 400],
	['a NUL in a name', () => head({ 'X\0Nul': 'a' }) + BODY, 400],
	['an empty header name', () => head({ '': 'a' }) + BODY, 400],
	['a header line without a colon', () => head({}, 'POST /mcp HTTP/1.1\r\nnonsense') + BODY, 400],
	['lines that end in LF only', () => (head() + BODY).replaceAll('\r\n', '\n'), 400],
	['a chunk size with a sign', () => `${head(chunked)}+5\r\nhello\r\n0\r\n\r\n`, 400],
	['a chunk size with 0x', () => `${head(chunked)}0x5\r\nhello\r\n0\r\n\r\n`, 400],
	['a chunk size with a space in it', () => `${head(chunked)}5 5\r\nhello\r\n0\r\n\r\n`, 400],
	['an empty chunk size', () => `${head(chunked)}\r\nhello\r\n0\r\n\r\n`, 400],
	['a chunk size that overflows', () => `${head(chunked)}10000000000000001\r\nhello\r\n0\r\n\r\n`, 400],
	['a chunk longer than its size', () => `${head(chunked)}3\r\nhello\r\n0\r\n\r\n`, 400],
	['chunks that end in LF only', () => `${head(chunked)}5\nhello\n0\n\n`, 400],
	['a chunk extension with a bare LF', () => `${head(chunked)}5;a=b\nX\r\nhello\r\n0\r\n\r\n`, 400],
	['no Host', () => head({ Host: null }) + BODY, 400],
	['two Hosts', () => head({ Host: ['127.0.0.1', 'evil.example'] }) + BODY, 400],
	['a Host with a space', () => head({ Host: '127.0.0.1 evil' }) + BODY, 400],
	['a Host with user info', () => head({ Host: 'user@127.0.0.1' }) + BODY, 400],
	['HTTP/1.2', () => head({}, 'POST /mcp HTTP/1.2') + BODY, 400],
	['HTTP/2.0 in text', () => head({}, 'POST /mcp HTTP/2.0') + BODY, 400],
	['the HTTP/2 preface', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
	['no version', () => head({}, 'POST /mcp') + BODY, 400],
	['no target', () => head({}, 'POST  HTTP/1.1') + BODY, 400],
	['a target with a space', () => head({}, 'POST /mcp x HTTP/1.1') + BODY, 400],
	['a method with a control character', () => head({}, 'PO\x01ST /mcp HTTP/1.1') + BODY, 400],
	['TLS to a plain port', () => Buffer.from('16030100f1010000ed0303', 'hex'), 400],
	['chunked in HTTP/1.0', () => head(chunked, 'POST /mcp HTTP/1.0') + chunks(BODY), 400],
	['CONNECT', () => `CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n`, 405],
	['a body announced beyond the limit', () => head({ 'Content-Length': String(300 * 1024) }), 413],
	['a chunked body beyond the limit', () => `${head(chunked)}${'4000\r\n'}${'a'.repeat(0x4000)}\r\n`.concat(`4000\r\n${'a'.repeat(0x4000)}\r\n`.repeat(17)), 413],
	['one header line beyond the limit', () => head({ 'X-Long': 'a'.repeat(40000) }) + BODY, 431],
	['a target beyond the limit', () => head({}, `POST /${'a'.repeat(9000)} HTTP/1.1`) + BODY, 431],
	['two hundred header lines', () => head({ 'X-Many': Array(200).fill('a') }) + BODY, 431],
	['a head that never ends', () => `POST /mcp HTTP/1.1\r\nHost: x\r\n${'X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(2000)}`, 431],
	['Expect: something else', () => head({ Expect: '200-ok' }) + BODY, 417],
];

describe('malformed requests', () => {
	for (const [what, bytes, status] of malformed) {
		test(what, async () => {
			const answer = await send(bytes(), { closes: true });
			assert.equal(answer.status, status, answer.text);
			assert.equal(answer.headers.connection, 'close');
			assert.equal(answer.json.jsonrpc, '2.0');
			assert.ok(answer.json.error.code < 0);
		});
	}
});

// Unusual but right: each is answered 200, and the connection stays.
const unusual = [
	['chunked in one chunk', () => head(chunked) + chunks(BODY)],
	['chunked byte by byte, hex in capitals, with extensions and trailers', () => `${head(chunked)}${[...BODY].map((c) => `1;x="y z"\r\n${c}\r\n`).join('').slice(0)}0\r\nX-Trailer: Content-Length: 5\r\n\r\n`],
	['Transfer-Encoding: CHUNKED', () => head({ ...chunked, 'Transfer-Encoding': 'CHUNKED' }) + chunks(BODY)],
	['Content-Length with leading zeros', () => head({ 'Content-Length': `000${BODY.length}` }) + BODY],
	['empty lines before the request', () => `\r\n\r\n${head()}${BODY}`],
	['an absolute target', () => head({}, `POST http://127.0.0.1:${gateway.port}/mcp HTTP/1.1`) + BODY],
	['a query', () => head({}, 'POST /mcp?session=1&x HTTP/1.1') + BODY],
	['a trailing slash', () => head({}, 'POST /mcp/ HTTP/1.1') + BODY],
	['percent escapes', () => head({}, 'POST /%6dcp HTTP/1.1') + BODY],
	['Upgrade, which is ignored', () => head({ Connection: 'Upgrade', Upgrade: 'h2c' }) + BODY],
	['blanks around values', () => head({ 'content-type': ' \tapplication/json\t ' }) + BODY],
];

describe('unusual requests', () => {
	for (const [what, bytes] of unusual) {
		test(what, async () => {
			const connection = await Connection.open(gateway);
			await connection.write(bytes() + head() + BODY);
			for (let i = 0; i < 2; i++) {
				const answer = await connection.response();
				assert.equal(answer.status, 200, answer.text);
				assert.equal(answer.json.result.structuredContent.fine, true);
			}
			connection.destroy();
		});
	}

	test('HTTP/1.0 is answered and closed, or kept when it asks', async () => {
		await send(head({}, 'POST /mcp HTTP/1.0') + BODY, { closes: true });
		const kept = await send(head({ Connection: 'keep-alive' }, 'POST /mcp HTTP/1.0') + BODY, { closes: false });
		assert.match(kept.headers.connection ?? '', /keep-alive/i);
	});

	test('Connection: close is honored', async () => {
		const answer = await send(head({ Connection: 'close' }) + BODY, { closes: true });
		assert.equal(answer.status, 200);
		assert.equal(answer.headers.connection, 'close');
	});

	test('a request one byte at a time', async () => {
		const connection = await Connection.open(gateway);
		for (const byte of Buffer.from(`${head()}${BODY}`)) await connection.write(Buffer.of(byte));
		assert.equal((await connection.response()).status, 200);
		connection.destroy();
	});
});

describe('slow and greedy clients', () => {
	test('a connection that says nothing is closed', async () => {
		const connection = await Connection.open(gateway);
		const { ms } = await timed(() => connection.closed(5000));
		assert.ok(ms > 300, `closed after ${ms} ms`);
	});

	test('slowloris: a head that trickles gets 408 at the deadline, whatever comes', async () => {
		const connection = await Connection.open(gateway);
		const drip = setInterval(() => connection.write('X-A: b\r\n'), 50);
		await connection.write('POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n');
		const { value, ms } = await timed(() => connection.response({ ms: 6000 }));
		clearInterval(drip);
		assert.equal(value.status, 408);
		assert.ok(ms < 4000, `after ${ms} ms`);
		await connection.closed();
	});

	test('a body that stops gets 408', async () => {
		const connection = await Connection.open(gateway);
		await connection.write(head() + BODY.slice(0, 20));
		assert.equal((await connection.response({ ms: 6000 })).status, 408);
		await connection.closed();
	});

	test('thirty slow clients do not keep others from being served', async () => {
		const slow = await each(30, 30, () => Connection.open(gateway));
		await each(30, 30, (n) => slow[n].write('POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n'));
		const { value, ms } = await timed(() => modernCall(gateway, 'fx_echo', { quick: 1 }));
		assert.equal(value.status, 200);
		assert.ok(ms < 2000, `${ms} ms`);
		await each(30, 30, async (n) => {
			assert.equal((await slow[n].response({ ms: 8000 })).status, 408);
			slow[n].destroy();
		});
	});

	test('connections over the cap of an address are closed; places come free again', async () => {
		const many = await each(60, 60, () => Connection.open(gateway));
		const open = await each(60, 60, async (n) => {
			await many[n].write(head() + BODY);
			try {
				return (await many[n].response()).status;
			} catch {
				return 0;
			}
		});
		assert.ok(open.filter((status) => status === 200).length <= 40);
		assert.ok(open.filter((status) => status === 200).length >= 30);
		assert.ok(open.filter((status) => status === 0).length >= 20);
		const other = await modernCall({ ...gateway.as('acme'), localAddress: '127.0.0.77' }, 'fx_echo', {});
		assert.equal(other.status, 200);
		for (const connection of many) connection.destroy();
		await until('room for connections', async () => (await modernCall(gateway, 'fx_echo', {})).status === 200);
	});

	test('a thousand pipelined requests are answered in order', async () => {
		const connection = await Connection.open(gateway);
		const one = (id) => requestBytes(gateway, { headers: modernHeaders(gateway, 'tools/list'), body: JSON.stringify(modernBody('tools/list', {}, { id })) });
		const sending = connection.write(Buffer.concat(Array.from({ length: 1000 }, (_, id) => one(id))));
		for (let id = 0; id < 1000; id++) assert.equal((await connection.response()).json.id, id);
		await sending;
		connection.destroy();
	});

	test('a client that never reads does not fill memory, and is dropped', async () => {
		const before = gateway.resources().rss;
		const connection = await Connection.open(gateway);
		connection.socket.pause();
		const big = Buffer.from(JSON.stringify(modernBody('tools/call', { name: 'fx_size', arguments: { bytes: 1 << 20 } })));
		const bytes = requestBytes(gateway, { headers: { ...modernHeaders(gateway, 'tools/call', { name: 'fx_size' }) }, body: big });
		connection.write(Buffer.concat(Array(60).fill(bytes)));
		// Nothing is read, so the answers pile up in the gateway's queue until its patience ends.
		await until('the gateway to give up on it', async () => (await gateway.status()).connections === 1);
		const grown = gateway.resources().rss - before;
		assert.ok(grown < 48 << 20, `${grown >> 20} MB more`);
		connection.destroy();
	});
});
