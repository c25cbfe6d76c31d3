"""Traffic splits as Envoy's routes. Pure.

One file holds the routes of several clusters; a header that the listener sets, and that nobody else
sees, picks the cluster's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from turnout.model.traffic import Listener, Sticky
from turnout.traffic.envoy.bootstrap import routes_name
from turnout.traffic.envoy.fact import ClusterFact
from turnout.traffic.envoy.resources import Document, build_response, build_typed
from turnout.traffic.envoy.upstreams import routed

LISTENER_HEADER = "x-turnout-listener"
"""Set by the listener, whatever the client sent, and removed before the request goes on."""

SERVED_BY = "x-turnout-served-by"
"""Added to the answers of preview requests."""

REQUEST_ID = "x-request-id"

METADATA = "turnout"
"""Under this name a file of routes carries the facts that it was built from."""

_EVERYTHING = {"prefix": "/"}


def build_routes(version: str, shard: int, facts: Iterable[ClusterFact]) -> Document:
    """The file of routes of those clusters that have a listener."""
    listening = sorted((f for f in facts if f.listener is not None), key=lambda f: f.cluster)
    configuration = build_typed(
        "envoy.config.route.v3.RouteConfiguration",
        name=routes_name(shard),
        vhost_header=LISTENER_HEADER,
        request_headers_to_remove=[LISTENER_HEADER],
        virtual_hosts=[_build_host(f, f.listener) for f in listening if f.listener is not None],
        metadata={
            "filter_metadata": {METADATA: {f.cluster: f.model_dump(mode="json") for f in listening}}
        },
    )
    return build_response(version, [configuration])


def read_facts(document: Document) -> dict[str, ClusterFact]:
    """The facts that a file of routes was built from. Raises `ValueError`, `KeyError`, `TypeError`
    or `AttributeError` when it is not one.
    """
    (configuration,) = document["resources"]
    noted = configuration["metadata"]["filter_metadata"][METADATA]
    return {cluster: ClusterFact.model_validate(fact) for cluster, fact in noted.items()}


def _build_host(fact: ClusterFact, listener: Listener) -> Document:
    return {
        "name": fact.cluster,
        "domains": [fact.cluster],
        "retry_policy": _build_retries(),
        "routes": [*_build_previews(fact, listener), *_build_split(fact, listener)],
    }


def _build_retries() -> Document:
    """Only what cannot have been processed is tried again, on an instance not yet tried."""
    predicate = "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    return {
        "retry_on": "connect-failure,refused-stream,reset-before-request",
        "num_retries": 3,
        "retry_host_predicate": [
            {
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": build_typed(predicate),
            }
        ],
        "host_selection_retry_max_attempts": 5,
        "retry_back_off": {"base_interval": "0.002s", "max_interval": "0.05s"},
    }


def _build_previews(fact: ClusterFact, listener: Listener) -> list[Document]:
    """A request that names a group gets that group or an error, never another one. Its figures are
    kept apart under the route's name.
    """
    header, upstreams = listener.preview_header, routed(fact)
    known = [
        {
            "match": _with_header(header, {"string_match": {"exact": group}}),
            "stat_prefix": group,
            "route": _build_action({"cluster": upstreams[group]}),
            "response_headers_to_add": [_header(SERVED_BY, group)],
        }
        if group in upstreams
        else {
            "match": _with_header(header, {"string_match": {"exact": group}}),
            "direct_response": _answer(503, f"{group} has no instance that takes requests."),
        }
        for group in fact.groups
    ]
    unknown = {
        "match": _with_header(header, {"present_match": True}),
        "direct_response": _answer(
            404, f"{fact.cluster} has no server group of the name in the header {header}."
        ),
    }
    return [*known, unknown]


def _build_split(fact: ClusterFact, listener: Listener) -> list[Document]:
    if not fact.split.shares:
        sentence = (
            f"{fact.cluster} serves nothing: its traffic split is empty. "
            "Deploy it, or enable a server group."
        )
        return [{"match": _EVERYTHING, "direct_response": _answer(503, sentence)}]
    if listener.sticky is None:
        return [{"match": _EVERYTHING, "route": _build_action(_build_shares(fact))}]
    if listener.sticky.by == "header":
        return [_build_hashed(fact, _EVERYTHING, {"header": {"header_name": listener.sticky.name}})]
    return _build_cookie_routes(fact, listener.sticky)


def _build_cookie_routes(fact: ClusterFact, sticky: Sticky) -> list[Document]:
    """Envoy does not make the cookie by itself. So a newcomer is placed by the id of the request,
    and gets that id as the cookie: the same text, the same hash, the same group from then on.
    """
    present = {
        "string_match": {"safe_regex": {"regex": rf"(?:.*[;,]\s*)?{re.escape(sticky.name)}=.+"}}
    }
    cookie = f"{sticky.name}=%REQ({REQUEST_ID})%; Path=/; HttpOnly; SameSite=Lax"
    known = _build_hashed(fact, _with_header("cookie", present), {"cookie": {"name": sticky.name}})
    newcomer = _build_hashed(fact, _EVERYTHING, {"header": {"header_name": REQUEST_ID}})
    return [known, {**newcomer, "response_headers_to_add": [_header("set-cookie", cookie)]}]


def _build_hashed(fact: ClusterFact, match: Document, policy: Document) -> Document:
    shares = _build_shares(fact)
    shares["weighted_clusters"]["use_hash_policy"] = True
    return {"match": match, "route": _build_action({**shares, "hash_policy": [policy]})}


def _build_shares(fact: ClusterFact) -> Document:
    """In the order of the names: a user's place in it stays, so nobody who was moved to a growing
    group is moved back.
    """
    upstreams = routed(fact)
    clusters = [
        {"name": upstreams[group], "weight": share}
        for group, share in sorted(fact.split.shares.items())
    ]
    return {"weighted_clusters": {"clusters": clusters}}


def _build_action(target: Document) -> Document:
    """No time limit: how long an answer or a stream may take is the service's business."""
    return {**target, "timeout": "0s"}


def _with_header(name: str, condition: Document) -> Document:
    return {**_EVERYTHING, "headers": [{"name": name, **condition}]}


def _header(key: str, value: str) -> Document:
    return {"header": {"key": key, "value": value}}


def _answer(status: int, sentence: str) -> Document:
    return {"status": status, "body": {"inline_string": f"{sentence}\n"}}
