"""What `nodemem heap` does with snapshots beside the declared queries: one module a verb."""
