// Random schemas, and values that are near them: about half of the pairs are valid.
//
// What is kept out, because the two validators differ there (the list in ../schema.test.mjs): numbers
// that a double cannot hold, decimal multipleOf, siblings of $ref in draft-07, contains beside
// positional or unevaluated items, if beside unevaluated*, an empty name that is required.
// And references that lead back to themselves without entering the value.
const NAMES = ['a', 'b', 'c', 'name', 'description_long', 'x-1', 'x-name', 'ü', 'a/b', '~', ''];
const STRINGS = ['', 'a', 'b', 'ab', 'abc', 'abcc', 'hello world', 'ü', '😀', '😀😀', '12', 'x-1', 'a\nb', 'A', 'é1', '\u00a0', 'aaaaaaaaaa'];
const NUMBERS = [0, 1, -1, 2, 3, 5, 7, 10, 100, 0.5, 1.5, -2.5, 0.25, 1e3, 1e15, 123456789];
const PATTERNS = ['^a', 'b+$', '^x-', '^[a-z]{1,3}$', '\\d', '^\\p{L}+$', '^[^\\s]*$', '^(a|b)*c?$', '^.$', '^..$', '^\\w+$', '\\bhello\\b',
	'^(?!a)', '^(?:ab|a)(c+)?$', '[\\u{1F600}-\\u{1F64F}]', '^\\S+\\s\\S+$', 'a{2,4}', '^$', '(a)\\1', '[^]', '\\x61', '^[\\w\\-]+$'];
const TYPES = ['string', 'number', 'integer', 'boolean', 'null', 'array', 'object'];
const DEFINITIONS = 3;

export class Generator {
	constructor(random, draft) {
		this.random = random;
		this.draft = draft;
		this.modern = draft === '2020-12';
		this.definitions = this.modern ? '$defs' : 'definitions';
	}

	schema() {
		const root = this.subschema(3, 0);
		if (typeof root === 'boolean') return root;
		root[this.definitions] = Object.fromEntries(this.random.many(DEFINITIONS, (i) => [`d${i}`, this.subschema(2, i + 1)]));
		// in draft-07 nothing may stand beside a $ref
		return root.$ref !== undefined && !this.modern ? { allOf: [{ $ref: root.$ref }], definitions: root.definitions } : root;
	}

	/** `first` is the lowest definition that may be referred to before the value is entered. */
	subschema(depth, first) {
		const { random } = this;
		if (random.chance(0.06)) return random.chance(0.8);
		if (random.chance(0.12) && first < DEFINITIONS) return { $ref: this.reference(first) };
		const schema = {};
		if (random.chance(0.6)) schema.type = random.chance(0.75) ? random.pick(TYPES) : random.some(TYPES, 3).concat('null').filter((t, i, all) => all.indexOf(t) === i);
		for (const group of this.groups(schema.type, depth)) group.call(this, schema, depth, first);
		if (this.modern && random.chance(0.05) && first < DEFINITIONS) schema.$ref = this.reference(first);
		return schema;
	}

	groups(type, depth) {
		const of = { string: this.strings, number: this.numbers, integer: this.numbers, array: this.arrays, object: this.objects };
		const groups = typeof type === 'string' && of[type] ? [of[type]] : this.random.some([this.strings, this.numbers, this.arrays, this.objects], 2);
		if (this.random.chance(0.15)) groups.push(this.constants);
		if (depth > 0 && this.random.chance(0.35)) groups.push(this.combined);
		return groups;
	}

	reference(first) {
		return `#/${this.definitions}/d${first + this.random.below(DEFINITIONS - first)}`;
	}

	/** A schema for a part of the value: any definition may be referred to again. */
	part(depth) {
		return depth > 0 ? this.subschema(depth - 1, 0) : this.random.pick([true, {}, { type: this.random.pick(TYPES) }, { $ref: this.reference(0) }]);
	}

