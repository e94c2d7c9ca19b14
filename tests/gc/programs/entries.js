// The performance entries of its collections, a line each.
const { PerformanceObserver } = require('perf_hooks');
const observer = new PerformanceObserver((list) => {
  for (const e of list.getEntries()) {
    const detail = e.detail || { kind: e.kind, flags: e.flags };
    console.log(JSON.stringify({ name: e.name, entryType: e.entryType, startTime: e.startTime,
      duration: e.duration, detail: { kind: detail.kind, flags: detail.flags } }));
  }
});
observer.observe({ entryTypes: ['gc'] });
setImmediate(() => { require('./lru.js'); setTimeout(() => {}, 100); });
