// Many functions, each run until it is optimized.
const all = [];
for (let i = 0; i < 200; i++) {
  const made = new Function('a', 'b', `let s = ${i}; for (let k = 0; k < 200; k++) {
    s += a * k ^ b + ${i}; if (s > 1e6) s -= b * ${i}; } return { s, t: [a, b, s] };`);
  for (let n = 0; n < 400; n++) made(n, i);
  all.push(made);
}
globalThis.kept = all;
console.log('ready');
process.stdin.resume();
