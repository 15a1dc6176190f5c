"""From deliveries to committed readings, sessions and bills; the acknowledgement comes after the commit."""
