// The suite's authorization command: the gateway is the authorization server under test. The suite plays the client and
// prints the address that a person would open; a scripted browser goes there, signs in and agrees.
//
// Its client is a public one: this version of the suite sends no secret to a server that lists `none` among its methods,
// which a server for client id metadata documents must, and a client that has a secret is refused without it. Clients with
// secrets are tested in test/e2e/oauth-token.test.mjs.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, test } from 'node:test';
import { Browser } from '../e2e/lib/browser.mjs';
import { scope, startGateway } from '../e2e/lib/gateway.mjs';
import { OAuth } from '../e2e/lib/oauth.mjs';
import { makeUser } from '../e2e/lib/people.mjs';
import { until } from '../e2e/lib/wait.mjs';
import { Record } from './lib/record.mjs';
import { explain, judge, runSuite } from './lib/suite.mjs';

const REVISIONS = ['2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'];
const SCENARIOS = ['authorization-server-metadata-endpoint', 'authorization-code-grant'];

const file = scope(after);
const record = new Record('authorization');
after(() => record.save());

const gateway = await startGateway(file, { limits: { per_auth: 'off' } });
const ann = await makeUser(gateway, { email: 'ann@acme.example' });

/** A port that is free now: the suite listens there for its callback. */
async function freePort() {
	const server = net.createServer().listen(0, '127.0.0.1');
	await new Promise((resolve) => server.once('listening', resolve));
	const { port } = server.address();
	await new Promise((resolve) => server.close(resolve));
	return port;
}

/** Open what the suite prints, and hand its callback what the gateway says. */
async function person(child) {
	const printed = () => /https?:\/\/\S+\/oauth\/authorize\?\S+/.exec(child.output.stdout + child.output.stderr)?.[0];
	await until('the address to open, or the end', () => printed() !== undefined || child.exitCode !== null, 20000);
	if (printed() === undefined) return;
	const left = await new Browser().authorize(printed(), ann);
	await (await fetch(left)).text();
}

/** A run of the suite for a client of its own, made when it is first asked for. */
function suite(revision) {
	let running;
	return () => running ??= (async () => {
		const port = await freePort();
		const oauth = new OAuth(gateway, { redirect: `http://127.0.0.1:${port}/callback` });
		const { client_id: id } = await oauth.register();
		const args = ['--url', oauth.origin, '--client-id', id, '--resource', `${oauth.origin}/mcp`, '-p', String(port), '--spec-version', revision];
		return runSuite('authorization', args, { watch: person });
	})();
}

for (const revision of REVISIONS) {
	// One run has both: the second scenario uses what the first one read.
	const run = suite(revision);
	for (const scenario of SCENARIOS) {
		test(`${revision}: ${scenario}`, async () => {
			const { verdicts, ...ended } = await run();
			const verdict = verdicts.get(scenario);
			const { state, passed, failed, warned } = judge(verdict, { strict: true });
			record.add({ section: 'authorization', item: scenario, kind: 'scored', column: revision, state, passed, failed, warned });
			assert.equal(state, 'passed', explain(verdict, ended));
		});
	}
}
