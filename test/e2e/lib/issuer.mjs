// A tiny issuer of JWTs: discovery document, key set, and the means to sign what no honest issuer would.
import crypto from 'node:crypto';
import http from 'node:http';

const SIGN = {
	ES256: { hash: 'sha256', options: { dsaEncoding: 'ieee-p1363' } },
	RS256: { hash: 'sha256', options: {} },
	PS256: { hash: 'sha256', options: { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } },
};

const b64 = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export function makeKey(kid, alg = 'ES256') {
	const pair = alg === 'ES256' ? crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }) : crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
	return { kid, alg, ...pair, jwk: { ...pair.publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } };
}

/** A compact JWS with this header; `sign` gets what is to be signed. */
export function compact(header, claims, sign) {
	const text = `${b64(header)}.${b64(claims)}`;
	return `${text}.${Buffer.from(sign(Buffer.from(text))).toString('base64url')}`;
}

export class Issuer {
	constructor() {
		this.keys = [makeKey('k1')];
		this.requests = [];
		this.port = 0;
		this.claimed = undefined; // what the discovery document says instead of the truth
	}

	get url() {
		return `http://127.0.0.1:${this.port}`;
	}

	async start(t) {
		this.server = http.createServer((request, response) => this.answer(request, response));
		await new Promise((resolve, reject) => this.server.listen(this.port, '127.0.0.1', resolve).once('error', reject));
		this.port = this.server.address().port;
		t?.after(() => this.stop());
		return this;
	}

	async stop() {
		if (!this.server?.listening) return;
		this.server.closeAllConnections();
		await new Promise((resolve) => this.server.close(resolve));
	}

	answer(request, response) {
		this.requests.push(request.url);
		const json = (value) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
		if (request.url === '/.well-known/openid-configuration') return json({ issuer: this.claimed ?? this.url, jwks_uri: `${this.url}/keys` });
		if (request.url === '/keys') return json({ keys: this.keys.map(({ jwk }) => jwk) });
		response.writeHead(404).end();
	}

	fetches() {
		return this.requests.filter((url) => url === '/keys').length;
	}

	claims(over = {}) {
		const now = Math.floor(Date.now() / 1000);
		return { iss: this.url, sub: 'alice', aud: 'api://gatehouse', iat: now, exp: now + 600, ...over };
	}

	token(over = {}, { key = this.keys[0], header = {} } = {}) {
		const { hash, options } = SIGN[key.alg];
		return compact({ alg: key.alg, kid: key.kid, typ: 'JWT', ...header }, this.claims(over),
			(text) => crypto.sign(hash, text, { key: key.privateKey, ...options }));
	}
}
