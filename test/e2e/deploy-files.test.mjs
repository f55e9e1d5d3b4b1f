// The files under deploy/ that no program of this machine runs for us: what they must say, checked by who knows the
// format: systemd's own analysis of the unit, a YAML parser for what Kubernetes and Compose read.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { binary } from './lib/paths.mjs';
import { run } from './lib/process.mjs';

const deploy = path.join(import.meta.dirname, '../../deploy');
const ANALYZE = ['/usr/bin/systemd-analyze', '/bin/systemd-analyze'].find((file) => fs.existsSync(file));
const skip = ANALYZE === undefined && 'systemd-analyze is not installed (package systemd)';

/** The settings of a unit, several values of one key as a list. */
function settings(text) {
	const found = {};
	for (const line of text.split('\n')) {
		const match = /^([A-Za-z]+)=(.*)$/.exec(line);
		if (match !== null) (found[match[1]] ??= []).push(match[2]);
	}
	return found;
}

describe('deploy/systemd', { skip }, () => {
	const unit = path.join(deploy, 'systemd/gatehouse.service');

	test('the unit is exposed by 2.0 at most', async () => {
		const analyzed = await run(ANALYZE, ['security', '--offline=true', '--threshold=20', '--no-pager', unit]);
		assert.equal(analyzed.code, 0, analyzed.stdout + analyzed.stderr);
		const [, score] = /exposure level for gatehouse\.service: (\d+\.\d)/.exec(analyzed.stdout);
		assert.ok(Number(score) <= 2.0, score);
	});

	test('with the drop-in for children too, and both are well formed', async (t) => {
		const root = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-unit-'));
		t.after(() => fs.rmSync(root, { recursive: true }));
		const dropin = settings(fs.readFileSync(path.join(deploy, 'systemd/children.conf'), 'utf8'));
		let merged = fs.readFileSync(unit, 'utf8').replaceAll('/usr/local/bin/gatehouse', binary);
		for (const [key, [value]] of Object.entries(dropin)) merged = merged.replace(new RegExp(`^${key}=.*$`, 'm'), `${key}=${value}`);
		fs.writeFileSync(path.join(root, 'gatehouse.service'), merged);
		fs.copyFileSync(path.join(deploy, 'systemd/gatehouse.socket'), path.join(root, 'gatehouse.socket'));
		const analyzed = await run(ANALYZE, ['security', '--offline=true', '--threshold=20', '--no-pager', path.join(root, 'gatehouse.service')]);
		assert.equal(analyzed.code, 0, analyzed.stdout + analyzed.stderr);
		const verified = await run(ANALYZE, ['verify', '--man=no', path.join(root, 'gatehouse.service'), path.join(root, 'gatehouse.socket')],
			{ env: { ...process.env, SYSTEMD_UNIT_PATH: `${root}:` } });
		const about = verified.stderr.split('\n').filter((line) => /gatehouse\.(service|socket):\d+|Unknown|Failed to parse/.test(line));
		assert.deepEqual(about, []);
	});

	test('what the guide promises of it', () => {
		const said = settings(fs.readFileSync(unit, 'utf8'));
		const expected = { Type: 'notify', NotifyAccess: 'main', DynamicUser: 'yes', NoNewPrivileges: 'yes', CapabilityBoundingSet: '', AmbientCapabilities: '',
			ProtectSystem: 'strict', StateDirectory: 'gatehouse', LimitNOFILE: '65536', MemoryMax: '2G', SystemCallArchitectures: 'native', PrivateUsers: 'yes' };
		for (const [key, value] of Object.entries(expected)) assert.deepEqual(said[key], [value], key);
		assert.match(fs.readFileSync(unit, 'utf8'), /^#LoadCredentialEncrypted=/m);
	});
});

/** Every document of a YAML text, by a parser that is not ours. */
async function parsed(text) {
	const ended = await run('python3', ['-c', 'import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)'], { input: text });
	assert.equal(ended.code, 0, ended.stderr);
	return JSON.parse(ended.stdout);
}

/** What the gateway itself says of a configuration that we ship, where nothing of what it names exists. */
async function checked(t, text, env) {
	const root = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-config-'));
	t.after(() => fs.rmSync(root, { recursive: true }));
	fs.writeFileSync(path.join(root, 'gatehouse.yaml'), text);
	const ended = await run(binary, ['check', '--config', path.join(root, 'gatehouse.yaml')], { env: { ...process.env, ...env } });
	assert.equal(ended.code, 0, ended.stderr);
}

/** `gatehouse migrate` as it is started there: all that it can miss here is the password. */
async function migrates(args) {
	assert.equal(args[0], 'migrate');
	const ended = await run(binary, args);
	assert.equal(ended.code, 1, ended.stderr);
	assert.match(ended.stderr, /the database's password file .*: there is no such file/);
}

const read = (name) => fs.readFileSync(path.join(deploy, name), 'utf8');
const withYaml = { skip: (await run('python3', ['-c', 'import yaml'])).code !== 0 && 'python3-yaml is not installed: ./dev deps test installs it' };

describe('deploy/kubernetes and deploy/helm', withYaml, () => {
	const pinned = /@sha256:[0-9a-f]{64}$/;

	test('what the written-out manifests must have', async () => {
		const manifests = await parsed(read('kubernetes/gatehouse.yaml'));
		const of = (kind) => manifests.find((one) => one.kind === kind);
		assert.deepEqual(manifests.map(({ kind }) => kind).sort(), ['ConfigMap', 'Deployment', 'HorizontalPodAutoscaler', 'Job', 'NetworkPolicy',
			'PodDisruptionBudget', 'Service', 'ServiceAccount']);
		for (const owner of [of('Deployment'), of('Job')]) {
			const { spec } = owner.spec.template;
			assert.equal(spec.securityContext.runAsNonRoot, true);
			assert.equal(spec.securityContext.seccompProfile.type, 'RuntimeDefault');
			assert.equal(spec.automountServiceAccountToken, false);
			for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
				assert.match(container.image, pinned, container.name);
				assert.deepEqual(container.securityContext, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
				assert.ok(container.resources.limits.memory, container.name);
				const volumes = spec.volumes.map(({ name }) => name);
				for (const { name } of container.volumeMounts) assert.ok(volumes.includes(name), name);
				for (const { value } of container.env ?? []) assert.equal(value, undefined, 'nothing secret is a value');
			}
		}
		const { spec } = of('Deployment').spec.template;
		for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) assert.ok(spec.containers[0][probe].httpGet.path.startsWith('/health/'), probe);
		assert.ok(spec.terminationGracePeriodSeconds > 25, 'more than limits.drain');
		const { matchLabels } = of('Deployment').spec.selector;
		for (const [key, value] of Object.entries(matchLabels)) assert.equal(of('Deployment').spec.template.metadata.labels[key], value);
		assert.deepEqual(of('PodDisruptionBudget').spec.selector.matchLabels, matchLabels);
		assert.deepEqual(of('Service').spec.selector, matchLabels);
		assert.notEqual(of('Job').spec.template.metadata.labels['app.kubernetes.io/component'], 'gateway', 'the Job gets no calls');
		assert.deepEqual(of('HorizontalPodAutoscaler').spec.scaleTargetRef, { apiVersion: 'apps/v1', kind: 'Deployment', name: 'gatehouse' });
		assert.deepEqual(of('NetworkPolicy').spec.policyTypes, ['Ingress', 'Egress']);
	});

	test('the gateway takes its configuration, and the Job\'s command line', async (t) => {
		const manifests = await parsed(read('kubernetes/gatehouse.yaml'));
		const of = (kind) => manifests.find((one) => one.kind === kind);
		await checked(t, of('ConfigMap').data['gatehouse.yaml'], { POD_IP: '10.1.2.3' });
		await migrates(of('Job').spec.template.spec.containers[0].args);
		const [values] = await parsed(read('helm/gatehouse/values.yaml'));
		assert.deepEqual(values.migrate.args, of('Job').spec.template.spec.containers[0].args);
	});

	test('the templates say the same: every line without an action stands in them', async () => {
		const written = new Set(read('kubernetes/gatehouse.yaml').split('\n'));
		const files = fs.readdirSync(path.join(deploy, 'helm/gatehouse/templates'));
		assert.equal(files.length, 8);
		for (const file of files) {
			const text = read(`helm/gatehouse/templates/${file}`);
			for (const line of text.split('\n')) {
				if (line.includes('{{') || /^\s*#/.test(line)) continue;
				assert.ok(written.has(line) || line === '      annotations:', `${file}: ${line}`);
			}
			assert.equal((text.match(/\{\{/g) ?? []).length, (text.match(/\{\{[^{}]*\}\}/g) ?? []).length, file);
			const opened = (text.match(/\{\{-? if /g) ?? []).length, closed = (text.match(/\{\{-? end /g) ?? []).length;
			assert.equal(opened, closed, file);
		}
	});

	test('every value that a template names is there, and the configuration in both is one', async () => {
		const [values] = await parsed(read('helm/gatehouse/values.yaml'));
		const [chart] = await parsed(read('helm/gatehouse/Chart.yaml'));
		assert.equal(chart.apiVersion, 'v2');
		for (const file of fs.readdirSync(path.join(deploy, 'helm/gatehouse/templates')))
			for (const [, name] of read(`helm/gatehouse/templates/${file}`).matchAll(/\.Values\.([A-Za-z.]+)/g))
				assert.notEqual(name.split('.').reduce((at, key) => at?.[key], values), undefined, `${file}: ${name}`);
		const config = (await parsed(read('kubernetes/gatehouse.yaml'))).find(({ kind }) => kind === 'ConfigMap').data['gatehouse.yaml'];
		assert.equal(values.config, config);
		assert.equal(values.image.digest, '', 'nobody installs an image that they have not chosen');
	});
});

describe('deploy/compose', withYaml, () => {
	test('images by digest, read-only, without rights; only nginx has ports; the databases have no way out', async () => {
		const [{ services, networks, volumes }] = await parsed(read('compose/compose.yaml'));
		for (const [name, service] of Object.entries(services)) {
			assert.match(service.image, /^\$\{[A-Z]+_IMAGE:\?.*@sha256:/, name);
			assert.equal(service.ports !== undefined, name === 'nginx', name);
			for (const volume of service.volumes) {
				const [source] = volume.split(':');
				assert.ok(source.startsWith('./') || source in volumes, volume);
			}
		}
		for (const name of ['migrate', 'gatehouse-1', 'gatehouse-2']) {
			assert.equal(services[name].read_only, true);
			assert.deepEqual(services[name].cap_drop, ['ALL']);
			assert.equal(services[name].user, '65532:65532');
		}
		assert.equal(networks.back.internal, true);
		assert.deepEqual(services.postgres.networks, ['back']);
		const [config] = await parsed(read('compose/gatehouse.yaml'));
		assert.match(config.database.url, /^postgresql:\/\/[^:@]+@/, 'no password in it');
		assert.match(config.state.url, /^redis:\/\//);
	});

	test('the gateway takes its configuration, and migrate\'s command line', async (t) => {
		const [{ services }] = await parsed(read('compose/compose.yaml'));
		await checked(t, read('compose/gatehouse.yaml'), services['gatehouse-1'].environment);
		await migrates(services.migrate.command);
		const [{ database }] = await parsed(read('compose/gatehouse.yaml'));
		assert.equal(services.migrate.command[2], database.url);
	});
});
