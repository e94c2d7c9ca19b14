// Many young objects at once, then calm.
let kept = [];
for (let round = 0; round < 12; round++) {
  kept = [];
  for (let i = 0; i < 200000; i++) kept.push({ i, a: [i] });
}
kept = null;
console.log('ready');
process.stdin.resume();
