// The gateway as an OAuth client, for the suite's auth scenarios: what is configured, how a person without a screen agrees, and what
// the small client in front does then. The suite's authorization servers agree at once: they redirect to the gateway's callback.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { call } from '../../e2e/lib/api.mjs';
import { Browser } from '../../e2e/lib/browser.mjs';
import { leave, makeLink } from '../../e2e/lib/connect.mjs';
import { startGateway } from '../../e2e/lib/gateway.mjs';
import { modernCall, modern, openSession } from '../../e2e/lib/mcp.mjs';
import { makeUser } from '../../e2e/lib/people.mjs';
import { until } from '../../e2e/lib/wait.mjs';

const STEP_MS = 8000;
/** A person gives up after so many times. */
const CONSENTS_MAX = 3;
const CLIENT_DOCUMENT = 'https://conformance-test.local/client-metadata.json';

/** What the scenario's context says, as the operator would write it; `keep(name, text)` makes a file of it. */
const settings = {
	'auth/pre-registration': ({ client_id, client_secret }) => ({ client_id, client_secret }),
	'auth/client-credentials-jwt': ({ client_id, private_key_pem }) => ({ flow: 'client', client_id, private_key: private_key_pem }),
	'auth/client-credentials-basic': ({ client_id, client_secret }) => ({ flow: 'client', client_id, client_secret }),
	'auth/wif-jwt-bearer': ({ client_id, valid_jwt }, keep) => ({ flow: 'workload', client_id, subject_file: keep('subject', valid_jwt) }),
	'auth/enterprise-managed-authorization': (told, keep) => ({
		flow: 'enterprise', client_id: told.client_id, client_secret: told.client_secret, subject_file: keep('subject', told.idp_id_token),
		idp: { issuer: told.idp_issuer, token_url: told.idp_token_endpoint, client_id: told.idp_client_id },
	}),
};

/** Scenarios that end at the page which says that nothing was connected. */
const REFUSED = ['resource-mismatch', 'iss-supported-missing', 'iss-wrong-issuer', 'iss-unexpected', 'iss-normalized', 'metadata-issuer-mismatch'].map((name) => `auth/${name}`);

/** One small client of an era, with the tenant's key. */
class Client {
	constructor(gateway, era) {
		Object.assign(this, { target: gateway.as('acme'), era });
	}

	async ask(method, params) {
		if (this.era === 'modern') return (method === 'tools/call' ? await modernCall(this.target, params.name, params.arguments) : await modern(this.target, method, params)).message;
		this.session ??= await openSession(this.target);
		return (await this.session.request(method, params)).message;
	}

	/** The tool of the suite's server, if it is known. */
	async tool() {
		return (await this.ask('tools/list', {})).result?.tools?.find(({ name }) => name.endsWith('test-tool'));
	}

	/** Whether the call went through to the server. */
	async call({ name }) {
		const { result } = await this.ask('tools/call', { name, arguments: {} });
		return result !== undefined && result.isError !== true && result.resultType !== 'input_required';
	}
}

/** Agree, as far as it goes; the last page. */
async function agree(gateway, person) {
	const browser = new Browser();
	const link = await makeLink(gateway, { upstream: 'fx', user: '' });
	const left = await leave(browser, link.url, person).catch((error) => ({ error }));
	if (left.error !== undefined) return { failed: left.error.message };
	const answer = await fetch(left, { redirect: 'manual' });
	assert.equal(answer.status, 302, await answer.text());
	const page = await browser.visit(answer.headers.get('location'));
	return page.answer.status === 200 ? {} : { failed: page.html };
}

/** Whether the account that was connected is of no use any more. */
async function mustAgreeAgain(gateway) {
	const listed = await call(gateway, 'GET', '/tenants/acme/credentials', { key: gateway.owners.acme });
	assert.equal(listed.status, 200, listed.text);
	return listed.json.items.some(({ state }) => state === 'reauth_required');
}

/** Find the tool and call it; false when a person has to agree first. */
async function work(gateway, client, person) {
	let tool;
	await until('the tools of the server', async () => (tool = await client.tool()) !== undefined || (person !== undefined && await mustAgreeAgain(gateway)), STEP_MS);
	return tool !== undefined && client.call(tool);
}

/** Do what the scenario wants to see; `t` takes what is to be cleaned up. */
export async function actAuthorized(t, { scenario, era, told, url }) {
	const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-suite-'));
	t.after(() => fs.rmSync(directory, { recursive: true }));
	const keep = (name, text) => {
		fs.writeFileSync(path.join(directory, name), text, { mode: 0o600 });
		return path.join(directory, name);
	};
	const more = settings[scenario]?.(told, keep) ?? {};
	const gateway = await startGateway(t, {
		tenants: ['acme'],
		workers: 1,
		settle: false,
		upstreams: { fx: { http: { url }, auth: { type: 'oauth', each: 'tenant', ...more } } },
		config: scenario === 'auth/basic-cimd' ? { connect: { client_document: CLIENT_DOCUMENT } } : {},
	});
	const client = new Client(gateway, era);
	let person;
	if (more.flow === undefined) {
		person = await makeUser(gateway, { role: 'owner' });
		const { failed } = await agree(gateway, person);
		assert.equal(failed !== undefined, REFUSED.includes(scenario), failed ?? 'it was connected');
		if (failed !== undefined || scenario === 'auth/scope-retry-limit') return;
	}
	for (let consents = 1; !(await work(gateway, client, person)); consents++) {
		assert.ok(person !== undefined && consents < CONSENTS_MAX, 'the call is refused again and again');
		const { failed } = await agree(gateway, person);
		assert.equal(failed, undefined);
	}
}
