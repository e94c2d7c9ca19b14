// process.memoryUsage() and V8's statistics of the isolate that evaluates this.
(function () {
  try {
    const load = process.getBuiltinModule || (typeof require === 'function' ? require : null) ||
      (process.mainModule && process.mainModule.require.bind(process.mainModule));
    const v8 = load ? load('v8') : null;
    return {
      usage: process.memoryUsage(),
      statistics: v8 ? v8.getHeapStatistics() : {},
      spaces: v8 ? v8.getHeapSpaceStatistics() : [],
    };
  } catch (error) {
    return { failed: String(error) };
  }
})
