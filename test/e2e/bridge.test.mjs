// Questions of servers to clients through the gateway: clients of both eras in front of servers of both
// eras, over stdio and HTTP. The same tool asks in every quadrant (lib/asking-server.mjs).
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { scope, startGateway } from './lib/gateway.mjs';
import { modern, nextId, openSession } from './lib/mcp.mjs';
import { endGroup, launch } from './lib/process.mjs';
import { Connection, request, requestBytes } from './lib/raw.mjs';
import { EventStream } from './lib/sse.mjs';
import { until } from './lib/wait.mjs';

const asking = path.join(path.dirname(fileURLToPath(import.meta.url)), 'lib/asking-server.mjs');
const file = scope(after);
const CAN_ALL = { elicitation: { form: {}, url: {} }, sampling: { tools: {}, context: {} }, roots: {} };
const ELICIT = { method: 'elicitation/create', params: { message: 'Name?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } } };
const SAMPLE = { method: 'sampling/createMessage', params: { messages: [{ role: 'user', content: { type: 'text', text: 'hi' } }], maxTokens: 100 } };
const ROOTS = { method: 'roots/list', params: {} };
const ANSWERS = {
	'elicitation/create': { action: 'accept', content: { name: 'Alice' } },
	'sampling/createMessage': { role: 'assistant', content: { type: 'text', text: 'Paris' }, model: 'm', stopReason: 'endTurn' },
	'roots/list': { roots: [{ uri: 'file:///x', name: 'x' }] },
};

const RESOURCE = { ns: 'ask://modern/stdio', nh: 'ask://modern/http', os: 'ask://legacy/stdio', oh: 'ask://legacy/http' };

let gateway;

async function askingHttp(era) {
	const child = launch(process.execPath, [asking, era, 'http']);
	file.after(() => endGroup(child));
	const line = await until('the asking server', () => /^\{.*\}$/m.exec(child.output.stdout)?.[0]);
	return { http: { url: JSON.parse(line).url } };
}

const askingStdio = (era) => ({ stdio: { command: process.execPath, args: [asking, era, 'stdio'] } });

before(async () => {
	gateway = await startGateway(file, {
		workers: 4,
		tenants: ['acme', 'beta'],
		limits: { input_timeout: '20s' },
		upstreams: {
			ns: askingStdio('modern'), nh: await askingHttp('modern'),
			os: askingStdio('legacy'), oh: await askingHttp('legacy'),
		},
	});
});

const textOf = (message) => JSON.parse(message.result.content[0].text);

/** A call of a session whose questions `answer(question)` answers, each on a connection of its own;
 * what it returns is `{result}`, `{error}` or undefined for no answer. */
class SessionCall {
	constructor(session, answer) {
		Object.assign(this, { session, answer, asked: [], notified: [] });
	}

	async start(method, params, id = nextId()) {
		const { session } = this;
		this.id = id;
		this.connection = await Connection.open(session.target);
		await this.connection.write(requestBytes(session.target, { path: session.target.path ?? '/mcp', headers: session.headers(), body: JSON.stringify({ jsonrpc: '2.0', id, method, params }) }));
		const head = await this.connection.head(10000);
		this.status = head.status;
		if (!(head.headers['content-type'] ?? '').startsWith('text/event-stream')) {
			this.message = JSON.parse(await this.connection.body(head));
			this.connection.destroy();
			return this;
		}
		this.stream = new EventStream(this.connection, head);
		return this;
	}

	/** Answer questions until the result is there. */
	async finish(ms = 10000) {
		while (this.message === undefined) {
			const message = await this.stream.next(undefined, ms);
			if (message.id === this.id && message.method === undefined) {
				this.message = message;
			} else if (message.id === undefined) {
				this.notified.push(message);
			} else {
				this.asked.push(message);
				const answer = this.answer(message);
				if (answer !== undefined) assert.equal((await this.session.send({ jsonrpc: '2.0', id: message.id, ...answer })).status, 202);
			}
		}
		this.connection.destroy();
		return this.message;
	}
}

const standard = ({ method }) => ({ result: ANSWERS[method] });

async function sessionCall(session, name, args, answer = standard) {
	const call = await new SessionCall(session, answer).start('tools/call', { name, arguments: args });
	await call.finish();
	return call;
}

const withCaps = (capabilities) => ({ meta: { 'io.modelcontextprotocol/clientCapabilities': capabilities } });

function modernAsk(params, capabilities = CAN_ALL, target = gateway) {
	return modern(target, 'tools/call', params, withCaps(capabilities));
}

/** The retry's share of the params: every question answered. */
function answersTo({ result }) {
	return {
		inputResponses: Object.fromEntries(Object.entries(result.inputRequests).map(([key, { method }]) => [key, ANSWERS[method]])),
		requestState: result.requestState,
	};
}

for (const [upstream, era] of [['ns', 'a modern child'], ['nh', 'a modern HTTP server']]) {
	describe(`a legacy client and ${era}`, () => {
		test('one question of each kind, all at once', async () => {
			const session = await openSession(gateway, { capabilities: CAN_ALL });
			const call = await sessionCall(session, `${upstream}_ask`, { rounds: [{ a: ELICIT, b: SAMPLE, c: ROOTS }] });
			assert.deepEqual(textOf(call.message), [{ a: ANSWERS[ELICIT.method], b: ANSWERS[SAMPLE.method], c: ANSWERS[ROOTS.method] }]);
			assert.deepEqual(call.asked.map(({ method }) => method).sort(), [ELICIT.method, ROOTS.method, SAMPLE.method].sort());
			assert.equal(call.message.result.resultType, undefined);
			assert.equal(new Set(call.asked.map(({ id }) => id)).size, 3);
		});
		test('several rounds, and one of state alone', async () => {
			const session = await openSession(gateway, { capabilities: CAN_ALL });
			const call = await sessionCall(session, `${upstream}_ask`, { rounds: [{ a: ELICIT }, 1, { b: SAMPLE }] });
			assert.deepEqual(textOf(call.message), [{ a: ANSWERS[ELICIT.method] }, { b: ANSWERS[SAMPLE.method] }]);
		});
		test('a URL elicitation gets an id', async () => {
			const session = await openSession(gateway, { capabilities: CAN_ALL });
			const call = await sessionCall(session, `${upstream}_ask`,
				{ rounds: [{ u: { method: 'elicitation/create', params: { mode: 'url', message: 'Go', url: 'https://x.test/' } } }] },
				() => ({ result: { action: 'decline' } }));
			assert.match(call.asked[0].params.elicitationId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
			assert.deepEqual(textOf(call.message), [{ u: { action: 'decline' } }]);
		});
		test('undeclared: nothing is asked, the model hears why', async () => {
			const session = await openSession(gateway, { capabilities: { elicitation: {} } });
			const call = await sessionCall(session, `${upstream}_ask`, { rounds: [{ a: ELICIT, b: SAMPLE }] });
			assert.equal(call.asked.length, 0);
			assert.equal(call.message.result.isError, true);
			assert.match(call.message.result.content[0].text, /sampling/);
		});
		test('a client of 2025-03-26 has no elicitation', async () => {
			const session = await openSession(gateway, { version: '2025-03-26', capabilities: CAN_ALL });
			const call = await sessionCall(session, `${upstream}_ask`, { rounds: [{ a: ELICIT }] });
			assert.equal(call.asked.length, 0);
			assert.match(call.message.result.content[0].text, /elicitation/);
		});
		test('a client that takes no event stream is not asked', async () => {
			const session = await openSession(gateway, { capabilities: CAN_ALL });
			const answer = await session.call(`${upstream}_ask`, { rounds: [{ a: ELICIT }] }, { headers: { accept: 'application/json' } });
			assert.equal(answer.message.result.isError, true);
			assert.match(answer.message.result.content[0].text, /event stream/);
		});
		test("a client's refusal ends the call", async () => {
			const session = await openSession(gateway, { capabilities: CAN_ALL });
			const call = await sessionCall(session, `${upstream}_ask`, { rounds: [{ a: SAMPLE }] },
				() => ({ error: { code: -1, message: 'User rejected sampling' } }));
			assert.equal(call.message.result.isError, true);
			assert.match(call.message.result.content[0].text, /User rejected sampling/);
		});
		test('too many rounds end', async () => {
			const session = await openSession(gateway, { capabilities: CAN_ALL });
			const call = await sessionCall(session, `${upstream}_ask`, { rounds: Array(9).fill({ a: ELICIT }) });
			assert.equal(call.asked.length, 8);
			assert.equal(call.message.result.isError, true);
			const fewer = await sessionCall(session, `${upstream}_ask`, { rounds: Array(8).fill({ a: ELICIT }) });
			assert.equal(textOf(fewer.message).length, 8);
		});
		test('prompts and resources ask too, and fail as errors', async () => {
			const session = await openSession(gateway, { capabilities: CAN_ALL });
			for (const [method, params] of [['prompts/get', { name: `${upstream}_ask` }], ['resources/read', { uri: RESOURCE[upstream] }]]) {
				const call = await new SessionCall(session, standard).start(method, params);
				const message = await call.finish();
				assert.match(JSON.stringify(message.result), /Alice/);
				const mute = await openSession(gateway, {});
				const failed = await new SessionCall(mute, standard).start(method, params);
				assert.equal((await failed.finish()).error.code, -32603);
			}
		});
		test('output that is no object is wrapped, and said to be', async () => {
			const session = await openSession(gateway, {});
			const { tools } = (await session.request('tools/list')).message.result;
			assert.deepEqual(tools.find(({ name }) => name === `${upstream}_numbers`).outputSchema, {
				type: 'object',
				properties: { result: { type: 'array', items: { $ref: '#/properties/result/$defs/n' }, $defs: { n: { type: 'integer' } } } },
				required: ['result'],
			});
			assert.deepEqual((await session.call(`${upstream}_numbers`)).message.result, { structuredContent: { result: [1, 2] }, content: [] });
			const { result } = (await modern(gateway, 'tools/call', { name: `${upstream}_numbers`, arguments: {} })).message;
			assert.deepEqual(result.structuredContent, [1, 2]);
		});
		test('-32021 becomes an error for the model', async () => {
			const session = await openSession(gateway, { capabilities: CAN_ALL });
			const answer = await session.call(`${upstream}_needs`);
			assert.equal(answer.message.result.isError, true);
			assert.match(answer.message.result.content[0].text, /sampling/);
		});
	});

	describe(`a modern client and ${era}`, () => {
		const caps = (capabilities) => ({ meta: { 'io.modelcontextprotocol/clientCapabilities': capabilities } });
		const rounds = [{ a: ELICIT, b: SAMPLE }, { c: ROOTS }];
		test('rounds pass through, byte for byte', async () => {
			const first = await modern(gateway, 'tools/call', { name: `${upstream}_ask`, arguments: { rounds } }, caps(CAN_ALL));
			assert.equal(first.message.result.resultType, 'input_required');
			assert.deepEqual(first.message.result.inputRequests, rounds[0]);
			const inputResponses = { a: ANSWERS[ELICIT.method], b: ANSWERS[SAMPLE.method], extra: { x: 1 } };
			const second = await modern(gateway, 'tools/call',
				{ name: `${upstream}_ask`, arguments: { rounds }, inputResponses, requestState: first.message.result.requestState }, caps(CAN_ALL));
			assert.deepEqual(second.message.result.inputRequests, rounds[1]);
			const last = await modern(gateway, 'tools/call',
				{ name: `${upstream}_ask`, arguments: { rounds }, inputResponses: { c: ANSWERS[ROOTS.method] }, requestState: second.message.result.requestState }, caps(CAN_ALL));
			assert.equal(last.message.result.resultType, 'complete');
			assert.deepEqual(textOf(last.message), [inputResponses, { c: ANSWERS[ROOTS.method] }]);
		});
		test('a server that asks for what was not declared is stopped', async () => {
			const answer = await modern(gateway, 'tools/call', { name: `${upstream}_ask`, arguments: { rounds } }, caps({ sampling: {} }));
			assert.equal(answer.status, 400);
			assert.equal(answer.message.error.code, -32021);
			assert.deepEqual(answer.message.error.data, { requiredCapabilities: { elicitation: { form: {} } } });
		});
		test('-32021 is relayed with its data', async () => {
			const answer = await modern(gateway, 'tools/call', { name: `${upstream}_needs`, arguments: {} });
			assert.equal(answer.status, 400);
			assert.equal(answer.message.error.code, -32021);
			assert.deepEqual(answer.message.error.data, { requiredCapabilities: { sampling: {} } });
		});
	});
}

for (const [upstream, era] of [['os', 'a legacy child'], ['oh', 'a legacy HTTP server']]) {
	describe(`a legacy client and ${era}`, () => {
		test('one question of each kind, all at once', async () => {
			const session = await openSession(gateway, { capabilities: CAN_ALL });
			const call = await sessionCall(session, `${upstream}_ask`, { rounds: [{ a: ELICIT, b: SAMPLE, c: ROOTS }, { d: ELICIT }] });
			assert.deepEqual(textOf(call.message), [{ a: ANSWERS[ELICIT.method], b: ANSWERS[SAMPLE.method], c: ANSWERS[ROOTS.method] }, { d: ANSWERS[ELICIT.method] }]);
			assert.deepEqual(call.asked[0].params, ELICIT.params);
		});
		test('undeclared: refused at once', async () => {
			const session = await openSession(gateway, { capabilities: { elicitation: {} } });
			const call = await sessionCall(session, `${upstream}_ask`, { rounds: [{ a: ELICIT, b: SAMPLE }] });
			assert.deepEqual(call.asked.map(({ method }) => method), [ELICIT.method]);
			const [{ a, b }] = textOf(call.message);
			assert.deepEqual(a, ANSWERS[ELICIT.method]);
			assert.equal(b.error.code, -32601);
		});
		test('a client that can be asked nothing', async () => {
			const session = await openSession(gateway, {});
			const answer = await session.call(`${upstream}_ask`, { rounds: [{ a: ELICIT }] });
			assert.equal(textOf(answer.message)[0].a.error.code, -32601);
		});
		test("a client's error reaches the server as it is", async () => {
			const session = await openSession(gateway, { capabilities: CAN_ALL });
			const error = { code: -1, message: 'User rejected sampling', data: { why: 'no' } };
			const call = await sessionCall(session, `${upstream}_ask`, { rounds: [{ a: SAMPLE }] }, () => ({ error }));
			assert.deepEqual(textOf(call.message), [{ a: { error } }]);
		});
		test('a URL elicitation passes with its id, and over HTTP the news of the visit', async () => {
			const session = await openSession(gateway, { capabilities: CAN_ALL });
			const params = { mode: 'url', message: 'Go', url: 'https://x.test/', elicitationId: 'e-7' };
			const call = await sessionCall(session, `${upstream}_ask`, { rounds: [{ u: { method: ELICIT.method, params } }] }, () => ({ result: { action: 'accept' } }));
			assert.deepEqual(call.asked[0].params, params);
			assert.deepEqual(textOf(call.message), [{ u: { action: 'accept' } }]);
			if (upstream === 'oh') assert.deepEqual(call.notified.map((one) => one.params), [{ elicitationId: 'e-7' }]);
		});
		test('a call in a batch asks, and is answered in a batch', async () => {
			const session = await openSession(gateway, { version: '2025-03-26', capabilities: CAN_ALL });
			const connection = await Connection.open(gateway);
			const body = JSON.stringify([nextId(), nextId()].map((id) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: `${upstream}_ask`, arguments: { rounds: [{ a: SAMPLE }] } } })));
			if (upstream === 'os') return connection.destroy(); // two calls at once on one child: see the guide
			await connection.write(requestBytes(gateway, { path: '/mcp', headers: session.headers(), body }));
			const stream = new EventStream(connection, await connection.head(10000));
			const questions = [await stream.next(({ method }) => method === SAMPLE.method), await stream.next(({ method }) => method === SAMPLE.method)];
			assert.equal((await session.send(questions.map(({ id }) => ({ jsonrpc: '2.0', id, result: ANSWERS[SAMPLE.method] })))).status, 202);
			const answers = (await stream.rest(10000)).flat().filter(({ result }) => result !== undefined);
			for (const answer of answers) assert.deepEqual(textOf(answer), [{ a: ANSWERS[SAMPLE.method] }]);
			assert.equal(answers.length, 2);
			return connection.destroy();
		});
		test('the server takes a question back', async () => {
			const session = await openSession(gateway, { capabilities: CAN_ALL });
			const call = await sessionCall(session, `${upstream}_ask`, { rounds: [{ a: { ...ELICIT, takeBack: 50 } }] }, () => undefined);
			assert.deepEqual(textOf(call.message), [{ a: 'taken back' }]);
			const [cancelled] = call.notified.filter(({ method }) => method === 'notifications/cancelled');
			assert.equal(cancelled.params.requestId, call.asked[0].id);
		});
	});

	describe(`a modern client and ${era}`, () => {
		const name = `${upstream}_ask`;
		test('questions become rounds, answered on any connection', async () => {
			const rounds = [{ a: ELICIT, b: SAMPLE }, { c: ROOTS }];
			const first = await modernAsk({ name, arguments: { rounds } });
			assert.equal(first.status, 200);
			assert.equal(first.message.result.resultType, 'input_required');
			assert.deepEqual(first.message.result.inputRequests, { e1: ELICIT, e2: SAMPLE });
			const second = await modernAsk({ name, arguments: { rounds }, ...answersTo(first.message) });
			assert.deepEqual(Object.values(second.message.result.inputRequests), [ROOTS]);
			const last = await modernAsk({ name, arguments: { rounds }, ...answersTo(second.message) });
			assert.equal(last.message.result.resultType, 'complete');
			assert.deepEqual(textOf(last.message), [{ a: ANSWERS[ELICIT.method], b: ANSWERS[SAMPLE.method] }, { c: ANSWERS[ROOTS.method] }]);
		});
		test('decline, cancel, and what was not answered or does not fit', async () => {
			const rounds = [{ a: ELICIT, b: ELICIT, c: SAMPLE }];
			const first = await modernAsk({ name, arguments: { rounds } });
			const answered = await modernAsk({ name, arguments: { rounds }, requestState: first.message.result.requestState,
				inputResponses: { e1: { action: 'decline' }, e2: 12345, e9: { action: 'accept' } } });
			assert.deepEqual(Object.keys(answered.message.result.inputRequests), ['e2', 'e3']);
			const again = await modernAsk({ name, arguments: { rounds }, requestState: answered.message.result.requestState, inputResponses: null });
			assert.deepEqual(Object.keys(again.message.result.inputRequests), ['e2', 'e3']);
			const last = await modernAsk({ name, arguments: { rounds }, requestState: again.message.result.requestState,
				inputResponses: { e2: { action: 'cancel' }, e3: ANSWERS[SAMPLE.method] } });
			assert.deepEqual(textOf(last.message), [{ a: { action: 'decline' }, b: { action: 'cancel' }, c: ANSWERS[SAMPLE.method] }]);
		});
		test('undeclared: refused at once, the call goes on', async () => {
			const answer = await modernAsk({ name, arguments: { rounds: [{ a: SAMPLE }] } }, { elicitation: {} });
			assert.equal(textOf(answer.message)[0].a.error.code, -32601);
			const none = await modernAsk({ name, arguments: { rounds: [{ a: SAMPLE }] } }, {});
			assert.equal(textOf(none.message)[0].a.error.code, -32601);
		});
		test('nobody but its owner, with its own call, takes a parked call up', async () => {
			const rounds = [{ a: ELICIT }];
			const first = await modernAsk({ name, arguments: { rounds } });
			const good = answersTo(first.message);
			const text = good.requestState;
			const flipped = `${text.slice(0, 20)}${text[20] === 'A' ? 'B' : 'A'}${text.slice(21)}`;
			const wrong = [
				modernAsk({ name, arguments: { rounds }, ...good, requestState: flipped }),
				modernAsk({ name, arguments: { rounds }, ...good, requestState: 'guess' }),
				modernAsk({ name, arguments: { rounds: [{ a: SAMPLE }] }, ...good }),
				modernAsk({ name: name === 'os_ask' ? 'oh_ask' : 'os_ask', arguments: { rounds }, ...good }),
				modernAsk({ name, arguments: { rounds }, ...good }, CAN_ALL, gateway.as('beta')),
				modernAsk({ name, arguments: { rounds }, ...good, requestState: 7 }),
			];
			for (const { status, message } of await Promise.all(wrong)) {
				assert.equal(status, 200);
				assert.equal(message.error.code, -32602);
			}
			const last = await modernAsk({ name, arguments: { rounds }, ...good });
			assert.deepEqual(textOf(last.message), [{ a: ANSWERS[ELICIT.method] }]);
			const late = await modernAsk({ name, arguments: { rounds }, ...good });
			assert.equal(late.message.error.code, -32602);
		});
		test('prompts and resources', async () => {
			for (const [method, params] of [['prompts/get', { name }], ['resources/read', { uri: RESOURCE[upstream] }]]) {
				const first = await modern(gateway, method, params, withCaps(CAN_ALL));
				assert.equal(first.message.result.resultType, 'input_required', JSON.stringify(first.message));
				const last = await modern(gateway, method, { ...params, ...answersTo(first.message) }, withCaps(CAN_ALL));
				assert.equal(last.message.result.resultType, 'complete');
				assert.match(JSON.stringify(last.message.result), /Alice/);
			}
		});
		test('a demand for a URL becomes a round', async () => {
			const params = { name: `${upstream}_url`, arguments: { nonce: `${upstream}-1` } };
			const first = await modernAsk(params);
			assert.deepEqual(first.message.result.inputRequests,
				{ u1: { method: 'elicitation/create', params: { mode: 'url', message: 'Sign in', url: 'https://example.test/a' } } });
			const last = await modernAsk({ ...params, inputResponses: { u1: { action: 'accept' } } });
			assert.equal(textOf(last.message), 'thanks');
			const cannot = await modernAsk({ name: `${upstream}_url`, arguments: { nonce: `${upstream}-2` } }, { elicitation: {} });
			assert.equal(cannot.status, 400);
			assert.deepEqual(cannot.message.error.data, { requiredCapabilities: { elicitation: { url: {} } } });
		});
		test('a question that is taken back lets the call go on', async () => {
			const rounds = [{ a: { ...ELICIT, takeBack: 150 } }];
			const first = await modernAsk({ name, arguments: { rounds } });
			await until('the question to be taken back', async () => textOf((await modern(gateway, 'tools/call', { name: `${upstream}_seen`, arguments: {} })).message).open === 0);
			const last = await modernAsk({ name, arguments: { rounds }, ...answersTo(first.message) });
			assert.deepEqual(textOf(last.message), [{ a: 'taken back' }]);
		});
	});
}

