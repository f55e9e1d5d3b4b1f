// What an official client does with the gateway, whatever the SDK: every test of the journey takes
// a small adapter over the client.
//
//   {client, call(params, options), onListChanged(kind, handler), close()}
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { stdioFixture } from './fixture.mjs';
import { until } from './wait.mjs';

const text = (result) => result.content.find(({ type }) => type === 'text').text;

async function listEvery(list, member) {
	const items = [];
	let cursor;
	let pages = 0;
	do {
		const page = await list(cursor === undefined ? {} : { cursor });
		items.push(...page[member]);
		cursor = page.nextCursor;
		pages++;
	} while (cursor !== undefined);
	return { items, pages };
}

/** [what, async (adapter, gateway)] */
export const journey = [
	['who answers', ({ client }) => {
		assert.equal(client.getServerVersion().name, 'gatehouse');
		const capabilities = client.getServerCapabilities();
		for (const name of ['tools', 'prompts', 'resources', 'completions']) assert.ok(capabilities[name], name);
	}],
	['the tools of all three servers', async ({ client }) => {
		const { items } = await listEvery((params) => client.listTools(params), 'tools');
		const names = items.map(({ name }) => name);
		for (const name of ['everything_echo', 'everything_get-sum', 'remote_echo', 'remote_get-sum', 'files_read_text_file', 'files_write_file']) assert.ok(names.includes(name), name);
		assert.equal(new Set(names).size, names.length);
		for (const tool of items) {
			assert.match(tool.name, /^[A-Za-z0-9_-]{1,64}$/);
			assert.equal(tool.inputSchema.type, 'object');
		}
		assert.equal(items.find(({ name }) => name === 'everything_echo').title, 'Echo Tool');
	}],
	['calls', async ({ call }) => {
		for (const server of ['everything', 'remote']) {
			assert.equal(text(await call({ name: `${server}_echo`, arguments: { message: `über ${server}` } })), `Echo: über ${server}`);
			assert.match(text(await call({ name: `${server}_get-sum`, arguments: { a: 2, b: 40 } })), /42/);
		}
		const image = await call({ name: 'everything_get-tiny-image', arguments: {} });
		assert.ok(image.content.some(({ type, mimeType }) => type === 'image' && mimeType === 'image/png'));
		const links = await call({ name: 'remote_get-resource-links', arguments: { count: 3 } });
		assert.equal(links.content.filter(({ type }) => type === 'resource_link').length, 3);
	}],
	['structured results pass the client\'s own check of the output schema', async ({ client, call }) => {
		await listEvery((params) => client.listTools(params), 'tools');
		const weather = await call({ name: 'everything_get-structured-content', arguments: { location: 'New York' } });
		assert.equal(typeof weather.structuredContent.temperature, 'number');
	}],
	['files', async ({ call }, gateway) => {
		const file = path.join(gateway.file('files'), `note-${Math.trunc(performance.now() * 1000)}.txt`);
		await call({ name: 'files_write_file', arguments: { path: file, content: 'written through the gateway\n' } });
		assert.equal(fs.readFileSync(file, 'utf8'), 'written through the gateway\n');
		assert.equal(text(await call({ name: 'files_read_text_file', arguments: { path: file } })), 'written through the gateway\n');
		const refused = await call({ name: 'files_read_text_file', arguments: { path: '/etc/passwd' } });
		assert.equal(refused.isError, true);
	}],
	['mistakes', async ({ call }) => {
		const wrong = await call({ name: 'everything_get-sum', arguments: { a: 'two', b: 1 } });
		assert.equal(wrong.isError, true);
		assert.match(text(wrong), /\ba\b/);
		await assert.rejects(call({ name: 'no_such_tool', arguments: {} }), (error) => error.code === -32602 || /Unknown tool/.test(error.message));
	}],
	['resources and templates', async ({ client }) => {
		const { items } = await listEvery((params) => client.listResources(params), 'resources');
		assert.ok(items.length > 0);
		const first = await client.readResource({ uri: items[0].uri });
		assert.equal(first.contents[0].uri, items[0].uri);
		const { items: templates } = await listEvery((params) => client.listResourceTemplates(params), 'resourceTemplates');
		const dynamic = templates.find(({ uriTemplate }) => uriTemplate.includes('text'));
		assert.ok(dynamic, JSON.stringify(templates));
		const uri = dynamic.uriTemplate.replace(/\{.*\}/, '7');
		const read = await client.readResource({ uri });
		assert.equal(read.contents[0].uri, uri);
		assert.match(read.contents[0].text, /7/);
		await assert.rejects(client.readResource({ uri: 'nowhere://x' }), (error) => [-32002, -32602].includes(error.code) || /not found/i.test(error.message));
	}],
	['prompts', async ({ client }) => {
		const { items } = await listEvery((params) => client.listPrompts(params), 'prompts');
		assert.ok(items.some(({ name }) => name === 'everything_simple-prompt') && items.some(({ name }) => name === 'remote_simple-prompt'));
		assert.ok((await client.getPrompt({ name: 'everything_simple-prompt' })).messages.length > 0);
		const withArguments = await client.getPrompt({ name: 'remote_args-prompt', arguments: { city: 'Oslo' } });
		assert.match(withArguments.messages[0].content.text, /Oslo/);
		await assert.rejects(client.getPrompt({ name: 'nope' }));
	}],
	['completion', async ({ client }) => {
		const ref = { type: 'ref/prompt', name: 'everything_completable-prompt' };
		const departments = await client.complete({ ref, argument: { name: 'department', value: 'E' } });
		assert.deepEqual(departments.completion.values, ['Engineering']);
		const names = await client.complete({ ref, argument: { name: 'name', value: '' }, context: { arguments: { department: 'Sales' } } });
		assert.deepEqual(names.completion.values, ['David', 'Eve', 'Frank']);
	}],
	['progress', async ({ call }) => {
		for (const server of ['everything', 'remote']) {
			const seen = [];
			const result = await call({ name: `${server}_trigger-long-running-operation`, arguments: { duration: 0.4, steps: 4 } }, { onprogress: (progress) => seen.push(progress) });
			assert.match(text(result), /completed/);
			assert.deepEqual(seen.map(({ progress, total }) => [progress, total]), [[1, 4], [2, 4], [3, 4], [4, 4]]);
		}
	}],
	['cancellation', async ({ call }, gateway) => {
		for (const server of ['everything', 'remote']) {
			const abort = new AbortController();
			const call1 = call({ name: `${server}_trigger-long-running-operation`, arguments: { duration: 60, steps: 60 } }, { signal: abort.signal });
			const refused = assert.rejects(call1);
			await until('the call', async () => (await gateway.upstream(server)).in_flight >= 1);
			abort.abort('enough');
			await refused;
			await until('the end of the call upstream', async () => (await gateway.upstream(server)).in_flight === 0);
			assert.match(text(await call({ name: `${server}_echo`, arguments: { message: 'still' } })), /still/);
		}
	}],
	['many calls at once', async ({ call }) => {
		const results = await Promise.all(Array.from({ length: 60 }, (_, i) => call({ name: `${i % 2 ? 'everything' : 'remote'}_echo`, arguments: { message: `number ${i}` } })));
		results.forEach((result, i) => assert.equal(text(result), `Echo: number ${i}`));
	}],
	['list_changed and pages', async ({ client, onListChanged }, gateway) => {
		let told = 0;
		await onListChanged(() => told++);
		const upstreams = gateway.options.upstreams;
		gateway.configure({ upstreams: { ...upstreams, many: stdioFixture(['--no-builtin', '--tools', '2100']) } });
		assert.equal((await gateway.reload()).code, 0);
		await until('the notification', () => told > 0);
		const { items } = await listEvery((params) => client.listTools(params), 'tools');
		assert.equal(items.filter(({ name }) => name.startsWith('many_')).length, 2100);
		gateway.configure({ upstreams });
		const before = told;
		assert.equal((await gateway.reload()).code, 0);
		await until('the notification', () => told > before);
	}],
];
