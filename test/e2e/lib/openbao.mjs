// The part of Vault's and OpenBao's HTTP API that the gateway uses, as the API's documentation has it: AppRole, tokens
// with leases, KV version 2, transit. With knobs for what goes wrong.
import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';

const envelope = (more) => ({ request_id: randomUUID(), lease_id: '', renewable: false, lease_duration: 0, data: null, wrap_info: null, warnings: null, auth: null, ...more });

class OpenBao {
	constructor({ leaseS = 1200, renewable = true } = {}) {
		Object.assign(this, { leaseS, renewable });
		this.role = { id: randomUUID(), secret: randomUUID() };
		this.tokens = new Map(); // token -> when it ends, ms
		this.entries = new Map(); // path -> {versions: [{value, time, deleted}]}
		this.transitKey = randomBytes(32);
		this.requests = []; // {method, path, namespace}
		this.logins = 0;
		this.renewals = 0;
		this.failures = []; // statuses of the next answers
		this.sealed = false;
		this.slowMs = 0;
		this.garbage = false;
		this.redirectTo = undefined;
	}

	put(path, value) {
		const entry = this.entries.get(path) ?? { versions: [] };
		entry.versions.push({ value, time: new Date().toISOString() });
		this.entries.set(path, entry);
	}

	value(path) {
		return this.entries.get(path)?.versions.at(-1)?.value;
	}

	/** How many tokens are good. */
	get live() {
		return [...this.tokens.values()].filter((endMs) => endMs > Date.now()).length;
	}

	/** Every token is worth nothing from now on. */
	revoke() {
		this.tokens.clear();
	}