	maybe(schema, keyword, probability, make) {
		if (this.random.chance(probability)) schema[keyword] = make();
	}

	strings(schema) {
		this.maybe(schema, 'minLength', 0.4, () => this.random.below(4));
		this.maybe(schema, 'maxLength', 0.4, () => this.random.below(8));
		this.maybe(schema, 'pattern', 0.4, () => this.random.pick(PATTERNS));
	}

	numbers(schema) {
		for (const keyword of ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum']) {
			this.maybe(schema, keyword, 0.25, () => this.random.pick(NUMBERS));
		}
		this.maybe(schema, 'multipleOf', 0.2, () => this.random.pick([1, 2, 3, 5, 0.5, 0.25]));
	}

	arrays(schema, depth) {
		const { random } = this;
		this.maybe(schema, 'minItems', 0.3, () => random.below(3));
		this.maybe(schema, 'maxItems', 0.3, () => random.below(5));
		this.maybe(schema, 'uniqueItems', 0.3, () => random.chance(0.8));
		this.maybe(schema, 'items', 0.6, () => this.part(depth));
		this.maybe(schema, this.modern ? 'prefixItems' : 'items', 0.3, () => random.many(1 + random.below(3), () => this.part(depth)));
		if (this.modern) this.maybe(schema, 'unevaluatedItems', 0.15, () => this.part(depth));
		else if (Array.isArray(schema.items)) this.maybe(schema, 'additionalItems', 0.5, () => this.part(depth));
		if (schema.prefixItems === undefined && schema.unevaluatedItems === undefined && !Array.isArray(schema.items)) this.contains(schema, depth);
	}

	contains(schema, depth) {
		this.maybe(schema, 'contains', 0.25, () => this.part(depth));
		if (!this.modern || schema.contains === undefined) return;
		this.maybe(schema, 'minContains', 0.3, () => this.random.below(3));
		this.maybe(schema, 'maxContains', 0.3, () => 1 + this.random.below(3));
	}

	objects(schema, depth) {
		const { random } = this;
		this.maybe(schema, 'properties', 0.8, () => Object.fromEntries(random.some(NAMES, 5).map((name) => [name, this.part(depth)])));
		this.maybe(schema, 'required', 0.5, () => random.some(schema.properties && random.chance(0.8) ? Object.keys(schema.properties) : NAMES, 3).filter(Boolean));
		this.maybe(schema, 'additionalProperties', 0.4, () => (random.chance(0.6) ? false : this.part(depth)));
		this.maybe(schema, 'patternProperties', 0.2, () => Object.fromEntries(random.some(PATTERNS, 2).map((pattern) => [pattern, this.part(depth)])));
		this.maybe(schema, 'propertyNames', 0.15, () => ({ maxLength: 1 + random.below(10), pattern: random.pick(PATTERNS) }));
		this.maybe(schema, 'minProperties', 0.2, () => random.below(3));
		this.maybe(schema, 'maxProperties', 0.2, () => random.below(5));
		this.maybe(schema, 'dependencies', 0.1, () => ({ [random.pick(NAMES)]: random.chance(0.5) ? random.some(NAMES, 2).filter(Boolean) : this.part(depth) }));
		if (!this.modern) return;
		this.maybe(schema, 'dependentRequired', 0.15, () => ({ [random.pick(NAMES)]: random.some(NAMES, 2).filter(Boolean) }));
		this.maybe(schema, 'dependentSchemas', 0.15, () => ({ [random.pick(NAMES)]: this.inPlace(depth) }));
		this.maybe(schema, 'unevaluatedProperties', 0.25, () => (random.chance(0.6) ? false : this.part(depth)));
	}

	/** A schema for the same value. It has no references: these may lead back to here. */
	inPlace(depth) {
		return this.subschema(Math.max(depth - 1, 0), DEFINITIONS);
	}

	constants(schema) {
		if (this.random.chance(0.7)) schema.enum = this.random.many(1 + this.random.below(5), () => this.value(1));
		else schema.const = this.value(1);
	}

