// Watches the collections of the isolate that evaluates this. v8.GCProfiler tells sizes and cost, but
// not when. Where V8's trace events cannot tell that, perf_hooks does (`entries`), but no sizes.
// Whoever started it takes what was seen again and again; if nobody does for `seconds`, it ends.
(function (seconds, entries) {
  try {
    const load = process.getBuiltinModule ? (name) => process.getBuiltinModule(name)
      : process.mainModule ? (name) => process.mainModule.require(name)
        : typeof require === 'function' ? require : null;
    const v8 = load('v8');
    const { performance, PerformanceObserver } = load('perf_hooks');
    const most = 5000; // entries that wait
    const look = seconds / 6; // a collection takes 4 kB until it is taken
    let times = [];
    let lost = 0;
    let spent = 0;
    let interruptions = [];
    let marked = null;
    let taken = process.uptime();
    let profiler = null;
    let observer = null;
    let timer = null;
    const begin = () => {
      if (!v8.GCProfiler) return null;
      const next = new v8.GCProfiler();
      next.start();
      return next;
    };
    // The next one begins before the one before ends: a collection in between is told twice, not never.
    const replace = (goesOn) => {
      const before = profiler;
      profiler = goesOn ? begin() : null;
      const told = before && before.stop();
      return told ? told.statistics : [];
    };
    const note = (list) => {
      for (const { startTime, duration, detail } of list) {
        times.push([startTime, duration, detail.kind, detail.flags]);
      }
      if (times.length > most) {
        lost += times.length;
        times = [];
        replace(true);
      }
    };
    const end = () => {
      clearTimeout(timer);
      if (observer) observer.disconnect();
      observer = null;
      replace(false);
      times = [];
    };
    const check = () => {
      const idle = process.uptime() - taken;
      if (idle >= seconds) {
        end();
        return;
      }
      if (profiler && idle >= look) {
        const left = replace(false).length;
        if (!observer) lost += left;
      }
      timer = setTimeout(check, look * 1000);
      timer.unref();
    };
    const heap = ({ heapStatistics: all, heapSpaceStatistics: spaces }) => [
      all.usedHeapSize, all.totalHeapSize, all.externalMemory, all.heapSizeLimit,
      spaces.map((space) => space.spaceUsedSize),
      spaces.map((space) => space.spaceSize),
      spaces.map((space) => space.spaceAvailableSize),
    ];
    // The kernel's number of this thread, by which trace events name it.
    const threadOfKernel = () => {
      try {
        return Number(load('fs').readlinkSync('/proc/thread-self').split('/').pop()) || null;
      } catch {
        return null;
      }
    };
    if (entries) {
      observer = new PerformanceObserver((list) => note(list.getEntries()));
      observer.observe({ entryTypes: ['gc'] });
    }
    profiler = begin();
    timer = setTimeout(check, look * 1000);
    timer.unref();
    const tid = threadOfKernel();
    return {
      take(goesOn) {
        const begun = performance.now();
        const cpu = process.cpuUsage();
        taken = process.uptime();
        const statistics = replace(goesOn);
        if (observer) note(observer.takeRecords());
        const answer = {
          now: begun,
          timeline: Number(process.hrtime.bigint() / 1000n) - performance.now() * 1000,
          thread: load('worker_threads').threadId,
          tid,
          cpu: (cpu.user + cpu.system) / 1000,
          spaces: statistics.length
            ? statistics[0].beforeGC.heapSpaceStatistics.map((space) => space.spaceName) : [],
          sizes: statistics.map(({ gcType, cost, beforeGC, afterGC }) =>
            [gcType, cost, heap(beforeGC), heap(afterGC)]),
          entries: times,
          lost,
          spent,
          interruptions,
        };
        times = [];
        interruptions = [];
        lost = 0;
        const text = JSON.stringify(answer);
        spent += performance.now() - begun;
        return text;
      },
      // Before and after something that interrupts the thread, to know how long that takes.
      mark() {
        if (marked !== null) interruptions.push([marked, performance.now() - marked]);
        marked = marked === null ? performance.now() : null;
      },
      end,
    };
  } catch (error) {
    return { failed: String(error) };
  }
})
