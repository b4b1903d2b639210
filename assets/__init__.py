"""What Dagster materialises for a monitor, one file per stage of the day. No logic lives here."""
