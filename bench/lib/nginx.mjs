// nginx, the yardstick: one worker, a bare reverse proxy with keep-alive to the upstream, a
// constant answer and one static file. Nothing is logged, nothing spills to disk.
import fs from 'node:fs';
import path from 'node:path';
import { freePort, startPinned, waitForPort } from './processes.mjs';

const config = ({ port, upstreamPort, root }) => `
daemon off;
master_process off;
worker_processes 1;
pid ${root}/nginx.pid;
error_log ${root}/error.log warn;
worker_rlimit_nofile 20000;
events { worker_connections 16000; }
http {
	access_log off;
	client_body_temp_path ${root}/body;
	proxy_temp_path ${root}/proxy;
	fastcgi_temp_path ${root}/fastcgi;
	uwsgi_temp_path ${root}/uwsgi;
	scgi_temp_path ${root}/scgi;
	sendfile on;
	tcp_nopush on;
	keepalive_requests 1000000000;
	keepalive_timeout 3600;
	open_file_cache max=16;
	default_type application/json;
	upstream mcp {
		server 127.0.0.1:${upstreamPort};
		keepalive 512;
		keepalive_requests 1000000000;
		keepalive_timeout 3600;
	}
	server {
		listen 127.0.0.1:${port} backlog=4096;
		location /mcp {
			proxy_pass http://mcp;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_buffers 32 8k;
			proxy_max_temp_file_size 0;
		}
		location = /stream {
			proxy_pass http://mcp/mcp;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_buffering off;
		}
		location = /constant { return 200 '{"jsonrpc":"2.0","id":1000000000,"result":{}}'; }
		location /static/ { alias ${root}/static/; }
	}
}
`;

/** Start nginx before the upstream at `upstreamPort`; `root` is a directory of its own. */
export async function startNginx({ cores, upstreamPort, root }) {
	const port = await freePort();
	fs.mkdirSync(path.join(root, 'static'), { recursive: true });
	const file = path.join(root, 'nginx.conf');
	fs.writeFileSync(file, config({ port, upstreamPort, root }));
	const binary = fs.existsSync('/usr/sbin/nginx') ? '/usr/sbin/nginx' : 'nginx';
	const child = startPinned(cores, binary, ['-c', file, '-p', root, '-e', path.join(root, 'error.log')]);
	await waitForPort(port, child);
	return { child, pid: child.pid, port, staticDirectory: path.join(root, 'static') };
}
