// Holds `megabytes` of objects (`js`) or of Buffers, and measures how long calls that change the
// memory map take: a buffer grows and shrinks by a page each millisecond. Answers a line on stdin
// with the longest since the last one, in milliseconds.
//
// That is done in a worker, by a buffer that stays the same object. Whatever makes V8 count external
// memory, such as WebAssembly memory that grows, starts collections; of the heap that is measured
// they take seconds, and it would be these that are told.
const { Worker, isMainThread, parentPort } = require('node:worker_threads');

if (isMainThread) {
  const [kind, megabytes] = [process.argv[2], Number(process.argv[3])];
  globalThis.kept = [];
  if (kind === 'js') {
    for (let i = 0; i < megabytes * 7500; i++) kept.push({ i, text: 't' + i, inner: [i + 0.5] });
  } else {
    for (let i = 0; i < megabytes; i++) kept.push(Buffer.alloc(1 << 20, 1));
  }
  const worker = new Worker(__filename);
  worker.on('message', (line) => console.log(line));
  process.stdin.on('data', () => worker.postMessage('longest'));
} else {
  const memory = new ArrayBuffer(4096, { maxByteLength: 1 << 20 });
  let longest = 0;
  setInterval(() => {
    const begun = process.hrtime.bigint();
    memory.resize(8192);
    memory.resize(4096);
    longest = Math.max(longest, Number(process.hrtime.bigint() - begun) / 1e6);
  }, 1);
  parentPort.on('message', () => { parentPort.postMessage(`longest ${longest}`); longest = 0; });
  parentPort.postMessage('ready');
}