/** A gateway of its own, whose people have `input_timeout` to answer. */
async function impatientGateway(t, limits) {
	const http = await askingHttp('legacy');
	return startGateway(t, {
		workers: 4,
		tenants: ['acme', 'beta'],
		limits,
		upstreams: { os: askingStdio('legacy'), oh: http, ns: askingStdio('modern') },
	});
}

const seenBy = async (target, upstream) => textOf((await modern(target, 'tools/call', { name: `${upstream}_seen`, arguments: {} })).message);

describe('time and ends', () => {
	test('a question outlives the request time-out, and a slow person is waited for', async (t) => {
		const own = await impatientGateway(t, { request_timeout: '600ms', input_timeout: '30s' });
		for (const upstream of ['os', 'oh', 'ns']) {
			const session = await openSession(own, { capabilities: CAN_ALL });
			const call = await new SessionCall(session, undefined).start('tools/call', { name: `${upstream}_ask`, arguments: { rounds: [{ a: ELICIT }] } });
			const question = await call.stream.next(({ method }) => method === ELICIT.method);
			await new Promise((resolve) => setTimeout(resolve, 900)); // the very thing that is tested: time passes
			assert.equal((await session.send({ jsonrpc: '2.0', id: question.id, result: ANSWERS[ELICIT.method] })).status, 202);
			call.answer = standard;
			assert.deepEqual(textOf(await call.finish()), [{ a: ANSWERS[ELICIT.method] }]);
		}
		for (const upstream of ['os', 'oh']) {
			const session = await openSession(own, { capabilities: CAN_ALL });
			const call = await new SessionCall(session, undefined).start('tools/call', { name: `${upstream}_ask`, arguments: { rounds: [{ a: ELICIT, b: { ...SAMPLE, after: 900 } }] } });
			const early = await call.stream.next(({ method }) => method === ELICIT.method);
			const late = await call.stream.next(({ method }) => method === SAMPLE.method);
			for (const { id, method } of [late, early]) await session.send({ jsonrpc: '2.0', id, result: ANSWERS[method] });
			call.answer = standard;
			assert.deepEqual(textOf(await call.finish()), [{ a: ANSWERS[ELICIT.method], b: ANSWERS[SAMPLE.method] }]);
		}
		const params = { name: 'os_ask', arguments: { rounds: [{ a: ELICIT }] } };
		const first = await modernAsk(params, CAN_ALL, own);
		await new Promise((resolve) => setTimeout(resolve, 900));
		assert.deepEqual(textOf((await modernAsk({ ...params, ...answersTo(first.message) }, CAN_ALL, own)).message), [{ a: ANSWERS[ELICIT.method] }]);
	});
	test('who never answers is waited for so long and no longer', async (t) => {
		const own = await impatientGateway(t, { input_timeout: '400ms' });
		for (const upstream of ['os', 'oh', 'ns']) {
			const session = await openSession(own, { capabilities: CAN_ALL });
			const call = await new SessionCall(session, () => undefined).start('tools/call', { name: `${upstream}_ask`, arguments: { rounds: [{ a: ELICIT }] } });
			const message = await call.finish();
			if (upstream === 'ns') assert.match(message.result.content[0].text, /no answer came in time/);
			else assert.equal(textOf(message)[0].a.error.code, -32603);
			const [cancelled] = call.notified.filter(({ method }) => method === 'notifications/cancelled');
			assert.equal(cancelled.params.requestId, call.asked[0].id);
		}
	});
	test('a parked call that nobody fetches ends, and the server hears of it', async (t) => {
		const own = await impatientGateway(t, { input_timeout: '400ms' });
		for (const upstream of ['os', 'oh']) {
			const params = { name: `${upstream}_ask`, arguments: { rounds: [{ a: ELICIT }, { b: ELICIT }] } };
			const first = await modernAsk(params, CAN_ALL, own);
			const before = await until('the server to hear', async () => {
				const seen = await seenBy(own, upstream);
				return seen.cancelled.length > 0 && seen;
			});
			assert.ok(before.refused > 0);
			const late = await modernAsk({ ...params, ...answersTo(first.message) }, CAN_ALL, own);
			assert.equal(late.message.error.code, -32602);
		}
	});
	test('notifications/cancelled ends a call that asks, on both sides', async () => {
		for (const upstream of ['os', 'oh', 'ns']) {
			const session = await openSession(gateway, { capabilities: CAN_ALL });
			const before = upstream === 'ns' ? null : await seenBy(gateway, upstream);
			const call = await new SessionCall(session, () => undefined).start('tools/call', { name: `${upstream}_ask`, arguments: { rounds: [{ a: ELICIT }] } });
			const question = await call.stream.next(({ method }) => method === ELICIT.method);
			await session.notify('notifications/cancelled', { requestId: call.id });
			const cancelled = await call.stream.next(({ method }) => method === 'notifications/cancelled');
			assert.equal(cancelled.params.requestId, question.id);
			await call.stream.rest(10000);
			call.connection.destroy();
			assert.equal((await session.send({ jsonrpc: '2.0', id: question.id, result: ANSWERS[ELICIT.method] })).status, 202);
			if (before !== null) await until('the server to hear', async () => (await seenBy(gateway, upstream)).cancelled.length > before.cancelled.length);
		}
	});
	test('a modern client that closes its stream while it reads ends the call', async () => {
		for (const upstream of ['os', 'oh']) {
			const before = await seenBy(gateway, upstream);
			const params = { name: `${upstream}_ask`, arguments: { rounds: [{ a: ELICIT }, 60000] } };
			const first = await modernAsk(params);
			await assert.rejects(modern(gateway, 'tools/call', { ...params, ...answersTo(first.message) }, { ...withCaps(CAN_ALL), ms: 300 }));
			await until('the server to hear', async () => (await seenBy(gateway, upstream)).cancelled.length > before.cancelled.length);
		}
	});
	test('a session that ends takes its questions with it', async () => {
		const session = await openSession(gateway, { capabilities: CAN_ALL });
		const { open } = await seenBy(gateway, 'os');
		const call = await new SessionCall(session, () => undefined).start('tools/call', { name: 'os_ask', arguments: { rounds: [{ a: ELICIT }] } });
		await call.stream.next(({ method }) => method === ELICIT.method);
		assert.equal((await session.end()).status, 200);
		await call.stream.rest(10000);
		call.connection.destroy();
		await until('the question to be refused', async () => (await seenBy(gateway, 'os')).open === open);
	});
	test('a gateway that stops ends what waits for people at once', async (t) => {
		const own = await impatientGateway(t, {});
		const session = await openSession(own, { capabilities: CAN_ALL });
		const calls = await Promise.all(['os', 'oh', 'ns'].map((upstream) => new SessionCall(session, () => undefined).start('tools/call', { name: `${upstream}_ask`, arguments: { rounds: [{ a: ELICIT }] } })));
		await Promise.all(calls.map((call) => call.stream.next(({ method }) => method === ELICIT.method)));
		const first = await modernAsk({ name: 'oh_ask', arguments: { rounds: [{ a: ELICIT }] } }, CAN_ALL, own);
		assert.equal(first.message.result.resultType, 'input_required');
		const began = Date.now();
		const ended = own.stop();
		for (const call of calls) assert.ok((await call.finish()).result !== undefined);
		assert.equal((await ended).code, 0);
		assert.ok(Date.now() - began < 10000, 'it waited for the drain');
	});
	test('a caller has a bound on parked calls, of which others notice nothing', async (t) => {
		const own = await startGateway(t, { workers: 1, tenants: ['acme', 'beta'], upstreams: { oh: await askingHttp('legacy') } });
		const params = { name: 'oh_ask', arguments: { rounds: [{ a: ELICIT }] } };
		const parked = await Promise.all(Array.from({ length: 32 }, () => modernAsk(params, CAN_ALL, own)));
		for (const { message } of parked) assert.equal(message.result.resultType, 'input_required', JSON.stringify(message));
		const over = await modernAsk(params, CAN_ALL, own);
		assert.equal(over.message.result.isError, true);
		const other = await modernAsk(params, CAN_ALL, own.as('beta'));
		assert.equal(other.message.result.resultType, 'input_required');
		const gauge = async (name) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec((await request(own, { method: 'GET', path: '/metrics' })).text)[1]);
		assert.equal(await gauge('gatehouse_calls_parked'), 33);
		assert.equal(await gauge('gatehouse_questions_open'), 0);
		for (const { message } of parked.slice(0, 2)) assert.deepEqual(textOf((await modernAsk({ ...params, ...answersTo(message) }, CAN_ALL, own)).message), [{ a: ANSWERS[ELICIT.method] }]);
		assert.equal((await modernAsk(params, CAN_ALL, own)).message.result.resultType, 'input_required');
	});
	test('a state of an earlier life says so', async (t) => {
		const own = await impatientGateway(t, {});
		const params = { name: 'oh_ask', arguments: { rounds: [{ a: ELICIT }] } };
		const first = await modernAsk(params, CAN_ALL, own);
		await own.stop();
		await own.start();
		await own.settled();
		const late = await modernAsk({ ...params, ...answersTo(first.message) }, CAN_ALL, own);
		assert.equal(late.message.error.code, -32602);
		assert.match(late.message.error.message, /restarted/);
	});
});

