// nginx as the load balancer of a fleet: requests go to replicas in turn, without stickiness. A request whose connection is refused
// goes to the next replica (none is ever marked down: three that restart within a second would all be); one that was sent is never
// sent again. Answers carry X-Replica, the address that gave them.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { launch } from './process.mjs';
import { request } from './raw.mjs';
import { freePort } from './port.mjs';
import { findProgram } from './unprivileged.mjs';
import { until, within } from './wait.mjs';

export const nginx = findProgram(['nginx']);

function configuration({ root, port, ports }) {
	return `
daemon off;
pid ${root}/nginx.pid;
error_log ${root}/nginx.log warn;
worker_processes 1;
events { worker_connections 4096; }
http {
	access_log off;
	client_body_temp_path ${root}/body; proxy_temp_path ${root}/proxy;
	fastcgi_temp_path ${root}/f; uwsgi_temp_path ${root}/u; scgi_temp_path ${root}/s;
	keepalive_requests 1000000000;
	upstream fleet {
${ports.map((one) => `		server 127.0.0.1:${one} max_fails=0;`).join('\n')}
	}
	server {
		listen 127.0.0.1:${port} backlog=1024;
		location / {
			proxy_pass http://fleet;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $host:$server_port;
			proxy_buffering off;
			proxy_read_timeout 1h;
			proxy_next_upstream error;
			add_header X-Replica $upstream_addr always;
		}
	}
}
`;
}

/** nginx before the listeners at `ports`, until the test ends. */
export async function startBalancer(t, ports) {
	if (nginx === null) throw new Error('nginx is not installed: ./dev deps test');
	const root = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-nginx-'));
	const port = await freePort();

	fs.writeFileSync(path.join(root, 'nginx.conf'), configuration({ root, port, ports }));
	const child = launch(nginx, ['-p', root, '-c', path.join(root, 'nginx.conf'), '-e', path.join(root, 'nginx.log')], { cwd: '/' });
	t.after(async () => {
		child.kill('SIGTERM');
		await within('the end of nginx', child.ended);
		fs.rmSync(root, { recursive: true, force: true });
	});
	await until('nginx', async () => (await request({ port }, { method: 'GET', path: '/health/live' })).status > 0);
	return { port, log: () => fs.readFileSync(path.join(root, 'nginx.log'), 'utf8') };
}
