"""What Dagster reacts to. No logic lives here."""
