// A company's OpenID provider: npm's oidc-provider in this process, on loopback. Who signs in there, and agrees to what is
// asked for, is decided by the test: a browser gets its own pages, a Visitor is sent straight back.
import http from 'node:http';
import { once } from 'node:events';
import Provider from 'oidc-provider';

/** People: {login: {claims}}. Options: client secret, issuer promised or not, claims in the id token or userinfo only. */
export async function startCompany(t, { people = {}, client = {}, callback, ...configuration } = {}) {
	const server = http.createServer();
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const issuer = `http://127.0.0.1:${server.address().port}`;
	const state = { people, next: null, issuer, callback, requests: [] };

	const warn = console.warn;
	const info = console.info;
	console.warn = console.info = () => {}; // it is chatty about development defaults
	const provider = new Provider(issuer, {
		clients: [{
			client_id: 'gatehouse', client_secret: 'a secret of the client', redirect_uris: [callback ?? 'http://127.0.0.1:1/unset'],
			token_endpoint_auth_method: 'client_secret_basic', ...client,
		}],
		claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups', 'org'] },
		conformIdTokenClaims: false,
		features: { devInteractions: { enabled: false } },
		interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
		findAccount: (ctx, sub) => ({ accountId: sub, claims: () => ({ sub, ...state.people[sub] }) }),
		ttl: { AccessToken: 600, IdToken: 600, Interaction: 600, Session: 600, Grant: 600, AuthorizationCode: 60 },
		...configuration,
	});
	console.warn = warn;
	console.info = info;

	/* The page where people say who they are; "next" says it for those who have no hands. */
	async function interact(req, res) {
		const details = await provider.interactionDetails(req, res);
		const url = new URL(req.url, issuer);
		const who = url.searchParams.get('who') ?? state.next;

		if (who === null) {
			res.setHeader('content-type', 'text/html');
			const links = Object.keys(state.people).map((name) => `<li><a href="?who=${name}">${name}</a></li>`);
			res.end(`<!doctype html><title>The company</title><h1>Who are you?</h1><ul>${links.join('')}<li><a href="?who=nobody">refuse</a></li></ul>`);
			return;
		}
		if (who === 'nobody') {
			await provider.interactionFinished(req, res, { error: 'access_denied', error_description: 'the <b>person</b> said no' });
			return;
		}
		const grant = new provider.Grant({ accountId: who, clientId: details.params.client_id });
		grant.addOIDCScope(details.params.scope ?? 'openid');
		for (const [resource, scopes] of Object.entries(details.prompt.details.missingResourceScopes ?? {})) grant.addResourceScope(resource, scopes.join(' '));
		await provider.interactionFinished(req, res, { login: { accountId: who }, consent: { grantId: await grant.save() } });
	}

	const handle = provider.callback();
	server.on('request', (req, res) => {
		state.requests.push(`${req.method} ${req.url.split('?')[0]}`);
		if (state.answer?.(req, res)) return;
		if (req.url.startsWith('/interaction/')) interact(req, res).catch((error) => res.writeHead(500).end(String(error)));
		else handle(req, res);
	});
	t.after(() => {
		server.close();
		server.closeAllConnections();
	});
	return Object.assign(state, {
		provider,
		/** The client may be sent back to a gateway whose port is known only now. */
		async sendBackTo(uri) {
			const found = await provider.Client.find('gatehouse');
			found.redirectUris = [uri];
		},
	});
}
