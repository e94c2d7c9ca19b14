// What a server does: a request is parsed and answered, a few answers are kept for a while.
const kept = [];
for (let i = 0; i < 5000; i++) {
  const rows = [];
  for (let j = 0; j < 60; j++) rows.push({ id: i * 60 + j, name: 'user ' + j, tags: ['a' + j, 'b' + i] });
  const text = JSON.stringify({ request: i, rows });
  kept.push(JSON.parse(text).rows[i % 60]);
  if (kept.length > 5000) kept.splice(0, 2500);
}
