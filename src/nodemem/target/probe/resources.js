// What keeps the event loop alive, counted by kind: Timeout, TCPSocketWrap, FSReqCallback, ...
(function () {
  try {
    const counts = Object.create(null);
    if (!process.getActiveResourcesInfo) return { counts: null };
    for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] || 0) + 1;
    return { counts: Object.assign({}, counts) };
  } catch (error) {
    return { failed: String(error) };
  }
})
