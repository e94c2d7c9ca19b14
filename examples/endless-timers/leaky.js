// An upload server. Every upload gets a timer that reports its progress once a minute. Nobody
// stops the timer when the upload is done, so its callback keeps the upload for ever.
//
//   node leaky.js [PORT]        any GET request is an upload

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
  setInterval(() => upload.report(), 60_000).unref();
}

const server = http.createServer((request, response) => {
  const upload = new Upload(request.url);
  startReporting(upload);
  upload.receive(`${request.method} ${request.url} `.repeat(20));
  response.end(`${upload.received}\n`);
});

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});
