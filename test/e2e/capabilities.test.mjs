// What is declared works, and what is not declared does not exist: for a view with everything and for an
// empty one, in both eras.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { stdioFixture } from './lib/fixture.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { modern, openSession } from './lib/mcp.mjs';

const DECLARED = { meta: { 'io.modelcontextprotocol/clientCapabilities': { extensions: { 'io.modelcontextprotocol/tasks': {} } } } };
const REF = { ref: { type: 'ref/prompt', name: 'fx_greeting' }, argument: { name: 'name', value: 'a' } };

/** capability, method, params that work, eras. */
const methods = [
	[({ tools }) => tools, 'tools/list', {}],
	[({ prompts }) => prompts, 'prompts/list', {}],
	[({ resources }) => resources, 'resources/list', {}],
	[({ resources }) => resources, 'resources/templates/list', {}],
	[({ completions }) => completions, 'completion/complete', REF],
	[({ extensions }) => extensions?.['io.modelcontextprotocol/skills'], 'skills/list', {}],
	[({ extensions }) => extensions?.['io.modelcontextprotocol/tasks'], 'tasks/get', { taskId: 'x' }, 'modern'],
	[({ tasks }) => tasks, 'tasks/get', { taskId: 'x' }, 'legacy'],
	[({ tasks }) => tasks?.list, 'tasks/list', {}, 'legacy'],
];

const file = scope(after);
let gateway;

before(async () => {
	gateway = await startGateway(file, {
		upstreams: { fx: stdioFixture(['--with', 'tasks', '--with', 'skills']), old: stdioFixture(['--era', 'legacy', '--with', 'core-tasks']) },
		config: { toolsets: { empty: { include: ['nobody.*'] } } },
	});
});

async function check(capabilities, ask, era, wanted) {
	let declared = 0;
	for (const [of, method, params, only] of methods) {
		if (only !== undefined && only !== era) continue;
		const { error } = (await ask(method, params)).message;
		if (of(capabilities)) {
			declared++;
			assert.notEqual(error?.code, -32601, `${method} is declared`);
		} else {
			assert.equal(error?.code, -32601, `${method} is not declared`);
		}
	}
	assert.equal(declared, wanted);
}

for (const [path, wanted] of [['/mcp', 7], ['/mcp/empty', 4]]) {
	test(`${path} in the modern era`, async () => {
		const target = gateway.as('acme', { path });
		const { capabilities } = (await modern(target, 'server/discover')).message.result;
		await check(capabilities, (method, params) => modern(target, method, params, DECLARED), 'modern', wanted);
	});

	test(`${path} in a session`, async () => {
		const session = await openSession(gateway.as('acme', { path }));
		await check(session.initialized.capabilities, (method, params) => session.request(method, params), 'legacy', wanted);
	});
}
