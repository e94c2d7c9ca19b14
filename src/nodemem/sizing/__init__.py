"""The limits in force, and how much room they leave."""
