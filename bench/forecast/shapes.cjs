// Heaps of one kind each:  node shapes.cjs SHAPE MEGABYTES
// Prints "ready" when the heap stands, then does nothing. What is kept hangs off globalThis.kept.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { EventEmitter } = require('node:events');

const [shape, megabytes] = [process.argv[2], Number(process.argv[3])];

// `count` things made by `make(i)`, in one array or in arrays of `chunk`.
function keep(count, make, chunk = Infinity) {
  const all = [];
  let part = all;
  for (let i = 0; i < count; i++) {
    if (i % chunk === 0 && chunk !== Infinity) all.push((part = []));
    part.push(make(i));
  }
  return all;
}

// Rough bytes a thing, by which the size in megabytes becomes a count, and how to make them all.
const shapes = {
  // Those the forecast is judged by.
  records: [160, (n) => keep(n, (i) => ({ id: i, name: 'user-' + i, tags: [i, i + 1] }))],
  tiny: [57, (n) => keep(n, (i) => ({ i }))],
  strings: [145, (n) => keep(n, (i) => Buffer.alloc(120, `flat text number ${i} `).toString('latin1'))],
  maps: [225, (n) => keep(n, (i) => new Map([[i, i]]))],
  doubles: [80_000, (n) => keep(n, (i) => Array.from({ length: 10_000 }, (_, k) => i + k + 0.5))],
  mixed: [1850, (n) => {
    const bus = new EventEmitter().setMaxListeners(0);
    const users = new Map();
    for (let i = 0; i < n; i++) {
      const user = {
        id: i, email: `someone.${i}@example.org`, joined: new Date(1.6e12 + i), score: i / 3,
        roles: new Set(['reader', i % 7 ? 'writer' : 'admin']),
        address: { street: `Road ${i % 997}`, city: 'Town ' + (i % 89), point: [i / 7, i / 11] },
        orders: Array.from({ length: i % 5 }, (_, k) => ({ sku: `sku-${i}-${k}`, amount: k * 1.5, paid: k % 2 === 0 })),
        avatar: Buffer.alloc(40, i), settings: new Map([['theme', 'dark'], ['page', i]]),
      };
      user.greet = () => `hello ${user.email}`;
      if (i % 3 === 0) bus.on('tick', () => user.score++);
      user.ready = Promise.resolve(user);
      users.set(user.email, user);
    }
    return { bus, users };
  }],
  // Those its constants are fitted on.
  list: [40, (n) => { let head = null; for (let i = 0; i < n; i++) head = { i, next: head }; return head; }],
  tree: [80, (n) => {
    const root = { key: 0, left: null, right: null, value: null };
    const queue = [root];
    for (let i = 1; i < n; i += 2) {
      const parent = queue[(i - 1) >> 1];
      parent.left = { key: i, left: null, right: null, value: 'v' + (i % 1000) };
      parent.right = { key: i + 1, left: null, right: null, value: null };
      queue.push(parent.left, parent.right);
    }
    queue.length = 0;
    return root;
  }],
  closures: [130, (n) => keep(n, (i) => { const held = { i }; return () => held; }, 500)],
  classes: [150, (n) => {
    const kinds = Array.from({ length: 20 }, (_, width) => new Function(
      'i', Array.from({ length: width + 1 }, (_, k) => `this.field${k} = i + ${k};`).join('')));
    return keep(n, (i) => new kinds[i % 20](i), 1000);
  }],
  sparse: [1000, (n) => keep(n, (i) => {
    const array = []; for (let k = 0; k < 12; k++) array[(k * 7919 + i * 31) % 100_000] = { k }; return array; }, 1000)],
  typed: [330, (n) => keep(n, (i) => new Float64Array(8).fill(i), 1000)],
  sets: [330, (n) => keep(n, (i) => new Set(['a' + (i % 100), i, i + 1]), 2000)],
  table: [110, (n) => { const map = new Map(); for (let i = 0; i < n; i++) map.set('key:' + i, { i }); return map; }],
  names: [2400, (n) => keep(n, (i) => {
    const o = {}; for (let k = 0; k < 20; k++) o[`a_rather_long_property_name_${i % 2000}_${k}_and_its_end`] = i; return o; })],
  dictionaries: [1100, (n) => keep(n, (i) => {
    const o = {}; for (let k = 0; k < 20; k++) o['p' + k] = { k }; delete o.p3; return o; }, 1000)],
  promises: [190, (n) => keep(n, (i) => new Promise((resolve) => { if (i % 2) resolve(i); }).then(() => i), 1000)],
  cons: [180, (n) => keep(n, (i) => `some text ${i}`.concat(' and more of it that makes a rope ', 'x'.repeat(i % 20 + 13)), 5000)],
  floats: [88, (n) => keep(n, (i) => ({ x: i + 0.5, y: i + 0.25, z: i / 3 }))],
  references: [8, (n) => {
    const shared = Array.from({ length: 1000 }, (_, i) => ({ i }));
    return keep(n, (i) => shared[i % 1000], 50_000);
  }],
  functions: [2600, (n) => keep(n, (i) => new Function('a', `const b = a + ${i}; function inner() { return b; } return inner;`)(1))],
  errors: [1000, (n) => keep(n, (i) => new Error('failure ' + i), 1000)],
  buffers: [290, (n) => keep(n, (i) => Buffer.from('piece ' + i), 1000)],
  json: [1300, (n) => keep(n, (i) => JSON.parse(JSON.stringify({
    type: 'Feature', id: i, geometry: { type: 'Polygon', coordinates: [[[i, 1.5], [i + 0.25, 2], [3, 4.125]]] },
    properties: { title: 'place ' + i, tags: ['a', 'b', 'c' + (i % 50)], open: true, rank: null } })))],
  pages: [105_000, (n) => keep(n, (i) => (`<p>page ${i} ` + 'lorem ipsum '.repeat(8700)).split('').join(''))],
  matrix: [800, (n) => keep(n, (i) => Array.from({ length: 100 }, (_, k) => i * k), 3000)],
  labels: [105, (n) => keep(n, (i) => ({ label: Buffer.from('label ' + i).toString('latin1') }))],
  uuids: [64, (n) => keep(n, (i) => Buffer.from(`${(i * 2654435761 >>> 0).toString(16)}-4aaa-${i}`).toString('latin1'), 10_000)],
  // npm's own modules, loaded again and again.
  npm: [16_000_000, (n) => {
    const root = path.join(path.dirname(fs.realpathSync(process.execPath)), '../lib/node_modules/npm');
    const wanted = ['arborist', 'config', 'query', 'map-workspaces'].map((one) => `${root}/node_modules/@npmcli/${one}`)
      .concat(['pacote', 'tar', 'cacache', 'semver', 'minipass-fetch', 'sigstore'].map((one) => `${root}/node_modules/${one}`));
    return keep(Math.max(1, n), () => {
      for (const name of Object.keys(require.cache)) delete require.cache[name];
      return wanted.map((one) => require(one));
    });
  }],
};

const [bytes, make] = shapes[shape];
globalThis.kept = make(Math.round((megabytes * 1e6) / bytes));
setInterval(() => {}, 1e6);
setTimeout(() => console.log('ready'), 500);
