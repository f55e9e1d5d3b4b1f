// What an OAuth provider keeps: codes, access tokens, and families of refresh tokens, one family a consent. Time is the
// caller's clock, so that tests end lives instead of waiting for them.
import { createHash, randomBytes } from 'node:crypto';

const fresh = (kind) => `${kind}-${randomBytes(18).toString('base64url')}`;

export class OAuthError extends Error {
	constructor(code, description, status = 400) {
		super(description);
		Object.assign(this, { code, description, status });
	}
}

const dead = (words) => new OAuthError('invalid_grant', words);

export class Tokens {
	/** options: rotation, graceMs, lifeS, refreshLifeS, codeLifeS, pkce ('S256', 'hex', 'off'). */
	constructor(options) {
		this.options = options;
		this.codes = new Map();
		this.access = new Map();
		this.refresh = new Map();
		this.families = [];
		this.reused = 0;
	}

	makeCode(consent) {
		const code = fresh('code');
		this.codes.set(code, { ...consent, used: false, endsMs: Date.now() + this.options.codeLifeS * 1000 });
		return code;
	}

	#checkVerifier({ challenge }, verifier) {
		if (this.options.pkce === 'off') {
			if (challenge !== null || verifier !== null) throw new OAuthError('invalid_request', 'code_challenge is not known here');
			return;
		}
		const encoding = this.options.pkce === 'hex' ? 'hex' : 'base64url';
		if (challenge !== createHash('sha256').update(verifier ?? '').digest(encoding)) throw dead('the verifier does not fit the challenge');
	}

	/** A code for a family and its first tokens. One that comes twice ends what it gave. redirectUri undefined: not looked at. */
	useCode(code, { client, redirectUri, verifier }) {
		const row = this.codes.get(code);
		if (row === undefined || row.client !== client) throw dead('no such code');
		if (row.used) {
			if (row.family !== undefined) this.endFamily(row.family);
			throw dead('the code was used');
		}
		if (row.endsMs <= Date.now()) throw dead('the code has expired');
		if (redirectUri !== undefined && row.redirectUri !== redirectUri) throw dead('another redirect_uri');
		this.#checkVerifier(row, verifier);
		row.used = true;
		row.family = this.makeFamily({ account: row.account, client, scope: row.scope, resource: row.resource });
		return row.family;
	}

	makeFamily(of) {
		const family = { ended: false, ...of };
		this.families.push(family);
		return family;
	}

	endFamily(family) {
		family.ended = true;
	}

	makeAccess(family, { lifeS = this.options.lifeS, more = {} } = {}) {
		const token = fresh('at');
		this.access.set(token, { family, madeMs: Date.now(), endsMs: lifeS === null ? Infinity : Date.now() + lifeS * 1000, scope: family.scope, ...more });
		return token;
	}

	makeRefresh(family) {
		const token = fresh('rt');
		const { refreshLifeS } = this.options;
		this.refresh.set(token, { family, usedMs: null, endsMs: refreshLifeS === null ? Infinity : Date.now() + refreshLifeS * 1000 });
		return token;
	}

	/** The family of a refresh token that is good; with rotation it is used up, and a second use ends the family. */
	useRefresh(token, client) {
		const row = this.refresh.get(token);
		if (row === undefined || row.family.client !== client) throw dead('no such refresh token');
		if (row.family.ended || row.endsMs <= Date.now()) throw dead('Token has been expired or revoked.');
		if (row.usedMs !== null && Date.now() - row.usedMs > this.options.graceMs) {
			this.reused++;
			this.endFamily(row.family);
			throw dead('the refresh token was used before');
		}
		if (this.options.rotation) row.usedMs ??= Date.now();
		return row.family;
	}

	/** RFC 7009: of either kind; a refresh token takes its family along. */
	revoke(token) {
		const refresh = this.refresh.get(token);
		if (refresh !== undefined) this.endFamily(refresh.family);
		return this.access.delete(token) || refresh !== undefined;
	}

	/** What is known of an access token that is good now, else null. */
	good(token) {
		const row = this.access.get(token);
		return row === undefined || row.family.ended || row.endsMs <= Date.now() ? null : row;
	}

	expire() {
		for (const row of this.access.values()) row.endsMs = Math.min(row.endsMs, Date.now());
	}
}
