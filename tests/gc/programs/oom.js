// Keeps everything.
const kept = [];
for (let i = 0; ; i++) kept.push({ i, pair: [i, i + 1] });
