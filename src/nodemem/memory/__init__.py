"""The memory of a process, read from its bytes: V8's pages and the objects on them."""
