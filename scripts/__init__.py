"""The `kanarya` command: parse, wire, print."""
