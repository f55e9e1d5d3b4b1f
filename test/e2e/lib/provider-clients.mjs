// Who asks a provider for tokens: clients that it knows, by secret, by signature or by nothing, and those that register.
import { randomBytes } from 'node:crypto';
import { createLocalJWKSet, createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { OAuthError } from './provider-tokens.mjs';

const unknown = (words) => new OAuthError('invalid_client', words, 401);

/* Which way a request proves its client: RFC 6749 section 2.3, RFC 7523 section 2.2. */
function proofOf(request, form, { clientIdName, clientSecretName }) {
	const basic = /^Basic (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
	if (basic !== undefined) {
		const text = Buffer.from(basic, 'base64').toString();
		const colon = text.indexOf(':');
		return { way: 'basic', id: decodeURIComponent(text.slice(0, colon)), secret: decodeURIComponent(text.slice(colon + 1)) };
	}
	const assertion = form.get('client_assertion');
	if (assertion !== null) return { way: 'jwt', id: form.get(clientIdName) ?? decodeJwt(assertion).iss, assertion };
	const secret = form.get(clientSecretName);
	return { way: secret === null ? 'none' : 'post', id: form.get(clientIdName), secret };
}

async function checkAssertion(provider, client, assertion) {
	const keys = client.jwks === undefined ? createRemoteJWKSet(new URL(client.jwksUri)) : createLocalJWKSet(client.jwks);
	try {
		const { payload } = await jwtVerify(assertion, keys, { issuer: client.id, subject: client.id, audience: [provider.issuer, provider.endpoints.token], requiredClaims: ['exp', 'jti'] });
		if (provider.assertions?.has(payload.jti)) throw new Error('used before');
		(provider.assertions ??= new Set()).add(payload.jti);
	} catch (error) {
		throw unknown(`the assertion is not believed: ${error.message}`);
	}
}

/** The client that a request is from, proven in the way that the provider and the client agree on. */
export async function knownClient(provider, request, form) {
	const proof = proofOf(request, form, provider.quirks);
	const client = proof.id === null ? provider.client : provider.clients.get(proof.id); // Instagram's exchange names none
	const wanted = provider.quirks.clientAuth;
	if (client === undefined) throw unknown('no such client');
	if (wanted !== 'any' && proof.way !== wanted) throw unknown(`client authentication by ${proof.way} is not supported`);
	if (proof.way === 'jwt') await checkAssertion(provider, client, proof.assertion);
	else if (proof.way === 'none' ? client.secret !== undefined && wanted !== 'none' : proof.secret !== client.secret) throw unknown('the client secret is wrong');
	return client;
}

/** Answer a registration (RFC 7591). */
export function registerClient(provider, wish) {
	const method = wish.token_endpoint_auth_method ?? 'client_secret_basic';
	const client = { id: `client-${randomBytes(6).toString('hex')}`, redirectUris: wish.redirect_uris, jwksUri: wish.jwks_uri };
	if (method.startsWith('client_secret_')) client.secret = randomBytes(18).toString('base64url');
	provider.clients.set(client.id, client);
	return { ...wish, client_id: client.id, ...(client.secret === undefined ? {} : { client_secret: client.secret, client_secret_expires_at: 0 }) };
}
