"""From the file to columns, a graph and its dominators: numbers only, no judgement."""
