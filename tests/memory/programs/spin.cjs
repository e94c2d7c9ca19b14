// Holds some objects, then hangs.
globalThis.kept = Array.from({ length: 1e5 }, (_, i) => ({ i, text: 't' + i }));
console.log('ready');
while (true);
