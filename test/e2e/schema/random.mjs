// Random numbers that are the same on every run: mulberry32, and choices made with it.
export class Random {
	constructor(seed) {
		this.state = seed >>> 0;
	}

	/** A number in [0, 1). */
	next() {
		this.state = (this.state + 0x6d2b79f5) >>> 0;
		let t = this.state;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	}

	/** An integer in [0, n). */
	below(n) {
		return Math.floor(this.next() * n);
	}

	chance(probability) {
		return this.next() < probability;
	}

	pick(array) {
		return array[this.below(array.length)];
	}

	/** n values of make(). */
	many(n, make) {
		return Array.from({ length: n }, (_, i) => make(i));
	}

	/** Up to `most` different ones of an array. */
	some(array, most) {
		const left = [...array];
		return this.many(Math.min(this.below(most + 1), left.length), () => left.splice(this.below(left.length), 1)[0]);
	}
}
