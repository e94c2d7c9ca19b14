// A price feed. Every request watches the feed until the next price arrives, but never stops
// watching: the listener stays on the emitter, and with it all that the listener can see.
//
//   node leaky.js [PORT]        any GET request waits for one price

const http = require('node:http');
const { EventEmitter } = require('node:events');

class Subscription {
  constructor(url) {
    this.url = url;
    this.prices = [];
    this.window = new Array(300).fill(url);
  }

  record(price) {
    if (this.prices.length < 10) this.prices.push(price);
  }
}

const feed = new EventEmitter();
feed.setMaxListeners(0);
setInterval(() => feed.emit('price', Math.random()), 20);

const server = http.createServer((request, response) => {
  const subscription = new Subscription(request.url);

  function onPrice(price) {
    subscription.record(price);
    if (!response.writableEnded) response.end(`${price}\n`);
  }

  feed.on('price', onPrice);
});

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});
