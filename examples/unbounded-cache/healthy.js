// The session server of leaky.js with a limit: beyond `LIMIT` open sessions the one that was
// opened first is closed.
//
//   node healthy.js [PORT]      any GET request opens a session

const http = require('node:http');

const LIMIT = 500;

class Session {
  constructor(id, agent) {
    this.id = id;
    this.agent = agent;
    this.openedAt = new Date();
    this.history = new Array(200).fill(agent);
  }
}

const sessions = new Map();
let opened = 0;

function open(request) {
  opened += 1;
  const id = `session-${opened}`;
  sessions.set(id, new Session(id, request.headers['user-agent']));
  if (sessions.size > LIMIT) {
    const [oldest] = sessions.keys();
    sessions.delete(oldest);
  }
  return sessions.get(id);
}

const server = http.createServer((request, response) => {
  const session = open(request);
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ id: session.id, open: sessions.size }));
});

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});
