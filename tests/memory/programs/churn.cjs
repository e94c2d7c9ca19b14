// Allocates for ever, Buffers and objects, in a loop that yields.
console.log('ready');
let last = [];
setInterval(() => {
  for (let i = 0; i < 2000; i++) last[i % 500] = [Buffer.alloc(5000 + i), { i, b: [i] }];
}, 0);
