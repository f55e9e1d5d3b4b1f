// Bodies: what is not JSON, not one JSON, not this JSON-RPC, or too much of it. And what is
// unusual but right comes through unharmed, to the last digit.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startFixture, stdioFixture } from './lib/fixture.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { MODERN, baseHeaders, exchange, meta, modern, modernCall, openSession } from './lib/mcp.mjs';
import { Connection } from './lib/raw.mjs';

const file = scope(after);
let gateway;

before(async () => {
	const http = await startFixture(file);
	gateway = await startGateway(file, { upstreams: { fx: stdioFixture(), web: http.upstream() } });
});

async function post(body, headers = {}) {
	const connection = await Connection.open(gateway);
	try {
		return await exchange(connection, gateway, { headers: { ...baseHeaders(gateway), 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/list', ...headers }, body });
	} finally {
		connection.destroy();
	}
}

const META = JSON.stringify(meta());
const list = (members = '', params = '') => `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":${META}${params}}${members}}`;
const nested = (depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

const bodies = [
	['an empty body', '', 400, -32700],
	['blanks', ' \r\n\t ', 400, -32700],
	['not JSON', 'hello', 400, -32700],
	['half a message', list().slice(0, -1), 400, -32700],
	['two messages', list() + list(), 400, -32700],
	['a message and a comma', `${list()},`, 400, -32700],
	['a trailing comma', list().replace('"id":1,', '"id":1,,'), 400, -32700],
	['single quotes', list().replaceAll('"', "'"), 400, -32700],
	['a comment', `/* no */${list()}`, 400, -32700],
	['NaN', list(',"x":NaN'), 400, -32700],
	['a leading zero', list(',"x":01'), 400, -32700],
	['a plus sign', list(',"x":+1'), 400, -32700],
	['a bare minus', list(',"x":-'), 400, -32700],
	['a control character in a string', list(',"x":"a\nb"'), 400, -32700],
	['an unknown escape', list(',"x":"\\x41"'), 400, -32700],
	['a lone high surrogate', list(',"x":"\\ud800"'), 400, -32700],
	['a lone low surrogate', list(',"x":"\\udc00x"'), 400, -32700],
	['UTF-16', Buffer.from(list(), 'utf16le'), 400, -32700],
	['a UTF-8 byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(list())]), 400, -32700],
	['overlong UTF-8', Buffer.concat([Buffer.from(list(',"x":"').slice(0, -1)), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]), 400, -32700],
	['a UTF-8 surrogate', Buffer.concat([Buffer.from(list(',"x":"').slice(0, -1)), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]), 400, -32700],
	['cut UTF-8', Buffer.concat([Buffer.from(list(',"x":"').slice(0, -1)), Buffer.from([0xe2, 0x82]), Buffer.from('"}')]), 400, -32700],
	['the byte 0xFF', Buffer.concat([Buffer.from(list(',"x":"').slice(0, -1)), Buffer.from([0xff]), Buffer.from('"}')]), 400, -32700],
	['the same key twice', list(',"id":2'), 400, -32700],
	['the same key twice, once escaped', list(',"\\u0069d":2'), 400, -32700],
	['the same key twice in params', list('', ',"cursor":"a","cursor":"b"'), 400, -32700],
	['the same method twice', list(',"method":"tools/call"'), 400, -32700],
	['nesting of 127 levels', list(`,"x":${nested(127)}`), 200, 0],
	['nesting of 129 levels', list(`,"x":${nested(129)}`), 400, -32700],
	['nesting of 100,000 levels', list(`,"x":${nested(100000)}`), 400, -32700],
	['nesting that never ends', `${'['.repeat(100000)}`, 400, -32700],
	['objects nested 50,000 deep', `${'{"a":'.repeat(50000)}1${'}'.repeat(50000)}`, 400, -32700],
	['a string', '"tools/list"', 400, -32600],
	['a number', '5', 400, -32600],
	['null', 'null', 400, -32600],
	['a list of numbers', '[1,2]', 400, -32600],
	['an empty object', '{}', 400, -32600],
	['no method, no result', '{"jsonrpc":"2.0","id":1}', 400, -32600],
	['a method that is a number', list().replace('"tools/list"', '5'), 400, -32600],
	['jsonrpc as a number', list().replace('"2.0"', '2.0'), 400, -32600],
	['an id that is an object', list().replace('"id":1', '"id":{}'), 400, -32600],
	['an id that is true', list().replace('"id":1', '"id":true'), 400, -32600],
	['an id with an exponent', list().replace('"id":1', '"id":1e3'), 400, -32600],
	['both result and error', '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"x"}}', 400, -32600],
	['unknown members', list(',"extra":{"a":[1,2,3]},"x":1e999'), 200, 0],
	['an escaped method', list().replace('tools/list', '\\u0074ools\\/list'), 200, 0],
	['blanks around', `\r\n\t ${list()} \n`, 200, 0],
];

describe('bodies', () => {
	for (const [what, body, status, code] of bodies) {
		test(what, async () => {
			const answer = await post(body);
			assert.equal(answer.status, status, answer.text);
			assert.equal(answer.message.error?.code ?? 0, code, answer.text);
			assert.equal(answer.headers['content-type'], 'application/json');
		});
	}

	test('the id is in the answer to a wrong envelope where it could be read, else null', async () => {
		assert.equal((await post('{"jsonrpc":"2.0","id":"kept","method":5}')).message.id, 'kept');
		assert.equal((await post('{"jsonrpc":')).message.id, null);
	});
});

const types = [
	['application/json', 200], ['application/json; charset=utf-8', 200], ['APPLICATION/JSON', 200], ['application/json;x="y;z"', 200],
	['text/plain', 415], ['application/jsonp', 415], ['application/json-rpc', 415], ['application/x-www-form-urlencoded', 415],
	['multipart/form-data; boundary=x', 415], ['text/html,application/json', 415], [null, 415], ['', 415],
];
const accepts = [
	['application/json, text/event-stream', 200, 'application/json'], ['application/json', 200, 'application/json'], ['*/*', 200, 'application/json'],
	['application/*', 200, 'application/json'], [null, 200, 'application/json'], ['text/event-stream', 200, 'text/event-stream'],
	['text/event-stream;q=0.5, application/json;q=0', 200, 'text/event-stream'], ['text/html', 406, 'application/json'], ['image/*, text/*;q=0', 406, 'application/json'],
];

describe('media types', () => {
	for (const [type, status] of types) {
		test(`Content-Type ${type}`, async () => {
			const answer = await post(list(), { 'content-type': type });
			assert.equal(answer.status, status, answer.text);
			if (status === 415) assert.equal(answer.message.error.code, -32000);
		});
	}
	for (const [accept, status, type] of accepts) {
		test(`Accept ${accept}`, async () => {
			const answer = await post(list(), { accept });
			assert.equal(answer.status, status, answer.text);
			assert.equal(answer.headers['content-type'], type);
			if (status === 406) assert.equal(answer.message.error.code, -32000);
		});
	}
});

describe('what must come through unharmed', () => {
	const exact = '{"int64":9223372036854775807,"uint64":18446744073709551615,"over":9007199254740993,"huge":123456789012345678901234567890,"exp":1E+400,"precise":0.1000000000000000000001,"minus":-0,"text":"\\u00e9\\ud83d\\ude00\\/\\u0000","é 😀":[],"":{}, "space" : [ 1 , 2 ] }';

	for (const upstream of ['fx', 'web']) {
		test(`arguments, byte for byte, over ${upstream}`, async () => {
			const params = `{"name":"${upstream}_echo","arguments":${exact},"_meta":${META}}`;
			const answer = await post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`, { 'mcp-method': 'tools/call', 'mcp-name': `${upstream}_echo` });
			assert.equal(answer.status, 200, answer.text);
			assert.ok(answer.text.includes(`"structuredContent":${exact}`), answer.text);
		});

		test(`results with every optional member, over ${upstream}`, async () => {
			const answer = await modernCall(gateway, `${upstream}_rich`, {});
			for (const part of ['"unknownMember":{"kept":true}', '"n":9007199254740993', '"list":[1,2.50,3e2]', '"fixture/block":1', '"priority":0.25', '"resource_link"'])
				assert.ok(answer.text.includes(part), `${part} in ${answer.text}`);
			const ints = await modernCall(gateway, `${upstream}_big_ints`, {});
			for (const part of ['18446744073709551615', '123456789012345678901234567890', '1e400', '-0', '0.1000000000000000000001']) assert.ok(ints.text.includes(part), part);
		});

		test(`listed tools with schemas, icons, annotations, over ${upstream}`, async () => {
			const { text } = await modern(gateway, 'tools/list');
			const rich = text.slice(text.indexOf(`"${upstream}_rich"`));
			for (const part of ['"x-unknown":1.50', '18446744073709551615', '"unknownHint":"kept"', '"openai/outputTemplate":"ui://x"', '"unknownMember":{"kept":[1,2.50]}', '"theme":"dark"']) assert.ok(rich.includes(part), part);
		});
	}

	test('the same in a session', async () => {
		const session = await openSession(gateway);
		const answer = await session.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"web_echo","arguments":${exact}}}`);
		assert.ok(answer.text.includes(`"structuredContent":${exact}`), answer.text);
	});
});

describe('arguments against the tool\'s own schema', () => {
	const cases = [
		['fx_schema2020', { name: 'Ada' }, null],
		['fx_schema2020', { name: 'ada' }, /name/],
		['fx_schema2020', {}, /name/],
		['fx_schema2020', { name: 'Ada', unknown: 1 }, /unknown/],
		['fx_schema2020', { name: 'Ada', contactMethod: 'phone' }, /phone/],
		['fx_schema2020', { name: 'Ada', contactMethod: 'phone', phone: '1' }, null],
		['fx_schema2020', { name: 'Ada', address: { street: 'x' } }, /address/],
		['fx_schema2020', { name: 'Ada', tags: ['x', 1, 2] }, null],
		['fx_schema2020', { name: 'Ada', tags: ['x', 1, 1] }, /tags/],
		['fx_schema2020', { name: 'Ada', email: 'a@b' }, /contactMethod/],
		['fx_schema07', { at: [1, 2], n: 3 }, null],
		['fx_schema07', { at: [1, 2, 3] }, /at/],
		['fx_schema07', { n: 3 }, /at/],
		['fx_schema07', { at: [1, 2], n: 0 }, /n/],
		['fx_size', { bytes: 'many' }, /bytes/],
		['fx_size', { bytes: 1.5 }, /bytes/],
		['fx_hang', { extra: true }, /extra/],
		['fx_size', [], /object/],
	];
	for (const [tool, args, problem] of cases) {
		test(`${tool} ${JSON.stringify(args)} is ${problem === null ? 'right' : 'wrong'}`, async () => {
			const { message, status } = await modernCall(gateway, tool, args);
			assert.equal(status, 200);
			assert.equal(message.result.isError ?? false, problem !== null, JSON.stringify(message));
			if (problem !== null) assert.match(message.result.content[0].text, problem);
		});
	}
});

test('headers of a call reach the upstream as they should', async () => {
	const { message } = await modernCall(gateway, 'web_headers', {}, {
		headers: { 'x-request-id': 'req-1', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', cookie: 'c=1', origin: `http://localhost:${gateway.port}` },
	});
	const seen = Object.fromEntries(message.result.structuredContent.headers.map(([name, value]) => [name.toLowerCase(), value]));
	assert.equal(seen['x-request-id'], 'req-1');
	assert.match(seen.traceparent, /^00-0af7651916cd43dd8448eb211c80319c-/);
	for (const name of ['authorization', 'x-api-key', 'cookie', 'origin', 'mcp-session-id', 'x-forwarded-for']) assert.equal(seen[name], undefined, name);
	assert.equal(seen['mcp-name'], 'headers');
	assert.equal(seen['mcp-method'], 'tools/call');
});
