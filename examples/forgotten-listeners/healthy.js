// The price feed of leaky.js. The listener is taken off again when the response is done.
//
//   node healthy.js [PORT]      any GET request waits for one price

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
  response.on('close', () => feed.off('price', onPrice));
});

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});
