"""From numbers to words: what a program calls its objects, and by what way it reaches them."""
