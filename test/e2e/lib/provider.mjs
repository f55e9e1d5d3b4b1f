// An OAuth provider on loopback as platforms have them: consent, tokens with rotation, exchange, revocation, whose account
// it is, one of several to pick, metadata, registration, and a resource that wants a token. `quirks` make it deviate as
// platforms do; `fault()` makes its next answers fail; `stats()` counts what was asked of it.
//
//	const provider = await startProvider(t, { quirks: { clientIdName: 'client_key', scopeSeparator: ',' } });
//	provider.fault({ at: 'token', how: 'drop-after-commit', grant: 'refresh_token' });
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { knownClient, registerClient } from './provider-clients.mjs';
import { OAuthError, Tokens } from './provider-tokens.mjs';

export const QUIRKS = {
	clientIdName: 'client_id',
	clientSecretName: 'client_secret',
	codeName: 'code', // in the callback and in the request for a token
	scopeSeparator: ' ',
	clientAuth: 'any', // 'basic', 'post', 'none', 'jwt'
	tokenBy: 'form', // 'get', 'json'
	grantType: 'named', // 'optional' with a code; 'none': there is one grant, and a request names none
	pkce: 'S256', // 'hex', 'off' (refuses a challenge)
	longer: null, // 'fb', 'ig': the code's token lives an hour, and is exchanged for one that lives long
	refresh: 'standard', // 'same': the token itself is exchanged again; 'none'
	minAgeS: 0, // of a token before it is exchanged again
	nested: null, // 'data': the answer's tokens are in an object of this name
	texts: false, // numbers as texts
	lives: true, // false: no expires_in
	refreshLifeName: 'refresh_expires_in',
	errorsIn200: null, // 'error': {"error": {"code"}}; 'code': {"code": 40105, "message"}
	tokenHeader: null, // what resources want the token in, alone
	iss: true, // in the callback; 'wrong': another's; false: left out
};

const OPTIONS = { rotation: true, graceMs: 0, lifeS: 3600, refreshLifeS: 86400, longLifeS: 60 * 86400, codeLifeS: 60, scopes: null, consent: false, resource: null };
const PEOPLE = { ada: { id: '70001', name: 'Ada Lovelace', pages: [{ id: 'p1', name: 'First page' }, { id: 'p2', name: 'Second page' }] } };
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const COUNTED = { authorization_code: 'code', refresh_token: 'refresh', client_credentials: 'client', [EXCHANGE]: 'exchange', [JWT_BEARER]: 'bearer' };

const escape = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const json = (status, value, headers = {}) => ({ status, headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers }, body: JSON.stringify(value) });
const page = (status, text) => ({ status, headers: { 'content-type': 'text/html' }, body: `<!doctype html><title>Provider</title>${text}` });
const redirect = (to, query) => ({ status: 302, headers: { location: `${to}${to.includes('?') ? '&' : '?'}${new URLSearchParams(query)}` }, body: '' });

