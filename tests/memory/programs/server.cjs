// A server that answers 300 requests, and some by fetch, which is partly WebAssembly.
const http = require('node:http');
const server = http.createServer((_, response) => response.end('hello '.repeat(100)));
server.listen(0, '127.0.0.1', async () => {
  const port = server.address().port;
  const agent = new http.Agent({ keepAlive: true });
  const get = () => new Promise((done) => http.get({ port, agent, host: '127.0.0.1' },
    (response) => response.resume().on('end', done)));
  await Promise.all(Array.from({ length: 10 }, async () => {
    for (let i = 0; i < 30; i++) await get();
  }));
  for (let i = 0; i < 5; i++) await (await fetch(`http://127.0.0.1:${port}`)).text();
  console.log('ready');
});
