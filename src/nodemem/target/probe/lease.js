// Closes the inspector again if nobody renews the lease, as when the tool that opened it was killed.
// Nothing refers to it but its own timer and the inspector session that holds the answer.
(function (seconds) {
  const load = process.getBuiltinModule ? (name) => process.getBuiltinModule(name)
    : process.mainModule ? (name) => process.mainModule.require(name)
      : typeof require === 'function' ? require : null;
  const inspector = load && load('inspector');
  let renewed = process.uptime();
  let warned = false;
  let timer = null;
  const wait = (s) => { timer = setTimeout(check, s * 1000); timer.unref(); };
  const check = () => {
    try {
      const left = renewed + seconds - process.uptime();
      if (left > 0) {
        warned = false;
        wait(left);
      } else if (!warned) {
        // The event loop may have stood still; renewals that wait for it come first.
        warned = true;
        wait(seconds / 6);
      } else {
        if (inspector) {
          const session = new inspector.Session();
          session.connect();
          session.post('Runtime.discardConsoleEntries');
          session.disconnect();
        }
        process._debugEnd();
      }
    } catch (error) {
      timer = null;
    }
  };
  wait(seconds);
  return {
    renew() { renewed = process.uptime(); },
    end() { clearTimeout(timer); },
  };
})
