// An OAuth client by hand, for what the SDKs' clients would never do.
import crypto from 'node:crypto';
import { Browser } from './browser.mjs';
import assert from 'node:assert/strict';

export function pkce() {
	const verifier = crypto.randomBytes(32).toString('base64url');
	return { verifier, challenge: crypto.createHash('sha256').update(verifier).digest('base64url') };
}

export class OAuth {
	constructor(gateway, { redirect = 'http://127.0.0.1:9/callback' } = {}) {
		this.origin = `http://127.0.0.1:${gateway.port}`;
		this.redirect = redirect;
		this.browser = new Browser();
	}

	async register(over = {}) {
		const answer = await fetch(`${this.origin}/oauth/register`, {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify({ client_name: 'Tester', redirect_uris: [this.redirect], grant_types: ['authorization_code', 'refresh_token'],
				token_endpoint_auth_method: 'none', ...over }),
		});
		this.client = await answer.json();
		assert.equal(answer.status, 201, JSON.stringify(this.client));
		return this.client;
	}

	/** The URL that a browser is sent to; `over` replaces parameters, undefined removes them. */
	url(over = {}) {
		this.pkce = pkce();
		const parameters = {
			response_type: 'code', client_id: this.client.client_id, redirect_uri: this.redirect, state: crypto.randomUUID(),
			code_challenge: this.pkce.challenge, code_challenge_method: 'S256', scope: 'mcp:read mcp:tools', resource: `${this.origin}/mcp`, ...over,
		};
		return `${this.origin}/oauth/authorize?${new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== undefined))}`;
	}

	async authorize(user, over) {
		const left = await this.browser.authorize(this.url(over), user);
		return left.searchParams;
	}

	async post(path, form, headers = {}) {
		const answer = await fetch(this.origin + path, {
			method: 'POST',
			body: new URLSearchParams(Object.entries(form).filter(([, value]) => value !== undefined)),
			headers,
		});
		return { status: answer.status, headers: answer.headers, body: await answer.json().catch(() => undefined) };
	}

	token(form, headers) {
		return this.post('/oauth/token', { client_id: this.client.client_id, ...form }, headers);
	}

	exchange(code, over = {}) {
		return this.token({ grant_type: 'authorization_code', code, redirect_uri: this.redirect, code_verifier: this.pkce.verifier, ...over });
	}

	refresh(refreshToken, over = {}) {
		return this.token({ grant_type: 'refresh_token', refresh_token: refreshToken, ...over });
	}

	/** All of it; the token endpoint's answer. */
	async signIn(user, over) {
		const { status, body } = await this.exchange((await this.authorize(user, over)).get('code'));
		assert.equal(status, 200, JSON.stringify(body));
		return body;
	}
}
