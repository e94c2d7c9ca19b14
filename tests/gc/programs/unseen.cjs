// Programs of other shapes, written after the rules were made: they judge them. See run.cjs.
'use strict';
const { EventEmitter } = require('events');
const { Transform } = require('stream');
const MIB = 1 << 20;
let n = 0;

// A document: nested, with texts, of so many parts.
const document = (parts) => ({
  id: n++,
  title: `title ${n}`,
  parts: Array.from({ length: parts }, (_, i) => ({ i, text: `part ${i} of ${n}`, tags: new Set([i, n]) })),
});

// Keeps listeners on an emitter that lives as long as the process, and a promise chain that grows.
exports.u_leak_listeners = {
  about: (draw) => ({
    flags: draw.one(['--max-old-space-size=400'], ['--max-semi-space-size=2', '--max-old-space-size=600']),
    rate: draw.whole(5, 25), // a turn
    churn: draw.whole(100, 400),
    seconds: 10,
    sick: ['gc.live_rising'],
    also: ['gc.premature_promotion', 'gc.time_minor', 'gc.time_major'],
  }),
  run({ rate, churn }, draw, turn) {
    const bus = new EventEmitter().setMaxListeners(0);
    const recent = [];
    turn(10, () => {
      for (let i = 0; i < rate; i++) {
        const request = document(6);
        bus.on('change', () => request.title);
      }
      for (let i = 0; i < churn / 4; i++) recent.push(document(4));
      if (recent.length > churn * 8) recent.splice(0, churn * 6);
    });
  },
};

// A memo without an end, whose keys repeat more and more seldom; work that ages meanwhile.
exports.u_leak_memo = {
  about: (draw) => ({
    flags: ['--max-old-space-size=512', '--max-semi-space-size=4'],
    texts: draw.whole(100, 500),
    seconds: 10,
    sick: ['gc.live_rising'],
    also: ['gc.premature_promotion', 'gc.time_minor', 'gc.time_major'],
  }),
  run({ texts }, draw, turn) {
    const memo = {};
    let stage = [];
    turn(10, () => {
      for (let i = 0; i < texts; i++) memo[`q${n++}`] = [n, `answer ${n}`];
      stage.push(Array.from({ length: 200 }, () => document(2)));
      if (stage.length > 30) stage = [];
    });
  },
};

// Sessions that come and go: the number of them swings, but has no trend.
exports.u_sessions = {
  about: (draw) => ({
    flags: draw.one([], ['--max-old-space-size=512']),
    most: draw.whole(2000, 12000),
    period: draw.between(1.5, 4),
    seconds: 10,
  }),
  run({ most, period }, draw, turn) {
    const sessions = [];
    const begun = performance.now();
    turn(10, () => {
      const phase = ((performance.now() - begun) / 1000 / period) * 2 * Math.PI;
      const wanted = (most * (1.5 + Math.sin(phase))) / 2.5;
      for (let i = 0; i < most / 60; i++) sessions.push(document(3));
      while (sessions.length > wanted) sessions.shift();
    });
  },
};

// Fills a cache to its bound during the first part of the run, then answers from it, renewing.
exports.u_cache_fills = {
  about: (draw) => ({
    bound: draw.whole(5000, 20000),
    flags: draw.one([], ['--max-old-space-size=700']),
    seconds: 10,
  }),
  run({ bound }, draw, turn) {
    const cache = new Map();
    turn(10, () => {
      for (let i = 0; i < bound / 200; i++) {
        if (cache.size >= bound) cache.delete(cache.keys().next().value);
        cache.set(n, document(5));
      }
      for (let i = 0; i < 30; i++) JSON.stringify(document(8));
    });
  },
};

// A pipeline of transforms whose items are a while under way.
exports.u_pipeline_small = {
  about(draw) {
    const semi = draw.one(1, 2);
    return {
      flags: [`--max-semi-space-size=${semi}`],
      window: Math.round((semi * MIB * draw.between(1.5, 3)) / 3000),
      items: draw.whole(150, 400),
      seconds: 8,
      sick: ['gc.premature_promotion'],
      also: ['gc.time_minor', 'gc.time_major'],
    };
  },
  run({ window, items }, draw, turn) {
    const line = [];
    turn(5, () => {
      for (let i = 0; i < items; i++) {
        line.push(document(12));
        if (line.length > window) line.splice(0, 50).map((one) => JSON.stringify(one.title));
      }
    });
  },
};
exports.u_pipeline_large = {
  about: (draw) => ({
    ...exports.u_pipeline_small.about(draw),
    flags: ['--max-semi-space-size=32', '--min-semi-space-size=32'],
    sick: [],
    also: [],
  }),
  run: exports.u_pipeline_small.run,
};

