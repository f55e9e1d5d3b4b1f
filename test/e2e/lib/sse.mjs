// Reading server-sent events from a raw connection, chunk by chunk.
import { within } from './wait.mjs';

export function parseEvents(text) {
	return text
		.split('\n\n')
		.filter((block) => block !== '')
		.map((block) => {
			const event = { comment: null, event: 'message', id: null, data: null };
			for (const line of block.split('\n')) {
				const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line);
				if (name === '') event.comment = value;
				else if (name === 'data') event.data = event.data === null ? value : `${event.data}\n${value}`;
				else event[name] = value;
			}
			return event;
		});
}

/** The events of one answer whose head was read already. Messages are parsed JSON. */
export class EventStream {
	constructor(connection, head) {
		this.connection = connection;
		this.head = head;
		this.text = '';
		this.messages = [];
		this.comments = 0;
		this.over = false;
		this.taken = 0;
	}

	/** Read one chunk; false after the last. */
	async advance(ms) {
		if (this.over) return false;
		const chunk = await this.connection.chunk(ms);
		if (chunk === null) {
			this.over = true;
			return false;
		}
		this.text += chunk.toString('utf8');
		const end = this.text.lastIndexOf('\n\n');
		if (end < 0) return true;
		for (const event of parseEvents(this.text.slice(0, end + 2))) {
			if (event.comment !== null) this.comments++;
			if (event.data) this.messages.push(JSON.parse(event.data));
		}
		this.text = this.text.slice(end + 2);
		return true;
	}

	/** The next message not yet taken that `matches`; earlier ones stay in `messages`. */
	async next(matches = () => true, ms = undefined) {
		for (;;) {
			for (let i = this.taken; i < this.messages.length; i++) {
				if (matches(this.messages[i])) {
					this.taken = i + 1;
					return this.messages[i];
				}
			}
			if (!(await this.advance(ms))) throw new Error(`the stream ended without the message; it had ${JSON.stringify(this.messages)}`);
		}
	}

	/** All messages to the end of the stream. */
	async rest(ms) {
		await within('the end of the stream', (async () => {
			while (await this.advance(ms));
		})(), ms);
		return this.messages;
	}
}
