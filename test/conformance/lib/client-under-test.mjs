// What the suite's client leg starts: the gateway as the client under test.
//
//   node client-under-test.mjs SERVER_URL
//
// Starts a gateway whose upstream is the suite's server, and a small client of the same era that does
// through it what the scenario wants to see done. Ends with 0 when that worked and the gateway ended
// well. The suite tells the scenario in its MCP_CONFORMANCE_* variables.
import assert from 'node:assert/strict';
import { modern, openSession } from '../../e2e/lib/mcp.mjs';
import { actAuthorized } from './authorized.mjs';
import { connect } from './clients.mjs';
import { plainUrl, startPlain } from './stage.mjs';

const scenario = process.env.MCP_CONFORMANCE_SCENARIO;
const era = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION === '2026-07-28' ? 'modern' : 'legacy';
const told = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}');

const SAMPLES = { string: 'x', number: 1.5, integer: 1, boolean: true, array: [], object: {} };

/** Call every tool that the client is shown, with arguments of the right types. */
async function eachTool(client) {
	for (const { name, inputSchema } of await client.list()) {
		const properties = Object.entries(inputSchema.properties ?? {});
		await client.call(name, Object.fromEntries(properties.map(([key, { type }]) => [key, SAMPLES[type]])));
	}
}

/** No SDK knows the methods of the skills extension. */
async function listSkills(client, gateway) {
	const target = { port: gateway.port, path: '/mcp' }; // a toolset shows no server without items
	const declared = { extensions: { 'io.modelcontextprotocol/skills': {} } };
	const { message } = era === 'modern'
		? await modern(target, 'skills/list', {}, { meta: { 'io.modelcontextprotocol/clientCapabilities': declared } })
		: await (await openSession(target, { capabilities: declared })).request('skills/list', {});
	assert.ok(message.result?.skills?.length > 0, JSON.stringify(message));
}

/** What to do, by scenario; the rest only list the tools. */
const acts = {
	tools_call: async (client) => {
		assert.ok((await client.list()).some(({ name }) => name === 'add_numbers'));
		await client.call('add_numbers', { a: 5, b: 3 });
	},
	'elicitation-sep1034-client-defaults': (client) => eachTool(client),
	'sse-retry': (client) => eachTool(client),
	'sep-2322-client-request-state': (client) => eachTool(client),
	'http-invalid-tool-headers': (client) => eachTool(client),
	'http-standard-headers': async (client) => {
		await eachTool(client);
		for (const { uri } of await client.list('resources')) await client.client.readResource({ uri });
		for (const { name } of await client.list('prompts')) await client.client.getPrompt({ name });
	},
	'http-custom-headers': async (client) => {
		await client.list();
		for (const call of told.toolCalls) await client.call(call.name, call.arguments);
	},
	'sep-2640-client-no-prefetch': listSkills,
	'json-schema-2020-12-preservation': async (client) => {
		const tools = await client.list();
		await client.call('json_schema_echo', { schema: tools.find(({ name }) => name === 'json_schema_2020_12_tool').inputSchema });
	},
};

/** An answer that takes every default of the form, and true where there is none. */
function elicit({ requestedSchema }) {
	const properties = Object.entries(requestedSchema.properties);
	return { action: 'accept', content: Object.fromEntries(properties.map(([name, schema]) => [name, schema.default ?? true])) };
}

async function act(t) {
	const gateway = await startPlain(t, { http: { url: process.argv[2] } }, { workers: 1, settle: scenario !== 'request-metadata' });
	const client = await connect('v2', era, plainUrl(gateway), { elicit, sample: () => assert.fail(), roots: () => ({ roots: [] }) });
	t.after(() => client.close());
	await (acts[scenario] ?? ((one) => one.list()))(client, gateway);
}

const cleanups = [];
const t = { after: (cleanup) => cleanups.push(cleanup) };
try {
	if (scenario.startsWith('auth/')) await actAuthorized(t, { scenario, era, told, url: process.argv[2] });
	else await act(t);
} catch (error) {
	console.error(error);
	process.exitCode = 1;
} finally {
	for (const cleanup of cleanups.reverse()) await cleanup();
}
