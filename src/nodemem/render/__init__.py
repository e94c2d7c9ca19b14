"""Results made readable: terminal text, CSV, Markdown, HTML. Nothing here prints or opens files."""
