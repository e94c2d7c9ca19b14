// Tells clocks of the isolate that evaluates this, by which V8's trace events find to it. Where those
// cannot be had, perf_hooks tells its collections (`entries`). v8.GCProfiler does not: after stop() it
// goes on, and grows by some 4 kB a collection, until a major one frees it.
// Whoever started it takes what was seen again and again; if nobody does for `seconds`, it ends.
(function (seconds, entries) {
  try {
    const load = process.getBuiltinModule ? (name) => process.getBuiltinModule(name)
      : process.mainModule ? (name) => process.mainModule.require(name)
        : typeof require === 'function' ? require : null;
    const { performance, PerformanceObserver } = load('perf_hooks');
    const most = 5000; // entries that wait
    let times = [];
    let lost = 0;
    let spent = 0;
    let interruptions = [];
    let marked = null;
    let taken = process.uptime();
    let observer = null;
    let timer = null;
    const note = (list) => {
      for (const { startTime, duration, detail } of list) {
        times.push([startTime, duration, detail.kind, detail.flags]);
      }
      if (times.length > most) {
        lost += times.length;
        times = [];
      }
    };
    const end = () => {
      clearTimeout(timer);
      if (observer) observer.disconnect();
      observer = null;
      times = [];
    };
    const check = () => {
      const left = seconds - (process.uptime() - taken);
      if (left <= 0) {
        end();
        return;
      }
      timer = setTimeout(check, left * 1000);
      timer.unref();
    };
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
      check();
    }
    const tid = threadOfKernel();
    return {
      take() {
        const begun = performance.now();
        taken = process.uptime();
        if (observer) note(observer.takeRecords());
        const answer = {
          now: begun,
          timeline: Number(process.hrtime.bigint() / 1000n) - performance.now() * 1000,
          thread: load('worker_threads').threadId,
          tid,
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