describe('whose answer is it', () => {
	test('answers of strangers go nowhere', async () => {
		const session = await openSession(gateway, { capabilities: CAN_ALL });
		const same = await openSession(gateway, { capabilities: CAN_ALL });
		const other = await openSession(gateway.as('beta'), { capabilities: CAN_ALL });
		const call = await new SessionCall(session, undefined).start('tools/call', { name: 'os_ask', arguments: { rounds: [{ a: ELICIT }] } });
		const question = await call.stream.next(({ method }) => method === ELICIT.method);
		const forged = { result: { action: 'accept', content: { name: 'Mallory' } } };
		for (const stranger of [same, other]) assert.equal((await stranger.send({ jsonrpc: '2.0', id: question.id, ...forged })).status, 202);
		for (const id of [question.id.replace(/-(\d+)$/, (_, n) => `-${Number(n) + 1}`), 'gh-0000000000000000-0-1', 'gh-', 7, `${question.id}0`]) {
			assert.equal((await session.send({ jsonrpc: '2.0', id, ...forged })).status, 202);
		}
		await session.send({ jsonrpc: '2.0', id: question.id, result: ANSWERS[ELICIT.method] });
		await session.send({ jsonrpc: '2.0', id: question.id, ...forged });
		call.answer = standard;
		assert.deepEqual(textOf(await call.finish()), [{ a: ANSWERS[ELICIT.method] }]);
	});
	test('concurrent calls of two tenants are never mixed', async () => {
		const sessions = { acme: await openSession(gateway, { capabilities: CAN_ALL }), beta: await openSession(gateway.as('beta'), { capabilities: CAN_ALL }) };
		const one = async (tenant, n, upstream) => {
			const mark = `${tenant}-${n}-${upstream}`;
			const ask = { method: 'elicitation/create', params: { message: mark, requestedSchema: { type: 'object', properties: {} } } };
			const reply = (question) => {
				assert.equal(question.params.message, mark);
				return { action: 'accept', content: { mark } };
			};
			const args = { rounds: [{ a: ask }, { a: ask }] };
			const expected = Array(2).fill({ a: { action: 'accept', content: { mark } } });
			const call = await sessionCall(sessions[tenant], `${upstream}_ask`, args, (question) => ({ result: reply(question) }));
			assert.deepEqual(textOf(call.message), expected);
			let { message } = await modernAsk({ name: `${upstream}_ask`, arguments: args }, CAN_ALL, gateway.as(tenant));
			while (message.result.resultType === 'input_required') {
				const inputResponses = Object.fromEntries(Object.entries(message.result.inputRequests).map(([key, question]) => [key, reply(question)]));
				({ message } = await modernAsk({ name: `${upstream}_ask`, arguments: args, inputResponses, requestState: message.result.requestState }, CAN_ALL, gateway.as(tenant)));
			}
			assert.deepEqual(textOf(message), expected);
		};
		const jobs = [];
		for (let n = 0; n < 6; n++) for (const tenant of ['acme', 'beta']) for (const upstream of ['oh', 'nh', 'ns']) jobs.push(one(tenant, n, upstream));
		await Promise.all(jobs);
	});
	test('every round has its audit row', async () => {
		const params = { name: 'oh_ask', arguments: { rounds: [{ a: ELICIT }] } };
		const [{ seq }] = (await gateway.cliJson('audit', 'list', '--limit', '1'));
		const first = await modernAsk(params);
		await modernAsk({ ...params, ...answersTo(first.message) });
		const rows = await until('the rows', async () => {
			const list = await gateway.cliJson('audit', 'list', '--after', String(seq));
			return list.length === 2 && list;
		});
		assert.deepEqual(rows.map(({ outcome }) => outcome).sort(), ['input_required', 'ok']);
	});
});
