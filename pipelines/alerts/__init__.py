"""What a person must be told of: one table of rules, looked at here, told through an outbox."""
