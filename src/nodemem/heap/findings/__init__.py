"""What deserves attention: who holds the memory, and what grew."""
