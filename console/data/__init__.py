"""What pages show, as plain values; nothing here knows a web framework."""
