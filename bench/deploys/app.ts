/**
 * The app under load, as the text of a script: a Nomad task can't read the repository. It answers who
 * it is, after `?ms=`; takes bodies; echoes what is sent over an upgraded connection. Told to stop, it
 * takes no new connection, finishes what it has begun, and ends.
 */
export const appScript = `
const http = require('node:http');
const { createHash } = require('node:crypto');
const { VERSION, INSTANCE, NOMAD_ALLOC_ID, UNHEALTHY, ADDRESS } = process.env;
const port = Number(process.env.NOMAD_PORT_http ?? process.env.PORT);
let started = 0;
let stopping = false;
const who = () => ({
  'x-instance': NOMAD_ALLOC_ID ?? INSTANCE,
  'x-version': VERSION,
  'x-started': started,
  'x-pid': process.pid,
});
const server = http.createServer((request, response) => {
  if (request.url === '/health') {
    response.writeHead(UNHEALTHY === '1' ? 503 : 200).end();
    return;
  }
  request.resume();
  request.on('end', () => {
    const ms = Number(new URL(request.url, 'http://app').searchParams.get('ms') ?? 0);
    if (stopping) response.shouldKeepAlive = false;
    setTimeout(() => response.writeHead(200, who()).end(VERSION), ms);
  });
});
const upgraded = new Set();
server.on('upgrade', (request, socket) => {
  upgraded.add(socket);
  socket.on('error', () => undefined);
  socket.on('close', () => upgraded.delete(socket));
  const key = request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
  const accept = createHash('sha1').update(key).digest('base64');
  const headers = Object.entries({ ...who(), 'sec-websocket-accept': accept }).map(([name, value]) => name + ': ' + value);
  socket.write(['HTTP/1.1 101 Switching Protocols', 'connection: upgrade', 'upgrade: websocket', ...headers, '', ''].join('\\r\\n'));
  socket.pipe(socket);
});
server.keepAliveTimeout = 30000;
server.listen(port, ADDRESS ?? '127.0.0.1', () => (started = Date.now()));
function stop() {
  if (stopping) return;
  stopping = true;
  server.close();
  server.closeIdleConnections();
  setInterval(() => {
    server.closeIdleConnections();
    server.getConnections((_, count) => {
      if (count === 0 && upgraded.size === 0) process.exit(0);
    });
  }, 20);
}
process.on('SIGINT', stop);
process.on('SIGTERM', stop);
`;
