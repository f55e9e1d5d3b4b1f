// The C fixture with the suite's catalogue in one era or the other, and a gateway in front of it:
// open to everybody on loopback, names as the fixture has them.
import { startFixture } from '../../e2e/lib/fixture.mjs';
import { startGateway } from '../../e2e/lib/gateway.mjs';

/** The newest revision of each era. */
export const ERAS = { legacy: '2025-11-25', modern: '2026-07-28' };

/** A fixture that speaks only one era; {port, url}. */
export function startEra(t, era) {
	return startFixture(t, ['--suite', '--era', era, '--sessions']);
}

/** A gateway in front of one upstream, `fx`, at /mcp/plain with its names as they are. */
export async function startPlain(t, upstream, options = {}) {
	return startGateway(t, {
		tenants: [],
		upstreams: { fx: upstream },
		workers: options.workers ?? 2,
		...options,
		config: { auth: 'none', toolsets: { plain: { include: ['fx.*'], names: 'plain' } }, ...options.config },
	});
}

/** The suite wants the name: it makes rebinding attempts out of it. */
export const plainUrl = (gateway) => `http://localhost:${gateway.port}/mcp/plain`;
