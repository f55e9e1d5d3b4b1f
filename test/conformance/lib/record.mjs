// What the tests found, for doc/conformance.md: each test file leaves one JSON file of rows in
// CONFORMANCE_RECORDS, and report.mjs turns all of them into the page. Without the variable
// nothing is written.
import fs from 'node:fs';
import path from 'node:path';
import { conformanceDirectory } from './suite.mjs';

const directory = process.env.CONFORMANCE_RECORDS;

/** Why scenarios do not pass, by section and scenario: the one place that excuses anything. */
export const reasons = JSON.parse(fs.readFileSync(path.join(conformanceDirectory, 'reasons.json'), 'utf8'));

export class Record {
	constructor(name) {
		this.name = name;
		this.rows = [];
	}

	/** A row: {section, item, state, ...}. */
	add(row) {
		this.rows.push(row);
	}

	/** To be called when the file's tests are over. */
	save() {
		if (directory === undefined) return;
		fs.mkdirSync(directory, { recursive: true });
		fs.writeFileSync(path.join(directory, `${this.name}.json`), `${JSON.stringify(this.rows, null, '\t')}\n`);
	}
}
