// Where things are, whether anything is built or not.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const e2eDirectory = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const rootDirectory = path.resolve(e2eDirectory, '../..');

export function isExecutable(file) {
	try {
		fs.accessSync(file, fs.constants.X_OK);
		return true;
	} catch {
		return false;
	}
}
