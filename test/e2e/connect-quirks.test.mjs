// What platforms do otherwise than the standard says, through the real gateway: for each a provider that insists on it,
// connected by a person, called with its token, and renewed. The rows of authclient/providers.c do the talking, with the
// simulator's addresses in the place of the platforms'.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectable, connectAccount } from './lib/connect.mjs';
import { startGateway } from './lib/gateway.mjs';
import { startGuarded } from './lib/guarded-server.mjs';
import { modern } from './lib/mcp.mjs';
import { makeUser } from './lib/people.mjs';
import { startProvider } from './lib/provider.mjs';
import { until } from './lib/wait.mjs';

const LONG = { longLifeS: 8 }; // of a token that is renewed while it lives: at half of it, where the platform has days

/** quirks and options of the provider; `auth` beside what connectable() says; `renewedBy`: the grant, null never. */
const PLATFORMS = {
	discord: { quirks: {} },
	facebook: {
		quirks: { scopeSeparator: ',', clientAuth: 'post', grantType: 'optional', longer: 'fb', refresh: 'same', iss: false },
		options: LONG, pick: 'p2', renewedBy: 'fb_exchange_token', live: true,
	},
	google: { quirks: { clientAuth: 'post', iss: 'wrong' }, options: { rotation: false }, seen: ({ query }) => query.get('access_type') === 'offline' },
	instagram: {
		quirks: { scopeSeparator: ',', clientAuth: 'post', pkce: 'off', longer: 'ig', refresh: 'same', iss: false },
		options: LONG, auth: ({ longer, again }) => ({ longer_url: longer, renew_url: again }), renewedBy: 'ig_refresh_token', live: true,
	},
	linkedin: { quirks: { clientAuth: 'post', pkce: 'off', refreshLifeName: 'refresh_token_expires_in', texts: true } },
	shopify: { quirks: { scopeSeparator: ',', clientAuth: 'post', pkce: 'off', tokenHeader: 'x-shopify-access-token' }, asked: ({ form }) => form.get('expiring') === '1' },
	tiktok: { quirks: { clientIdName: 'client_key', scopeSeparator: ',', clientAuth: 'post', pkce: 'off' } },
	'tiktok-business': {
		quirks: { clientIdName: 'app_id', clientSecretName: 'secret', codeName: 'auth_code', clientAuth: 'post', tokenBy: 'json', grantType: 'none', pkce: 'off', errorsIn200: 'code', refresh: 'none', lives: false, tokenHeader: 'access-token' },
		bare: true, renewedBy: null,
	},
	whatsapp: { quirks: { scopeSeparator: ',', clientAuth: 'post', tokenBy: 'get', grantType: 'optional', pkce: 'off', refresh: 'none' }, renewedBy: null },
	x: { quirks: { clientAuth: 'basic' } },
};

async function start(t, name, { quirks, options = {}, auth = () => ({}), pick }) {
	const provider = await startProvider(t, { quirks, ...options });
	const guarded = await startGuarded(t, provider);
	const upstream = connectable(provider, {
		url: guarded.url, provider: name, each: 'tenant', issuer: undefined, scope: 'read write', ...auth(provider.endpoints),
		...(pick === undefined ? {} : { pick: { url: provider.endpoints.list, header: 'X-Page' } }),
	});
	const gateway = await startGateway(t, { tenants: ['acme'], upstreams: { svc: upstream }, settle: false });
	const owner = await makeUser(gateway, { email: 'owner@acme.example', role: 'owner' });
	return { provider, guarded, gateway, owner };
}

const whoami = (gateway) => modern(gateway, 'tools/call', { name: 'svc_whoami', arguments: {} });

async function assertAnswers(gateway) {
	const answer = await whoami(gateway);
	assert.equal(answer.message?.result?.content?.[0]?.text, 'ada', JSON.stringify(answer.message));
	assert.ok(!answer.message.result.isError);
}

for (const [name, platform] of Object.entries(PLATFORMS)) {
	test(`as ${name} has it`, async (t) => {
		const { provider, guarded, gateway, owner } = await start(t, name, platform);
		const { page } = await connectAccount(gateway, { person: owner, each: 'tenant', pick: platform.pick });
		assert.equal(page.answer.status, 200, page.html);
		assert.match(page.html, platform.pick === undefined ? /Ada Lovelace/ : /Second page|Ada Lovelace/);
		const consent = provider.requests.find(({ at }) => at === 'authorize');
		assert.equal(consent.query.get('scope'), ['read', 'write'].join(platform.quirks.scopeSeparator ?? ' '));
		if (platform.seen !== undefined) assert.ok(platform.seen(consent));
		if (platform.asked !== undefined) assert.ok(platform.asked(provider.requests.find(({ at }) => at === 'token')));
		await until('its tool', () => assertAnswers(gateway).then(() => true));
		assert.equal(guarded.headers['x-page'], platform.pick);
		const { renewedBy = 'refresh' } = platform;
		if (platform.live) {
			await until('the renewal of a token that lives', async () => {
				await assertAnswers(gateway);
				return provider.count(renewedBy) > 0;
			});
		} else {
			provider.expire();
			const answer = await whoami(gateway);
			if (renewedBy === null) {
				assert.match(JSON.stringify(answer.message), /connect/i);
				return;
			}
			assert.equal(answer.message?.result?.content?.[0]?.text, 'ada', JSON.stringify(answer.message));
			assert.equal(provider.count(renewedBy), 1);
		}
		await assertAnswers(gateway);
		assert.equal(provider.stats().reused, 0);
	});
}
