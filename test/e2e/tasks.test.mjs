// Tasks of both kinds: the extension of 2026-07-28 and the core tasks of 2025-11-25. Ids are the
// gateway's own, bound to who got them; across the eras tools are called without a task.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startFixture, stdioFixture } from './lib/fixture.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { listAll, modern, modernStream, openSession } from './lib/mcp.mjs';
import { until } from './lib/wait.mjs';

const TASKS = 'io.modelcontextprotocol/tasks';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const RELATED = 'io.modelcontextprotocol/related-task';
const DECLARED = { meta: { [CAPABILITIES]: { extensions: { [TASKS]: {}, 'com.example/unknown': {} } } } };

const file = scope(after);
let gateway;
let other;
let web;

before(async () => {
	web = await startFixture(file, ['--era', 'modern', '--with', 'tasks']);
	gateway = await startGateway(file, {
		tenants: ['acme', 'rival'],
		upstreams: {
			web: web.upstream(),
			pipe: stdioFixture(['--era', 'modern', '--with', 'tasks']),
			old: stdioFixture(['--era', 'legacy', '--with', 'core-tasks']),
			plain: stdioFixture(['--era', 'modern']),
		},
		config: { toolsets: { plain: { include: ['plain.*'] }, web: { include: ['web.*'] } } },
	});
	other = gateway.as('rival');
});

const call = (name, args = {}, options = DECLARED, target = gateway) => modern(target, 'tools/call', { name, arguments: args }, options);
const ask = (method, taskId, more = {}, options = DECLARED, target = gateway) => modern(target, method, { taskId, ...more }, options);

async function create(name, args, options = undefined) {
	const answer = await call(name, args, options);
	assert.equal(answer.message.result?.resultType, 'task', answer.text);
	return answer.message.result;
}

function untilStatus(taskId, status) {
	return until(`the task to be ${status}`, async () => {
		const { message } = await ask('tasks/get', taskId);
		assert.equal(message.result?.taskId, taskId, JSON.stringify(message));
		return message.result.status === status && message.result;
	});
}

function assertUnknown(answer) {
	assert.equal(answer.status, 200, answer.text);
	assert.equal(answer.message.error?.code, -32602, answer.text);
	assert.equal(answer.message.error.message, 'Unknown task');
}

