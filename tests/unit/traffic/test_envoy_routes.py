from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.traffic.facts import endpoint, fact
from turnout.model.traffic import Sticky
from turnout.traffic.envoy.fact import ClusterFact
from turnout.traffic.envoy.resources import Document
from turnout.traffic.envoy.routes import build_routes, read_facts
from turnout.traffic.envoy.upstreams import upstream_name

OLD = (endpoint("i-1", 4001),)
NEW = (endpoint("i-2", 4002),)
OLD_NAME, NEW_NAME = upstream_name("shop-v001", OLD), upstream_name("shop-v002", NEW)

SHIFTING = fact(
    shares={"shop-v002": 250, "shop-v001": 750},
    endpoints={"shop-v001": OLD, "shop-v002": NEW, "shop-v003": ()},
)

RETRIES = {
    "retry_on": "connect-failure,refused-stream,reset-before-request",
    "num_retries": 3,
    "retry_host_predicate": [
        {
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {
                "@type": "type.googleapis.com/"
                "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
            },
        }
    ],
    "host_selection_retry_max_attempts": 5,
    "retry_back_off": {"base_interval": "0.002s", "max_interval": "0.05s"},
}

SPLIT = {
    "weighted_clusters": {
        "clusters": [
            {"name": OLD_NAME, "weight": 750},
            {"name": NEW_NAME, "weight": 250},
        ]
    },
    "timeout": "0s",
}


def preview(group: str) -> Document:
    return {
        "prefix": "/",
        "headers": [{"name": "x-turnout-group", "string_match": {"exact": group}}],
    }


def served_by(group: str) -> list[Document]:
    return [{"header": {"key": "x-turnout-served-by", "value": group}}]


EXPECTED = {
    "version_info": "a1-1",
    "resources": [
        {
            "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
            "name": "routes-03",
            "vhost_header": "x-turnout-listener",
            "request_headers_to_remove": ["x-turnout-listener"],
            "virtual_hosts": [
                {
                    "name": "shop",
                    "domains": ["shop"],
                    "retry_policy": RETRIES,
                    "routes": [
                        {
                            "match": preview("shop-v001"),
                            "stat_prefix": "shop-v001",
                            "route": {"cluster": OLD_NAME, "timeout": "0s"},
                            "response_headers_to_add": served_by("shop-v001"),
                        },
                        {
                            "match": preview("shop-v002"),
                            "stat_prefix": "shop-v002",
                            "route": {"cluster": NEW_NAME, "timeout": "0s"},
                            "response_headers_to_add": served_by("shop-v002"),
                        },
                        {
                            "match": preview("shop-v003"),
                            "direct_response": {
                                "status": 503,
                                "body": {
                                    "inline_string": (
                                        "shop-v003 has no instance that takes requests.\n"
                                    )
                                },
                            },
                        },
                        {
                            "match": {
                                "prefix": "/",
                                "headers": [{"name": "x-turnout-group", "present_match": True}],
                            },
                            "direct_response": {
                                "status": 404,
                                "body": {
                                    "inline_string": "shop has no server group of the name in "
                                    "the header x-turnout-group.\n"
                                },
                            },
                        },
                        {"match": {"prefix": "/"}, "route": SPLIT},
                    ],
                }
            ],
            "metadata": {
                "filter_metadata": {
                    "turnout": {
                        "shop": {
                            "cluster": "shop",
                            "listener": {
                                "cluster": "shop",
                                "port": 8080,
                                "host": "127.0.0.1",
                                "sticky": None,
                                "preview_header": "x-turnout-group",
                            },
                            "split": {
                                "shares": {"shop-v001": 750, "shop-v002": 250},
                                "generation": 7,
                                "changed_by": "d-1:shift",
                            },
                            "previous": [],
                            "endpoints": {
                                "shop-v001": [
                                    {
                                        "instance": "i-1",
                                        "host": "127.0.0.1",
                                        "port": 4001,
                                        "state": "healthy",
                                    }
                                ],
                                "shop-v002": [
                                    {
                                        "instance": "i-2",
                                        "host": "127.0.0.1",
                                        "port": 4002,
                                        "state": "healthy",
                                    }
                                ],
                                "shop-v003": [],
                            },
                            "requested_at": None,
                        }
                    }
                }
            },
        }
    ],
}


