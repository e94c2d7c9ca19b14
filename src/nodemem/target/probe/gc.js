// Watches the collections of the isolate that evaluates this. v8.GCProfiler tells sizes and cost, but
// not when; perf_hooks tells when, but no sizes. Both are handed out in their order, to be joined.
// Whoever started it takes what was seen again and again; if nobody does for `seconds`, it ends.
(function (seconds) {
  try {
    const load = process.getBuiltinModule ? (name) => process.getBuiltinModule(name)
      : process.mainModule ? (name) => process.mainModule.require(name)
        : typeof require === 'function' ? require : null;
    const v8 = load('v8');
    const { performance, PerformanceObserver } = load('perf_hooks');
    const most = 5000; // a collection takes 4 kB until it is taken
    let entries = [];
    let lost = 0;
    let spent = 0;
    let taken = process.uptime();
    let profiler = null;
    let timer = null;
    const note = (list) => {
      for (const { startTime, duration, detail } of list) {
        entries.push([startTime, duration, detail.kind, detail.flags]);
      }
      if (entries.length > most) {
        lost += entries.length;
        entries = [];
        restart();
      }
    };
    const observer = new PerformanceObserver((list) => note(list.getEntries()));
    const begin = () => {
      if (!v8.GCProfiler) return null;
      const next = new v8.GCProfiler();
      next.start();
      return next;
    };
    // The next one begins before the one before ends: a collection in between is told twice, not never.
    const restart = () => {
      const before = profiler;
      profiler = begin();
      const told = before && before.stop();
      return told ? told.statistics : [];
    };
    const end = () => {
      clearTimeout(timer);
      observer.disconnect();
      if (profiler) profiler.stop();
      profiler = null;
      entries = [];
    };
    const check = () => {
      const left = taken + seconds - process.uptime();
      if (left > 0) {
        timer = setTimeout(check, left * 1000);
        timer.unref();
      } else {
        end();
      }
    };
    const heap = ({ heapStatistics: all, heapSpaceStatistics: spaces }) => [
      all.usedHeapSize, all.totalHeapSize, all.externalMemory, all.heapSizeLimit,
      spaces.map((space) => space.spaceUsedSize),
      spaces.map((space) => space.spaceSize),
      spaces.map((space) => space.spaceAvailableSize),
    ];
    observer.observe({ entryTypes: ['gc'] });
    profiler = begin();
    check();
    return {
      take() {
        const begun = performance.now();
        taken = process.uptime();
        const statistics = restart();
        note(observer.takeRecords());
        const answer = {
          now: begun,
          timeline: Number(process.hrtime.bigint() / 1000n) - performance.now() * 1000,
          thread: load('worker_threads').threadId,
          spaces: statistics.length
            ? statistics[0].beforeGC.heapSpaceStatistics.map((space) => space.spaceName) : [],
          sizes: statistics.map(({ gcType, cost, beforeGC, afterGC }) =>
            [gcType, cost, heap(beforeGC), heap(afterGC)]),
          entries,
          lost,
          spent,
        };
        entries = [];
        lost = 0;
        const text = JSON.stringify(answer);
        spent += performance.now() - begun;
        return text;
      },
      end,
    };
  } catch (error) {
    return { failed: String(error) };
  }
})
