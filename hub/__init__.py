"""The care hub: rules, records, services, pages and API."""