def test_routes_share_requests_out_and_lead_previews_to_their_group() -> None:
    assert build_routes("a1-1", 3, [SHIFTING]) == EXPECTED


def routes_of(built: ClusterFact) -> list[Document]:
    (configuration,) = build_routes("1", 0, [built])["resources"]
    (host,) = configuration["virtual_hosts"]
    routes: list[Document] = host["routes"]
    return routes


def test_empty_split_is_answered_and_said_as_such() -> None:
    assert routes_of(fact())[-1] == {
        "match": {"prefix": "/"},
        "direct_response": {
            "status": 503,
            "body": {
                "inline_string": "shop serves nothing: its traffic split is empty. "
                "Deploy it, or enable a server group.\n"
            },
        },
    }


def hashed(policy: Document) -> Document:
    split: dict[str, Any] = {**SPLIT["weighted_clusters"], "use_hash_policy": True}  # type: ignore[dict-item]
    return {"weighted_clusters": split, "hash_policy": [policy], "timeout": "0s"}


def test_header_keeps_a_user_on_a_group() -> None:
    sticky = fact(
        shares=SHIFTING.split.shares,
        endpoints=SHIFTING.endpoints,
        sticky=Sticky(by="header", name="x-user"),
    )
    assert routes_of(sticky)[-1] == {
        "match": {"prefix": "/"},
        "route": hashed({"header": {"header_name": "x-user"}}),
    }


def test_cookie_keeps_a_user_on_a_group_and_newcomers_get_one() -> None:
    sticky = fact(
        shares=SHIFTING.split.shares,
        endpoints=SHIFTING.endpoints,
        sticky=Sticky(by="cookie", name="side"),
    )
    assert routes_of(sticky)[-2:] == [
        {
            "match": {
                "prefix": "/",
                "headers": [
                    {
                        "name": "cookie",
                        "string_match": {"safe_regex": {"regex": r"(?:.*[;,]\s*)?side=.+"}},
                    }
                ],
            },
            "route": hashed({"cookie": {"name": "side"}}),
        },
        {
            "match": {"prefix": "/"},
            "route": hashed({"header": {"header_name": "x-request-id"}}),
            "response_headers_to_add": [
                {
                    "header": {
                        "key": "set-cookie",
                        "value": "side=%REQ(x-request-id)%; Path=/; HttpOnly; SameSite=Lax",
                    }
                }
            ],
        },
    ]


def test_clusters_of_one_file_are_told_apart_and_those_without_listener_left_out() -> None:
    facts = [fact("web"), fact("api"), fact("old").model_copy(update={"listener": None})]
    (configuration,) = build_routes("1", 0, facts)["resources"]
    assert [host["domains"] for host in configuration["virtual_hosts"]] == [["api"], ["web"]]


def test_facts_can_be_read_back_from_a_file_of_routes() -> None:
    document = json.loads(json.dumps(build_routes("1", 0, [SHIFTING, fact("web")])))
    assert read_facts(document) == {"shop": SHIFTING, "web": fact("web")}


@pytest.mark.parametrize(
    "document",
    [
        {"version_info": "1", "resources": []},
        {"version_info": "1", "resources": [{"name": "routes-00"}]},
        {"resources": [{"metadata": {"filter_metadata": {"turnout": {"shop": {"port": 1}}}}}]},
        {"resources": [{"metadata": {"filter_metadata": {"turnout": ["shop"]}}}]},
    ],
)
def test_other_files_are_refused(document: Document) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        read_facts(document)
