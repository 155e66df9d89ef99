"""The pages: one module a screen; forms (marshmallow) in, presenters out."""

from flask import Flask

from hub.web import (
    accountable,
    alarms,
    care_plans,
    caseload,
    counted,
    counts,
    cover,
    decisions,
    documents,
    errors,
    escalation_policies,
    fairness,
    findings,
    handover,
    home,
    known,
    leaving,
    matching,
    my_shifts,
    my_work,
    outgoing,
    oversight,
    people,
    performance,
    quarantine,
    rebalancing,
    referral_link,
    referrals,
    register,
    rendering,
    rota,
    rota_planning,
    rota_shift,
    self_referral,
    services,
    sign_in,
    spor,
    stuck,
    tracing,
    transfers,
    unreachable,
    vacancies,
    worklist,
)
from hub.web.site import blueprint

__all__ = ["blueprint", "install"]

SCREENS = (
    alarms,
    accountable,
    care_plans,
    caseload,
    decisions,
    documents,
    handover,
    findings,
    escalation_policies,
    counted,
    counts,
    cover,
    fairness,
    home,
    known,
    leaving,
    matching,
    my_shifts,
    my_work,
    outgoing,
    oversight,
    people,
    performance,
    quarantine,
    rebalancing,
    referral_link,
    referrals,
    register,
    rota,
    rota_planning,
    rota_shift,
    self_referral,
    services,
    sign_in,
    spor,
    stuck,
    tracing,
    unreachable,
    transfers,
    vacancies,
    worklist,
)
"""Importing a screen hangs its routes on the blueprint."""


def install(app: Flask) -> None:
    """Give the application its pages."""
    rendering.init_app(app)
    errors.init_app(app)
    app.register_blueprint(blueprint)
