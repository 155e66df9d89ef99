"""Following a referral by a link: a code, then where it is, and an answer to triage's question."""

from flask import Response, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from hub.domain.errors import RuleError
from hub.models.referral_link import ReferralLink
from hub.services import definitions, referral_links
from hub.transaction import transaction
from hub.web.presenters import words
from hub.web.rendering import page
from hub.web.site import blueprint

COOKIE = "carehub_referral"


@blueprint.get("/r/<token>")
def follow_referral(token: str) -> Response:
    row = _row(token)
    if not referral_links.is_open(row, request.cookies.get(COOKIE, "")):
        return _door(token, row, sent=bool(request.args.get("sent")))
    return _news(token, row)


@blueprint.post("/r/<token>/code")
def send_link_code(token: str) -> Response | BaseResponse:
    row = _row(token)
    try:
        with transaction():
            referral_links.send_code(row)
    except RuleError as error:
        return _door(token, row, problem=error.text, status=422)
    return redirect(f"/r/{token}?sent=1", code=303)


@blueprint.post("/r/<token>")
def enter_link_code(token: str) -> Response | BaseResponse:
    row = _row(token)
    try:
        with transaction():
            cookie = referral_links.enter(row, request.form.get("code", "")[:20])
    except RuleError as error:
        return _door(token, row, problem=error.text, status=422)
    if cookie is None:
        problem = "this is not the code that we sent"
        return _door(token, row, sent=True, problem=problem, status=422)
    answer = redirect(f"/r/{token}", code=303)
    answer.set_cookie(
        COOKIE,
        cookie,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
        path=f"/r/{token}",
        max_age=int(referral_links.SESSION_LASTS.total_seconds()),
    )
    return answer


@blueprint.post("/r/<token>/answer")
def answer_by_link(token: str) -> Response | BaseResponse:
    row = _row(token)
    if not referral_links.is_open(row, request.cookies.get(COOKIE, "")):
        return _door(token, row, problem="enter a code first: nothing was sent", status=422)
    said = request.form.get("answer", "")
    try:
        with transaction():
            referral_links.answer(row, said)
    except RuleError as error:
        return _news(token, row, problem=error.text, said=said, status=422)
    return redirect(f"/r/{token}?answered=1", code=303)


def _row(token: str) -> ReferralLink:
    row = referral_links.find(token)
    if row is None:
        raise NotFound("This link is not known or has run out. Ring the single point of referral.")
    return row


def _door(
    token: str, row: ReferralLink, *, sent: bool = False, problem: str = "", status: int = 200
) -> Response:
    return page(
        "referral/door.html",
        status,
        token=token,
        sent=sent,
        where=referral_links.masked(row),
        problem=problem,
        phone=_phone(),
    )


def _news(
    token: str, row: ReferralLink, *, problem: str = "", said: str = "", status: int = 200
) -> Response:
    with transaction():
        news = referral_links.news(row)
    if news is None:
        raise NotFound("This referral is not kept here any more.")
    return page(
        "referral/news.html",
        status,
        token=token,
        received=words.moment(news.lines[0].at),
        now=news.now,
        lines=[(words.moment(line.at), line.words) for line in news.lines],
        question=news.question,
        advice=news.advice,
        problem=problem,
        said=said,
        done="Your answer is with the single point of referral. Thank you."
        if request.args.get("answered")
        else "",
        phone=_phone(),
    )


def _phone() -> str:
    hub = definitions.current()
    return hub.organisations[hub.hub_organisation].phone