describe('the tasks extension', () => {
	test('is offered where a server in view has it', async () => {
		const { result } = (await modern(gateway, 'server/discover')).message;
		assert.deepEqual(result.capabilities.extensions, { [TASKS]: {} });
		assert.equal(result.capabilities.tasks, undefined);
		const plain = gateway.as('acme', { path: '/mcp/plain' });
		assert.equal((await modern(plain, 'server/discover')).message.result.capabilities.extensions, undefined);
		const answer = await ask('tasks/get', 'x', {}, DECLARED, plain);
		assert.equal(answer.status, 404);
		assert.equal(answer.message.error.code, -32601);
	});

	for (const upstream of ['web', 'pipe']) {
		test(`${upstream}: a task is made, looked at and done`, async () => {
			const task = await create(`${upstream}_job`, { ms: 100 });
			assert.match(task.taskId, /^[A-Za-z0-9_-]{40,}$/);
			assert.equal(task.status, 'working');
			assert.equal(task.ttlMs, 60000);
			const { message } = await ask('tasks/get', task.taskId);
			assert.equal(message.result.resultType, 'complete');
			const done = await untilStatus(task.taskId, 'completed');
			assert.match(done.result.content[0].text, /^done: task-/);
			assert.deepEqual((await ask('tasks/cancel', task.taskId)).message.result.resultType, 'complete');
		});

		test(`${upstream}: it asks, is answered, and goes on`, async () => {
			const task = await create(`${upstream}_job`, { ms: 0, ask: true });
			const asking = await untilStatus(task.taskId, 'input_required');
			assert.equal(asking.inputRequests.confirm.method, 'elicitation/create');
			const ack = await ask('tasks/update', task.taskId, { inputResponses: { confirm: { action: 'accept', content: { ok: true } } } });
			assert.equal(ack.message.result.resultType, 'complete');
			assert.equal(ack.message.result.taskId, undefined);
			await untilStatus(task.taskId, 'completed');
		});

		test(`${upstream}: failures`, async () => {
			const tool = await create(`${upstream}_job`, { ms: 0, end: 'error' });
			assert.equal((await untilStatus(tool.taskId, 'completed')).result.isError, true);
			const protocol = await create(`${upstream}_job`, { ms: 0, end: 'failed' });
			assert.equal((await untilStatus(protocol.taskId, 'failed')).error.code, -32603);
			const cancelled = await create(`${upstream}_job`, { ms: 60000 });
			await ask('tasks/cancel', cancelled.taskId);
			await untilStatus(cancelled.taskId, 'cancelled');
		});
	}

	test('a client that does not declare it gets an answer at once', async () => {
		await create('web_job');
		const answer = await call('web_job', {}, {});
		assert.equal(answer.message.result.resultType, 'complete');
		assert.equal(answer.message.result.content[0].text, 'done without a task');
	});

	test('a tool that needs it is refused, and says why', async () => {
		const answer = await call('web_job', { required: true }, {});
		assert.equal(answer.status, 400, answer.text);
		assert.equal(answer.message.error.code, -32021);
		assert.deepEqual(answer.message.error.data, { requiredCapabilities: { extensions: { [TASKS]: {} } } });
	});

	test('an extension that the gateway does not carry is not declared to the server', async () => {
		const answer = await call('web_job', {}, { meta: { [CAPABILITIES]: { extensions: { 'com.example/unknown': {} } } } });
		assert.equal(answer.message.result.resultType, 'complete');
	});

	test('tasks/* of a client that does not declare it', async () => {
		const { taskId } = await create('web_job');
		for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
			const answer = await ask(method, taskId, method === 'tasks/update' ? { inputResponses: {} } : {}, {});
			assert.equal(answer.status, 400, answer.text);
			assert.equal(answer.message.error.code, -32021);
			assert.deepEqual(answer.message.error.data, { requiredCapabilities: { extensions: { [TASKS]: {} } } });
		}
	});

	test('tasks/result and tasks/list do not exist', async () => {
		for (const method of ['tasks/result', 'tasks/list']) {
			const answer = await modern(gateway, method, { taskId: 'x' }, DECLARED);
			assert.equal(answer.status, 404, method);
			assert.equal(answer.message.error.code, -32601);
		}
	});

	test('Mcp-Name must be the task\'s id', async () => {
		const { taskId } = await create('web_job');
		for (const name of [undefined, 'another', taskId.toLowerCase()]) {
			const answer = await ask('tasks/get', taskId, {}, { ...DECLARED, headers: { 'mcp-name': name } });
			assert.equal(answer.status, 400, answer.text);
			assert.equal(answer.message.error.code, -32020);
		}
	});

	test('nobody else, and no guess, reaches a task', async () => {
		const { taskId } = await create('web_job', { ms: 60000 });
		const tampered = `${taskId.slice(0, 50)}${taskId[50] === 'A' ? 'B' : 'A'}${taskId.slice(51)}`;
		assertUnknown(await ask('tasks/get', taskId, {}, DECLARED, other));
		assertUnknown(await ask('tasks/cancel', taskId, {}, DECLARED, other));
		assertUnknown(await ask('tasks/get', tampered));
		assertUnknown(await ask('tasks/get', 'task-9e3779b1'));
		assertUnknown(await ask('tasks/get', 'x'.repeat(5000)));
		assertUnknown(await ask('tasks/get', ''));
		const elsewhere = await create('pipe_job');
		assertUnknown(await ask('tasks/get', elsewhere.taskId, {}, DECLARED, gateway.as('acme', { path: '/mcp/web' })));
		await untilStatus(taskId, 'working');
	});

	test('a listener hears of its tasks, under the ids it knows', async () => {
		const listen = (taskIds, options = DECLARED, target = gateway) =>
			modernStream(target, 'subscriptions/listen', { notifications: { taskIds } }, { id: 'listen-1', ...options });
		const acknowledged = ({ method }) => method === 'notifications/subscriptions/acknowledged';
		const { taskId } = await create('web_job', { ms: 0 });
		const own = /task-\S+/.exec((await untilStatus(taskId, 'completed')).result.content[0].text)[0];

		const stream = await listen([taskId, 'made-up']);
		assert.deepEqual((await stream.next()).params, {
			notifications: { taskIds: [taskId] }, _meta: { 'io.modelcontextprotocol/subscriptionId': 'listen-1' },
		});
		const foreign = await listen([taskId], DECLARED, other);
		assert.deepEqual((await foreign.next(acknowledged)).params.notifications, {});
		await web.control({ task_updated: own });
		const { params } = await stream.next(({ method }) => method === 'notifications/tasks');
		assert.equal(params.taskId, taskId);
		assert.equal(params.status, 'working');
		assert.deepEqual(params._meta, { 'io.modelcontextprotocol/subscriptionId': 'listen-1' });
		await web.control({ add_tools: 1 });
		assert.equal(foreign.messages.length, 1);

		const undeclared = await modern(gateway, 'subscriptions/listen', { notifications: { taskIds: [taskId] } });
		assert.equal(undeclared.status, 400);
		assert.equal(undeclared.message.error.code, -32021);
		const plain = await listen([taskId], DECLARED, gateway.as('acme', { path: '/mcp/plain' }));
		assert.deepEqual((await plain.next(acknowledged)).params.notifications, {});
		for (const one of [stream, foreign, plain]) one.connection.destroy();
	});

	test('an id outlives the gateway', async () => {
		const { taskId } = await create('web_job', { ms: 0 });
		await gateway.stop();
		await gateway.start();
		await gateway.settled();
		other = gateway.as('rival');
		await untilStatus(taskId, 'completed');
	});
});

