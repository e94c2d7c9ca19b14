// What V8 does with the things that programs hold, one function a vector; see test_vectors.py. Each
// keeps what it is about on `g` under names that end with its number.
'use strict';
const g = globalThis, v8 = require('node:v8');

// closure
(function () {
  class Big1 { constructor() { this.data = new Array(10000); } }
  const big = new Big1();
  g.leak1 = function reader() { return big; };
})();

// shared scope
(function () {
  class Big2 { constructor() { this.data = new Array(10000); } }
  const big = new Big2(), other = { some: 'thing' };
  const unused = function () { return big; };
  g.used2 = function used() { return other; };
})();

// captured number
(function () {
  class Big3 { constructor() { this.data = new Array(100); } }
  const big = new Big3(), number = big.data.length;
  g.only3 = function () { return number; };
})();

// weak map
(function () {
  class WKey4 { constructor() { this.data = new Array(200); } }
  class WVal4 { constructor() { this.data = new Array(5000); } }
  class DKey4 {} class DVal4 {}
  g.weakMap4 = new WeakMap(); g.key4 = new WKey4();
  g.weakMap4.set(g.key4, new WVal4());
  g.weakMap4.set(new DKey4(), new DVal4());
})();

// weak references
(function () {
  class Dead6 {} class Alive6 {} class Held7 { constructor() { this.data = new Array(1000); } }
  g.weak6 = new WeakRef(new Dead6());
  g.alive6 = new Alive6(); g.weakAlive6 = new WeakRef(g.alive6);
  g.registry7 = new FinalizationRegistry(() => {}); g.target7 = {};
  g.registry7.register(g.target7, new Held7(), g.target7);
})();

// listeners
(function () {
  class Component8 {
    constructor(bus) { this.data = new Array(2000); bus.on('tick', () => this.data); }
  }
  g.bus8 = new (require('node:events'))();
  for (let i = 0; i < 5; i++) new Component8(g.bus8);
})();

// event target
(function () {
  class Comp9 { constructor() { this.data = new Array(500); } }
  g.target9 = new EventTarget();
  for (let i = 0; i < 3; i++) {
    const one = new Comp9(); g.target9.addEventListener('tick', () => one);
  }
})();

// strings
(function () {
  let joined = ''; for (let i = 0; i < 50; i++) joined += 'chunk ' + i + ' of a text;';
  g.joined10 = { text: joined };
  const long = Buffer.alloc(900_000, 'long text ').toString('latin1');
  g.slice11 = { text: long.slice(10, 60) };
  const key = ['key', 'of', 'twelve', process.pid].join('-'); const o = {}; o[key] = 1;
  g.key12 = { text: key, o };
  g.odd51 = {
    'emoji \u{1F600}': 'a', 'nul \0': 'b', 'del \x7f': 'c', 'ls \u2028': 'd',
              'lone \ud800': 'e', ['x'.repeat(5000)]: 'f' };
})();

// buffers
(function () {
  class TAHolder13 { constructor() {
    this.floats = new Float64Array(125000); this.plain = new ArrayBuffer(500000);
    this.buffer = Buffer.alloc(300000); } }
  g.holder13 = new TAHolder13();
  class Shared15 { constructor() {
    const one = new ArrayBuffer(100000);
    this.first = new Uint8Array(one); this.second = new Uint16Array(one); } }
  g.shared15 = new Shared15(); g.sab15 = new SharedArrayBuffer(65536);
  g.huge50 = new ArrayBuffer(5 * 2 ** 30);
})();

// collections
(function () {
  g.map16 = new Map(); for (let i = 0; i < 1000; i++) g.map16.set(i, i);
  g.set16 = new Set(); for (let i = 0; i < 1000; i++) g.set16.add(i);
  g.objects16 = new Map();
  for (let i = 0; i < 100; i++) g.objects16.set('key' + i, { some: 'thing' });
  g.empty16 = new Map();
  g.dictionary17 = {}; for (let i = 0; i < 2000; i++) g.dictionary17['name' + i] = i;
  g.smis18 = new Array(100_000).fill(1); g.doubles18 = new Array(100_000).fill(1.5);
  g.sparse18 = []; g.sparse18[1e6] = 1; g.none18 = [];
  g.numbered43 = { 0: 'a', 1: 'b', 500: 'c' };
})();

// promises
(function () {
  class PromPayload19 { constructor() { this.data = new Array(1000); } }
  g.resolved19 = Promise.resolve(new PromPayload19());
  { const payload = new PromPayload19();
    g.pending19 = new Promise(() => {}); g.pending19.then(function onRes() { return payload; }); }
  class GenPayload29 { constructor() { this.data = new Array(300); } }
  g.generator29 = (function* () { const kept = new GenPayload29(); yield 1; return kept; })();
  g.generator29.next();
  (async () => { const kept = new GenPayload29(); await (g.never29 = new Promise(() => {})); return kept; })();
})();

// timers
(function () {
  class IPayload20 { constructor() { this.data = new Array(1000); } }
  { const payload = new IPayload20(); setInterval(() => payload, 100_000); }
  class ToPayload21 {} class ImPayload21 {}
  g.timer21 = setTimeout(() => {}, 200_000, new ToPayload21());
  setImmediate(() => {}, new ImPayload21());
})();