// Chunks of a file through a stream, each copied; little heap.
exports.u_stream = {
  about: (draw) => ({
    chunk: draw.whole(100000, 800000),
    behind: draw.whole(40, 150),
    sick: ['gc.external'],
    also: ['gc.time_minor', 'gc.time_major'],
  }),
  run({ chunk, behind }, draw, turn) {
    const out = [];
    const copy = new Transform({
      highWaterMark: 64 * MIB,
      transform(data, _, done) {
        done(null, Buffer.concat([data, Buffer.alloc(16)]));
      },
    });
    copy.on('data', (data) => {
      out.push(data);
      if (out.length > behind) out.splice(0, behind / 2);
    });
    turn(10, () => {
      for (let i = 0; i < 6; i++) copy.write(Buffer.alloc(chunk, 1));
    });
  },
};
// As many bytes in Buffers, but they stay: no reason to collect.
exports.u_static_buffers = {
  about: (draw) => ({ total: draw.between(80, 250) * MIB, requests: draw.whole(5, 40) }),
  run({ total, requests }, draw, turn) {
    const kept = [];
    for (let have = 0; have < total; have += 2 * MIB) kept.push(Buffer.alloc(2 * MIB));
    turn(10, () => {
      for (let i = 0; i < requests; i++) JSON.parse(JSON.stringify(document(10)));
      return kept;
    });
  },
};

// A heap that is nearly full of strings and arrays, in a program that goes on.
exports.u_full = {
  about(draw) {
    const old = draw.whole(50, 70);
    return {
      flags: [`--max-old-space-size=${old}`, '--max-semi-space-size=4'],
      rows: Math.round((old * MIB * draw.between(0.88, 0.91) - 4.5 * MIB) / 1240),
      sick: ['gc.near_limit'],
      also: ['gc.time_minor', 'gc.time_major', 'gc.premature_promotion'],
    };
  },
  run({ rows }, draw, turn) {
    const row = () => ({ n: n++, data: new Array(128).fill(n), text: n.toString(36) });
    const table = Array.from({ length: rows }, row);
    turn(10, () => {
      for (let i = 0; i < 200; i++) table[Math.floor(draw.random() * rows)] = row();
    });
  },
};

// Sorts and groups in every turn, with most of what it makes alive at a time.
exports.u_crunch = {
  about: (draw) => ({
    flags: [`--max-semi-space-size=${draw.one(1, 2)}`],
    rows: draw.whole(4000, 12000),
    sick: ['gc.time_minor', 'gc.time_major'],
    also: ['gc.premature_promotion'],
  }),
  run({ rows }, draw, turn) {
    turn(1, () => {
      const end = performance.now() + 25;
      while (performance.now() < end) {
        const made = Array.from({ length: rows }, (_, i) => ({ key: i % 97, value: { i } }));
        const groups = new Map();
        for (const one of made) groups.set(one.key, [...(groups.get(one.key) ?? []), one].slice(-20));
      }
    });
  },
};

// Calculates: nearly nothing is allocated.
exports.u_calculates = {
  about: (draw) => ({ size: draw.whole(1000, 100000) }),
  run({ size }, draw, turn) {
    const numbers = new Float64Array(size);
    turn(5, () => {
      const end = performance.now() + 4;
      while (performance.now() < end) for (let i = 0; i < size; i++) numbers[i] = Math.sqrt(i + numbers[i]);
    });
  },
};

// A library that cleans up after each request.
exports.u_cleans_up = {
  about: (draw) => ({
    flags: ['--expose-gc'],
    every: draw.whole(100, 400),
    documents: draw.whole(2000, 20000),
    sick: ['gc.forced'],
    also: ['gc.time_minor', 'gc.time_major'],
  }),
  run({ every, documents }, draw, turn) {
    const kept = Array.from({ length: documents }, () => document(2));
    turn(every, () => {
      kept[n % documents] = document(2);
      for (let i = 0; i < 200; i++) document(5);
      globalThis.gc();
    });
  },
};

// Hundreds of handles with native counterparts are dropped each turn.
exports.u_handles = {
  about: (draw) => ({
    handles: draw.whole(1500, 5000),
    sick: ['gc.callbacks'],
    also: ['gc.time_minor', 'gc.time_major', 'gc.external'],
  }),
  run({ handles }, draw, turn) {
    const { createHmac } = require('crypto');
    let held = [];
    turn(60, () => {
      held = Array.from({ length: handles }, (_, i) => createHmac('sha1', `key ${i}`));
    });
  },
};