describe('tasks of 2025-11-25', () => {
	const augmented = (session, name, args = {}) => session.request('tools/call', { name, arguments: args, task: { ttl: 60000 } });

	test('are offered to sessions of that revision only', async () => {
		const session = await openSession(gateway);
		assert.deepEqual(session.initialized.capabilities.tasks, { cancel: {}, requests: { tools: { call: {} } } });
		const tools = await listAll((method, params) => session.request(method, params), 'tools/list', 'tools');
		assert.deepEqual(tools.find(({ name }) => name === 'old_job').execution, { taskSupport: 'optional' });
		const older = await openSession(gateway, { version: '2025-06-18' });
		assert.equal(older.initialized.capabilities.tasks, undefined);
		assert.equal((await older.request('tasks/get', { taskId: 'x' })).message.error.code, -32601);
		const modernTools = await listAll((method, params) => modern(gateway, method, params), 'tools/list', 'tools');
		assert.equal(modernTools.find(({ name }) => name === 'old_job').execution, undefined);
	});

	test('are made, looked at, waited for', async () => {
		const session = await openSession(gateway);
		const { task } = (await augmented(session, 'old_job', { ms: 100 })).message.result;
		assert.equal(task.status, 'working');
		assert.match(task.taskId, /^[A-Za-z0-9_-]{40,}$/);
		const got = (await session.request('tasks/get', { taskId: task.taskId })).message.result;
		assert.equal(got.taskId, task.taskId);
		assert.equal(got.resultType, undefined);
		const { result } = (await session.request('tasks/result', { taskId: task.taskId })).message;
		assert.match(result.content[0].text, /^done: task-/);
		assert.deepEqual(result._meta[RELATED], { taskId: task.taskId });
		assert.equal(result._meta.kept, 1);
		assert.equal((await session.request('tasks/get', { taskId: task.taskId })).message.result.status, 'completed');
	});

	test('are cancelled', async () => {
		const session = await openSession(gateway);
		const { task } = (await augmented(session, 'old_job', { ms: 60000 })).message.result;
		const { result } = (await session.request('tasks/cancel', { taskId: task.taskId })).message;
		assert.equal(result.status, 'cancelled');
		assert.equal(result.taskId, task.taskId);
	});

	test('belong to who made them', async () => {
		const session = await openSession(gateway);
		const { task } = (await augmented(session, 'old_job', { ms: 60000 })).message.result;
		const foreign = await openSession(other);
		assert.equal((await foreign.request('tasks/get', { taskId: task.taskId })).message.error.message, 'Unknown task');
		assert.equal((await session.request('tasks/list', {})).message.error.code, -32601);
		assertUnknown(await ask('tasks/get', task.taskId));
		const { taskId } = await create('web_job');
		assert.equal((await session.request('tasks/get', { taskId })).message.error.message, 'Unknown task');
	});

	test('across the eras there is no task', async () => {
		const session = await openSession(gateway);
		assert.equal((await augmented(session, 'web_job')).message.result.content[0].text, 'done without a task');
		assert.equal((await session.call('old_job')).message.result.content[0].text, 'done without a task');
		const answer = await modern(gateway, 'tools/call', { name: 'old_job', arguments: {}, task: { ttl: 60000 } }, DECLARED);
		assert.equal(answer.message.result.resultType, 'complete');
		assert.equal(answer.message.result.content[0].text, 'done without a task');
	});
});
