// nginx and HAProxy between a client and a server, as their manuals set them up for WebSockets.

import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { freePort, HOST, listens } from "./stage.mjs";

const NGINX = (port, to, folder) => `
daemon off;
pid ${folder}/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server {
    listen ${HOST}:${port};
    location / {
      proxy_pass http://${HOST}:${to};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_set_header Host $host;
    }
  }
}
`;

const HAPROXY = (port, to) => `
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout tunnel 60s
frontend front
  bind ${HOST}:${port}
  default_backend back
backend back
  server one ${HOST}:${to}
`;

/** Starts one of them; its port. */
export async function proxy(stage, folder, name, program, to) {
  const port = await freePort();
  const home = mkdtempSync(join(folder, `${name}-`));
  const file = join(home, `${name}.cfg`);
  writeFileSync(file, name === "nginx" ? NGINX(port, to, home) : HAPROXY(port, to));
  const args = name === "nginx" ? ["-p", home, "-e", "stderr", "-c", file] : ["-db", "-f", file];
  const process = stage.start(program, args);
  const ended = process.ended.then((status) => {
    throw new Error(`${name} ended with ${status}: ${process.errors()}`);
  });
  ended.catch(() => {});
  await Promise.race([listens(port), ended]);
  return port;
}
