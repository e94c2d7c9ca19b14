// Who answers here.
(function () {
  try {
    return {
      pid: process.pid,
      version: process.version,
      arch: process.arch,
      platform: process.platform,
      argv: process.argv.slice(0, 32).map(String),
      execArgv: process.execArgv.slice(0, 32).map(String),
    };
  } catch (error) {
    return { failed: String(error) };
  }
})
