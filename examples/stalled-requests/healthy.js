// The report server of leaky.js. A query without data is answered with no rows, so that every
// promise settles and every entry of `building` is deleted again.
//
//   node healthy.js [PORT]      any GET request asks for a report

const http = require('node:http');
const { setTimeout: sleep } = require('node:timers/promises');

class Report {
  constructor(tenant) {
    this.tenant = tenant;
    this.rows = Array.from({ length: 40 }, (_, i) => `${tenant} row ${i % 3}`);
  }
}

const building = Object.create(null);
let asked = 0;

function query(report) {
  return new Promise((resolve) => {
    if (report.tenant.endsWith('0')) resolve(report.rows.length);
    else resolve(0);
  });
}

function build(tenant) {
  const report = new Report(tenant);
  const done = query(report).then((rows) => {
    delete building[tenant];
    return `${report.tenant}: ${rows} rows\n`;
  });
  return { report, done };
}

const server = http.createServer(async (request, response) => {
  asked += 1;
  const tenant = `tenant ${asked}`;
  building[tenant] ??= build(tenant);
  const text = await Promise.race([building[tenant].done, sleep(5, 'still building\n')]);
  response.end(text);
});

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});
