// The programs that the rules were made with. See run.cjs.
'use strict';
const MIB = 1 << 20;

// Garbage of about so many bytes: 48 bytes an object, and a text.
let n = 0;
function garbage(bytes) {
  let last;
  for (let left = bytes; left > 0; left -= 112) last = { n: n++, text: `item ${n} of many`, last: null };
  return last;
}

// An object of about so many bytes, of many parts.
function made(bytes) {
  const parts = [];
  for (let left = bytes; left > 0; left -= 72) parts.push({ a: n++, b: n * 0.5, c: null });
  return parts;
}

// Requests of `size` bytes of which so many are under way at a time, the oldest ends when one begins.
function queue(length, size) {
  const under = new Array(length).fill(null);
  let at = 0;
  return () => {
    under[at] = made(size);
    at = (at + 1) % length;
  };
}

const leaking = (draw, low, high) => ({
  sick: ['gc.live_rising'],
  also: ['gc.premature_promotion', 'gc.time_major', 'gc.time_minor'],
  flags: draw.one([], ['--max-semi-space-size=2'], ['--max-semi-space-size=4', '--max-old-space-size=500']),
  rate: draw.between(low, high) * MIB, // bytes a second
  noise: draw.between(10, 60) * MIB,
  sessions: draw.whole(1000, 4000),
  seconds: 10,
});

// What leaks, in a program that otherwise does the same always.
function leak(keep) {
  return ({ rate, noise, sessions }, draw, turn) => {
    const request = queue(sessions, 2000);
    const every = 10;
    let owed = 0;
    turn(every, () => {
      for (let i = 0; i < sessions / 20; i++) request();
      garbage((noise * every) / 1000);
      owed += (rate * every) / 1000;
      while (owed > 0) owed -= keep();
    });
  };
}

const array = [];
const map = new Map();
const listeners = [];
const texts = [];

exports.leak_array_slow = {
  about: (draw) => leaking(draw, 1.5, 4),
  run: leak(() => (array.push(made(400)), 450)),
};
exports.leak_array_fast = {
  about: (draw) => leaking(draw, 10, 30),
  run: leak(() => (array.push(made(400)), 450)),
};
exports.leak_map = {
  about: (draw) => leaking(draw, 2, 12),
  run: leak(() => (map.set(`key ${n++}`, { at: n, list: [n, n + 1, n + 2] }), 200)),
};
exports.leak_closures = {
  about: (draw) => leaking(draw, 2, 12),
  run: leak(() => {
    const context = made(300);
    listeners.push(() => context.length);
    return 420;
  }),
};
exports.leak_strings = {
  about: (draw) => leaking(draw, 2, 12),
  run: leak(() => (texts.push(JSON.stringify({ id: n++, text: 'x'.repeat(500) })), 560)),
};

exports.cache = {
  about: (draw) => ({
    entries: draw.whole(4000, 40000),
    size: draw.whole(200, 1500),
    requests: draw.whole(20, 80),
    flags: draw.one([], [], ['--max-semi-space-size=8'], ['--max-old-space-size=1500']),
    seconds: 7,
  }),
  run({ entries, size, requests }, draw, turn) {
    const cache = new Map();
    const put = () => {
      cache.set(n++, made(size));
      if (cache.size > entries) cache.delete(cache.keys().next().value);
    };
    for (let i = 0; i < entries; i++) put(); // it begins full
    turn(5, () => {
      for (let i = 0; i < requests; i++) {
        garbage(3000);
        if (i % 4 === 0) put();
      }
    });
  },
};

exports.warm_up = {
  about: (draw) => ({
    table: draw.between(30, 150) * MIB,
    until: draw.between(0.1, 0.3), // of the time
    noise: draw.between(10, 60) * MIB,
    seconds: 8,
  }),
  run({ table, until, noise, seconds }, draw, turn) {
    const kept = [];
    let have = 0;
    turn(10, () => {
      for (let i = 0; i < (table * 0.01) / (until * seconds) / 1100 && have < table; i++) {
        kept.push(made(1000));
        have += 1100;
      }
      garbage(noise / 100);
    });
  },
};

