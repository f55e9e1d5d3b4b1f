// The part of Azure Key Vault's interface that the gateway uses, and of the identity provider in front of it, as their
// documentation has them: the challenge, client credentials, secrets with versions, pages. With knobs for what goes wrong.
import { randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';

const PAGE = 2; // the service gives 25: small pages show that they are followed

class KeyVault {
	constructor() {
		this.tenant = randomUUID();
		this.client = { id: randomUUID(), secret: randomBytes(20).toString('base64url') };
		this.tokens = new Map(); // token -> when it ends, ms
		this.secrets = new Map(); // name -> {versions: [{value, updated}]}
		this.deleted = new Set(); // names that are kept after their deletion
		this.lifeS = 3599;
		this.logins = 0;
		this.requests = []; // {method, path, authorized}
		this.failures = []; // statuses of the next answers
		this.garbage = false;
		this.slowMs = 0;
		this.resource = undefined; // what the challenge asks a token for, instead of this server's own
		this.authorization = undefined; // where it sends for one
	}

	put(name, value) {
		const secret = this.secrets.get(name) ?? { versions: [] };
		secret.versions.push({ value, updated: Math.floor(Date.now() / 1000) });
		this.secrets.set(name, secret);
	}

	value(name) {
		return this.secrets.get(name)?.versions.at(-1)?.value;
	}

	revoke() {
		this.tokens.clear();
	}

	#bundle(name) {
		const { value, updated } = this.secrets.get(name).versions.at(-1);
		return { value, id: `${this.url}/secrets/${name}/${randomBytes(16).toString('hex')}`, attributes: { enabled: true, created: updated, updated, recoveryLevel: 'Recoverable+Purgeable', recoverableDays: 90 } };
	}

	#list(url) {
		const names = [...this.secrets.keys()].sort();
		const from = Number(url.searchParams.get('$skiptoken') ?? 0);
		const value = names.slice(from, from + PAGE).map((name) => ({ id: `${this.url}/secrets/${name}`, attributes: this.#bundle(name).attributes }));
		const nextLink = from + PAGE < names.length ? `${this.url}/secrets?api-version=7.4&$skiptoken=${from + PAGE}` : null;
		return [200, { value, nextLink }];
	}

	#token(form) {
		if (form.get('grant_type') !== 'client_credentials' || form.get('scope') !== `${this.url}/.default`) return [400, { error: 'invalid_scope', error_description: 'AADSTS70011: the scope is not valid' }];
		if (form.get('client_id') !== this.client.id || form.get('client_secret') !== this.client.secret) return [401, { error: 'invalid_client', error_description: 'AADSTS7000215: Invalid client secret provided.', error_codes: [7000215] }];
		const token = randomBytes(24).toString('base64url');
		this.tokens.set(token, Date.now() + this.lifeS * 1000);
		this.logins++;
		return [200, { token_type: 'Bearer', expires_in: this.lifeS, ext_expires_in: this.lifeS, access_token: token }];
	}

	#secret(request, name, text) {
		if (request.method === 'PUT') {
			if (this.deleted.has(name)) return [409, { error: { code: 'Conflict', message: 'Secret is currently in a deleted but recoverable state', innererror: { code: 'ObjectIsDeletedButRecoverable' } } }];
			this.put(name, JSON.parse(text).value);
			return [200, this.#bundle(name)];
		}
		return this.secrets.has(name) ? [200, this.#bundle(name)] : [404, { error: { code: 'SecretNotFound', message: `A secret with (name/id) ${name} was not found in this key vault.` } }];
	}

	#answer(request, url, text) {
		if (url.pathname === `/${this.tenant}/oauth2/v2.0/token`) return this.#token(new URLSearchParams(text));
		const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
		if (!((this.tokens.get(token) ?? 0) > Date.now())) {
			const challenge = `Bearer authorization="${this.authorization ?? `${this.url}/${this.tenant}`}", resource="${this.resource ?? this.url}"`;
			return [401, { error: { code: 'Unauthorized', message: 'AKV10000: Request is missing a Bearer or PoP token.' } }, { 'www-authenticate': challenge }];
		}
		if (url.searchParams.get('api-version') !== '7.4') return [400, { error: { code: 'BadParameter', message: 'The specified version is not supported' } }];
		if (url.pathname === '/secrets') return this.#list(url);
		const [, name] = /^\/secrets\/([0-9a-zA-Z-]{1,127})$/.exec(url.pathname) ?? [];
		return name === undefined ? [404, { error: { code: 'NotFound', message: 'no such path' } }] : this.#secret(request, name, text);
	}

	async handle(request, reply) {
		const chunks = [];
		for await (const chunk of request) chunks.push(chunk);
		const url = new URL(request.url, 'http://vault');
		this.requests.push({ method: request.method, path: url.pathname, authorized: request.headers.authorization !== undefined });
		if (this.slowMs > 0) await pause(this.slowMs);
		const failure = this.failures.shift();
		const [status, answer, more] = failure !== undefined ? [failure, { error: { code: failure === 429 ? 'Throttled' : 'Forbidden', message: 'not now' } }] : this.#answer(request, url, Buffer.concat(chunks).toString());
		reply.writeHead(status, { 'content-type': 'application/json', ...more }).end(this.garbage ? '{"value":' : JSON.stringify(answer));
	}
}

/** One that ends with the test; `tls` ({cert, key} file names) makes it speak https. */
export async function startKeyVault(t, { tls } = {}) {
	const vault = new KeyVault();
	const handle = (request, reply) => vault.handle(request, reply).catch((error) => reply.destroy(error));
	const server = tls === undefined ? http.createServer(handle)
		: https.createServer({ cert: fs.readFileSync(tls.cert), key: fs.readFileSync(tls.key) }, handle);
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	vault.url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${server.address().port}`;
	return vault;
}
