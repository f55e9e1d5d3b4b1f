// The tools that both SDK servers offer, written once. Each gets its arguments and the server's face:
//
//   ask(key, method, params)   ask the client; several at once when asked before the first is awaited
//   progress(n, total), log(level, data), signal
//   touch(), grow()            tell of a changed resource, of a changed list
//
// In the era of 2026-07-28 a tool that asks is run again from its start when the answers are there.

const none = { type: 'object', properties: {} };

export const WATCHED = 'test://watched';
const counts = { runs: 0, cancelled: 0, grown: 0 };

const form = (name) => ({ message: `Your ${name}?`, requestedSchema: { type: 'object', properties: { [name]: { type: 'string' } }, required: [name] } });
const question = (text) => ({ messages: [{ role: 'user', content: { type: 'text', text } }], maxTokens: 20 });

export const tools = {
	echo: {
		inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
		run: ({ text }) => `echo: ${text}`,
	},
	elicit: {
		inputSchema: none,
		run: async (_, { ask }) => {
			const { action, content } = await ask('name', 'elicitation/create', form('name'));
			return `${action} ${content?.name ?? 'nothing'}`;
		},
	},
	sample: {
		inputSchema: none,
		run: async (_, { ask }) => `sampled: ${(await ask('sample', 'sampling/createMessage', question('capital of France'))).content.text}`,
	},
	roots: {
		inputSchema: none,
		run: async (_, { ask }) => `roots: ${(await ask('roots', 'roots/list', {})).roots.map(({ uri }) => uri).join(' ')}`,
	},
	together: {
		inputSchema: none,
		run: async (_, { ask }) => {
			const [one, two] = await Promise.all([ask('one', 'elicitation/create', form('one')), ask('two', 'sampling/createMessage', question('two'))]);
			return `${one.content.one} and ${two.content.text}`;
		},
	},
	rounds: {
		inputSchema: none,
		run: async (_, { ask }) => {
			const first = await ask('first', 'elicitation/create', form('first'));
			const second = await ask('second', 'elicitation/create', form('second'));
			return `${first.content.first} then ${second.content.second}`;
		},
	},
	steps: {
		inputSchema: none,
		run: async (_, { progress }) => {
			for (let step = 1; step <= 3; step++) await progress(step, 3);
			return 'all steps done';
		},
	},
	log: {
		inputSchema: none,
		run: async (_, { log }) => {
			await log('debug', 'too fine');
			await log('warning', 'take care');
			return 'logged';
		},
	},
	/** Runs until it is cancelled. */
	wait: {
		inputSchema: none,
		run: async (_, { signal }) => {
			counts.runs++;
			await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
			counts.cancelled++;
			return 'cancelled';
		},
	},
	counts: { inputSchema: none, run: () => JSON.stringify(counts) },
	touch: {
		inputSchema: none,
		run: async (_, { touch }) => {
			await touch();
			return 'touched';
		},
	},
	grow: {
		inputSchema: none,
		run: async (_, { grow }) => {
			counts.grown++;
			await grow();
			return `grown_${counts.grown}`;
		},
	},
};

/** What tools/list answers: the tools above and those that grew. */
export function listTools() {
	const names = [...Object.keys(tools), ...Array.from({ length: counts.grown }, (_, i) => `grown_${i + 1}`)];
	return names.map((name) => ({ name, description: `the tool ${name}`, inputSchema: tools[name]?.inputSchema ?? none }));
}

export async function runTool(name, args, face) {
	return { content: [{ type: 'text', text: await (tools[name]?.run ?? (() => 'grown'))(args ?? {}, face) }] };
}

export const resources = [{ uri: WATCHED, name: 'watched', mimeType: 'text/plain' }];
export const readResource = (uri) => ({ contents: [{ uri, mimeType: 'text/plain', text: 'watched' }] });

export const CAPABILITIES = { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true }, logging: {} };
