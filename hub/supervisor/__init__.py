"""One command for a whole hub: private PostgreSQL and Valkey, web, worker, beat and relay."""
