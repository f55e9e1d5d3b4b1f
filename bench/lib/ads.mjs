// A tool of ad analytics whose report is there already, against a tool that reads a note of the gateway's own machine: two local answers of one size, so that what
// keeping reports costs a caller is what differs. The platform is simulated (test/fixtures/ads) and asked once, before anything is measured.
import fs from 'node:fs';
import path from 'node:path';
import { startHosts } from '../../test/fixtures/ads/hosts.mjs';
import { toolArguments } from './cases.mjs';
import { ask, launchGatehouse, prepareGatehouse, waitForTools } from './gatehouse.mjs';
import { run } from './processes.mjs';

const TOOLS_MIN = 8;
const ADS = { name: 'ads_get_account_health', arguments: { platform: 'google', dateRange: 'last_7_days' } };
const NOTE = { name: 'notes_read_note', arguments: { path: 'Report.md' } };
const SIZE_TRIES = 6;

async function sizeOf(target, call) {
	const answer = await ask(target, 'tools/call', call);
	if (answer.result?.isError !== false && answer.result?.isError !== undefined) throw new Error(`${call.name}: ${JSON.stringify(answer).slice(0, 500)}`);
	return Buffer.byteLength(JSON.stringify(answer));
}

/** Make the note as long as it has to be for an answer of `bytes`. */
async function noteOf(target, file, bytes) {
	let length = bytes / 2;
	for (let n = 0; n < SIZE_TRIES; n++) {
		fs.writeFileSync(file, 'a word, '.repeat(Math.round(length / 8)));
		const size = await sizeOf(target, NOTE);
		if (Math.abs(size / bytes - 1) < 0.02) return size;
		length *= bytes / size;
	}
	throw new Error(`no note makes an answer of ${bytes} bytes`);
}

export async function adsCases({ tools, root, log }) {
	const cleanups = [];
	const { google } = await startHosts({ after: (cleanup) => cleanups.push(cleanup) }, { platforms: ['google'], kinds: [{ name: 'Bench' }] });
	const directory = path.join(root, 'ads');
	const vault = path.join(directory, 'vault');
	fs.mkdirSync(vault, { recursive: true });
	const note = path.join(vault, 'Report.md');
	fs.writeFileSync(note, 'a word');
	const prepared = await prepareGatehouse({ binary: tools.gatehouse, root: directory, upstreams: {}, lines: [
		'  ads: { connector: { use: ads } }',
		`  google-ads: { connector: { use: google-ads, settings: { base: "${google.url}" }, allow_private: true }, auth: { type: bearer } }`,
		`  notes: { connector: { use: obsidian, settings: { vault: "${vault}" } } }`,
	] });
	run(tools.gatehouse, ['credential', 'set', '--tenant', 'bench', '--upstream', 'google-ads', '--config', prepared.config], { input: `${google.token}\n` });
	const gatehouse = await launchGatehouse(prepared, { cores: '0' });
	await waitForTools(gatehouse, TOOLS_MIN);
	const bytes = await sizeOf(gatehouse, ADS);
	const asked = google.seen.length;
	log(`an answer of ${ADS.name} has ${bytes} bytes, one of ${NOTE.name} ${await noteOf(gatehouse, note, bytes)}`);
	if (google.seen.length !== asked) throw new Error('the report was asked for again');
	for (const cleanup of cleanups) cleanup();
	const of = ({ name, arguments: args }) => ({ args: toolArguments(name, args, gatehouse), pid: gatehouse.pid });
	return [{ name: 'ads.modern.64c', kind: 'ads', era: 'modern', connections: 64, targets: { local: of(NOTE), ads: of(ADS) } }];
}
