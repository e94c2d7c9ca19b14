// A worker that has gone very deep once.
const { Worker, isMainThread, parentPort } = require('node:worker_threads');
if (isMainThread) {
  const worker = new Worker(__filename, { resourceLimits: { stackSizeMb: 60 } });
  worker.on('message', () => console.log('ready'));
} else {
  const down = (n) => (n ? 1 + down(n - 1) : 0);
  down(200000);
  parentPort.postMessage(1);
}
setInterval(() => {}, 1e6);
