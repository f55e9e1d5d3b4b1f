// People who sign in: accounts, one-time codes, a browser without a screen or scripts (fetch with a jar of
// cookies), and Chromium.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { binary } from './paths.mjs';
import { run } from './process.mjs';

export const PASSWORD = 'correct horse battery staple';

/** A person with a local account; their tenant is made when it is new. */
export async function makeUser(gateway, { tenant = 'acme', email = 'ada@acme.example', role = 'member', password = PASSWORD } = {}) {
	if (!(tenant in gateway.keys)) await gateway.makeKey(tenant);
	const args = ['user', 'create', '--config', gateway.configFile, '--json', '--tenant', tenant, '--email', email, '--role', role];
	const made = await run(binary, [...args, ...(password === null ? [] : ['--password-stdin'])],
		{ cwd: gateway.root, ...(password === null ? {} : { input: `${password}\n` }) });
	assert.equal(made.code, 0, made.stderr);
	return { ...JSON.parse(made.stdout), email, password };
}

/** The code of an authenticator app (RFC 6238) for a secret in base32. */
export function totp(secret, step = Math.floor(Date.now() / 30000)) {
	const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
	const bits = [...secret].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('');
	const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
	const counter = Buffer.alloc(8);
	counter.writeBigUInt64BE(BigInt(step));
	const mac = crypto.createHmac('sha1', key).update(counter).digest();
	const at = mac[19] & 15;
	return String((mac.readUInt32BE(at) & 0x7fffffff) % 1000000).padStart(6, '0');
}

/** What a form of a page holds: hidden inputs by name. */
export function hiddenFields(html) {
	const unescape = (text) => text.replaceAll('&quot;', '"').replaceAll('&#39;', '\'').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
	return Object.fromEntries([...html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)].map(([, name, value]) => [name, unescape(value)]));
}

/** Fetch with cookies, one origin, redirects by hand. */
export class Visitor {
	constructor(origin) {
		this.origin = origin;
		this.cookies = new Map();
	}

	async fetch(where, { method = 'GET', form, headers = {}, follow = false } = {}) {
		const url = new URL(where, this.origin);
		const response = await fetch(url, {
			method,
			redirect: 'manual',
			headers: {
				...(this.cookies.size > 0 ? { cookie: [...this.cookies].map((pair) => pair.join('=')).join('; ') } : {}),
				...(method === 'POST' ? { origin: this.origin, 'sec-fetch-site': 'same-origin' } : {}),
				...headers,
			},
			...(form === undefined ? {} : { body: new URLSearchParams(form) }),
		});
		for (const line of response.headers.getSetCookie()) {
			const [pair] = line.split(';');
			const [name, ...value] = pair.split('=');
			if (/max-age=0/i.test(line)) this.cookies.delete(name);
			else this.cookies.set(name, value.join('='));
		}
		const location = response.headers.get('location');
		const answer = { status: response.status, headers: response.headers, location, text: await response.text() };
		if (follow && location !== null && new URL(location, url).origin === new URL(this.origin).origin) {
			return this.fetch(location, { follow });
		}
		return answer;
	}

	get(where, options) {
		return this.fetch(where, options);
	}

	post(where, form, options) {
		return this.fetch(where, { method: 'POST', form, ...options });
	}

	signIn({ email, password, ...more }) {
		return this.post('/login', { email, password, ...more });
	}

	/** A page's form sent back with what a person types. */
	async fill(where, typed, options) {
		const page = await this.get(where);
		assert.equal(page.status, 200, page.text);
		return this.post(where, { ...hiddenFields(page.text), ...typed }, options);
	}
}

/** The browser's program, or null: it is a package of Debian (./dev deps test). */
export function chromiumPath() {
	const names = ['chromium', 'chromium-browser', 'google-chrome'];
	for (const directory of (process.env.PATH ?? '').split(path.delimiter)) {
		for (const name of names) {
			const file = path.join(directory, name);
			if (fs.existsSync(file)) return file;
		}
	}
	return null;
}

/** Why browser tests are skipped; false: they are not. */
export const noChromium = chromiumPath() === null && 'Chromium is not installed: ./dev deps test installs it';

/** A Chromium of this test's own, with a fresh profile. */
export async function startChromium(t, options = {}) {
	const { chromium } = await import('playwright-core');
	const browser = await chromium.launch({ executablePath: chromiumPath(), args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'], ...options.launch });
	t.after(() => browser.close());
	const context = await browser.newContext(options.context ?? {});
	context.setDefaultTimeout(20000);
	return { browser, context, page: await context.newPage() };
}
