// The example of each tool of a connector, as its page shows it to people, called.
import assert from 'node:assert/strict';
import { binary } from './paths.mjs';
import { run } from './process.mjs';

/** {tool: arguments} of one built-in connector. */
async function examplesOf(connector) {
	const { code, stdout, stderr } = await run(binary, ['reference', 'connectors']);
	assert.equal(code, 0, stderr);
	const chapter = stdout.split(/^## /m).find((text) => text.includes(`\`connector: { use: ${connector} }\``));
	assert.ok(chapter, `there is no connector ${connector}`);
	return Object.fromEntries(chapter.split(/^### /m).slice(1).map((text) => {
		const tool = /^\w+/.exec(text)[0];
		const example = /^Example: `(.*)`$/m.exec(text)?.[1];
		assert.ok(example, `${tool} has no example`);
		return [tool, JSON.parse(example)];
	}));
}

/** Call them all. `instead`: of a tool, arguments that a simulator knows in the place of the example's own, as files. */
export async function callExamples(it, instead = {}) {
	const examples = await examplesOf(it.upstream);
	assert.equal(Object.keys(examples).length, it.tools.size);
	for (const [tool, args] of Object.entries(examples)) {
		for (const name of Object.keys(instead[tool] ?? {})) assert.ok(name in args, `the example of ${tool} has no ${name}`);
		await it.ok(tool, { ...args, ...instead[tool] });
	}
}
