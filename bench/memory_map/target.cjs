// Holds `megabytes` of objects (`js`) or of Buffers, and measures how long a call that changes the
// memory map takes: WebAssembly memory grows by a page each millisecond. Answers a line on stdin
// with the longest call since the last one, in milliseconds.
const [kind, megabytes] = [process.argv[2], Number(process.argv[3])];
globalThis.kept = [];
if (kind === 'js') {
  for (let i = 0; i < megabytes * 7500; i++) kept.push({ i, text: 't' + i, inner: [i + 0.5] });
} else {
  for (let i = 0; i < megabytes; i++) kept.push(Buffer.alloc(1 << 20, 1));
}
const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
let longest = 0;
setInterval(() => {
  const begun = process.hrtime.bigint();
  try { memory.grow(1); } catch { return; }
  longest = Math.max(longest, Number(process.hrtime.bigint() - begun) / 1e6);
}, 1);
process.stdin.on('data', () => { console.log(`longest ${longest}`); longest = 0; });
console.log('ready');
