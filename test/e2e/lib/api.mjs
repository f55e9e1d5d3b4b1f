// The management API as its own document describes it: operations, schemas, and answers checked against them.
import assert from 'node:assert/strict';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { request } from './raw.mjs';

export const BASE = '/api/v1';

/** One request; `body` becomes JSON. */
export async function call(gateway, method, path, { key = gateway.key, body, headers = {} } = {}) {
	if (/\/audit(\?|$)/.test(path)) await gateway.trailWritten?.();
	return request({ port: gateway.port }, {
		method,
		path: BASE + path,
		headers: {
			...(key === null ? {} : { 'x-api-key': key }),
			...(body === undefined ? {} : { 'content-type': 'application/json' }),
			...headers,
		},
		body: body === undefined ? undefined : JSON.stringify(body),
	});
}

/** The document, its operations, and a check of answers against it. */
export async function describe(gateway) {
	const document = (await call(gateway, 'GET', '/openapi.json', { key: null })).json;
	const ajv = new Ajv2020({ strict: false, allErrors: true });
	addFormats.default(ajv);
	ajv.addSchema(document, 'api');
	const operations = Object.entries(document.paths).flatMap(([path, item]) =>
		Object.entries(item)
			.filter(([method]) => method !== 'parameters')
			.map(([method, operation]) => ({ path, method: method.toUpperCase(), ...operation })));

	function pointer(path, method, ...rest) {
		return `api#/${['paths', path, method.toLowerCase(), ...rest]
			.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;
	}

	/** Throw unless the answer is what the document says of this operation. */
	function check(path, method, answer) {
		const operation = document.paths[path][method.toLowerCase()];
		const status = String(answer.status) in operation.responses ? String(answer.status) : 'default';
		const content = operation.responses[status].content;
		if (content === undefined) {
			assert.equal(answer.text, '', `${method} ${path} ${answer.status} has a body`);
			return;
		}
		const type = answer.headers['content-type'].split(';')[0];
		assert.ok(type in content, `${method} ${path} ${answer.status}: ${type}`);
		if (!type.endsWith('json')) return;
		const validate = ajv.getSchema(pointer(path, method, 'responses', status, 'content', type, 'schema'));
		assert.ok(validate(answer.json), `${method} ${path} ${answer.status}: ${ajv.errorsText(validate.errors)}: ${answer.text}`);
	}

	return { document, operations, check };
}

/** What creates one object of each list, by the last part of its path, in the order in which they can be made.
 * `machine` is the id of a service account, for what must belong to one. */
export function samples(n = 1, machine = undefined) {
	return {
		users: { email: `user${n}@example.com`, role: 'member', name: `User ${n}` },
		'service-accounts': { name: `machine ${n}`, role: 'member' },
		roles: { name: `role-${n}`, permissions: ['tools:call:billing.*', 'catalog:list'] },
		keys: { name: `key ${n}`, role: 'member' },
		certificates: { name: `certificate ${n}`, fingerprint: String(n).padStart(64, 'a'), user_id: machine },
		clients: { name: `client ${n}`, redirect_uris: ['https://client.example/back'], auth_method: 'client_secret_basic' },
		rules: { name: `rule-${n}`, document: { effect: 'allow', tools: ['*'] } },
		upstreams: { name: `up${n}`, document: { http: 'https://mcp.example/mcp' } },
		toolsets: { name: `set${n}`, document: { include: ['*'] } },
		credentials: { upstream: `up${n}`, secret: `secret of ${n}` },
	};
}

/** What changes such an object. */
export const changes = {
	users: { name: 'changed' },
	'service-accounts': { name: 'changed' },
	roles: { description: 'changed' },
	keys: { description: 'changed' },
	clients: { name: 'changed' },
	rules: { position: 7 },
	upstreams: { disabled: true },
	toolsets: { document: { include: ['a.*'] } },
	tenants: { title: 'changed' },
};