exports.batch = {
  about: (draw) => ({
    size: draw.between(20, 90) * MIB,
    every: draw.whole(500, 1100),
  }),
  run({ size, every }, draw, turn) {
    turn(every, () => {
      const rows = [];
      for (let have = 0; have < size; have += 1100) rows.push(made(1000));
      rows.sort((a, b) => a.length - b.length);
    });
  },
};

exports.server = {
  about: (draw) => ({ requests: draw.whole(5, 40), items: draw.whole(10, 60) }),
  run({ requests, items }, draw, turn) {
    turn(10, () => {
      for (let i = 0; i < requests; i++) {
        const body = Array.from({ length: items }, (_, k) => ({ k, name: `name ${k} ${n++}` }));
        JSON.parse(JSON.stringify(body));
      }
    });
  },
};

exports.idle = {
  about: (draw) => ({ every: draw.whole(20, 100) }),
  run: ({ every }, draw, turn) => turn(every, () => garbage(50000)),
};

// Requests that live for so many times what new space holds, so that nearly all are promoted and die then.
const promoting = (draw, semi, flags) => ({
  semi,
  flags,
  alive: semi * MIB * draw.between(1.5, 4),
  size: draw.whole(1000, 6000),
  rate: draw.between(60, 200) * MIB,
});
const promote = ({ alive, size, rate }, draw, turn) => {
  const request = queue(Math.ceil(alive / size), size);
  turn(5, () => {
    for (let left = rate / 200; left > 0; left -= 2 * size) {
      request();
      garbage(size);
    }
  });
};
exports.premature = {
  about(draw) {
    const semi = draw.one(1, 2, 4);
    const also = ['gc.time_minor', 'gc.time_major'];
    return { ...promoting(draw, semi, [`--max-semi-space-size=${semi}`]), sick: ['gc.premature_promotion'], also };
  },
  run: promote,
};
exports.premature_large_heap = {
  about(draw) {
    const semi = draw.one(1, 2);
    return {
      ...promoting(draw, semi, [`--max-semi-space-size=${semi}`]),
      table: draw.between(10, 40) * MIB,
      sick: ['gc.premature_promotion'],
      also: ['gc.time_minor', 'gc.time_major'],
    };
  },
  run(sizes, draw, turn) {
    for (let have = 0; have < sizes.table; have += 1100) array.push(made(1000));
    promote(sizes, draw, turn);
  },
};
exports.enough_new_space = {
  about: (draw) =>
    promoting(draw, draw.one(1, 2, 4), ['--max-semi-space-size=64', '--min-semi-space-size=64']),
  run: promote,
};

exports.buffers = {
  about: (draw) => ({
    size: draw.whole(200000, 3000000),
    held: draw.between(60, 250) * MIB,
    rate: draw.between(200, 800) * MIB,
    sick: ['gc.external'],
    also: ['gc.time_major', 'gc.time_minor'],
  }),
  run({ size, held, rate }, draw, turn) {
    const buffers = [];
    turn(10, () => {
      for (let left = rate / 100; left > 0; left -= size) {
        buffers.push(Buffer.alloc(size));
        if (buffers.length > held / size) buffers.shift();
      }
    });
  },
};
exports.array_buffers = {
  about: (draw) => ({
    size: draw.whole(50000, 1000000),
    rate: draw.between(300, 900) * MIB,
    held: draw.between(40, 200) * MIB,
    table: draw.between(2, 20) * MIB,
    sick: ['gc.external'],
    also: ['gc.time_major', 'gc.time_minor'],
  }),
  run({ size, rate, held, table }, draw, turn) {
    for (let have = 0; have < table; have += 1100) array.push(made(1000));
    const columns = new Array(Math.ceil(held / size));
    let at = 0;
    turn(10, () => {
      for (let left = rate / 100; left > 0; left -= size) {
        columns[at] = new Float64Array(size >> 3).fill(1);
        at = (at + 1) % columns.length;
      }
    });
  },
};
exports.few_buffers = {
  about: (draw) => ({ size: draw.whole(1000, 30000), requests: draw.whole(2, 10) }),
  run: ({ size, requests }, draw, turn) =>
    turn(10, () => {
      for (let i = 0; i < requests; i++) Buffer.alloc(size).toString('base64').length;
    }),
};

