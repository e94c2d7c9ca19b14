// malloc's heap in pieces: of 6,000 Buffers of 20 kB all but each 50th are given up.
let all = Array.from({ length: 6000 }, () => Buffer.alloc(20_000, 1));
globalThis.kept = all.filter((_, i) => i % 50 === 0);
all = null;
gc();
setTimeout(() => { gc(); console.log('ready'); }, 50);
process.stdin.resume();
