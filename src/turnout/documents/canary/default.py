"""The canary configuration that is built in: what the router and the processes tell by themselves.

It works without any metrics system, and is a start for configurations of one's own.
"""

from __future__ import annotations

from functools import cache

from turnout.documents.canary.reading import read_canary_config
from turnout.model.canary.configuration import CanaryConfig

DEFAULT_TEXT = """\
name: default
description: >-
  What the router and the processes tell by themselves: errors, latency, CPU and memory. Needs no
  metrics system.
configVersion: "1.0"
applications: [ad-hoc]
judge:
  name: turnout-sequential
  judgeConfigurations:
    alpha: 0.01
    beta: 0.05
metrics:
  - name: errors
    query: {type: router, metricName: errors}
    exposureQuery: {type: router, metricName: requests}
    groups: [errors]
    scopeName: default
    analysisConfigurations:
      canary:
        kind: proportion
        direction: increase
        critical: true
  - name: latency
    query: {type: router, metricName: latency}
    exposureQuery: {type: router, metricName: requests}
    groups: [latency]
    scopeName: default
    analysisConfigurations:
      canary:
        kind: latency
        direction: increase
        critical: true
        margin: 0.1
  - name: client errors
    query: {type: router, metricName: client_errors}
    exposureQuery: {type: router, metricName: requests}
    groups: [client errors]
    scopeName: default
    analysisConfigurations:
      canary:
        kind: proportion
        direction: increase
        margin: 0.2
  - name: cpu
    query: {type: process, metricName: cpu}
    groups: [resources]
    scopeName: default
    analysisConfigurations:
      canary:
        kind: gauge
        direction: increase
        margin: 0.25
  - name: memory
    query: {type: process, metricName: memory}
    groups: [resources]
    scopeName: default
    analysisConfigurations:
      canary:
        kind: gauge
        direction: increase
        margin: 0.25
classifier:
  groupWeights:
    errors: 60
    latency: 25
    client errors: 5
    resources: 10
"""


@cache
def default_config() -> CanaryConfig:
    """The configuration that is taken when none is named."""
    return read_canary_config(DEFAULT_TEXT, name="the configuration that is built in").config
