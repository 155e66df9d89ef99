"""The log: one JSON line an event on standard error, never with the values of variables.

structlog's default prints tracebacks with locals, and locals hold people's records.
"""

import sys

import structlog


def configure() -> None:
    """Set up logging for this process; the composition root and the worker call it."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            ),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
