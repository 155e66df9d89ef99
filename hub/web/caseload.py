"""My people: a coordinator's caseload, sorted by what cannot wait, filtered in the address bar."""

from flask import Response, request

from hub import clock, records
from hub.auth import current_actor
from hub.domain.errors import NotPermittedError
from hub.queries import caseload as caseload_query
from hub.web.presenters import caseloads
from hub.web.rendering import page
from hub.web.site import blueprint


@blueprint.get("/caseload")
def caseload_page() -> Response:
    actor = current_actor()
    if actor.practitioner is None:
        raise NotPermittedError("a caseload belongs to a member of staff")
    now = clock.now()
    rows = sorted(
        (
            caseloads.row(each, now)
            for each in caseload_query.people(actor)
            if caseloads.is_mine(each, actor.practitioner, now)
        ),
        key=caseloads.order,
    )
    records.spool.looked(actor, "page", "caseload")
    chosen = request.args.get("show", "")
    wanted = caseloads.FILTERS[chosen][1] if chosen in caseloads.FILTERS else None
    return page(
        "caseload/caseload.html",
        rows=[row for row in rows if wanted is None or wanted(row)],
        total=len(rows),
        counts=[
            (code, text, sum(1 for row in rows if test(row)))
            for code, (text, test) in caseloads.FILTERS.items()
        ],
        chosen=chosen,
    )
