"""Presenters: records in, what a template shows out. No SQL, no request."""
