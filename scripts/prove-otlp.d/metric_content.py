"""What a metric holds, by its number: the same as examples/otlp_metrics/content.rs, in other words."""

import functools
import math
import struct
import sys

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

import content

BEGIN = 1_700_000_000_000_000_000
POINTS = 3
MAX64 = (1 << 64) - 1
DELTA, CUMULATIVE = 1, 2
RESOURCE_SCHEMA = "https://proof.example/resource"
SCOPE_SCHEMA = "https://proof.example/scope"


def values(number):
    half = number + 0.5
    return [
        ("text", f'{number} "quoted" \\ \n\t\x01 ä 🔍'),
        ("text.empty", ""),
        ("bool", number % 2 == 0),
        ("int", (1 << 63) - 1 - number),
        ("double", -half),
        ("texts", ["", str(number)]),
        ("bools", [True, False]),
        ("ints", [-1, 0, number]),
        ("doubles", [half, 0.0]),
        ("nothing", []),
    ]


def resource(run):
    pairs = [("service.name", "proof"), ("proof.run", run), *values(7)]
    return Resource(attributes=content.key_values(pairs), dropped_attributes_count=3)


def scope(part):
    pairs = content.key_values([("proof.scope", part)])
    name = f"proof.{part}"
    return InstrumentationScope(name=name, version="1.2.3", attributes=pairs, dropped_attributes_count=4)


def exemplars(own):
    ids = struct.pack(">QQ", MAX64 // 3, MAX64 // 3 + own), struct.pack(">Q", MAX64 // 3 + own)
    return [
        {
            "filtered_attributes": content.key_values([("user", f"user {own}")]),
            "time_unix_nano": BEGIN + 2 * own,
            "as_int": own - 1000,
            "trace_id": ids[0],
            "span_id": ids[1],
        },
        {"time_unix_nano": BEGIN + 2 * own + 1, "as_double": own / 4},
    ]


def number_point(number, own, place, doubles=False):
    if place == 2:
        return {}
    integers = own - (1 << 63), (1 << 63) - 1 - own, -1, 0
    floats = -(own + 0.5), -0.0, 5e-324, sys.float_info.max, math.inf, -math.inf, math.nan
    if doubles:
        floats = floats[:3]
    is_float = doubles or number % 2
    return {"as_double": floats[own % len(floats)]} if is_float else {"as_int": integers[own % len(integers)]}


def histogram_point(_number, own, place):
    point = {} if place == 2 else {"count": MAX64 - own}
    if place == 1:
        point |= {"sum": own + 0.5, "min": -(own + 0.5), "max": 0.0}
        point |= {"explicit_bounds": [-1.5, 0.0, 1e22], "bucket_counts": [0, own, MAX64, 1]}
    return point


def exponential_point(number, own, place):
    point = {"count": own, "scale": 20 if number % 2 == 0 else -10}
    if place == 1:
        point |= {"sum": 0.0, "min": -(own + 0.5), "max": own + 0.5, "zero_count": own, "zero_threshold": 0.25}
        point["positive"] = {"offset": -3, "bucket_counts": [MAX64, 0, own]}
        point["negative"] = {"offset": 1000, "bucket_counts": [7]}
    if place == 2:
        point["positive"] = {"offset": -8}
    return point


def summary_point(_number, own, place):
    point = {"count": own, "sum": own + 0.5}
    if place == 1:
        quantiles = {"quantile": 0.5, "value": own + 0.5}, {"quantile": 1.0, "value": 0.0}
        point["quantile_values"] = list(quantiles)
    return point


KINDS = (
    ("gauge", number_point),
    ("sum", number_point),
    ("histogram", histogram_point),
    ("exponential_histogram", exponential_point),
    ("summary", summary_point),
)


def expected_metric(number, doubles):
    """The metric of this number; with `doubles`, among gauges and sums of plain floats without exemplars."""
    kind, point_of = KINDS[number // 2 % 2 if doubles else number % 5]
    if doubles:
        point_of = functools.partial(point_of, doubles=True)
    points = []
    for place in range(POINTS):
        own = number * POINTS + place
        point = point_of(number, own, place)
        pairs = [("proof.point", own), *(values(own) if place == 1 else [])]
        point["attributes"] = content.key_values(pairs)
        point["start_time_unix_nano"] = BEGIN + own if place else 0
        point["time_unix_nano"] = BEGIN + 60_000_000_000 + own
        point["flags"] = (0, 0x100, 1)[place]
        if place == 1 and kind != "summary" and not doubles:
            point["exemplars"] = exemplars(own)
        points.append(point)
    data = {"data_points": points}
    if kind in ("sum", "histogram", "exponential_histogram"):
        data["aggregation_temporality"] = CUMULATIVE if number // 10 % 2 == 0 else DELTA
    if kind == "sum":
        data["is_monotonic"] = number // 20 % 2 == 0
    about = {"name": f"proof.metric.{number}", kind: data}
    if number % 3:
        about |= {"description": f'"größe" of {number}\n🔍', "unit": "{thing}"}
    if number % 4 == 1:
        about["metadata"] = content.key_values(values(number))
    return Metric(**about)
