// Closes the inspector again if nobody renews the lease, as when the tool that opened it was killed.
// Nothing refers to it but its own timer and the inspector session that holds the answer.
(function (seconds) {
  const load = process.getBuiltinModule ? (name) => process.getBuiltinModule(name)
    : process.mainModule ? (name) => process.mainModule.require(name)
      : typeof require === 'function' ? require : null;
  const inspector = load && load('inspector');
  const grace = seconds / 6;
  let renewed = process.uptime();
  let pause = 0;
  let timer = null;
  const wait = (s) => { timer = setTimeout(check, s * 1000); timer.unref(); };
  // Closing waits, on this very thread, until all clients have hung up. One that is itself stopped
  // (Ctrl-Z) never does, so nothing is closed while a connection stands.
  const connected = () => {
    const [, host, port] = /^ws:\/\/(.*):(\d+)\//.exec(inspector.url());
    const local = Number(port).toString(16).toUpperCase().padStart(4, '0');
    const table = load('fs').readFileSync(`/proc/self/net/tcp${host[0] === '[' ? '6' : ''}`, 'latin1');
    return new RegExp(`^ *\\d+: [0-9A-F]+:${local} [0-9A-F]+:[0-9A-F]+ 01 `, 'm').test(table);
  };
  const check = () => {
    try {
      const left = renewed + seconds - process.uptime();
      if (left > 0) {
        pause = 0;
        wait(left);
      } else if (pause === 0 || (inspector && inspector.url() && connected())) {
        // The event loop may have stood still; renewals that wait for it come first. Looking at
        // the connections takes some milliseconds, hence more and more seldom.
        pause = Math.min(pause * 2 || grace, 2 * seconds);
        wait(pause);
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
