// Writes doc/conformance.md out of what the tests recorded.
//
//   node report.mjs RECORDS PAGE
//
// Nothing in the page changes from run to run unless a result does. It says when the page had other
// results in it, and when records are missing and the page was left alone.
import fs from 'node:fs';
import path from 'node:path';
import { suiteVersion } from './lib/suite.mjs';

const [records, page] = process.argv.slice(2);
const FILES = ['server', 'client', 'authorization', 'bridge', 'matrix', 'restart'];
const MARK = { passed: 'passes', failed: '**fails**', skipped: 'skipped' };

function load() {
	const missing = FILES.filter((name) => !fs.existsSync(path.join(records, `${name}.json`)));
	if (missing.length > 0) {
		console.log(`doc/conformance.md is not written: no records of ${missing.join(', ')}`);
		process.exit(0);
	}
	return FILES.flatMap((name) => JSON.parse(fs.readFileSync(path.join(records, `${name}.json`), 'utf8')));
}

const rows = load();
const inSection = (section) => rows.filter((row) => row.section === section);
const unique = (values) => [...new Set(values)];

/** A Markdown table. */
function table(heads, lines) {
	return [heads, heads.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function cell(row) {
	if (row === undefined) return '';
	if (row.state !== 'passed' && row.reason !== undefined) return 'see below';
	return MARK[row.state];
}

/** Scenarios down, sections across. */
function scenarios(columns) {
	const all = columns.flatMap(([, section]) => inSection(section));
	const kinds = new Map(all.map(({ item, kind }) => [item, kind]));
	for (const { item, kind } of all) if (kind === 'scored') kinds.set(item, kind);
	return table(['scenario', '', ...columns.map(([title]) => title)], unique(all.map(({ item }) => item)).map((item) =>
		[item, kinds.get(item) === 'scored' ? 'scored' : kinds.get(item), ...columns.map(([, section]) => cell(inSection(section).find((row) => row.item === item)))]));
}

/** A cell that stands for several rows, told apart by their `part`. */
function cells(several) {
	const bad = several.filter(({ state }) => state !== 'passed');
	if (several.length === 0) return '';
	if (bad.length === 0) return MARK.passed;
	return unique(bad.map(cell)).map((how) => `${how} (${bad.filter((row) => cell(row) === how).map(({ part }) => part).join(', ')})`).join('; ');
}

/** Items down, columns across, of one section's rows. */
function grid(section, head) {
	const here = inSection(section);
	const columns = unique(here.map(({ column }) => column)).sort();
	return table([head, ...columns], unique(here.map(({ item }) => item)).map((item) =>
		[item, ...columns.map((column) => cells(here.filter((row) => row.item === item && row.column === column)))]));
}

function score(section, wanted) {
	const counted = inSection(section).filter(wanted);
	return counted.length === 0 ? '' : `${counted.filter(({ state }) => state === 'passed').length} of ${counted.length}`;
}

function summary() {
	const sections = [
		['the legacy fixture itself, 2025-11-25', 'fixture/legacy'],
		['the modern fixture itself, 2026-07-28', 'fixture/modern'],
		['2025-11-25 through the gateway to the legacy fixture', 'gateway/legacy'],
		['2026-07-28 through the gateway to the modern fixture', 'gateway/modern'],
		['2025-11-25 through the gateway to the modern fixture', 'across/legacy-modern'],
		['2026-07-28 through the gateway to the legacy fixture', 'across/modern-legacy'],
		['the gateway as the client, 2025-03-26', 'client/2025-03-26'],
		['the gateway as the client, 2025-11-25', 'client/2025-11-25'],
		['the gateway as the client, 2026-07-28', 'client/2026-07-28'],
		['the gateway as the authorization server, every revision', 'authorization'],
	];
	const isScored = ({ kind }) => kind === 'scored';
	const isAcross = ({ kind }) => kind === 'across';
	return table(['', 'scored', 'across eras', 'not scored'], sections.map(([title, section]) =>
		[title, score(section, isScored), score(section, isAcross), score(section, (row) => !isScored(row) && !isAcross(row))]));
}

function reasons() {
	const excused = rows.filter(({ state, reason }) => state !== 'passed' && reason !== undefined);
	if (excused.length === 0) return 'Nothing: everything passes.';
	const texts = unique(excused.map(({ reason }) => reason));
	return texts.map((text) => {
		const where = excused.filter(({ reason }) => reason === text);
		const sections = unique(where.map(({ section }) => section));
		return sections.map((section) => `- ${section}: ${where.filter((row) => row.section === section).map(({ item }) => item).join(', ')}`).join('\n') + `\n\n  ${text}`;
	}).join('\n\n');
}

const text = `# Conformance

Written by \`./dev test conformance\`; edit nothing here by hand. The official suite
(@modelcontextprotocol/conformance ${suiteVersion}) tests servers of each revision and clients of each revision. Its server leg
runs against the gateway in front of two fixtures in C, one that speaks only 2025-11-25 and one that speaks only 2026-07-28
(test/fixtures), and against the fixtures themselves. "Scored" is what the suite's frozen requirements of a revision demand.
No scored scenario may fail, and there is no list of expected failures; what the suite runs without scoring passes or has a
reason here.

## In short

${summary()}

## 2025-11-25, server leg

${scenarios([['fixture itself', 'fixture/legacy'], ['gateway, legacy fixture', 'gateway/legacy'], ['gateway, modern fixture', 'across/legacy-modern']])}

## 2026-07-28, server leg

${scenarios([['fixture itself', 'fixture/modern'], ['gateway, modern fixture', 'gateway/modern'], ['gateway, legacy fixture', 'across/modern-legacy']])}

## Client leg

The gateway is the client under test: a wrapper starts it with the suite's server as its upstream and drives it. In the auth
scenarios a scripted person follows the gateway's link, agrees, and comes back to its callback; flows without a person take what
the scenario gives them from the configuration.

${scenarios([['2025-03-26', 'client/2025-03-26'], ['2025-11-25', 'client/2025-11-25'], ['2026-07-28', 'client/2026-07-28']])}

## Authorization server

The suite's \`authorization\` command against the gateway's own authorization server: a scripted browser signs in and agrees at
the address that the suite prints. The suite's client is a public one.

${grid('authorization', 'scenario')}

## Four quadrants

What the suite does not cover: the same features with official clients of both lines in each era, through the gateway to
SDK servers of each era (v1 for 2025-11-25, v2 for 2026-07-28), over stdio and over HTTP. "2025 (v1) to 2026" is a client of
2025-11-25 made with the v1 SDK and a server of 2026-07-28.

${grid('bridge', 'feature')}

## Clients and servers

Each official client through the gateway to each official server: the list, a call, and an elicitation where the client can be
asked.

${grid('matrix', 'client')}

## A restart under load

${grid('restart', 'event')}

## What does not pass, and why

${reasons()}
`;

const before = fs.existsSync(page) ? fs.readFileSync(page, 'utf8') : '';
fs.writeFileSync(page, text);
if (before !== text) {
	console.log('doc/conformance.md had other results: look at the difference and commit it');
}
