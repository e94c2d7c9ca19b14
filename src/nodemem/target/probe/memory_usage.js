// process.memoryUsage() and V8's statistics of the isolate that evaluates this.
(function () {
  try {
    const main = process.mainModule;
    const load = process.getBuiltinModule ? (name) => process.getBuiltinModule(name)
      : main ? (name) => main.require(name)
        : typeof require === 'function' ? require : null;
    const v8 = load && load('v8');
    return {
      thread: load ? load('worker_threads').threadId : null,
      usage: process.memoryUsage(),
      statistics: v8 ? v8.getHeapStatistics() : {},
      limits: load ? load('worker_threads').resourceLimits : {},
      spaces: v8 ? v8.getHeapSpaceStatistics() : [],
    };
  } catch (error) {
    return { failed: String(error) };
  }
})