class Provider {
	constructor(options) {
		const { quirks = {}, people = PEOPLE, clients = [], ...rest } = options;
		for (const name of Object.keys({ ...quirks })) if (!(name in QUIRKS)) throw new Error(`no quirk '${name}'`);
		Object.assign(this, OPTIONS, rest, { people: structuredClone(people), quirks: { ...QUIRKS, ...quirks } });
		this.next = 'ada'; // who agrees; null: the person refuses
		this.clients = new Map([{ id: 'gatehouse', secret: 'a secret & more', redirectUris: null }, ...clients].map((client) => [client.id, client]));
		this.tokens = new Tokens({ ...this, pkce: this.quirks.pkce });
		this.requests = []; // {at, method, path, query, form, headers}
		this.faults = [];
		this.counts = {};
		this.waiting = new Map(); // consents that a page asks for
		this.refreshing = new Map(); // family -> refreshes under way
		this.gate = null; // what 'held' requests wait for
		/** The claims of a subject token or an assertion become an account; a test may be stricter. */
		this.onSubject = (token) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString() || '{}').sub;
	}

	get client() {
		return this.clients.get('gatehouse');
	}

	get issuer() {
		return this.url;
	}

	get endpoints() {
		const of = (path) => `${this.url}/${path}`;
		return { authorize: of('authorize'), token: of('token'), longer: of('longer'), again: of('again'), revoke: of('revoke'), register: of('register'), identity: of('me'), list: of('pages'), resource: of('resource') };
	}

	stats() {
		return { ...this.counts, reused: this.tokens.reused, families: this.tokens.families.length };
	}

	count(name) {
		return this.counts[name] ?? 0;
	}

	#count(name, value = this.count(name) + 1) {
		this.counts[name] = value;
	}

	/** The next `times` answers of `at` ('authorize', 'token', 'longer', 'revoke', 'register', 'identity', 'list', 'metadata',
	 * 'resource') fail: 'slow' (ms), 'held' (until release()), 'expired', 'revoked', 'denied', '429' (retryAfterS), '500',
	 * '503', 'garbage', 'html', 'content-type', 'empty', 'huge', 'drop-before', 'drop-after-commit'. `commit`: garbage and
	 * its like come after the work was done. `grant`: only of requests for a token of this kind. */
	fault({ at, how, times = 1, ...more }) {
		this.faults.push({ at, how: String(how), left: times, ...more });
	}

	clearFaults() {
		this.faults = [];
		this.release();
	}

	release() {
		this.gate?.resolve();
		this.gate = null;
	}

	async #hold() {
		this.gate ??= Promise.withResolvers?.() ?? (() => {
			const gate = {};
			gate.promise = new Promise((resolve) => { gate.resolve = resolve; });
			return gate;
		})();
		this.#count('held');
		await this.gate.promise;
	}

	/** All access tokens end now. */
	expire() {
		this.tokens.expire();
	}

	/** As when a person takes the consent back: of one account, or of all. */
	forget(account) {
		for (const family of this.tokens.families) if (account === undefined || family.account === account) this.tokens.endFamily(family);
	}

	good(token) {
		return this.tokens.good(token);
	}

	/** What a server behind this provider does with a request: {row} of a good token, or {status, challenge}. */
	judge(headers, { scope } = {}) {
		const { tokenHeader } = this.quirks;
		const token = tokenHeader === null ? /^(?:Bearer|DPoP) +(\S+)$/i.exec(headers.authorization ?? '')?.[1] : headers[tokenHeader];
		const row = this.good(token);
		const where = `resource_metadata="${this.url}/.well-known/oauth-protected-resource/resource"`;
		this.#count('resource');
		if (row === null) return { status: 401, challenge: `Bearer ${token === undefined ? '' : 'error="invalid_token", '}${where}${scope === undefined ? '' : `, scope="${scope}"`}` };
		if (scope !== undefined && !scope.split(' ').every((one) => (row.scope ?? '').split(' ').includes(one))) {
			return { status: 403, challenge: `Bearer error="insufficient_scope", scope="${scope}", ${where}` };
		}
		return { row };
	}

	#metadata(path) {
		const e = this.endpoints;
		if (path.includes('oauth-protected-resource')) return json(200, { resource: this.resource ?? e.resource, authorization_servers: [this.issuer], scopes_supported: this.scopes ?? undefined });
		const methods = { any: ['client_secret_basic', 'client_secret_post'], basic: ['client_secret_basic'], post: ['client_secret_post'], none: ['none'], jwt: ['private_key_jwt'] };
		return json(200, {
			issuer: this.issuer, authorization_endpoint: e.authorize, token_endpoint: e.token, revocation_endpoint: e.revoke,
			registration_endpoint: e.register, response_types_supported: ['code'], code_challenge_methods_supported: ['S256'],
			grant_types_supported: Object.keys(COUNTED), scopes_supported: this.scopes ?? undefined,
			token_endpoint_auth_methods_supported: methods[this.quirks.clientAuth], authorization_response_iss_parameter_supported: this.quirks.iss !== false,
			client_id_metadata_document_supported: false,
		});
	}

	/* ── consent ─────────────────────────────────────────────────────────────────────────────────────────────── */

	#authorize(query, fault) {
		const client = this.clients.get(query.get(this.quirks.clientIdName));
		const redirectUri = query.get('redirect_uri');
		if (client === undefined || redirectUri === null || (client.redirectUris !== null && !client.redirectUris.includes(redirectUri))) return page(400, '<h1>unknown client or redirect_uri</h1>');
		const consent = {
			client: client.id, redirectUri, state: query.get('state'), resource: query.get('resource'), challenge: query.get('code_challenge'),
			scope: (query.get('scope') ?? '').split(this.quirks.scopeSeparator).filter(Boolean).join(' '),
		};
		if (this.quirks.pkce === 'off' && consent.challenge !== null) return page(400, '<h1>code_challenge is not known here</h1>');
		if (!this.consent) return this.#decide(consent, this.next, fault);
		const id = String(this.waiting.size + 1);
		this.waiting.set(id, consent);
		const people = Object.keys(this.people).map((name) => `<button name="account" value="${escape(name)}">${escape(name)}</button>`);
		return page(200, `<h1>${escape(client.id)} asks for ${escape(consent.scope)}</h1><form method="post" action="/decide"><input type="hidden" name="request" value="${id}">${people.join('')}<button name="account" value="">Refuse</button></form>`);
	}

	#decide(consent, account, fault) {
		const iss = { true: { iss: this.issuer }, wrong: { iss: 'https://elsewhere.example' }, false: {} }[this.quirks.iss];
		const state = consent.state === null ? {} : { state: consent.state };
		if (!account || fault?.how === 'denied') return redirect(consent.redirectUri, { error: 'access_denied', error_description: 'The person refused.', ...state, ...iss });
		const code = this.tokens.makeCode({ ...consent, account });
		if (fault?.how === 'expired') this.tokens.codes.get(code).endsMs = 0;
		if (fault?.how === 'revoked') this.tokens.codes.get(code).used = true;
		return redirect(consent.redirectUri, { [this.quirks.codeName]: code, ...state, ...iss });
	}

	/* ── tokens ──────────────────────────────────────────────────────────────────────────────────────────────── */

	#tokenAnswer({ family, token, lifeS = this.lifeS, refresh, more = {} }) {
		const { quirks } = this;
		const number = (n) => (quirks.texts ? String(n) : n);
		const answer = {
			access_token: token, token_type: 'bearer', ...(family.scope ? { scope: family.scope.split(' ').join(quirks.scopeSeparator) } : {}),
			...(quirks.lives && lifeS !== null ? { expires_in: number(lifeS) } : {}),
			...(refresh === undefined ? {} : { refresh_token: refresh, ...(this.refreshLifeS === null ? {} : { [quirks.refreshLifeName]: number(this.refreshLifeS) }) }),
			...more,
		};
		if (quirks.errorsIn200 === 'code') return json(200, { code: 0, message: 'OK', data: answer });
		if (quirks.nested !== null) return json(200, { [quirks.nested]: answer, ...(quirks.errorsIn200 === 'error' ? { error: { code: 'ok', message: '' } } : {}) });
		return json(200, answer);
	}

	#refusal(error) {
		const { errorsIn200 } = this.quirks;
		this.#count('refused');
		if (errorsIn200 === 'code') return json(200, { code: error.code === 'invalid_grant' ? 40110 : 40001, message: error.description, data: {} });
		if (errorsIn200 === 'error') return json(200, { error: { code: error.code, message: error.description } });
		return json(error.status, { error: error.code, error_description: error.description });
	}

	#give(family, { lifeS = this.lifeS, refresh = true } = {}) {
		const wants = refresh && this.quirks.refresh === 'standard' && this.quirks.longer === null;
		return this.#tokenAnswer({ family, lifeS, token: this.tokens.makeAccess(family, { lifeS }), refresh: wants ? this.tokens.makeRefresh(family) : undefined });
	}

	/* One at a time is what callers promise: the most of one family that were under way together is kept. */
	async #refresh(form, client, fault) {
		const token = form.get('refresh_token');
		const row = this.tokens.refresh.get(token);
		const under = (this.refreshing.get(row?.family) ?? 0) + 1;
		this.refreshing.set(row?.family, under);
		this.#count('refreshesAtOnce', Math.max(this.count('refreshesAtOnce'), under));
		try {
			if (this.refreshMs > 0) await pause(this.refreshMs);
			if (fault?.how === 'expired' && row !== undefined) row.endsMs = 0;
			if (fault?.how === 'revoked' && row !== undefined) this.tokens.endFamily(row.family);
			const family = this.tokens.useRefresh(token, client.id);
			return this.rotation ? this.#give(family) : this.#tokenAnswer({ family, token: this.tokens.makeAccess(family) });
		} finally {
			this.refreshing.set(row?.family, this.refreshing.get(row?.family) - 1);
		}
	}

	/* A token that is exchanged for one that lives longer, or for itself once more. */
	#longer(form, name, fault) {
		const old = this.good(form.get(name));
		if (old === null || ['expired', 'revoked'].includes(fault?.how)) throw new OAuthError('invalid_grant', 'Error validating access token: it has expired');
		if (old.more?.long && Date.now() - old.madeMs < this.quirks.minAgeS * 1000) throw new OAuthError('invalid_request', 'the token is too young');
		const token = this.tokens.makeAccess(old.family, { lifeS: this.longLifeS, more: { more: { long: true } } });
		return this.#tokenAnswer({ family: old.family, token, lifeS: this.longLifeS });
	}

	#subject(form, name) {
		let account;
		try {
			account = this.onSubject(form.get(name) ?? '', form);
		} catch {
			account = undefined;
		}
		if (account === undefined) throw new OAuthError('invalid_grant', `the ${name} is not believed`);
		return account;
	}

	#grantOf(form) {
		const { grantType, codeName } = this.quirks;
		const named = form.get('grant_type');
		return grantType === 'none' || (grantType === 'optional' && named === null && form.has(codeName)) ? 'authorization_code' : named;
	}

	async #token(request, form, fault, path) {
		const { quirks } = this;
		const grant = this.#grantOf(form);
		if (({ ig_exchange_token: '/longer', ig_refresh_token: '/again' }[grant] ?? '/token') !== path) throw new OAuthError('unsupported_grant_type', `no grant '${grant}' here`);
		const scope = (form.get('scope') ?? '').split(quirks.scopeSeparator).filter(Boolean).join(' ');
		this.#count(COUNTED[grant] ?? grant ?? 'nothing');
		if (grant === 'ig_refresh_token') return this.#longer(form, 'access_token', fault);
		const client = await knownClient(this, request, form);
		if (fault?.how === 'denied') throw new OAuthError('invalid_client', 'this client is known no more', 401);
		switch (grant) {
		case 'authorization_code': {
			if (['expired', 'revoked'].includes(fault?.how)) throw new OAuthError('invalid_grant', `the code is ${fault.how}`);
			const family = this.tokens.useCode(form.get(quirks.codeName), { client: client.id, redirectUri: quirks.grantType === 'none' ? undefined : form.get('redirect_uri'), verifier: form.get('code_verifier') });
			return this.#give(family);
		}
		case 'refresh_token':
			if (quirks.refresh !== 'standard') throw new OAuthError('unsupported_grant_type', 'no refresh tokens here');
			return this.#refresh(form, client, fault);
		case 'fb_exchange_token':
			return this.#longer(form, 'fb_exchange_token', fault);
		case 'ig_exchange_token':
			return this.#longer(form, 'access_token', fault);
		case 'client_credentials':
			return this.#give(this.tokens.makeFamily({ account: client.id, client: client.id, scope, resource: form.get('resource') }), { refresh: false });
		case EXCHANGE:
		case JWT_BEARER: {
			const account = this.#subject(form, grant === EXCHANGE ? 'subject_token' : 'assertion');
			const family = this.tokens.makeFamily({ account, client: client.id, scope, resource: form.get('resource'), audience: form.get('audience') });
			const token = this.tokens.makeAccess(family);
			return this.#tokenAnswer({ family, token, more: grant === EXCHANGE ? { issued_token_type: form.get('requested_token_type') ?? 'urn:ietf:params:oauth:token-type:access_token' } : {} });
		}
		default:
			throw new OAuthError('unsupported_grant_type', `no grant '${grant}'`);
		}
	}

	async #revoke(request, form, fault) {
		await knownClient(this, request, form);
		if (fault?.how === 'expired' || fault?.how === 'revoked') return json(400, { error: 'invalid_token' });
		this.tokens.revoke(form.get('token'));
		return json(200, {});
	}

	#about(request, query, fault, tell) {
		if (['expired', 'revoked'].includes(fault?.how)) this.expire();
		const row = this.good(/^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? query.get('access_token'));
		return row === null ? json(401, { error: { code: 'access_token_invalid', message: 'The token has expired.' } }) : json(200, tell(this.people[row.family.account] ?? { id: row.family.account, name: row.family.account, pages: [] }));
	}

	/* ── HTTP ────────────────────────────────────────────────────────────────────────────────────────────────── */

	#place(path) {
		const places = { '/authorize': 'authorize', '/decide': 'decide', '/token': 'token', '/longer': 'longer', '/again': 'longer', '/revoke': 'revoke', '/register': 'register', '/me': 'identity', '/pages': 'list', '/resource': 'resource' };
		return path.startsWith('/.well-known/') ? 'metadata' : places[path] ?? 'nowhere';
	}

	#work(at, { request, url, form, fault }) {
		switch (at) {
		case 'authorize':
			return this.#authorize(url.searchParams, fault);
		case 'decide':
			return this.#decide(this.waiting.get(form.get('request')), form.get('account'), fault);
		case 'token':
		case 'longer':
			return this.#token(request, form, fault, url.pathname);
		case 'revoke':
			return this.#revoke(request, form, fault);
		case 'register':
			return json(201, registerClient(this, JSON.parse(request.text)));
		case 'identity':
			return this.#about(request, url.searchParams, fault, ({ pages, ...who }) => ({ data: { user: who } }));
		case 'list':
			return this.#about(request, url.searchParams, fault, ({ pages }) => ({ data: pages }));
		case 'metadata':
			return this.#metadata(url.pathname);
		case 'resource': {
			const { row, status, challenge } = this.judge(request.headers, { scope: this.wants });
			return row === undefined ? json(status, { error: 'no' }, { 'www-authenticate': challenge }) : json(200, { account: row.family.account, scope: row.scope });
		}
		default:
			return json(404, { error: 'nothing here' });
		}
	}

	#takeFault(at, form) {
		const fault = this.faults.find((one) => one.at === at && one.left > 0 && (one.grant === undefined || one.grant === form.get('grant_type')));
		if (fault !== undefined) fault.left--;
		return fault;
	}

	/* What a fault makes of an answer; null: the connection is cut. */
	#spoil(fault, answer) {
		switch (fault?.how) {
		case 'garbage':
			return { status: 200, headers: { 'content-type': 'application/json' }, body: '{"access_token":"at-cut' };
		case 'html':
			return page(200, '<h1>Welcome to the hotel</h1>');
		case 'empty':
			return { status: 200, headers: {}, body: '' };
		case 'huge':
			return { ...json(200, {}), body: `{"access_token":"${'x'.repeat(8 << 20)}"}` };
		case 'content-type':
			return { ...answer, headers: { ...answer.headers, 'content-type': 'text/html' } };
		case 'drop-after-commit':
			return null;
		default:
			return answer;
		}
	}

	async #answer(at, all) {
		const { fault } = all;
		if (fault?.how === 'slow') await pause(fault.ms ?? 1000);
		if (fault?.how === 'held') await this.#hold();
		if (fault?.how === '429') return json(429, { error: 'slow_down' }, { 'retry-after': String(fault.retryAfterS ?? 1) });
		if (fault?.how === '500' || fault?.how === '503') return page(Number(fault.how), '<h1>Oops</h1>');
		if (fault?.how === 'drop-before') return null;
		if (['garbage', 'html', 'empty', 'huge'].includes(fault?.how) && !fault.commit) return this.#spoil(fault);
		try {
			return this.#spoil(fault, await this.#work(at, all));
		} catch (error) {
			if (error instanceof OAuthError) return this.#refusal(error);
			throw error;
		}
	}

	async handle(request, reply) {
		const chunks = [];
		for await (const chunk of request) chunks.push(chunk);
		request.text = Buffer.concat(chunks).toString();
		const url = new URL(request.url, this.url);
		const at = this.#place(url.pathname);
		const isJson = (request.headers['content-type'] ?? '').startsWith('application/json');
		let form = request.method === 'GET' ? url.searchParams : new URLSearchParams(request.text);
		if (isJson && at !== 'register') form = new URLSearchParams(JSON.parse(request.text));
		this.#count(at);
		this.requests.push({ at, method: request.method, path: url.pathname, query: url.searchParams, form, headers: request.headers });
		const how = { get: request.method === 'GET', json: isJson, form: request.method === 'POST' && !isJson }[this.quirks.tokenBy];
		if (at === 'token' && !how) return reply.writeHead(405).end();
		const answer = await this.#answer(at, { request, url, form, fault: this.#takeFault(at, form) });
		if (answer === null) return request.socket.destroy();
		return reply.writeHead(answer.status, answer.headers).end(answer.body);
	}
}

/** One that ends with the test. Options: `quirks`, `people` ({login: {id, name, pages}}), `clients` beside the one that is
 * registered ({id: 'gatehouse', secret: 'a secret & more'}), `rotation`, `graceMs` (a used refresh token stays good so long), lives `lifeS`,
 * `refreshLifeS`, `longLifeS` (of what a token is exchanged for), `codeLifeS`, `refreshMs` (a refresh takes so long), `consent` (a page asks, instead of sending back at once), `tls`
 * ({cert, key} file names: it speaks https), `port`. */
export async function startProvider(t, { tls, port = 0, ...options } = {}) {
	const provider = new Provider(options);
	const handle = (request, reply) => provider.handle(request, reply).catch((error) => {
		provider.broken = error;
		reply.destroy(error);
	});
	const server = tls === undefined ? http.createServer(handle)
		: https.createServer({ cert: fs.readFileSync(tls.cert), key: fs.readFileSync(tls.key) }, handle);
	server.listen(port, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => {
		provider.release();
		server.closeAllConnections();
		server.close();
	});
	provider.url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${server.address().port}`;
	return provider;
}
