// A browser by script: fetch, a cookie jar, and forms filled in by the names of their fields. Follows redirects within
// the gateway and stops at the first address elsewhere, as a native client's loopback redirect is one.
import assert from 'node:assert/strict';

const decode = (text) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&');

/** The forms of a page: action, method, fields by name, buttons by value. */
export function formsOf(html) {
	return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, head, body]) => {
		const attribute = (text, name) => decode(new RegExp(`\\b${name}="([^"]*)"`).exec(text)?.[1] ?? '');
		const fields = {};
		for (const [, input] of body.matchAll(/<input\b([^>]*)>/g)) fields[attribute(input, 'name')] = attribute(input, 'value');
		const buttons = [...body.matchAll(/<button\b([^>]*)>/g)].map(([, button]) => [attribute(button, 'name'), attribute(button, 'value')]);
		return { action: attribute(head, 'action'), method: attribute(head, 'method') || 'get', fields, buttons };
	});
}

export class Browser {
	constructor() {
		this.jar = new Map();
	}

	get cookies() {
		return [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ');
	}

	/** One request, no redirect followed. */
	async request(url, { headers = {}, ...options } = {}) {
		const answer = await fetch(url, { redirect: 'manual', headers: { cookie: this.cookies, ...headers }, ...options });
		for (const line of answer.headers.getSetCookie()) {
			const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
			if (value === '' || /max-age=0/i.test(line)) this.jar.delete(name);
			else this.jar.set(name, value);
		}
		return answer;
	}

	/** Go somewhere; the page that is shown at last, or the foreign address that the browser is sent to. */
	async visit(url, options) {
		let answer = await this.request(url, options);
		let at = new URL(url);
		for (let hops = 0; answer.status >= 300 && answer.status < 400; hops++) {
			assert.ok(hops < 10, 'redirected in circles');
			const next = new URL(answer.headers.get('location'), at);
			if (next.origin !== at.origin) return { left: next, answer };
			at = next;
			answer = await this.request(next);
		}
		return { at, answer, html: await answer.text() };
	}

	/** Send a form of a page, with these fields filled in and this button pressed. */
	async submit(page, values = {}, { form = formsOf(page.html)[0], headers = {} } = {}) {
		const url = new URL(form.action, page.at);
		const body = new URLSearchParams({ ...form.fields, ...values });
		return this.visit(url, { method: 'POST', body, headers: { origin: url.origin, ...headers } });
	}

	/** Follow an authorization URL as a person does: sign in when asked, agree; the address that it ends at. */
	async authorize(url, { email, password, decision = 'allow' }) {
		let page = await this.visit(url);
		for (let steps = 0; page.left === undefined; steps++) {
			assert.ok(steps < 5, `the flow does not end: ${page.html}`);
			const [form] = formsOf(page.html);
			assert.ok(form, `no form at ${page.at}, status ${page.answer.status}: ${page.html}`);
			page = 'password' in form.fields ? await this.submit(page, { email, password }) : await this.submit(page, { decision });
		}
		return page.left;
	}
}
