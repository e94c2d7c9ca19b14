"""Taking observations from live processes into records and files."""
