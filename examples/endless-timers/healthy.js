// The upload server of leaky.js. The timer stops when the upload is done.
//
//   node healthy.js [PORT]      any GET request is an upload

const http = require('node:http');

class Upload {
  constructor(name) {
    this.name = name;
    this.received = 0;
    this.chunks = [];
  }

  receive(text) {
    this.received += text.length;
    this.chunks.push(...text.split(''));
  }

  report() {
    process.emit('progress', this.name, this.received);
  }
}

function startReporting(upload) {
  return setInterval(() => upload.report(), 60_000).unref();
}

const server = http.createServer((request, response) => {
  const upload = new Upload(request.url);
  const reporting = startReporting(upload);
  upload.receive(`${request.method} ${request.url} `.repeat(20));
  response.end(`${upload.received}\n`);
  clearInterval(reporting);
});

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});
