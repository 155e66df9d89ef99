"""Settings: the only reader of the environment. Everything has a default that works on a laptop."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: Carehub runs from it (docs/adr), so templates and migrations lie beside hub/."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one hub."""

    home: Path
    """CAREHUB_HOME: the data folder (database, Valkey, spool, logs)."""
    engine: str
    """CAREHUB_ENGINE: ``system`` or ``wheel`` allows only the machine's own PostgreSQL and Valkey,
    or only those that the wheels bring; empty takes the first that is there."""
    port: int
    """CAREHUB_PORT: where the web server listens, on loopback."""
    database_url: str
    """DATABASE_URL, as ``postgresql+psycopg://...``."""
    redis_url: str
    """REDIS_URL of Valkey or Redis."""
    pool_size: int
    """CAREHUB_POOL: database connections per process, once for transactions and once for single
    statements; further threads queue for one."""
    secret_key: str
    """CAREHUB_SECRET: signs nothing that must survive; sessions live in PostgreSQL."""
    simulated: bool
    """CAREHUB_SIMULATED: this hub runs on a simulated clock (`carehub day`)."""
    base_url: str
    """CAREHUB_BASE_URL: how others reach this hub; stands in Bundle.link and message sources."""
    bars_versions: tuple[str, ...] = ()
    """CAREHUB_BARS_VERSIONS: versions of the messaging standard that are spoken, with commas;
    empty means fhir.messaging.SUPPORTED_VERSIONS."""
    bars_url: str = ""
    """CAREHUB_BARS_URL: where responses to other systems are POSTed (the proxy's
    ``.../$process-message``); empty: only to systems with an address of their own."""
    bars_token: str = ""
    """CAREHUB_BARS_TOKEN: bearer token of that proxy; empty: fetched, see CAREHUB_NHS_TOKEN_URL."""
    nhs_token_url: str = ""
    """CAREHUB_NHS_TOKEN_URL: where the NHS's API platform gives tokens for a signed JWT; empty:
    only the tokens that are set are sent."""
    nhs_client: str = ""
    """CAREHUB_NHS_CLIENT: API key of the hub's application there."""
    nhs_key: str = ""
    """CAREHUB_NHS_KEY: file of the private key that signs (RSA, PEM)."""
    nhs_key_id: str = ""
    """CAREHUB_NHS_KEY_ID: the name (kid) under which its public half is registered."""
    pds_url: str = ""
    """CAREHUB_PDS_URL: the Personal Demographics Service's FHIR API (``.../FHIR/R4``), ``sandbox``
    for invented people, empty: nobody can be looked up."""
    pds_token: str = field(default="", repr=False)
    """CAREHUB_PDS_TOKEN: bearer token of that service."""
    letter_mb: int = 10
    """CAREHUB_LETTER_MB: the largest letter that can be put to a referral by hand."""
    bulk_jobs: int = 4
    """CAREHUB_BULK_JOBS: exports and imports that one client may have unfinished at a time."""
    bulk_hours: int = 24
    """CAREHUB_BULK_HOURS: how long the files of a bulk job are kept after it is done."""
    bulk_part: int = 20_000
    """CAREHUB_BULK_PART: resources in one file of an export."""
    import_mb: int = 1024
    """CAREHUB_IMPORT_MB: the largest body of an import, inflated."""
    sms_url: str = ""
    """CAREHUB_SMS_URL: where text messages are POSTed; empty: they are only logged."""
    sms_token: str = ""
    """CAREHUB_SMS_TOKEN: bearer token of that gateway."""
    smtp_url: str = ""
    """CAREHUB_SMTP_URL: mail server, as ``smtp://user:password@host:587?starttls`` or
    ``smtps://...``; empty: e-mail is only logged."""
    email_from: str = "carehub@localhost"
    """CAREHUB_EMAIL_FROM: the sender of e-mail."""
    mesh_url: str = ""
    """CAREHUB_MESH_URL: the MESH API; empty: no mailbox is looked into, nothing is sent."""
    mesh_mailbox: str = ""
    """CAREHUB_MESH_MAILBOX: id of the hub's mailbox."""
    mesh_password: str = field(default="", repr=False)
    """CAREHUB_MESH_PASSWORD: password of that mailbox."""
    mesh_shared_key: str = field(default="", repr=False)
    """CAREHUB_MESH_SHARED_KEY: key of the environment, with which every request is signed."""
    mesh_certificate: str = ""
    """CAREHUB_MESH_CERTIFICATE: file of the client certificate (PEM)."""
    mesh_key: str = ""
    """CAREHUB_MESH_KEY: file of its private key (PEM)."""
    mesh_ca: str = ""
    """CAREHUB_MESH_CA: file of the authorities that MESH's own certificate is checked against;
    empty: those that come with mesh-client for the NHS's addresses, else the machine's."""


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment (or from ``environ`` in tests)."""
    env = os.environ if environ is None else environ
    home = Path(env.get("CAREHUB_HOME") or ROOT / ".carehub").expanduser().absolute()
    if environ is None:
        env = running(home) | dict(env)
    port = int(env.get("CAREHUB_PORT") or 8000)
    database_url = env.get("DATABASE_URL", "")
    for plain in ("postgresql://", "postgres://"):
        if database_url.startswith(plain):
            # SQLAlchemy's default driver for the bare scheme is another library.
            database_url = "postgresql+psycopg://" + database_url.removeprefix(plain)
    return Settings(
        home=home,
        engine=env.get("CAREHUB_ENGINE", ""),
        port=port,
        database_url=database_url or "postgresql+psycopg:///carehub",
        redis_url=env.get("REDIS_URL", "redis://127.0.0.1:6379/0"),
        pool_size=int(env.get("CAREHUB_POOL") or 8),
        secret_key=env.get("CAREHUB_SECRET", ""),
        simulated=env.get("CAREHUB_SIMULATED") == "1",
        base_url=(env.get("CAREHUB_BASE_URL") or f"http://127.0.0.1:{port}").rstrip("/"),
        bars_versions=tuple(
            v.strip() for v in env.get("CAREHUB_BARS_VERSIONS", "").split(",") if v
        ),
        bars_url=env.get("CAREHUB_BARS_URL", ""),
        bars_token=env.get("CAREHUB_BARS_TOKEN", ""),
        nhs_token_url=env.get("CAREHUB_NHS_TOKEN_URL", ""),
        nhs_client=env.get("CAREHUB_NHS_CLIENT", ""),
        nhs_key=env.get("CAREHUB_NHS_KEY", ""),
        nhs_key_id=env.get("CAREHUB_NHS_KEY_ID", ""),
        pds_url=env.get("CAREHUB_PDS_URL", "").rstrip("/"),
        pds_token=env.get("CAREHUB_PDS_TOKEN", ""),
        letter_mb=int(env.get("CAREHUB_LETTER_MB") or 10),
        bulk_jobs=int(env.get("CAREHUB_BULK_JOBS") or 4),
        bulk_hours=int(env.get("CAREHUB_BULK_HOURS") or 24),
        bulk_part=max(1, int(env.get("CAREHUB_BULK_PART") or 20_000)),
        import_mb=int(env.get("CAREHUB_IMPORT_MB") or 1024),
        sms_url=env.get("CAREHUB_SMS_URL", ""),
        sms_token=env.get("CAREHUB_SMS_TOKEN", ""),
        smtp_url=env.get("CAREHUB_SMTP_URL", ""),
        email_from=env.get("CAREHUB_EMAIL_FROM") or "carehub@localhost",
        mesh_url=env.get("CAREHUB_MESH_URL", "").rstrip("/"),
        mesh_mailbox=env.get("CAREHUB_MESH_MAILBOX", ""),
        mesh_password=env.get("CAREHUB_MESH_PASSWORD", ""),
        mesh_shared_key=env.get("CAREHUB_MESH_SHARED_KEY", ""),
        mesh_certificate=env.get("CAREHUB_MESH_CERTIFICATE", ""),
        mesh_key=env.get("CAREHUB_MESH_KEY", ""),
        mesh_ca=env.get("CAREHUB_MESH_CA", ""),
    )


def running(home: Path) -> dict[str, str]:
    """Read what the supervisor of a running hub tells other processes of the same data folder.

    So `carehub token` in another window finds the private database; the environment comes first.
    """
    try:
        told = json.loads((home / "running.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(value) for name, value in told.items()}


def environment(**changes: str) -> dict[str, str]:
    """Give the environment of a child process: ours, with changes."""
    return dict(os.environ) | changes
