// 60 MB of Buffers: 2,000 of 10 kB, which malloc puts on its heap, and 40 of 1 MB, which it maps.
globalThis.kept = [
  ...Array.from({ length: 2000 }, () => Buffer.alloc(10_000, 1)),
  ...Array.from({ length: 40 }, () => Buffer.alloc(1_000_000, 2)),
];
console.log('ready');
process.stdin.resume();
