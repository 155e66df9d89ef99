"""The mailbox of the hub against the real MESH sandbox: pages, chunks, receipts, sending."""

import gzip
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import structlog

from hub import settings
from hub.adapters import mesh
from hub.adapters.mesh import MailboxError, MeshMailbox, NullMailbox
from tests import mesh_sandbox
from tests.mesh_sandbox import HOSPITAL, WORKFLOW, Sandbox

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def _sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with mesh_sandbox.running(tmp_path_factory.mktemp("mesh")) as started:
        yield started


@pytest.fixture
def sandbox(_sandbox: Sandbox) -> Sandbox:
    _sandbox.empty()
    return _sandbox


@pytest.fixture
def ours(sandbox: Sandbox) -> settings.Settings:
    return settings.load(sandbox.environment())


def test_what_lies_in_the_mailbox_is_listed_page_by_page(
    sandbox: Sandbox, ours: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mesh, "PAGE", 10)
    sent = [sandbox.post(b"one") for _ in range(23)]

    assert MeshMailbox(ours).listed() == sent

    monkeypatch.setattr(mesh, "MOST", 15)
    assert MeshMailbox(ours).listed() == sent[:15]


@pytest.mark.parametrize("compress", [False, True])
def test_a_message_of_several_chunks_is_one_letter(
    sandbox: Sandbox, ours: settings.Settings, compress: bool
) -> None:
    body = bytes(range(256)) * 40
    message_id = sandbox.post(body, chunk=3_000, compress=compress)

    letter = MeshMailbox(ours).download(message_id, most=MEGABYTE)

    assert letter.content == body
    assert (letter.complete, letter.is_report) == (True, False)
    assert (letter.sender, letter.workflow, letter.mailbox) == (HOSPITAL, WORKFLOW, "X26ABC2")


@pytest.mark.parametrize("compress", [False, True])
def test_a_message_that_is_too_large_is_not_read_to_its_end(
    sandbox: Sandbox, ours: settings.Settings, compress: bool
) -> None:
    # Gzip makes a few kilobytes of it: what counts is what comes out.
    message_id = sandbox.post(b"\0" * MEGABYTE, compress=compress)

    letter = MeshMailbox(ours).download(message_id, most=MEGABYTE - 1)

    assert (letter.complete, letter.content) == (False, b"")
    assert MeshMailbox(ours).download(message_id, most=MEGABYTE).complete


def test_what_its_sender_has_compressed_is_read_and_has_an_end_too(
    sandbox: Sandbox, ours: settings.Settings
) -> None:
    message_id = sandbox.post(gzip.compress(b"<Bundle/>" * 1_000))

    letter = MeshMailbox(ours).download(message_id, most=9_000)

    assert letter.content == b"<Bundle/>" * 1_000
    assert not MeshMailbox(ours).download(message_id, most=8_999).complete


def test_a_receipt_takes_it_out_of_the_mailbox_and_may_come_twice(
    sandbox: Sandbox, ours: settings.Settings
) -> None:
    message_id = sandbox.post(b"one")
    mailbox = MeshMailbox(ours)

    mailbox.acknowledge(message_id)
    mailbox.acknowledge(message_id)

    assert mailbox.listed() == []


def test_what_is_sent_arrives_under_its_local_id(sandbox: Sandbox, ours: settings.Settings) -> None:
    outcome = MeshMailbox(ours).send(HOSPITAL, f"{WORKFLOW}_ACK", b"<Bundle/>", key="row/business")

    assert outcome.taken
    assert outcome.provider_id
    assert sandbox.answers() == [("row/business", f"{WORKFLOW}_ACK", b"<Bundle/>")]


def test_a_refusal_has_sent_nothing_and_says_why(ours: settings.Settings) -> None:
    outcome = MeshMailbox(ours).send("NOBODY", WORKFLOW, b"<Bundle/>", key="k")

    assert (outcome.taken, outcome.uncertain) == (False, False)
    assert outcome.error
    assert "nregistered" in outcome.error


def test_a_report_of_mesh_itself_is_known_as_one(sandbox: Sandbox, ours: settings.Settings) -> None:
    sandbox.report("OURS")
    (message_id,) = sandbox.waiting()

    letter = MeshMailbox(ours).download(message_id, most=MEGABYTE)

    assert letter.is_report
    assert letter.headers["linkedmsgid"] == "OURS"
    assert "not collected" in letter.headers["statusdescription"]


@pytest.mark.parametrize("wrong", ["mesh_password", "mesh_shared_key"])
def test_a_wrong_secret_is_an_error_that_does_not_hold_it(
    ours: settings.Settings, wrong: str
) -> None:
    secret = "5ecret-of-ours"
    changes: dict[str, Any] = {wrong: secret}
    mailbox = MeshMailbox(replace(ours, **changes))

    with (
        structlog.testing.capture_logs() as logged,
        pytest.raises(MailboxError, match="MESH answered 403") as refused,
    ):
        mailbox.listed()

    assert secret not in f"{refused.value!r} {refused.value.__cause__!r} {logged}"


def test_nobody_there_is_an_error_and_a_sending_may_not_have_left(
    ours: settings.Settings,
) -> None:
    nowhere = MeshMailbox(replace(ours, mesh_url="http://127.0.0.1:9"))

    with pytest.raises(MailboxError):
        nowhere.listed()
    assert not nowhere.send(HOSPITAL, WORKFLOW, b"x", key="k").taken


def test_secrets_stand_in_no_words_of_the_settings() -> None:
    told = settings.load({"CAREHUB_MESH_PASSWORD": "hush1", "CAREHUB_MESH_SHARED_KEY": "hush2"})

    assert "hush" not in repr(told)


def test_a_mailbox_that_is_half_set_up_says_what_is_missing() -> None:
    half = settings.load({"CAREHUB_MESH_URL": "https://mesh.example.org"})

    with pytest.raises(MailboxError, match="CAREHUB_MESH_MAILBOX and CAREHUB_MESH_PASSWORD"):
        mesh.of(half)


def test_without_settings_nothing_lies_in_it_and_nothing_leaves() -> None:
    mailbox = mesh.of(settings.load({}))

    assert isinstance(mailbox, NullMailbox)
    assert mailbox.listed() == []
    outcome = mailbox.send(HOSPITAL, WORKFLOW, b"x", key="k")
    assert (outcome.taken, outcome.real) == (True, False)
    with pytest.raises(MailboxError):
        mailbox.acknowledge("M1")
