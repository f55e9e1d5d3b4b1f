// The official clients behind one small face, so that a test is written once for both lines of the
// SDK and both eras.
//
//   const client = await connect('v2', 'modern', url, { elicit, sample, roots });
//   client.call('name', args, {onprogress, signal, meta})   client.told('tools/list_changed') -> [params]
//
// A handler that is given makes its capability declared. What the server tells is kept in `told`.
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
	CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema, LoggingMessageNotificationSchema,
	PromptListChangedNotificationSchema, ResourceListChangedNotificationSchema, ResourceUpdatedNotificationSchema,
	ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';

const NOTIFICATIONS = {
	message: LoggingMessageNotificationSchema,
	'tools/list_changed': ToolListChangedNotificationSchema,
	'prompts/list_changed': PromptListChangedNotificationSchema,
	'resources/list_changed': ResourceListChangedNotificationSchema,
	'resources/updated': ResourceUpdatedNotificationSchema,
};
const LOG_LEVEL = 'io.modelcontextprotocol/logLevel';
const INFO = { name: 'conformance', version: '1' };

/** The ways a client can speak: {line, era}. The v1 line knows only sessions. */
export const WAYS = [{ line: 'v1', era: 'legacy' }, { line: 'v2', era: 'legacy' }, { line: 'v2', era: 'modern' }];

function capabilities({ elicit, sample, roots, applyDefaults = false }) {
	return {
		...(elicit && { elicitation: { form: applyDefaults ? { applyDefaults } : {}, url: {} } }),
		...(sample && { sampling: {} }),
		...(roots && { roots: { listChanged: true } }),
	};
}

class Connected {
	constructor(client, transport, line, era) {
		Object.assign(this, { client, transport, line, era, heard: {} });
	}

	/** Parameters of the notifications of this kind so far. */
	told(kind) {
		return (this.heard[kind] ??= []);
	}

	async list(what = 'tools') {
		return (await this.client[`list${what[0].toUpperCase()}${what.slice(1)}`]())[what];
	}

	call(name, args = {}, { meta, ...options } = {}) {
		const params = { name, arguments: args, ...(meta && { _meta: meta }) };
		return this.line === 'v1' ? this.client.callTool(params, undefined, options) : this.client.callTool(params, options);
	}

	/** A call that wants log messages of `level`, said as the era says it. */
	async callLogged(level, name, args) {
		if (this.era === 'modern') return this.call(name, args, { meta: { [LOG_LEVEL]: level } });
		await this.client.setLoggingLevel(level);
		return this.call(name, args);
	}

	/** Hear of changed lists, and of changes of the resource `uri` when given. */
	async watch({ uri } = {}) {
		if (this.era === 'modern') {
			this.subscription = await this.client.listen({
				toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true, ...(uri && { resourceSubscriptions: [uri] }),
			});
		} else if (uri !== undefined) {
			await this.client.subscribeResource({ uri });
		}
	}

	async close() {
		await this.subscription?.close();
		if (this.era === 'legacy') await this.transport.terminateSession?.().catch(() => {});
		await this.client.close();
	}
}

function listenV1(connected, { elicit, sample, roots }) {
	const { client } = connected;
	if (elicit) client.setRequestHandler(ElicitRequestSchema, ({ params }) => elicit(params));
	if (sample) client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => sample(params));
	if (roots) client.setRequestHandler(ListRootsRequestSchema, () => roots());
	for (const [kind, schema] of Object.entries(NOTIFICATIONS)) client.setNotificationHandler(schema, ({ params }) => void connected.told(kind).push(params ?? {}));
}

function listenV2(connected, { elicit, sample, roots }) {
	const { client } = connected;
	if (elicit) client.setRequestHandler('elicitation/create', ({ params }) => elicit(params));
	if (sample) client.setRequestHandler('sampling/createMessage', ({ params }) => sample(params));
	if (roots) client.setRequestHandler('roots/list', () => roots());
	for (const kind of Object.keys(NOTIFICATIONS)) client.setNotificationHandler(`notifications/${kind}`, ({ params }) => void connected.told(kind).push(params ?? {}));
}

/** Connect a client of `line` (v1, v2) in `era` (legacy, modern) to `url`. */
export async function connect(line, era, url, handlers = {}) {
	const options = { capabilities: capabilities(handlers) };
	const client = line === 'v1'
		? new ClientV1(INFO, options)
		: new ClientV2(INFO, { ...options, versionNegotiation: { mode: era === 'modern' ? { pin: '2026-07-28' } : 'legacy' } });
	const transport = line === 'v1' ? new HttpV1(new URL(url)) : new HttpV2(new URL(url));
	const connected = new Connected(client, transport, line, era);
	(line === 'v1' ? listenV1 : listenV2)(connected, handlers);
	await client.connect(transport);
	return connected;
}
