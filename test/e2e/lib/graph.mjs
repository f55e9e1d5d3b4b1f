// The part of Microsoft Graph, and of the identity provider in front of it, that a registration bridge uses, as their
// documentation has them: client credentials, applications by id and by unique name, service principals, secrets,
// lists in pages. With knobs for what goes wrong.
import { randomBytes, randomUUID } from 'node:crypto';
import http from 'node:http';

const PAGE = 2; // the service gives 100: small pages show that they are followed
const LIFE_S = 3599;

const failure = (status, code, message, headers = {}) => [status, { error: { code, message, innerError: { 'request-id': randomUUID() } } }, headers];
const NOT_THERE = failure(404, 'Request_ResourceNotFound', 'Resource does not exist or one of its queried reference-property objects are not present.');

class Graph {
	constructor() {
		this.tenant = randomUUID();
		this.client = { id: randomUUID(), secret: randomBytes(20).toString('base64url') };
		this.tokens = new Set();
		this.applications = new Map(); // object id -> application, as Graph shows it; `secrets` with their texts
		this.principals = new Set(); // appId
		this.logins = 0;
		this.requests = []; // "PATCH /applications(uniqueName=...)"
		this.lag = 0; // how often what was just made is answered as not there
		this.faults = []; // {at, how, times}: see fault()
		this.held = undefined; // see hold()
	}

	/** `at` is the step: token, application, principal, password, update, delete, list, read, remove. `how`: 429, 500,
	 *  garbage, policy, denied, bad, drop-before, drop-after. */
	fault(at, how, times = 1) {
		this.faults.push({ at, how, times });
	}

	/** The next answer of this step waits; resolves when the step was carried out, with a function that lets it go on. */
	hold(at) {
		return new Promise((reached) => {
			this.held = { at, reached };
		});
	}

	revoke() {
		this.tokens.clear();
	}

	/** The applications, as somebody in the directory sees them. */
	all() {
		return [...this.applications.values()];
	}

	byClient(appId) {
		return this.all().find((one) => one.appId === appId);
	}

	secretWorks(appId, secret) {
		return this.byClient(appId)?.passwordCredentials.some((one) => one.secretText === secret && Date.parse(one.endDateTime) > Date.now()) ?? false;
	}

	add(fields) {
		const id = randomUUID();
		const application = { id, appId: randomUUID(), createdDateTime: new Date().toISOString().replace(/\.\d+/, ''), tags: [], passwordCredentials: [], lag: this.lag, ...fields };
		this.applications.set(id, application);
		return application;
	}

