// Some 100 MB of small objects, long arrays and strings.
globalThis.kept = Array.from({ length: 8e5 }, (_, i) => ({ i, text: 't' + i, inner: [i + 0.5] }));
gc();
console.log('ready');
process.stdin.resume();
