// Whether trace events are being recorded already, and which.
(function () {
  try {
    const load = process.getBuiltinModule ? (name) => process.getBuiltinModule(name)
      : process.mainModule ? (name) => process.mainModule.require(name)
        : typeof require === 'function' ? require : null;
    return { categories: load('trace_events').getEnabledCategories() || null };
  } catch (error) {
    return { failed: String(error) };
  }
})
