// The suite's server leg: against the fixtures themselves (which proves the fixtures), through the
// gateway in front of the fixture of the same era, and across the eras.
//
// A scored scenario passes, or the run fails. A scenario that no revision scores, and a scenario
// across eras, passes or has a reason in reasons.json; a reason for a scenario that passes is
// stale and fails too.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { scope } from '../e2e/lib/gateway.mjs';
import { Record, reasons } from './lib/record.mjs';
import { ERAS, plainUrl, startEra, startPlain } from './lib/stage.mjs';
import { explain, judge, requirements, runSuite } from './lib/suite.mjs';

const file = scope(after);
const record = new Record('server');
after(() => record.save());

/** Extensions that are in no revision's list, by the era that runs them. */
const UNLISTED = { legacy: [], modern: ['sep-2640-skills-directory', 'sep-2640-skills-enumeration', 'sep-2640-skills-manifest'] };
const ACROSS = { legacy: 'modern', modern: 'legacy' };

/** One case: the verdict of `scenario`, excused by a reason of its section or not. */
function declare(section, scenario, kind, find) {
	test(scenario, () => {
		const reason = reasons[section]?.[scenario];
		const { verdict, run } = find();
		const { state, passed, failed, warned } = judge(verdict);
		record.add({ section, item: scenario, kind, state, passed, failed, warned, reason });
		if (reason !== undefined) assert.notEqual(state, 'passed', 'it passes: take its reason out of reasons.json');
		else assert.equal(state, 'passed', state === 'skipped' ? 'the suite skipped every check' : explain(verdict, run));
		assert.ok(kind !== 'scored' || reason === undefined, 'nothing excuses a scored scenario');
	});
}

/** A leg: the requirements of the suite's era at the url that `stage` makes. */
function leg(section, title, suiteEra, stage, { scoredCounts = true } = {}) {
	describe(title, () => {
		const { scored, rest } = requirements(ERAS[suiteEra], 'server');
		const runs = new Map();
		let main;

		before(async () => {
			const url = await stage();
			main = await runSuite('server', ['--url', url, '--requirements', ERAS[suiteEra]]);
			for (const scenario of UNLISTED[suiteEra]) runs.set(scenario, await runSuite('server', ['--url', url, '--scenario', scenario]));
		});
		const find = (scenario) => () => {
			const run = runs.get(scenario) ?? main;
			return { run, verdict: run.verdicts.get(scenario) };
		};
		for (const scenario of scored) declare(section, scenario, scoredCounts ? 'scored' : 'across', find(scenario));
		for (const { scenario, reason } of rest) declare(section, scenario, reason, find(scenario));
		for (const scenario of UNLISTED[suiteEra]) declare(section, scenario, 'extension', find(scenario));
	});
}

for (const era of Object.keys(ERAS)) {
	leg(`fixture/${era}`, `the ${era} fixture itself, ${ERAS[era]}`, era, async () => {
		const { port } = await startEra(file, era);
		return `http://localhost:${port}/mcp`;
	});
	leg(`gateway/${era}`, `through the gateway, ${ERAS[era]} to the ${era} fixture`, era, async () => {
		const { url } = await startEra(file, era);
		return plainUrl(await startPlain(file, { http: { url } }));
	});
	const other = ACROSS[era];
	leg(`across/${era}-${other}`, `across eras, ${ERAS[era]} to the ${other} fixture`, era, async () => {
		const { url } = await startEra(file, other);
		return plainUrl(await startPlain(file, { http: { url } }));
	}, { scoredCounts: false });
}
