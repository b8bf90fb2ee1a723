"""HTML pages that need nothing else: one style, one engine that escapes whatever it is given."""
