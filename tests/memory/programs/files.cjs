// Reads, packs and hashes files through libuv's threads.
const fs = require('node:fs');
const zlib = require('node:zlib');
const crypto = require('node:crypto');
(async () => {
  for (let i = 0; i < 10; i++) {
    const text = await fs.promises.readFile(__filename);
    const packed = await new Promise((done) => zlib.gzip(text, (_, out) => done(out)));
    await new Promise((done) => crypto.pbkdf2('a', packed, 100, 64, 'sha512', done));
  }
  console.log('ready');
  process.stdin.resume();
})();
