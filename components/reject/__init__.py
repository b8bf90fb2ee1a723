"""Write down why a candidate was not registered."""
