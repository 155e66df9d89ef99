"""The composition root: the only module that knows all parts (`flask --app hub.app`)."""

import os
import secrets
from collections.abc import Callable
from typing import Any

import redis
from flask import Flask
from flask.sessions import SecureCookieSession, SessionInterface
from jinja2 import ChainableUndefined

from hub import api, at_hand, auth, clock, db, log, models, settings, web
from hub.api import messaging
from hub.known_addresses import Application
from hub.records import audit
from hub.records.spool import Spool
from hub.web import health

__all__ = ["create_app", "models"]

MAX_REQUEST_ID = 64


class _NoCookieSession(SessionInterface):
    """Flask's own session, which the hub does not use: making its signer costs each request."""

    def open_session(self, *_: Any) -> SecureCookieSession:
        return SecureCookieSession()

    def save_session(self, *_: Any) -> None:
        """Keep nothing: sessions are rows (``hub.auth.sessions``)."""


class _Application(Application):
    """Flask without what no view of the hub has: cookie sessions and coroutines."""

    session_interface = _NoCookieSession()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


def create_app(configuration: settings.Settings | None = None) -> Flask:
    """Build the application. Connects to nothing: `flask routes` works without a database."""
    config = configuration or settings.load()
    log.configure()
    app = _Application(
        "hub",
        template_folder=str(settings.ROOT / "templates"),
        static_folder=str(settings.ROOT / "hub" / "web" / "static"),
    )
    app.config["CAREHUB"] = config
    # Signs only what may be lost at any restart; sessions and tokens live in PostgreSQL.
    app.secret_key = config.secret_key or secrets.token_hex(32)
    app.jinja_env.undefined = ChainableUndefined
    app.url_map.strict_slashes = False
    if config.simulated:
        clock.use_simulated(config.home)
    db.init_app(app, config)
    app.extensions["carehub_redis"] = redis.Redis.from_url(
        config.redis_url, socket_timeout=1, socket_connect_timeout=1
    )
    app.extensions["carehub_spool"] = Spool(config.home / "spool")
    app.before_request(_name_request)
    auth.init_app(app)
    app.register_blueprint(health.blueprint)
    web.install(app)
    api.register(app)
    app.register_blueprint(messaging.blueprint)
    return app


def _name_request() -> None:
    """Give every request an id, the client's own where it sent a plausible one."""
    given = at_hand.request().environ.get("HTTP_X_REQUEST_ID", "")
    plausible = 0 < len(given) <= MAX_REQUEST_ID and given.replace("-", "").isalnum()
    at_hand.notes().request_id = name = given if plausible else os.urandom(8).hex()
    audit.request_id.set(name)
