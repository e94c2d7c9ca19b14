"""What the things in a heap are made of and who holds them: trees, strings, collections, scopes,
listeners, timers, promises, buffers, shapes, realms."""