exports.near_limit = {
  about(draw) {
    const old = draw.whole(60, 160);
    const semi = draw.one(4, 8);
    return {
      flags: [`--max-old-space-size=${old}`, `--max-semi-space-size=${semi}`],
      // Of the old generation; a little more than what V8's rule leaves room for, and what still runs.
      table: old * MIB * draw.between(0.86, 0.9),
      rate: draw.between(5, 20) * MIB,
      semi,
      sick: ['gc.near_limit'],
      also: ['gc.time_major', 'gc.time_minor', 'gc.premature_promotion'],
    };
  },
  run({ table, rate }, draw, turn) {
    for (let have = 0; have < table; have += 1100) array.push(made(1000));
    turn(10, () => {
      for (let left = rate / 100; left > 0; left -= 1100) {
        array[Math.floor(draw.random() * array.length)] = made(1000);
      }
    });
  },
};
exports.room_to_the_limit = {
  about: (draw) => ({
    flags: [`--max-old-space-size=${draw.whole(200, 400)}`, '--max-semi-space-size=8'],
    table: draw.between(20, 80) * MIB,
    rate: draw.between(5, 15) * MIB,
  }),
  run: exports.near_limit.run,
};

// All that a turn makes lives until its end: minor collections copy, nothing grows old.
exports.garbage = {
  about(draw) {
    const semi = draw.one(1, 2, 4);
    return {
      flags: [`--max-semi-space-size=${semi}`],
      turns: semi * MIB * draw.between(0.5, 0.9),
      sick: ['gc.time_minor'],
      also: ['gc.time_major', 'gc.premature_promotion'],
    };
  },
  run({ turns }, draw, turn) {
    turn(1, () => {
      const end = performance.now() + 30;
      while (performance.now() < end) made(turns);
    });
  },
};

const finalizing = (draw) => ({
  burst: draw.whole(30000, 150000),
  every: draw.whole(150, 500),
  sick: ['gc.callbacks'],
  also: ['gc.time_major', 'gc.time_minor', 'gc.external'],
});
// Objects with native counterparts, many of which end at the same time.
exports.native_storm = {
  about: finalizing,
  run({ burst, every }, draw, turn) {
    const { createHash } = require('crypto');
    let hashes = [];
    turn(every, () => {
      hashes = [];
      for (let i = 0; i < burst / 3; i++) hashes.push(createHash('md5'));
    });
  },
};
exports.registry_storm = {
  about: (draw) => ({ ...finalizing(draw), sick: [], also: ['gc.callbacks', 'gc.time_major', 'gc.time_minor'] }),
  run({ burst, every }, draw, turn) {
    const registry = new FinalizationRegistry(() => n++);
    let refs = [];
    turn(every, () => {
      refs = [];
      for (let i = 0; i < burst; i++) {
        const object = { i };
        registry.register(object, i);
        refs.push(new WeakRef(object));
      }
    });
  },
};

exports.reducer = {
  about: (draw) => ({
    burst: draw.between(40, 120) * MIB,
    seconds: 125, // its watchdog takes 100
    sick: ['gc.reducing'],
    also: [],
  }),
  run({ burst }, draw, turn) {
    for (let i = 0; i < 4; i++) {
      const rows = [];
      for (let have = 0; have < burst; have += 1100) rows.push(made(1000));
    }
    // V8 calls a program idle that allocates little, not one that allocates nothing.
    const slots = new Array(50).fill(null);
    turn(50, () => {
      garbage(60000);
      slots[n % 50] = made(2000);
    });
  },
};

exports.calls_gc = {
  about: (draw) => ({
    flags: ['--expose-gc'],
    table: draw.between(5, 40) * MIB,
    every: draw.whole(50, 250),
    noise: draw.between(5, 40) * MIB,
    sick: ['gc.forced'],
    also: ['gc.time_major', 'gc.time_minor'],
  }),
  run({ table, every, noise }, draw, turn) {
    for (let have = 0; have < table; have += 1100) array.push(made(1000));
    turn(every, () => {
      garbage((noise * every) / 1000);
      globalThis.gc();
    });
  },
};
