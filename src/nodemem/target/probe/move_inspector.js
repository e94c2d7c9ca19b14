// Opens the inspector on a free port instead, so that another process with the same port can open its
// own. The answer never arrives: the connection ends with the old one.
(function () {
  try {
    const inspector = process.getBuiltinModule ? process.getBuiltinModule('inspector')
      : process.mainModule ? process.mainModule.require('inspector')
        : require('inspector');
    const [, host] = /^ws:\/\/\[?([^\]]*)\]?:\d+\//.exec(inspector.url());
    const port = process.debugPort;
    inspector.close();
    inspector.open(0, host);
    process.debugPort = port; // where it opens the next time
  } catch (error) {
    return { failed: String(error) };
  }
})
