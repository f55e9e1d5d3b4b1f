// The official suite as a child process: which scenarios a revision asks for, one run of its server
// leg, and what it wrote about each scenario.
//
// The suite writes a directory per scenario, OUT/LEG-SCENARIO-TIME/checks.json. A scenario that
// never got that far has no verdict, which counts as failed.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { endGroup, launch } from '../../e2e/lib/process.mjs';
import { within } from '../../e2e/lib/wait.mjs';

export const conformanceDirectory = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const packageDirectory = (name) => path.join(conformanceDirectory, 'node_modules', name);

const suite = packageDirectory('@modelcontextprotocol/conformance');
const program = path.join(suite, 'dist/index.js');
export const suiteVersion = JSON.parse(fs.readFileSync(path.join(suite, 'package.json'), 'utf8')).version;
export const REVISIONS = ['2025-11-25', '2026-07-28'];

const SCENARIO_MS = 15000;
const RUN_MS = 180000;

/** What `revision` asks of `leg` (server or client): {scored, rest}, where rest has {scenario, reason}. */
export function requirements(revision, leg) {
	const scored = [];
	const rest = [];
	let section;
	for (const line of fs.readFileSync(path.join(suite, 'requirements', `${revision}.yaml`), 'utf8').split('\n')) {
		const [, heading] = /^(\w+):\s*$/.exec(line) ?? [];
		const [, item] = /^ {2}- (\S+)$/.exec(line) ?? [];
		const [, name, value] = /^ {2}(?:- |  )(scenario|leg|reason): (\S+)$/.exec(line) ?? [];
		if (heading !== undefined) section = heading;
		else if (section === leg && item !== undefined) scored.push(item);
		else if (name === 'scenario') rest.push({ scenario: value });
		else if (name !== undefined) rest.at(-1)[name] = value;
	}
	if (scored.length === 0) throw new Error(`no ${leg} scenarios in the suite's requirements of ${revision}`);
	return { scored, rest: rest.filter((entry) => entry.leg === leg) };
}

/** Run the suite with `args`; its exit code and output, and the verdicts it wrote by scenario. `watch` may do its
 * part with the child meanwhile. */
export async function runSuite(leg, args, { wrapper = [], env = {}, ms = RUN_MS, watch = async () => {} } = {}) {
	const out = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-suite-'));
	const timeout = leg === 'authorization' ? [] : ['--timeout', String(SCENARIO_MS)];
	const [command, ...rest] = [...wrapper, process.execPath, program, leg, ...args, '-o', out, ...timeout];
	const child = launch(command, rest, { env: { ...process.env, ...env } });
	try {
		await watch(child);
		const ended = await within(`the suite's run (${args.join(' ')})`, child.ended, ms);
		return { ...ended, verdicts: readVerdicts(out, leg) };
	} finally {
		await endGroup(child);
		fs.rmSync(out, { recursive: true, force: true });
	}
}

function readFile(file) {
	try {
		return fs.readFileSync(file, 'utf8');
	} catch {
		return '';
	}
}

function readVerdicts(out, leg) {
	const verdicts = new Map();
	for (const file of fs.readdirSync(out, { recursive: true })) {
		if (path.basename(file) !== 'checks.json') continue;
		const directory = path.dirname(file);
		const name = directory.replace(new RegExp(`^(${leg === 'authorization' ? 'authorization-server' : leg}-)?`), '').replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/, '');
		const checks = JSON.parse(fs.readFileSync(path.join(out, file), 'utf8'));
		verdicts.set(name, { checks, stderr: readFile(path.join(out, directory, 'stderr.txt')) });
	}
	return verdicts;
}

/** How a scenario went: {state: passed|failed|skipped, passed, failed, warned}. With `strict` a warning fails. */
export function judge(verdict, { strict = false } = {}) {
	if (verdict === undefined) return { state: 'failed', passed: 0, failed: 1, warned: 0 };
	const count = (status) => verdict.checks.filter((check) => check.status === status).length;
	const [passed, failed, warned] = ['SUCCESS', 'FAILURE', 'WARNING'].map(count);
	const bad = failed > 0 || (strict && warned > 0);
	// A scenario whose checks were all skipped, or that only saw a sound envelope, proves nothing.
	const proven = verdict.checks.some(({ id, status }) => status === 'SUCCESS' && id !== 'wire-schema-valid');
	return { state: bad ? 'failed' : proven || warned > 0 ? 'passed' : 'skipped', passed, failed, warned };
}

/** What a person needs to see of a scenario that failed. */
export function explain(verdict, run) {
	if (verdict === undefined) return `no verdict from the suite, which ended with ${run?.code}:\n${(run?.stderr || run?.stdout || '').slice(-2000)}`;
	const bad = verdict.checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING');
	const lines = bad.map(({ id, status, description, errorMessage, details }) =>
		`${status} ${id}: ${description}\n    ${errorMessage ?? ''} ${details === undefined ? '' : JSON.stringify(details).slice(0, 800)}`);
	return [...lines, verdict.stderr.slice(-2000)].join('\n');
}
