// The suite's client leg with the gateway as the client under test: the suite plays the server, and in the auth scenarios its
// authorization servers; lib/client-under-test.mjs starts the gateway and drives it.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { alone, canBeAlone } from './lib/alone.mjs';
import { Record, reasons } from './lib/record.mjs';
import { conformanceDirectory, explain, judge, requirements, REVISIONS, runSuite } from './lib/suite.mjs';

const record = new Record('client');
after(() => record.save());

/** The command is one string that the suite splits at blanks. */
const command = `${process.execPath} ${path.join(conformanceDirectory, 'lib/client-under-test.mjs')}`;
assert.ok(command.split(' ').length === 2, `the suite cannot start ${command}: blanks in a path`);

/** What servers of 2025-03-26 lacked. */
const LEGACY = { revision: '2025-03-26', scenarios: ['oauth-metadata-backcompat', 'oauth-endpoint-fallback'].map((name) => `auth/2025-03-26-${name}`) };
const EXTENSIONS = ['no-prefetch', 'verify-digest', 'verify-size', 'verify-frontmatter'].map((name) => `sep-2640-client-${name}`);

function declare(revision, scenario, kind, args) {
	test(scenario, async () => {
		const section = `client/${revision}`;
		const reason = reasons[section]?.[scenario];
		const run = await runSuite('client', ['--command', command, '--scenario', scenario, ...args], { wrapper: alone });
		const verdict = run.verdicts.get(scenario);
		const { passed, failed, warned, ...judged } = judge(verdict, { strict: true });
		// The suite also looks at how the client ended.
		const state = judged.state === 'passed' && run.code !== 0 ? 'failed' : judged.state;
		record.add({ section, item: scenario, kind, state, passed, failed, warned, reason });
		if (reason === undefined) assert.equal(state, 'passed', `${explain(verdict, run)}\n${run.stderr.slice(-2000)}`);
		else assert.notEqual(state, 'passed', 'it passes: take its reason out of reasons.json');
	});
}

for (const revision of REVISIONS) {
	describe(`the gateway as a client, ${revision}`, { concurrency: 2 }, () => {
		if (!canBeAlone) console.log('# no network of its own here: the suite\'s servers listen on all interfaces');
		const { scored, rest } = requirements(revision, 'client');
		const args = ['--spec-version', revision];
		for (const scenario of scored) declare(revision, scenario, 'scored', args);
		for (const { scenario, reason } of rest) declare(revision, scenario, reason, reason === 'extension' ? [...args, '--force'] : args);
		if (revision === REVISIONS.at(-1)) for (const scenario of EXTENSIONS) declare(revision, scenario, 'extension', [...args, '--force']);
	});
}

describe(`the gateway as a client, ${LEGACY.revision}`, () => {
	for (const scenario of LEGACY.scenarios) declare(LEGACY.revision, scenario, 'legacy', ['--spec-version', LEGACY.revision]);
});