	#auth() {
		const token = `hvs.${randomBytes(24).toString('base64url')}`;
		this.tokens.set(token, Date.now() + this.leaseS * 1000);
		return this.#lease(token);
	}

	#lease(token) {
		return envelope({ auth: { client_token: token, accessor: randomUUID(), policies: ['gatehouse'], token_policies: ['gatehouse'], metadata: {}, lease_duration: this.leaseS, renewable: this.renewable, entity_id: '', token_type: this.renewable ? 'service' : 'batch', orphan: true, num_uses: 0 } });
	}

	#login({ role_id, secret_id }) {
		if (role_id !== this.role.id || secret_id !== this.role.secret) return [400, { errors: ['invalid role or secret ID'] }];
		this.logins++;
		return [200, this.#auth()];
	}

	#data(method, path, body) {
		const entry = this.entries.get(path);
		if (method === 'POST') {
			const cas = body.options?.cas;
			if (cas !== undefined && cas !== (entry?.versions.length ?? 0)) return [400, { errors: ['check-and-set parameter did not match the current version'] }];
			this.put(path, body.data.value);
			return [200, envelope({ data: { version: this.entries.get(path).versions.length } })];
		}
		if (entry === undefined) return [404, { errors: [] }];
		const last = entry.versions.at(-1);
		const metadata = { created_time: last.time, custom_metadata: null, deletion_time: last.deleted ? last.time : '', destroyed: false, version: entry.versions.length };
		return [last.deleted ? 404 : 200, envelope({ data: { data: last.deleted ? null : { value: last.value }, metadata } })];
	}

	#metadata(path, list) {
		if (!list) {
			const entry = this.entries.get(path);
			return entry === undefined ? [404, { errors: [] }] : [200, envelope({ data: { current_version: entry.versions.length, updated_time: entry.versions.at(-1).time } })];
		}
		const keys = [...this.entries.keys()].filter((name) => name.startsWith(`${path}/`)).map((name) => name.slice(path.length + 1));
		return keys.length === 0 ? [404, { errors: [] }] : [200, envelope({ data: { keys: [...keys, 'folder/'] } })];
	}

	#transit(verb, body) {
		const bound = Buffer.from(body.associated_data ?? '', 'base64');
		if (verb === 'encrypt') {
			const nonce = randomBytes(12);
			const cipher = createCipheriv('aes-256-gcm', this.transitKey, nonce).setAAD(bound);
			const sealed = Buffer.concat([nonce, cipher.update(Buffer.from(body.plaintext, 'base64')), cipher.final(), cipher.getAuthTag()]);
			return [200, envelope({ data: { ciphertext: `vault:v1:${sealed.toString('base64')}`, key_version: 1 } })];
		}
		try {
			const sealed = Buffer.from(body.ciphertext.replace('vault:v1:', ''), 'base64');
			const open = createDecipheriv('aes-256-gcm', this.transitKey, sealed.subarray(0, 12)).setAAD(bound).setAuthTag(sealed.subarray(-16));
			return [200, envelope({ data: { plaintext: Buffer.concat([open.update(sealed.subarray(12, -16)), open.final()]).toString('base64') } })];
		} catch {
			return [400, { errors: ['cipher: message authentication failed'] }];
		}
	}

	#answer(request, url, body) {
		const [, head, rest] = /^\/v1\/([^/]+)\/(.*)$/.exec(url.pathname) ?? [];
		const token = request.headers['x-vault-token'];
		if (request.headers['x-vault-request'] !== 'true') return [400, { errors: ['missing X-Vault-Request'] }];
		if (head === 'auth' && rest === 'approle/login') return this.#login(body);
		if (!((this.tokens.get(token) ?? 0) > Date.now())) return [403, { errors: ['permission denied'] }];
		if (head === 'auth' && rest === 'token/renew-self') {
			this.renewals++;
			this.tokens.set(token, Date.now() + this.leaseS * 1000);
			return this.renewable ? [200, this.#lease(token)] : [400, { errors: ['lease is not renewable'] }];
		}
		if (head === 'auth' && rest === 'token/revoke-self') return [this.tokens.delete(token) ? 204 : 403, undefined];
		if (head === 'secret' && rest.startsWith('data/')) return this.#data(request.method, rest.slice(5), body);
		if (head === 'secret' && rest.startsWith('metadata/')) return this.#metadata(rest.slice(9), url.searchParams.get('list') === 'true');
		if (head === 'transit') return this.#transit(rest.split('/')[0], body);
		return [404, { errors: [`no handler for route "${url.pathname}"`] }];
	}

	async handle(request, reply) {
		const chunks = [];
		for await (const chunk of request) chunks.push(chunk);
		const url = new URL(request.url, 'http://vault');
		this.requests.push({ method: request.method, path: url.pathname, namespace: request.headers['x-vault-namespace'] });
		if (this.slowMs > 0) await pause(this.slowMs);
		const failure = this.sealed ? 503 : this.failures.shift();
		const text = Buffer.concat(chunks).toString();
		const [status, answer] = failure !== undefined ? [failure, { errors: failure === 503 ? ['Vault is sealed'] : [] }] : this.#answer(request, url, text === '' ? {} : JSON.parse(text));
		if (this.redirectTo !== undefined) reply.writeHead(307, { location: this.redirectTo }).end();
		else if (this.garbage) reply.writeHead(200, { 'content-type': 'application/json' }).end('{"data":{"data":[');
		else reply.writeHead(status, { 'content-type': 'application/json' }).end(answer === undefined ? undefined : JSON.stringify(answer));
	}
}

/** One that ends with the test; `tls` ({cert, key} file names) makes it speak https. */
export async function startOpenBao(t, { tls, ...options } = {}) {
	const bao = new OpenBao(options);
	const handle = (request, reply) => bao.handle(request, reply).catch((error) => reply.destroy(error));
	const server = tls === undefined ? http.createServer(handle)
		: https.createServer({ cert: fs.readFileSync(tls.cert), key: fs.readFileSync(tls.key) }, handle);
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	bao.port = server.address().port;
	bao.url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${bao.port}`;
	return bao;
}
