// What v8.GCProfiler tells of the same.
const { GCProfiler } = require('v8');
const profiler = new GCProfiler();
profiler.start();
require('./lru.js');
console.log(JSON.stringify(profiler.stop()));