	#shown({ passwordCredentials, lag, ...application }) {
		return { ...application, passwordCredentials: passwordCredentials.map(({ secretText, ...one }) => ({ ...one, secretText: null })) };
	}

	#token(form) {
		if (form.get('grant_type') !== 'client_credentials' || form.get('scope') !== `${this.url}/.default`) return [400, { error: 'invalid_scope', error_description: 'AADSTS70011: the scope is not valid' }];
		if (form.get('client_id') !== this.client.id || form.get('client_secret') !== this.client.secret) return [401, { error: 'invalid_client', error_description: 'AADSTS7000215: Invalid client secret provided.', error_codes: [7000215] }];
		const token = randomBytes(24).toString('base64url');
		this.tokens.add(token);
		this.logins++;
		return [200, { token_type: 'Bearer', expires_in: LIFE_S, ext_expires_in: LIFE_S, access_token: token }];
	}

	/** One that was made a moment ago is not known everywhere. */
	#fresh(application) {
		if (application === undefined) return false;
		if (application.lag > 0) {
			application.lag--;
			return false;
		}
		return true;
	}

	#upsert(unique, body, create) {
		const found = this.all().find((one) => one.uniqueName === unique);
		if (found !== undefined) {
			Object.assign(found, body);
			return [204];
		}
		if (!create) return NOT_THERE;
		if (body.passwordCredentials !== undefined) return failure(400, 'Request_BadRequest', 'passwordCredentials cannot be set here.');
		return [201, this.#shown(this.add({ uniqueName: unique, ...body }))];
	}

	#principal(body) {
		if (!this.#fresh(this.byClient(body.appId))) return failure(400, 'NoBackingApplicationObject', `The appId '${body.appId}' does not reference a valid application object.`);
		if (this.principals.has(body.appId)) return failure(409, 'Request_MultipleObjectsWithSameKeyValue', 'The service principal cannot be created because it is in use.');
		this.principals.add(body.appId);
		return [201, { id: randomUUID(), appId: body.appId }];
	}

	#password(application, { passwordCredential }) {
		if (!this.#fresh(application)) return NOT_THERE;
		const made = { keyId: randomUUID(), displayName: passwordCredential.displayName, secretText: `s~${randomBytes(24).toString('base64url')}`, startDateTime: new Date().toISOString(), endDateTime: passwordCredential.endDateTime, hint: 's~1' };
		application.passwordCredentials.push(made);
		return [200, made];
	}

	#unpassword(application, { keyId }) {
		const at = application?.passwordCredentials.findIndex((one) => one.keyId === keyId) ?? -1;
		if (at < 0) return failure(400, 'Request_BadRequest', 'No password credential found with keyId.');
		application.passwordCredentials.splice(at, 1);
		return [204];
	}

	#list(url) {
		const tag = /^tags\/any\(t:t eq '([^']+)'\)$/.exec(url.searchParams.get('$filter') ?? '')?.[1];
		if (tag === undefined) return failure(400, 'Request_UnsupportedQuery', 'the filter is not understood');
		const from = Number(url.searchParams.get('$skiptoken') ?? 0);
		const found = this.all().filter(({ tags }) => tags.includes(tag));
		const next = from + PAGE < found.length ? { '@odata.nextLink': `${this.next ?? this.url}/v1.0/applications?$filter=${encodeURIComponent(url.searchParams.get('$filter'))}&$skiptoken=${from + PAGE}` } : {};
		return [200, { value: found.slice(from, from + PAGE).map((one) => this.#shown(one)), ...next }];
	}

	/** Which step a request is, and what carries it out. */
	#step(request, url, text) {
		const path = decodeURIComponent(url.pathname.replace(/^\/v1\.0/, ''));
		const body = () => JSON.parse(text);
		const unique = /^\/applications\(uniqueName='([^']+)'\)$/.exec(path)?.[1];
		const [, id, action] = /^\/applications\/([0-9a-f-]{36})(?:\/(\w+))?$/.exec(path) ?? [];
		const application = unique !== undefined ? this.all().find((one) => one.uniqueName === unique) : this.applications.get(id);
		const key = `${request.method} ${unique !== undefined || id !== undefined ? 'application' : path}${action === undefined ? '' : `/${action}`}`;
		const principal = /^\/servicePrincipals\(appId='([^']+)'\)$/.exec(path)?.[1];
		if (request.method === 'DELETE' && principal !== undefined) return ['delete', () => (this.principals.delete(principal) ? [204] : NOT_THERE)];
		return {
			'PATCH application': unique !== undefined ? ['application', () => this.#upsert(unique, body(), request.headers.prefer === 'create-if-missing')]
				: ['update', () => (application === undefined ? NOT_THERE : (Object.assign(application, body()), [204]))],
			'GET application': ['read', () => (this.#fresh(application) ? [200, this.#shown(application)] : NOT_THERE)],
			'DELETE application': ['delete', () => (this.applications.delete(application?.id) ? [204] : NOT_THERE)],
			'POST application/addPassword': ['password', () => this.#password(application, body())],
			'POST application/removePassword': ['remove', () => this.#unpassword(application, body())],
			'POST /servicePrincipals': ['principal', () => this.#principal(body())],
			'GET /applications': ['list', () => this.#list(url)],
		}[key] ?? ['unknown', () => failure(400, 'BadRequest', `nothing is at ${key}`)];
	}

	#answer(request, url, text) {
		if (url.pathname === `/${this.tenant}/oauth2/v2.0/token`) return ['token', () => this.#token(new URLSearchParams(text))];
		const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
		if (!this.tokens.has(token)) return ['auth', () => failure(401, 'InvalidAuthenticationToken', 'Access token has expired or is not yet valid.')];
		return this.#step(request, url, text);
	}

	#faulty(how, act) {
		if (how === 'drop-after') act();
		return {
			429: failure(429, 'TooManyRequests', 'Too many requests', { 'retry-after': '1' }),
			500: failure(503, 'ServiceUnavailable', 'try again'),
			policy: failure(400, 'CredentialTypeNotAllowedAsPerAppPolicy', 'Credential type not allowed as per assigned policy.'),
			denied: failure(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.'),
			bad: failure(400, 'Request_BadRequest', 'Invalid value specified for property redirectUris.'),
		}[how];
	}

	async handle(request, reply) {
		const chunks = [];
		for await (const chunk of request) chunks.push(chunk);
		const url = new URL(request.url, 'http://graph');
		this.requests.push(`${request.method} ${decodeURIComponent(url.pathname)}`);
		const [at, act] = this.#answer(request, url, Buffer.concat(chunks).toString());
		const fault = this.faults.find((one) => one.at === at && one.times > 0);
		if (fault !== undefined) fault.times--;
		const answer = fault === undefined || fault.how === 'garbage' ? act() : this.#faulty(fault.how, act);
		if (this.held?.at === at) {
			const { reached } = this.held;
			this.held = undefined;
			await new Promise((go) => reached(go));
		}
		if (answer === undefined) return request.socket.destroy();
		const [status, body, headers] = answer;
		reply.writeHead(status, { 'content-type': 'application/json', ...headers });
		return reply.end(fault?.how === 'garbage' ? '{"id":' : body === undefined ? undefined : JSON.stringify(body));
	}
}

/** One that ends with the test. */
export async function startGraph(t) {
	const graph = new Graph();
	const server = http.createServer((request, reply) => graph.handle(request, reply).catch((error) => reply.destroy(error)));
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	graph.url = `http://127.0.0.1:${server.address().port}`;
	return graph;
}
