// A cache of the last 40,000 of 250,000 things.
const kept = new Map();
for (let i = 0; i < 250000; i++) {
  kept.set('key' + i, { i, pair: [i, i + 1], text: 'value ' + i });
  if (kept.size > 40000) kept.delete('key' + (i - 40000));
}