// members
(function () {
  g.keys22 = { [Symbol('priv22')]: {}, [Symbol()]: {}, [Symbol.for('reg22')]: {}, '': {}, 'a b': {} };
  g.access23 = Object.defineProperty({}, 'lazy', { get() { return 1; }, set(v) {} });
  class PrivHolder40 { #secret = { hidden: 'yes' }; #method() {} static #st = {}; call() { this.#method(); } }
  g.private40 = new PrivHolder40(); g.PrivClass40 = PrivHolder40;
  g.values39 = { big: 123456789012345678901234567890n, no: undefined, nothing: null, yes: true };
  g.re44 = /ab+c\/d"q/;
})();

// classes
(function () {
  g.twins24 = [(() => { class Twin24 {} return new Twin24(); })(),
               (() => { class Twin24 {} return [new Twin24(), new Twin24()]; })()].flat();
  g.plain25 = [];
  for (let i = 0; i < 50; i++) g.plain25.push({ px25: 'a', py25: 'b' });
  for (let i = 0; i < 30; i++) g.plain25.push({ py25: 'a', px25: 'b', pz25: 'c' });
  for (let i = 0; i < 50; i++) g.plain25.push({ smi25: i });
  for (let i = 0; i < 5; i++) g.plain25.push({ 'a,25': 'x', "it's": 'y' });
  g.unique25 = { uniq25: 'z' };
  class Base26 {} class Derived26 extends Base26 {}
  function OldStyle26() { this.kept = {}; }
  g.several26 = [new Derived26(), Object.create(Base26.prototype), new OldStyle26()];
  for (let i = 0; i < 10; i++) {
    const bare = Object.create(null); bare.zed26 = 'z'; g.several26.push(bare);
  }
})();

// proxy, bound function, error
(function () {
  class PxTarget28 { constructor() { this.data = new Array(50); } }
  g.proxy28 = new Proxy(new PxTarget28(), {});
  class BThis30 { constructor() { this.data = new Array(1000); } } class BArg30 {}
  g.bound30 = function target30() { return this; }.bind(new BThis30(), new BArg30(), 42);
  class ErrCtx31 {
    constructor() { this.data = new Array(1000); }
    fail() { return new Error('never read'); }
  }
  g.error31 = new ErrCtx31().fail();
})();

// scripts and contexts
(function () {
  const vm = require('node:vm');
  vm.runInThisContext('class V32 {}; class L32 {}; class C32 {};' +
    'var var32 = new V32(); let let32 = new L32(); const const32 = new C32();');
  g.sandbox33 = vm.createContext({});
  vm.runInContext('class InVm33 {}; var held = new InVm33();', g.sandbox33);
  const file = require('node:path').join(process.argv[2] + '.cached.js');
  require('node:fs').writeFileSync(file, 'class ModCached34 {}\n' +
    'const cache = exports.cache = new Map();\n' +
    'for (let i = 0; i < 7; i++) cache.set("k" + i, new ModCached34());');
  require(file);
})();

// collided names
(function () {
  g.functions35 = [Object.create(Function.prototype), Object.create(Function.prototype)];
  g.pattern35 = Object.create(RegExp.prototype);
})();

// graphs
(function () {
  class CycA36 { constructor() { this.data = new Array(300); } }
  class CycB36 { constructor() { this.data = new Array(250); } }
  g.cycle36 = new CycA36(); g.cycle36.b = new CycB36(); g.cycle36.b.a = g.cycle36;
  class DTop37 {} class DLeft37 {} class DRight37 {}
  class DBottom37 { constructor() { this.data = new Array(1000); } }
  g.diamond37 = new DTop37(); const bottom = new DBottom37();
  (g.diamond37.left = new DLeft37()).bottom = bottom;
  (g.diamond37.right = new DRight37()).bottom = bottom;
  class Shared38 {} class Own38 { constructor(s) { this.shared = s; } }
  const shared = new Shared38(); g.one38 = new Own38(shared); g.two38 = new Own38(shared);
  class LNode47 { constructor(next) { this.next = next; } }
  let list = null; for (let i = 0; i < 5000; i++) list = new LNode47(list); g.list47 = list;
})();

// node
(function () {
  g.memory41 = new WebAssembly.Memory({ initial: 3 });
  class Req42State {} const server = require('node:http').createServer();
  server.state42 = new Req42State(); g.server42 = server;
  const storage = new (require('node:async_hooks').AsyncLocalStorage)();
  class Store46 {} g.storage46 = storage;
  storage.run(new Store46(), () => { g.waiting46 = new Promise(() => {}); g.waiting46.then(() => 1); });
  const { Worker } = require('node:worker_threads');
  g.worker55 = new Worker('class InWorker55 {}; globalThis.kept = new InWorker55();' +
    'require("node:worker_threads").parentPort.on("message", () => {}).postMessage("up")', { eval: true });
})();

// weak map with a long value
(function () {
  class LongKey52 {}
  g.weakMap52 = new WeakMap(); g.key52 = new LongKey52();
  g.weakMap52.set(g.key52, Buffer.alloc(3000, 'v52 ').toString('latin1'));
})();

g.worker55.once('message', () => setTimeout(() => {
  gc();
  v8.writeHeapSnapshot(process.argv[2]);
  process.exit();
}, 20));
