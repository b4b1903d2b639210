"""What people look at: small pictures, tables and Dagster metadata."""
