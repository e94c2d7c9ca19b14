// Who answers here.
(function () {
  try {
    return {
      pid: process.pid || 0,
      version: process.version,
      // A program that waits for a debugger has not yet been given its arguments.
      started: Boolean(process.execArgv),
      loads: Boolean(process.getBuiltinModule || process.mainModule),
      arch: process.arch,
      platform: process.platform,
      argv: (process.argv || []).slice(0, 32).map(String),
      execArgv: (process.execArgv || []).slice(0, 32).map(String),
    };
  } catch (error) {
    return { failed: String(error) };
  }
})
