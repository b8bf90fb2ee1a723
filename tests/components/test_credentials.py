"""No secret is written into an address: what one needs is named, and put in where it opens."""

from __future__ import annotations

import pytest

from components.credentials import filled, hidden, masked, require_none
from serving.errors import UsageError

SECRET = "s3cr3t"
WRITTEN_OUT = [
    f"https://ayse:{SECRET}@host/rows.csv",
    f"https://{SECRET}@host/rows.csv",
    f"https://${{USER}}:{SECRET}@host/rows.csv",
    f"s3://AKIA:{SECRET}@bucket/rows.csv",
    f"s3://bucket/rows.csv?access_key=AKIA&secret_key={SECRET}&scheme=http",
    f"s3://AKIA:wJalr/{SECRET}+x@bucket/rows.csv",
    f"https://host/rows.csv?X-Amz-Date=1&X-Amz-Signature={SECRET}",
    f"https://host/rows.csv?sv=2&sig={SECRET}",
    f"https://host/rows.csv?access_token={SECRET}",
    f"https://host/rows.csv?API-KEY={SECRET}#end",
]
INNOCENT = [
    "rows.csv",
    "/data/a@b.csv",
    "https://host/a@b.csv",
    "https://host:8080/a@b.csv",
    "s3://bucket/rows.csv?endpoint_override=localhost:9000&scheme=http",
    "https://host/rows.csv?author=me&design=flat&key=rows",
    "https://${USER}:${PASSWORD}@host/rows.csv?sig=${SIGNATURE}",
    "https://ayse:${PASSWORD}@host/rows.csv",
    "s3://AKIA:${SECRET}@bucket/rows.csv",
    "keras://cifar10",
]


@pytest.mark.parametrize("uri", WRITTEN_OUT)
def test_a_secret_in_an_address_is_refused_and_not_repeated(uri: str) -> None:
    with pytest.raises(ValueError, match="name a variable in its place") as refused:
        require_none(uri)
    assert SECRET not in str(refused.value)
    assert SECRET not in hidden(f"data.uri = {uri!r}: no")


@pytest.mark.parametrize("uri", INNOCENT)
def test_an_address_without_one_is_taken_as_it_is(uri: str) -> None:
    assert require_none(uri) == uri
    assert hidden(repr(uri)) == repr(uri)


def test_variables_are_put_in_quoted_and_taken_out_of_what_libraries_say() -> None:
    uri = "https://${USER}:${PASSWORD}@host/rows.csv"
    env = {"USER": "ayse", "PASSWORD": "a/b@c"}
    assert filled(uri, env) == "https://ayse:a%2Fb%40c@host/rows.csv"
    assert masked("no route to ayse:a%2Fb%40c (a/b@c)", uri, env).count("PASSWORD") == 2
    assert filled("/data/${x}.csv", {}) == "/data/${x}.csv"


def test_what_is_not_set_is_named() -> None:
    with pytest.raises(UsageError, match="names SIG, which the step has not"):
        filled("https://host/rows.csv?sig=${SIG}", {})