	combined(schema, depth, first) {
		const { random } = this;
		const branches = () => random.many(1 + random.below(3), () => this.subschema(depth - 1, first));
		const tracks = schema.unevaluatedItems !== undefined || schema.unevaluatedProperties !== undefined;
		switch (random.below(tracks ? 4 : 5)) {
		case 0: schema.allOf = branches(); break;
		case 1: schema.anyOf = branches(); break;
		case 2: schema.oneOf = branches(); break;
		case 3: schema.not = this.subschema(depth - 1, first); break;
		default:
			schema.if = this.subschema(depth - 1, first);
			this.maybe(schema, 'then', 0.7, () => this.subschema(depth - 1, first));
			this.maybe(schema, 'else', 0.7, () => this.subschema(depth - 1, first));
		}
	}

	/** Any value. */
	value(depth) {
		const { random } = this;
		switch (random.below(depth > 0 ? 8 : 5)) {
		case 0: return null;
		case 1: return random.chance(0.5);
		case 2: return random.pick(NUMBERS);
		case 3: case 4: return random.pick(STRINGS);
		case 5: return random.many(random.below(4), () => this.value(depth - 1));
		default: return Object.fromEntries(random.some(NAMES, 4).map((name) => [name, this.value(depth - 1)]));
		}
	}

	/** A value that tries to satisfy the schema, sometimes. */
	valueFor(root, schema, depth = 4) {
		const { random } = this;
		if (typeof schema !== 'object' || depth === 0 || random.chance(0.08)) return this.value(2);
		if (schema.$ref !== undefined) return this.valueFor(root, root[this.definitions]?.[schema.$ref.split('/').at(-1)], depth - 1);
		if (schema.const !== undefined) return schema.const;
		if (schema.enum !== undefined) return random.pick(schema.enum);
		const choices = schema.allOf ?? schema.anyOf ?? schema.oneOf;
		if (choices !== undefined && random.chance(0.5)) return this.valueFor(root, random.pick(choices), depth - 1);
		switch (Array.isArray(schema.type) ? random.pick(schema.type) : schema.type ?? this.likelyType(schema)) {
		case 'string': return random.pick(STRINGS);
		case 'number': return random.pick(NUMBERS);
		case 'integer': return Math.round(random.pick(NUMBERS));
		case 'boolean': return random.chance(0.5);
		case 'null': return null;
		case 'array': return this.arrayFor(root, schema, depth);
		case 'object': return this.objectFor(root, schema, depth);
		default: return this.value(2);
		}
	}

	likelyType(schema) {
		if (schema.properties || schema.required || schema.patternProperties || schema.unevaluatedProperties !== undefined) return 'object';
		if (schema.items || schema.prefixItems || schema.contains || schema.unevaluatedItems !== undefined) return 'array';
		if (schema.pattern || schema.maxLength) return 'string';
		return undefined;
	}

	arrayFor(root, schema, depth) {
		const prefix = schema.prefixItems ?? (Array.isArray(schema.items) ? schema.items : []);
		const rest = Array.isArray(schema.items) ? schema.additionalItems : schema.items;
		const long = this.random.chance(0.05) ? 20 : 4; // more than 16 items are compared by hash
		return this.random.many((schema.minItems ?? 0) + this.random.below(long), (i) => this.valueFor(root, prefix[i] ?? rest ?? {}, depth - 1));
	}

	objectFor(root, schema, depth) {
		const names = new Set(schema.required ?? []);
		for (const name of Object.keys(schema.properties ?? {})) if (this.random.chance(0.6)) names.add(name);
		if (this.random.chance(0.25)) names.add(this.random.pick(NAMES));
		return Object.fromEntries([...names].map((name) => [name, this.valueFor(root, schema.properties?.[name] ?? schema.additionalProperties ?? {}, depth - 1)]));
	}
}
