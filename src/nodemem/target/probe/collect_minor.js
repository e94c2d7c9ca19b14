// Runs one minor collection. Where the program was not started with --expose-gc, the flag is set for a
// moment: a new context then has the function.
(function () {
  try {
    const load = process.getBuiltinModule ? (name) => process.getBuiltinModule(name)
      : process.mainModule ? (name) => process.mainModule.require(name)
        : typeof require === 'function' ? require : null;
    const exposed = typeof globalThis.gc === 'function';
    const v8 = load('v8');
    if (!exposed) v8.setFlagsFromString('--expose-gc');
    let collect;
    try {
      collect = load('vm').runInNewContext('gc');
    } finally {
      if (!exposed) v8.setFlagsFromString('--no-expose-gc');
    }
    collect({ type: 'minor' });
    return { done: true };
  } catch (error) {
    return { failed: String(error) };
  }
})
