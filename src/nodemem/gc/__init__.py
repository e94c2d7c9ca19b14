"""What the garbage collector does: events from any source, statistics, findings."""
