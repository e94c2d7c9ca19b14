// Four workers with objects of their own; all tell how big each of their heap's spaces is.
const { Worker, isMainThread, parentPort } = require('node:worker_threads');
const v8 = require('node:v8');
const COUNT = 4;
globalThis.kept = Array.from({ length: 50000 }, (_, i) => ({ i, text: 't' + i }));
const sizes = () => v8.getHeapSpaceStatistics().map((one) => [one.space_name, one.space_size]);
// The first call makes the heap grow.
const tell = () => { sizes(); return sizes(); };
if (isMainThread) {
  const told = {};
  const workers = Array.from({ length: COUNT }, () => new Worker(__filename));
  workers.forEach((worker) => worker.on('message', (message) => {
    if (message === 'made') {
      if (++told.made === COUNT) setTimeout(() => workers.forEach((one) => one.postMessage(0)), 150);
    } else {
      told['worker ' + worker.threadId] = message;
      if (Object.keys(told).length === COUNT + 1) {
        delete told.made;
        told.main = tell();
        console.log('ready ' + JSON.stringify(told));
      }
    }
  }));
  told.made = 0;
} else {
  parentPort.on('message', () => parentPort.postMessage(tell()));
  parentPort.postMessage('made');
}
setInterval(() => {}, 1e6);
