// WebAssembly memory of 20 MB, a SharedArrayBuffer of 10 MB, a growable one, a resizable buffer.
const memory = new WebAssembly.Memory({ initial: 320, maximum: 640 });
new Uint8Array(memory.buffer).fill(1);
const shared = new SharedArrayBuffer(10_000_000);
new Uint8Array(shared).fill(2);
const growable = new SharedArrayBuffer(2_000_000, { maxByteLength: 8_000_000 });
new Uint8Array(growable).fill(3);
const resizable = new ArrayBuffer(3_000_000, { maxByteLength: 9_000_000 });
new Uint8Array(resizable).fill(4);
globalThis.kept = [memory, shared, growable, resizable];
console.log('ready');
process.stdin.resume();
